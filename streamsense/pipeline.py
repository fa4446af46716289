"""The pure core: events in, one score every 200 ms out; no threads, no clock, no files, no sockets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from streamsense import schedule
from streamsense import state as snapshots
from streamsense.core.front_ends import FrontEnds
from streamsense.core.intake import REFUSED, Intake
from streamsense.core.notices import Notices
from streamsense.core.participant import Participant
from streamsense.core.pipeline_state import PipelineState
from streamsense.core.scoring import Scoring
from streamsense.features.feature_columns import FeatureTable
from streamsense.features.language_cues import COLUMNS, LanguageCues
from streamsense.features.operator import FeatureOperator, FrontEnd
from streamsense.fusion.attribution import Explainer
from streamsense.fusion.combination import Fusion
from streamsense.models.expert import Expert
from streamsense.profile import LEARN, PROFILE, Part, parse_learning
from streamsense.schedule import TimingSettings
from streamsense.score import Notice, Plan, Score, Skip, StreamPlan
from streamsense.streams import (
    MODALITIES,
    Block,
    Control,
    Event,
    Modality,
    OffsetProbe,
    StreamInfo,
    StreamLost,
    StreamOpened,
)
from streamsense.ticks import HOP_S, tick_at_or_before, tick_time
from streamsense.timeline.timeline import Timeline, TimelineState

__all__ = ["ONLY_RECORDED", "REFUSED", "START", "Pipeline"]

START = "session_started"
"""Name of the Control event that begins scoring, with the first tick after it was received."""
ONLY_RECORDED = ("pictures/", "recorded/")
"""Streams whose keys begin so are no input of the core: they are in the queue to be recorded."""


class Pipeline:
    """Everything between sources and sinks. `push` events, `advance` time, get scores.

    Streams may come, go and change at any time; a modality without an operator is never present, and of one without
    an expert only the windows are read. Raw samples of a modality with a front end go through it first; a stream of
    what it gave, from a recording, does not. `language` takes the counts that are made of recognised words; without it
    they are left alone.
    """

    def __init__(
        self,
        operators: Mapping[Modality, FeatureOperator],
        experts: Mapping[Modality, Expert],
        fusion: Fusion,
        timing: TimingSettings | None = None,
        fronts: Mapping[Modality, FrontEnd] | None = None,
        language: LanguageCues | None = None,
    ) -> None:
        if not set(experts) <= set(operators):
            raise ValueError(f"experts for {sorted(experts)} but operators for {sorted(operators)}")
        self.timing = timing or TimingSettings()
        self._operators = dict(operators)
        self._experts = dict(experts)
        self._fusion = fusion
        self._language = language
        self._state = PipelineState()
        self._notices = Notices()
        self._fronts = FrontEnds(fronts or {}, self._state)
        self._intake = Intake(self._operators, self._fronts, self._state, self._notices, language)
        self._participant = Participant(self._operators, fusion, self._state)
        self._scoring = Scoring(
            self._operators, self._experts, fusion, self.timing, self._state, self._notices, language
        )
        self._only_recorded: dict[str, StreamInfo] = {}

    # -- events in -------------------------------------------------------------------------------------------

    def push(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Block(key=key) if key.startswith(ONLY_RECORDED):
                pass
            case StreamOpened(info=info) if info.key.startswith(ONLY_RECORDED):
                self._only_recorded[info.key] = info
            case Block():
                self._intake.push(event)
            case OffsetProbe():
                self._intake.probe(event)
            case StreamOpened():
                self._intake.open(event)
            case StreamLost():
                self._only_recorded.pop(event.key, None)
                self._notices.add(event.received, "stream_lost", f"{event.key}: {event.reason or 'stream ended'}")
            case Control():
                self._control(event)

    def _control(self, event: Control) -> None:
        if event.name == PROFILE:
            profile, warnings = self._participant.use_profile(event.payload)
            self._notices.add(event.received, "profile", profile.sha256, parts=list(profile.parts))
            self._notices.warn(event.received, warnings)
        elif event.name == LEARN:
            parts, phase = parse_learning(event.payload)
            self._participant.learn(parts)
            self._notices.add(event.received, "learning", phase, parts=parts)
        else:
            if event.name == START:
                self._state.next_tick = tick_at_or_before(event.received) + 1
            self._notices.add(event.received, event.name, event.payload)

    def take_notices(self) -> list[Notice]:
        """The notices since the last call."""
        return self._notices.take()

    @property
    def keep_front_events(self) -> bool:
        """Whether what the front ends give is kept, as events, until `take_front_events`."""
        return self._fronts.keep_events

    @keep_front_events.setter
    def keep_front_events(self, keep: bool) -> None:
        self._fronts.keep_events = keep

    def take_front_events(self) -> list[Event]:
        """What the front ends gave since the last call: a stream opened, its blocks, each received as its raw one.

        A pipeline that is given these in place of the raw stream's events, and the same plans, gives the same bytes.
        """
        return self._fronts.take_events()

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
            timeline = self.timeline(modality)
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
            self._notices.add(tick_time(decision.last), "ticks_skipped", text, count=count)
            return None
        score = self._scoring.score(decision)
        self._state.next_tick = decision.tick + 1
        return score

    # -- what is there ---------------------------------------------------------------------------------------

    @property
    def open_streams(self) -> tuple[StreamInfo, ...]:
        """The streams that have been opened, in an order in which `restore` can open them again."""
        pairs = ((timeline.opened_before, timeline.info) for timeline in self._intake.timelines.values())
        return tuple(info for pair in pairs for info in pair if info is not None)

    @property
    def open_streams_at_fronts(self) -> tuple[StreamInfo, ...]:
        """The same, with what the front ends give in place of the raw streams that they take."""
        return tuple(self._fronts.given(info) for info in self.open_streams)

    @property
    def streams_only_recorded(self) -> tuple[StreamInfo, ...]:
        """The streams that are open and no input of the core: a recording that begins now has to be told of them."""
        return tuple(self._only_recorded.values())

    def timeline(self, key: str) -> Timeline | None:
        """The timeline of one stream, for status displays."""
        return self._intake.timelines.get(key)

    def feature_table(self, streams: Iterable[StreamInfo]) -> FeatureTable:
        """The columns of the windows that are read while these streams are opened in turn."""
        infos = list(streams)
        kinds = {info.kind for info in infos}
        return FeatureTable(
            {
                modality: self._operators[modality].columns([info for info in infos if info.kind == modality])
                for modality in MODALITIES
                if modality in self._operators and modality in kinds
            },
            COLUMNS if self._language is not None and "text" in kinds else (),
        )

    def explainer(self) -> Explainer:
        """What explains this pipeline's scores, on demand: no part of the core's state, and it changes none."""
        return Explainer(self._experts, self._fusion)

    def learned(self) -> dict[str, Part]:
        """What is known of the participant, by modality and in the fusion, for a profile: learned, or a profile's."""
        return self._participant.learned()

    def learned_s(self) -> dict[Modality, float]:
        """From how many seconds of the participant each modality learned in this session."""
        return self._participant.learned_s()

    # -- snapshots -------------------------------------------------------------------------------------------

    def snapshot(self, fronts: bool = True) -> bytes:
        """The whole state of the core, from which `restore` goes on exactly.

        Without `fronts` no raw sample is in it, and what is pushed afterwards must be what the front ends gave.
        """
        state = self._whole_state()
        if not fronts:
            state["fronts"] = {}
            state["timelines"] = {
                key: _after(timeline) if self._fronts.takes(key) else timeline.state
                for key, timeline in self._intake.timelines.items()
            }
        return snapshots.pack(state)

    def restore(self, snapshot: bytes, streams: tuple[StreamInfo, ...]) -> None:
        """Go on from a snapshot of a pipeline with the same settings; `streams` are those that were open.

        For a snapshot without front ends they are its `open_streams_at_fronts`.
        """
        for info in streams:
            self._intake.open(StreamOpened(info, 0.0))
        self.take_notices()
        self.take_front_events()
        snapshots.unpack_into(snapshot, self._whole_state())
        self._participant.resume()

    def _whole_state(self) -> dict[str, object]:
        timelines = self._intake.timelines
        return {
            "pipeline": self._state,
            "quality": self._scoring.quality.state,
            "segments": self._scoring.segments.state,
            "fusion": self._fusion.state,
            "fronts": self._fronts.states(),
            "timelines": {key: timeline.state for key, timeline in timelines.items()},
            "operators": {
                modality: operator.state for modality, operator in self._operators.items() if modality in timelines
            },
            "language": {key: self._language.state for key in ("text",) if self._language and key in timelines},
        }


def _after(timeline: Timeline) -> TimelineState:
    """The state of the timeline of a front end's stream, whose raw stream has come as far as `timeline`."""
    state = TimelineState()
    state.smoothing.last_time = timeline.last_time
    return state
