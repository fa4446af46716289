"""Scores, experts' opinions, events and diagnostics as four Lab Streaming Layer outlets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pylsl

from streamsense.score import (
    DECLARED_RATE_HZ,
    EXPERT_CHANNELS,
    SCORE_CHANNELS,
    SCORE_SCHEMA,
    Channel,
    Notice,
    Score,
)
from streamsense.ticks import Clock

DIAGNOSTIC_CHANNELS: tuple[Channel, ...] = (
    Channel("publication_latency", "seconds", 0.0, float("inf")),
    Channel("decision_latency", "seconds", 0.0, float("inf")),
    Channel("compute_time", "seconds", 0.0, float("inf")),
    Channel("tick", "count", float("-inf"), float("inf")),
)
"""What is measured and so never the same twice: from the tick to its publication, to its decision, and the work."""
EVENT_CHANNELS = (Channel("notice", "json", float("-inf"), float("inf")),)


class LslSink:
    """The four outlets of one session, named `NAME-scores`, `-experts`, `-events` and `-diagnostics`.

    The rate is declared irregular, because readers "repair" regular 5 Hz streams that have a hole; tools that
    refuse an irregular rate find `declared_rate` in the metadata. Stamps are the ticks' own times.
    """

    def __init__(self, name: str, clock: Clock, description: Mapping[str, str]) -> None:
        self._clock = clock
        self._scores = _outlet(name, "scores", "Affect", SCORE_CHANNELS, description)
        self._experts = _outlet(name, "experts", "Affect-experts", EXPERT_CHANNELS, description)
        self._diagnostics = _outlet(name, "diagnostics", "Diagnostics", DIAGNOSTIC_CHANNELS, description)
        self._events = _outlet(name, "events", "Markers", EVENT_CHANNELS, description, "string")

    def write_score(self, score: Score, compute_s: float) -> None:
        """Publish one score with its experts' opinions and its latencies."""
        self._scores.push_sample(score.values, score.time)
        self._experts.push_sample(score.experts, score.time)
        latency_s = self._clock.now() - score.time
        row = np.array([latency_s, score.plan.now - score.time, compute_s, float(score.tick)])
        self._diagnostics.push_sample(row, score.time)

    def write_notice(self, notice: Notice) -> None:
        """Publish one notice as JSON, but no marker: that is on the network already, and might come back to us."""
        if notice.kind == "marker":
            return
        text = json.dumps({"kind": notice.kind, "time": notice.time, "text": notice.text, **notice.details})
        self._events.push_sample([text], notice.time)

    def close(self) -> None:
        """Withdraw the outlets."""
        del self._scores, self._experts, self._diagnostics, self._events


def _outlet(
    name: str,
    part: str,
    stream_type: str,
    channels: Sequence[Channel],
    description: Mapping[str, str],
    channel_format: str = "double64",
) -> pylsl.StreamOutlet:
    identity = f"{name}-{part}"
    info = pylsl.StreamInfo(identity, stream_type, len(channels), pylsl.IRREGULAR_RATE, channel_format, identity)
    desc = info.desc()
    desc.append_child_value("manufacturer", "streamsense")
    desc.append_child_value("schema", str(SCORE_SCHEMA))
    for key, value in description.items():
        desc.append_child_value(key, value)
    if channel_format != "string":
        desc.append_child_value("declared_rate", str(DECLARED_RATE_HZ))
        desc.append_child("synchronization").append_child_value("can_drop_samples", "true")
    children = desc.append_child("channels")
    for channel in channels:
        child = children.append_child("channel")
        child.append_child_value("label", channel.label)
        child.append_child_value("unit", channel.unit)
        child.append_child_value("type", stream_type)
        if channel_format != "string":
            child.append_child_value("minimum", repr(channel.low))
            child.append_child_value("maximum", repr(channel.high))
    return pylsl.StreamOutlet(info)
