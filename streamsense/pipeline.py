"""The pure core: events in, one score every 200 ms out; no threads, no clock, no files, no sockets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np

from streamsense import schedule
from streamsense import state as snapshots
from streamsense.errors import ConfigError, SourceError
from streamsense.features.feature_columns import FeatureTable
from streamsense.features.operator import FeatureOperator, FrontEnd
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.fusion.emotions import fusion_contract
from streamsense.models.contract import contract_sha256
from streamsense.models.expert import Expert
from streamsense.profile import FUSION, LEARN, PROFILE, Part, Profile, parse_learning, parse_profile
from streamsense.quality_notices import QualityNotices
from streamsense.schedule import TimingSettings
from streamsense.score import AGE_UNKNOWN_S, EXPERT_CHANNELS, Notice, Plan, Score, Skip, StreamPlan
from streamsense.streams import (
    MODALITIES,
    VOICE_FRAMES,
    Block,
    Control,
    Event,
    Feature,
    FloatArray,
    Kind,
    Modality,
    OffsetProbe,
    StreamInfo,
    StreamLost,
    StreamOpened,
    TimedBlock,
)
from streamsense.ticks import HOP_S, TICKS_PER_SECOND, tick_at_or_before, tick_time
from streamsense.timeline.timeline import Timeline, TimelineState

START = "session_started"
"""Name of the Control event that begins scoring, with the first tick after it was received."""
ONLY_RECORDED = ("pictures/", "recorded/")
"""Streams whose keys begin so are no input of the core: they are in the queue to be recorded."""
_LONGEST_MARKER = 4096
REFUSED = "stream_refused"
"""Kind of the notice that a stream was opened which cannot be used."""


@dataclass
class PipelineState:
    """What the core itself carries: the next tick, and which modalities were there, which streams are no use.

    `front_samples` counts what each front end gave since its stream was opened. `profile` is the text of the
    participant's profile in use, or empty; `frozen` are the parts that were told to learn no more.
    """

    next_tick: int | None = None
    present: dict[str, bool] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    front_samples: dict[str, int] = field(default_factory=dict)
    profile: str = ""
    frozen: list[str] = field(default_factory=list)


class Pipeline:
    """Everything between sources and sinks. `push` events, `advance` time, get scores.

    Streams may come, go and change at any time; a modality without an operator is never present, and of one without
    an expert only the windows are read. Raw samples of a modality with a front end go through it first; a stream of
    what it gave, from a recording, does not.

    With `keep_front_events` what the front ends give is kept, as events, until `take_front_events`.
    """

    def __init__(
        self,
        operators: Mapping[Modality, FeatureOperator],
        experts: Mapping[Modality, Expert],
        fusion: Fusion,
        timing: TimingSettings | None = None,
        fronts: Mapping[Modality, FrontEnd] | None = None,
    ) -> None:
        if not set(experts) <= set(operators):
            raise ValueError(f"experts for {sorted(experts)} but operators for {sorted(operators)}")
        self.timing = timing or TimingSettings()
        self._operators = dict(operators)
        self._experts = dict(experts)
        self._fusion = fusion
        self._fronts = dict(fronts or {})
        self._front_infos: dict[str, StreamInfo] = {}
        self.keep_front_events = False
        self._front_events: list[Event] = []
        self._timelines: dict[str, Timeline] = {}
        self._only_recorded: dict[str, StreamInfo] = {}
        self._state = PipelineState()
        self._quality = QualityNotices()
        self._notices: list[Notice] = []

    # -- events in -------------------------------------------------------------------------------------------

    def push(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Block(key=key) if key.startswith(ONLY_RECORDED):
                pass
            case StreamOpened(info=info) if info.key.startswith(ONLY_RECORDED):
                self._only_recorded[info.key] = info
            case Block():
                self._push_block(event)
            case OffsetProbe():
                if event.key in self._timelines:
                    self._timelines[event.key].probe(event)
            case StreamOpened():
                self._open(event)
            case StreamLost():
                self._only_recorded.pop(event.key, None)
                self._notice(event.received, "stream_lost", f"{event.key}: {event.reason or 'stream ended'}")
            case Control():
                if event.name == START:
                    self._state.next_tick = tick_at_or_before(event.received) + 1
                if event.name == PROFILE:
                    profile, warnings = self._use_profile(event.payload)
                    self._notice(event.received, "profile", profile.sha256, {"parts": list(profile.parts)})
                    self._warn(event.received, warnings)
                elif event.name == LEARN:
                    parts, phase = parse_learning(event.payload)
                    self._learn(parts)
                    self._notice(event.received, "learning", phase, {"parts": parts})
                else:
                    self._notice(event.received, event.name, event.payload)

    def _use_profile(self, text: str) -> tuple[Profile, list[str]]:
        """Let all features refer to a profile; returns warnings too. Raises ConfigError when it does not fit them."""
        profile = parse_profile(text)
        warnings: list[str] = []
        for name, (learner, contract) in self._learners().items():
            part = profile.parts.get(name)
            if part is not None and part.get("contract") != contract_sha256(contract):
                raise ConfigError(
                    f"The {name} part of the profile was learned with other features than this session's. Use the "
                    "settings and the version of streamsense that it was made with, or make a new profile."
                )
            warnings += learner.use_profile(part)
        self._state.profile, self._state.frozen = text, []
        return profile, warnings

    def _learn(self, parts: Iterable[str]) -> None:
        """Let `parts` learn anew, and all others learn no more; a profile is no longer in use."""
        learners = {name: learner for name, (learner, _) in self._learners().items()}
        if self._state.profile:
            for learner in learners.values():
                learner.use_profile(None)
        self._state.profile, self._state.frozen = "", [name for name in learners if name not in parts]
        for name, learner in learners.items():
            if name in parts:
                learner.learn_anew()
            else:
                learner.freeze()

    def learned(self) -> dict[str, Part]:
        """What is known of the participant, by modality and in the fusion, for a profile: learned, or a profile's."""
        given = parse_profile(self._state.profile).parts if self._state.profile else {}
        parts: dict[str, Part] = {}
        for name, (learner, contract) in self._learners().items():
            if name in given:
                parts[name] = given[name]
            elif (part := learner.learned()) is not None:
                parts[name] = {"contract": contract_sha256(contract), **part}
        return parts

    def learned_s(self) -> dict[Modality, float]:
        """From how many seconds of the participant each modality learned in this session."""
        return {modality: operator.learned_s for modality, operator in self._operators.items()}

    def _learners(self) -> dict[str, tuple[FeatureOperator | Fusion, Mapping[str, object]]]:
        """Each part of the core that learns of the participant, and the contract that this holds for."""
        return {
            **{modality: (operator, operator.contract()) for modality, operator in self._operators.items()},
            FUSION: (self._fusion, fusion_contract()),
        }

    def _open(self, event: StreamOpened) -> None:
        timeline = Timeline(event.info, self._timelines.get(event.info.key))
        info = timeline.info
        operator = self._operators.get(info.kind) if _is_modality(info.kind) and not timeline.lacks_rate else None
        self._state.refused = [key for key in self._state.refused if key != info.key]
        try:
            warnings = self._open_operator(info, operator, event.received) if operator else ()
        except SourceError as error:
            self._refuse(info.key, error, event.received)
            return
        self._timelines[info.key] = timeline
        if timeline.lacks_rate:
            return  # opened by `_find_rate`
        self._notice(
            event.received, "stream_opened",
            f"{info.key}: {info.name} ({_size_text(info)})", {"stream": info.key},
        )  # fmt: skip
        self._warn(event.received, warnings)

    def _refuse(self, key: str, error: SourceError, received: float) -> None:
        """A session goes on without a stream that it cannot use; whoever runs it may decide otherwise."""
        self._state.refused.append(key)
        self._notice(received, REFUSED, str(error), {"stream": key})

    def _find_rate(self, timeline: Timeline, block: Block) -> None:
        """Open a stream that declares no rate as soon as its stamps have told it."""
        try:
            found = timeline.find_rate(block)
        except SourceError as error:
            self._refuse(block.key, error, block.received)
            return
        if found is not None:
            info, rest = found
            self._open(StreamOpened(info, block.received))
            text = f"{info.key}: it declares no rate; {info.nominal_rate_hz:g} Hz was found in its time stamps"
            self._notice(block.received, "warning", text)
            self._push_block(rest)

    def _open_operator(self, info: StreamInfo, operator: FeatureOperator, received: float) -> tuple[str, ...]:
        front = self._front(info)
        if front is None:
            self._front_infos.pop(info.key, None)
            return operator.open(info)
        given, warnings = front.open(info)
        warnings += operator.open(given)
        self._front_infos[info.key] = given
        self._state.front_samples[info.key] = 0
        if self.keep_front_events:
            self._front_events.append(StreamOpened(given, received))
        return warnings

    def _front(self, info: StreamInfo) -> FrontEnd | None:
        """The front end that a stream's samples go through, if any."""
        return self._fronts.get(info.kind) if _is_modality(info.kind) and info.type != VOICE_FRAMES else None

    def _push_block(self, block: Block) -> None:
        if block.key in self._state.refused:
            return
        timeline = self._timelines.get(block.key)
        if timeline is None:
            raise ValueError(f"a block of stream {block.key!r} came before the stream was opened")
        if timeline.lacks_rate:
            self._find_rate(timeline, block)
            return
        if dropped := timeline.newly_dropped(block.received):
            text = (
                f"{block.key}: samples left out: {dropped} (out of order, doubled, or without a time that can be right)"
            )
            self._notice(block.received, "samples_dropped", text, {"stream": block.key, "count": dropped})
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
                front = self._front(timeline.info)
                self._operators[kind].push(self._through(front, timed, block.received) if front else timed)

    def _through(self, front: FrontEnd, block: TimedBlock, received: float) -> TimedBlock:
        given = front.push(block)
        first = self._state.front_samples[block.key]
        self._state.front_samples[block.key] = first + len(given)
        if self.keep_front_events and len(given):
            self._front_events.append(Block(block.key, first, given.times, given.values, received))
        return given

    def take_front_events(self) -> list[Event]:
        """What the front ends gave since the last call: a stream opened, its blocks, each received as its raw one.

        A pipeline that is given these in place of the raw stream's events, and the same plans, gives the same bytes.
        """
        events, self._front_events = self._front_events, []
        return events

    def _keep_marker(self, timed: TimedBlock) -> None:
        for time, text in zip(timed.times, timed.texts, strict=True):
            shown = text if len(text) <= _LONGEST_MARKER else text[:_LONGEST_MARKER] + " … (cut)"
            self._notice(float(time), "marker", shown, {"stream": timed.key})

    def _notice(self, time: float, kind: str, text: str, details: dict[str, object] | None = None) -> None:
        self._notices.append(Notice(time, kind, text, details or {}))

    def _warn(self, time: float, warnings: Iterable[str]) -> None:
        self._notices += [Notice(time, "warning", warning) for warning in warnings]

    def take_notices(self) -> list[Notice]:
        """The notices since the last call."""
        notices, self._notices = self._notices, []
        return notices

    def feature_table(self, streams: Iterable[StreamInfo]) -> FeatureTable:
        """The columns of the windows that are read while these streams are opened in turn."""
        infos = list(streams)
        kinds = {info.kind for info in infos}
        return FeatureTable(
            {
                modality: self._operators[modality].columns([info for info in infos if info.kind == modality])
                for modality in MODALITIES
                if modality in self._operators and modality in kinds
            }
        )

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
        windows: dict[Modality, Feature] = {}
        features: dict[Modality, Feature] = {}
        for stream in plan.streams:
            window, age_s, counts = self._window(stream, plan.tick)
            if window is not None:
                windows[stream.modality] = window
            if window is None or not counts or stream.modality not in self._experts:
                opinions[stream.modality] = Opinion.absent(age_s)
                continue
            features[stream.modality] = window
            opinions[stream.modality] = self._opinion(window, age_s, time)
        self._note_presence(opinions, time)
        self._notices += self._quality.step(windows, time)
        values = np.append(self._fusion.step(opinions, time), float(plan.tick))
        experts = _expert_values(opinions)
        if not (np.isfinite(values).all() and np.isfinite(experts).all()):
            raise FloatingPointError(f"a score at tick {plan.tick} is not finite; this is a bug in streamsense")
        self._state.next_tick = plan.tick + 1
        return Score(plan.tick, time, values, experts, plan, features, windows)

    def _window(self, stream: StreamPlan, tick: int) -> tuple[Feature | None, float, bool]:
        """One modality's window at a tick, None before its stream's first sample; its age; whether it counts."""
        if stream.state == "absent":
            return None, AGE_UNKNOWN_S, False
        window_end = tick_time(tick - round(stream.shift_s * TICKS_PER_SECOND))
        window = self._operators[stream.modality].feature_at(window_end)
        if math.isnan(window.last_time):
            return window, AGE_UNKNOWN_S, False
        age_s = min(AGE_UNKNOWN_S, tick_time(tick) - window.last_time)
        is_fresh = window_end - window.last_time < self.timing.stale_after_s
        return window, age_s, is_fresh and window.validity >= self.timing.least_validity

    def _opinion(self, feature: Feature, age_s: float, time: float) -> Opinion:
        modality = feature.modality
        expert = self._experts[modality]
        output = expert.evaluate(feature)
        failed_before = modality in self._state.failed
        if bool(output.failure) != failed_before:
            self._state.failed = [name for name in self._state.failed if name != modality]
            if output.failure:
                self._state.failed.append(modality)
                self._notice(time, "expert_failed", output.failure, {"modality": modality})
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

    def snapshot(self, fronts: bool = True) -> bytes:
        """The whole state of the core, from which `restore` goes on exactly.

        Without `fronts` no raw sample is in it, and what is pushed afterwards must be what the front ends gave.
        """
        state = self._whole_state()
        if not fronts:
            state["fronts"] = {}
            state["timelines"] = {
                key: _after(timeline) if key in self._front_infos else timeline.state
                for key, timeline in self._timelines.items()
            }
        return snapshots.pack(state)

    def restore(self, snapshot: bytes, streams: tuple[StreamInfo, ...]) -> None:
        """Go on from a snapshot of a pipeline with the same settings; `streams` are those that were open.

        For a snapshot without front ends they are its `open_streams_at_fronts`.
        """
        for info in streams:
            self._open(StreamOpened(info, 0.0))
        self.take_notices()
        self.take_front_events()
        snapshots.unpack_into(snapshot, self._whole_state())
        if self._state.profile:
            self._use_profile(self._state.profile)
        for name, (learner, _) in self._learners().items():
            if name in self._state.frozen:
                learner.freeze()

    @property
    def open_streams(self) -> tuple[StreamInfo, ...]:
        """The streams that have been opened, in an order in which `restore` can open them again."""
        pairs = ((timeline.opened_before, timeline.info) for timeline in self._timelines.values())
        return tuple(info for pair in pairs for info in pair if info is not None)

    @property
    def open_streams_at_fronts(self) -> tuple[StreamInfo, ...]:
        """The same, with what the front ends give in place of the raw streams that they take."""
        return tuple(self._front_infos.get(info.key, info) for info in self.open_streams)

    @property
    def streams_only_recorded(self) -> tuple[StreamInfo, ...]:
        """The streams that are open and no input of the core: a recording that begins now has to be told of them."""
        return tuple(self._only_recorded.values())

    def timeline(self, key: str) -> Timeline | None:
        """The timeline of one stream, for status displays."""
        return self._timelines.get(key)

    def _whole_state(self) -> dict[str, object]:
        return {
            "pipeline": self._state,
            "quality": self._quality.state,
            "fusion": self._fusion.state,
            "fronts": {key: self._fronts[key].state for key in self._fronts if key in self._front_infos},
            "timelines": {key: timeline.state for key, timeline in self._timelines.items()},
            "operators": {
                modality: self._operators[modality].state for modality in self._operators if modality in self._timelines
            },
        }


def _is_modality(kind: Kind) -> TypeGuard[Modality]:
    return kind in MODALITIES


def _after(timeline: Timeline) -> TimelineState:
    """The state of the timeline of a front end's stream, whose raw stream has come as far as `timeline`."""
    state = TimelineState()
    state.smoothing.last_time = timeline.last_time
    return state


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
