"""Replay of a recording without a journal: every tick scored on the complete data, the same each time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from streamsense.errors import RecordingError
from streamsense.pipeline import REFUSED, START, Pipeline
from streamsense.runtime.replay_tracks import Track, outlines
from streamsense.score import Notice, Plan, Score, Skip
from streamsense.sources.recorded import Edge, Recording, Selection
from streamsense.streams import Control, StreamInfo
from streamsense.ticks import tick_at_or_before, tick_time

_AHEAD_S = 0.1
"""Samples are fed until this long after the tick, so that smoothing cannot leave one behind."""
_IDLE_S = 5.0
"""A stretch without any sample that is longer than this is skipped, with a notice."""


class ReplaySession:
    """Replays the selected streams of a recording through a pipeline as fast as it goes.

    `edges` turn streams of texts, by their keys, into what the core takes: pictures, words. `controls` are given to the
    core before any sample: name and payload of each.
    """

    def __init__(
        self,
        recording: Recording,
        selection: Selection,
        pipeline: Pipeline,
        edges: Mapping[str, Edge] | None = None,
        controls: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.pipeline = pipeline
        self.source = recording, selection
        """What is replayed, and which streams of it are what."""
        self._controls = controls
        found = outlines(recording, selection)
        filled = [outline for outline in found.values() if not math.isnan(outline.first_due)]
        if not filled:
            raise RecordingError(
                f"{recording.path} has no sample in the streams that were chosen. Choose others, or another file."
            )
        self.first_tick = tick_at_or_before(min(outline.first_due for outline in filled)) + 1
        self.last_tick = tick_at_or_before(max(outline.last_due for outline in filled))
        edges = edges or {}
        self._tracks = [Track(recording, selection, found[key], edges.get(key)) for key in sorted(found)]

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The streams that enter the core."""
        return tuple(track.opened.info for track in self._tracks)

    def run(self) -> Iterator[Score | Notice]:
        """Every score in order, with the notices before it."""
        pipeline = self.pipeline
        for track in self._tracks:
            pipeline.push(track.opened)
        for name, payload in (*self._controls, (START, "")):
            pipeline.push(Control(name, payload, tick_time(self.first_tick - 1)))
        yield from self._notices()
        tick = self.first_tick
        while tick <= self.last_tick:
            time = tick_time(tick)
            for track in self._tracks:
                track.feed(pipeline, time + _AHEAD_S)
            streams = pipeline.complete_plans(time)
            decision: Plan | Skip = Plan(tick, time, "complete", streams)
            upcoming = min(track.next_due for track in self._tracks)
            if upcoming - time > _IDLE_S and all(stream.state in ("stale", "absent") for stream in streams):
                last = self.last_tick if math.isinf(upcoming) else tick_at_or_before(upcoming)
                decision = Skip(tick, last, time)
            score = pipeline.carry_out(decision)
            yield from self._notices()
            if score is not None:
                yield score
            tick = decision.last + 1 if isinstance(decision, Skip) else tick + 1

    def _notices(self) -> list[Notice]:
        notices = self.pipeline.take_notices()
        for notice in notices:
            if notice.kind == REFUSED:
                raise RecordingError(notice.text)
        return notices
