"""The pure core: events in, one score every 200 ms out; no threads, no clock, no files, no sockets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from streamsense import schedule
from streamsense import state as snapshots
from streamsense.errors import SourceError
from streamsense.features.operator import FeatureOperator
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.models.expert import Expert
from streamsense.schedule import TimingSettings
from streamsense.score import AGE_UNKNOWN_S, EXPERT_CHANNELS, Notice, Plan, Score, Skip, StreamPlan
from streamsense.streams import (
    MODALITIES,
    Block,
    Control,
    Event,
    FloatArray,
    Modality,
    OffsetProbe,
    StreamInfo,
    StreamLost,
    StreamOpened,
    TimedBlock,
)
from streamsense.ticks import HOP_S, TICKS_PER_SECOND, tick_at_or_before, tick_time
from streamsense.timeline.timeline import Timeline

START = "session_started"
"""Name of the Control event that begins scoring, with the first tick after it was received."""
_LONGEST_MARKER = 4096
REFUSED = "stream_refused"
"""Kind of the notice that a stream was opened which cannot be used."""


@dataclass
class PipelineState:
    """What the core itself carries: the next tick, and which modalities were there, which streams are no use."""

    next_tick: int | None = None
    present: dict[str, bool] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Pipeline:
    """Everything between sources and sinks. `push` events, `advance` time, get scores.

    Streams may come, go and change at any time; a modality without an operator is never present.
    """

    def __init__(
        self,
        operators: Mapping[Modality, FeatureOperator],
        experts: Mapping[Modality, Expert],
        fusion: Fusion,
        timing: TimingSettings | None = None,
    ) -> None:
        if set(operators) != set(experts):
            raise ValueError(f"operators for {sorted(operators)} but experts for {sorted(experts)}")
        self.timing = timing or TimingSettings()
        self._operators = dict(operators)
        self._experts = dict(experts)
        self._fusion = fusion
        self._timelines: dict[str, Timeline] = {}
        self._state = PipelineState()
        self._notices: list[Notice] = []

    # -- events in -------------------------------------------------------------------------------------------

    def push(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Block():
                self._push_block(event)
            case OffsetProbe():
                if event.key in self._timelines:
                    self._timelines[event.key].probe(event)
            case StreamOpened():
                self._open(event)
            case StreamLost():
                self._notice(event.received, "stream_lost", f"{event.key}: {event.reason or 'stream ended'}")
            case Control():
                if event.name == START:
                    self._state.next_tick = tick_at_or_before(event.received) + 1
                self._notice(event.received, event.name, event.payload)

    def _open(self, event: StreamOpened) -> None:
        info = event.info
        operator = self._operators.get(info.kind) if info.kind != "markers" else None
        self._state.refused = [key for key in self._state.refused if key != info.key]
        try:
            warnings = operator.open(info) if operator else ()
        except SourceError as error:
            # A session goes on without a stream that it cannot use; whoever runs it may decide otherwise.
            self._state.refused.append(info.key)
            self._notice(event.received, REFUSED, str(error), {"stream": info.key})
            return
        before = self._timelines.get(info.key)
        self._timelines[info.key] = timeline = Timeline(info)
        if before is not None:
            # Segments are numbered on, so that an operator sees the seam, and time never runs backwards over it.
            timeline.state.smoothing.segment = before.state.smoothing.segment
            timeline.state.smoothing.last_time = before.last_time
        self._notice(
            event.received, "stream_opened",
            f"{info.key}: {info.name} ({_size_text(info)})", {"stream": info.key},
        )  # fmt: skip
        for warning in warnings:
            self._notice(event.received, "warning", warning)

    def _push_block(self, block: Block) -> None:
        if block.key in self._state.refused:
            return
        timeline = self._timelines.get(block.key)
        if timeline is None:
            raise ValueError(f"a block of stream {block.key!r} came before the stream was opened")
        blocks, gaps = timeline.push(block)
        for gap in gaps:
            text = f"{gap.key}: {gap.hole_s:.3f} s missing"
            if gap.jump_s:
                text = f"{gap.key}: the sender's clock jumped by {gap.jump_s:+.3f} s"
            self._notice(gap.time, "gap", text, {"stream": gap.key, "hole_s": gap.hole_s, "jump_s": gap.jump_s})
        kind = timeline.info.kind
        for timed in blocks:
            if kind == "markers":
                self._keep_marker(timed)
            elif kind in self._operators:
                self._operators[kind].push(timed)

    def _keep_marker(self, timed: TimedBlock) -> None:
        for time, text in zip(timed.times, timed.texts, strict=True):
            shown = text if len(text) <= _LONGEST_MARKER else text[:_LONGEST_MARKER] + " … (cut)"
            self._notice(float(time), "marker", shown, {"stream": timed.key})

    def _notice(self, time: float, kind: str, text: str, details: dict[str, object] | None = None) -> None:
        self._notices.append(Notice(time, kind, text, details or {}))

    def take_notices(self) -> list[Notice]:
        """The notices since the last call."""
        notices, self._notices = self._notices, []
        return notices

    # -- decisions -------------------------------------------------------------------------------------------

    def next_deadline(self) -> float:
        """When `advance` should be called at the latest if nothing more arrives (inf before the session started)."""
        tick = self._state.next_tick
        return math.inf if tick is None else schedule.next_deadline(tick, self.timing, self.stream_plans)

    def due(self, now: float) -> list[Plan | Skip]:
        """Decide which ticks are to be scored at `now`, in order, and which are too old to be worth it."""
        tick = self._state.next_tick
        return [] if tick is None else schedule.due(tick, now, self.timing, self.stream_plans)

    def stream_plans(self, time: float) -> tuple[StreamPlan, ...]:
        """How each modality stands at a tick's time, live."""
        return tuple(schedule.plan_stream(*standing, time, self.timing) for standing in self._standings())

    def complete_plans(self, time: float) -> tuple[StreamPlan, ...]:
        """How each modality stands at a tick's time when all data is there, in a replay."""
        return tuple(schedule.plan_on_complete_data(*standing, time, self.timing) for standing in self._standings())

    def _standings(self) -> Iterator[tuple[Modality, Timeline | None, float]]:
        for modality, operator in self._operators.items():
            timeline = self._timelines.get(modality)
            yield modality, timeline, operator.delay_s if timeline is not None else 0.0

    # -- scores out ------------------------------------------------------------------------------------------

    def advance(self, now: float) -> list[Score]:
        """Score every tick that is due at `now`."""
        return [score for decision in self.due(now) if (score := self.carry_out(decision)) is not None]

    def carry_out(self, decision: Plan | Skip) -> Score | None:
        """Carry out one decision of `due`, or one that was recorded: the score, or None for a skip."""
        if isinstance(decision, Skip):
            self._state.next_tick = decision.last + 1
            count = decision.last - decision.first + 1
            text = f"{count} ticks were skipped to stay live ({count * HOP_S:.1f} s)"
            self._notice(tick_time(decision.last), "ticks_skipped", text, {"count": count})
            return None
        return self._score(decision)

    def _score(self, plan: Plan) -> Score:
        time = tick_time(plan.tick)
        opinions: dict[Modality, Opinion] = dict.fromkeys(MODALITIES, Opinion.absent())
        for stream in plan.streams:
            opinions[stream.modality] = self._opinion(stream, plan.tick)
        self._note_presence(opinions, time)
        values = np.append(self._fusion.step(opinions, time), float(plan.tick))
        experts = _expert_values(opinions)
        if not (np.isfinite(values).all() and np.isfinite(experts).all()):
            raise FloatingPointError(f"a score at tick {plan.tick} is not finite; this is a bug in streamsense")
        self._state.next_tick = plan.tick + 1
        return Score(plan.tick, time, values, experts, plan)

    def _opinion(self, stream: StreamPlan, tick: int) -> Opinion:
        if stream.state == "absent":
            return Opinion.absent()
        time = tick_time(tick)
        window_end = tick_time(tick - round(stream.shift_s * TICKS_PER_SECOND))
        feature = self._operators[stream.modality].feature_at(window_end)
        if math.isnan(feature.last_time):
            return Opinion.absent()
        age_s = min(AGE_UNKNOWN_S, time - feature.last_time)
        is_fresh = window_end - feature.last_time < self.timing.stale_after_s
        if not is_fresh or feature.validity < self.timing.least_validity:
            return Opinion.absent(age_s)
        expert = self._experts[stream.modality]
        output = expert.evaluate(feature)
        failed_before = stream.modality in self._state.failed
        if bool(output.failure) != failed_before:
            self._state.failed = [name for name in self._state.failed if name != stream.modality]
            if output.failure:
                self._state.failed.append(stream.modality)
                self._notice(time, "expert_failed", output.failure, {"modality": stream.modality})
        if output.failure:
            return Opinion.absent(age_s)
        return Opinion(
            output.vad_mean, output.vad_log_variance, output.emotion_logits,
            expert.vad_evidence, expert.emotion_evidence, 1.0, feature.quality * feature.validity, age_s, feature.cues,
        )  # fmt: skip

    def _note_presence(self, opinions: Mapping[Modality, Opinion], time: float) -> None:
        before = self._state.present
        for modality in self._operators:
            now_present = opinions[modality].presence > 0
            if now_present != before.get(modality, False):
                regained = "modality_regained" if modality in before else "modality_present"
                kind = regained if now_present else "modality_lost"
                self._notice(time, kind, modality, {"modality": modality})
                self._state.present[modality] = now_present

    # -- snapshots -------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The whole state of the core, from which `restore` goes on exactly."""
        return snapshots.pack(self._whole_state())

    def restore(self, snapshot: bytes, streams: tuple[StreamInfo, ...]) -> None:
        """Go on from a snapshot of a pipeline with the same settings; `streams` are those that were open."""
        for info in streams:
            self._open(StreamOpened(info, 0.0))
        self.take_notices()
        snapshots.unpack_into(snapshot, self._whole_state())

    @property
    def open_streams(self) -> tuple[StreamInfo, ...]:
        """The streams that have been opened, as `restore` needs them."""
        return tuple(timeline.info for timeline in self._timelines.values())

    def timeline(self, key: str) -> Timeline | None:
        """The timeline of one stream, for status displays."""
        return self._timelines.get(key)

    def _whole_state(self) -> dict[str, object]:
        return {
            "pipeline": self._state,
            "fusion": self._fusion.state,
            "timelines": {key: timeline.state for key, timeline in self._timelines.items()},
            "operators": {
                modality: self._operators[modality].state for modality in self._operators if modality in self._timelines
            },
        }


def _size_text(info: StreamInfo) -> str:
    channels = len(info.channel_labels)
    rate = f"{info.nominal_rate_hz:g} Hz" if info.nominal_rate_hz > 0 else "irregular"
    return f"{channels} channel{'' if channels == 1 else 's'}, {rate}"


def _expert_values(opinions: Mapping[Modality, Opinion]) -> FloatArray:
    values: list[float] = []
    for modality in MODALITIES:
        opinion = opinions[modality]
        sd = np.exp(0.5 * opinion.vad_log_variance)
        values.extend(np.stack([opinion.vad_mean, sd], axis=1).ravel())
        values.append(opinion.presence)
    if len(values) != len(EXPERT_CHANNELS):
        raise AssertionError("expert values do not fit their channels")
    return np.array(values)
