"""What comes in: streams are opened, their blocks get their times and reach the operators."""

from __future__ import annotations

from collections.abc import Mapping

from streamsense.core.front_ends import FrontEnds
from streamsense.core.notices import Notices
from streamsense.core.pipeline_state import PipelineState
from streamsense.errors import SourceError
from streamsense.features.language_cues import SPAN_S, LanguageCues
from streamsense.features.operator import FeatureOperator
from streamsense.streams import Block, Modality, OffsetProbe, StreamInfo, StreamOpened, TimedBlock, is_modality
from streamsense.timeline.timeline import Gap, Timeline

REFUSED = "stream_refused"
"""Kind of the notice that a stream was opened which cannot be used."""
_LONGEST_MARKER = 4096


class Intake:
    """The way of every stream's samples: timeline, front end where there is one, operator.

    `timelines` are those of the streams that have been opened, by key.
    """

    def __init__(
        self,
        operators: Mapping[Modality, FeatureOperator],
        fronts: FrontEnds,
        state: PipelineState,
        notices: Notices,
        language: LanguageCues | None = None,
    ) -> None:
        self.timelines: dict[str, Timeline] = {}
        self._operators = operators
        self._fronts = fronts
        self._state = state
        self._notices = notices
        self._language = language

    def open(self, event: StreamOpened) -> None:
        """Prepare for a stream, or for what came back under its key; one that cannot be used is refused, and told."""
        timeline = Timeline(event.info, self.timelines.get(event.info.key))
        info = timeline.info
        operator = self._operators.get(info.kind) if is_modality(info.kind) and not timeline.lacks_rate else None
        self._state.refused = [key for key in self._state.refused if key != info.key]
        try:
            warnings = self._open_operator(info, operator, event.received) if operator else ()
            if info.kind == "text" and self._language is not None:
                self._language.open(info)
        except SourceError as error:
            self._refuse(info.key, error, event.received)
            return
        self.timelines[info.key] = timeline
        if timeline.lacks_rate:
            return  # opened by `_find_rate`
        text = f"{info.key}: {info.name} ({_size_text(info)})"
        self._notices.add(event.received, "stream_opened", text, stream=info.key)
        self._notices.warn(event.received, warnings)

    def _open_operator(self, info: StreamInfo, operator: FeatureOperator, received: float) -> tuple[str, ...]:
        front = self._fronts.of(info)
        if front is None:
            self._fronts.closed(info.key)
            return operator.open(info)
        given, warnings = front.open(info)
        warnings += operator.open(given)
        self._fronts.opened(given, received)
        return warnings

    def _refuse(self, key: str, error: SourceError, received: float) -> None:
        """A session goes on without a stream that it cannot use; whoever runs it may decide otherwise."""
        self._state.refused.append(key)
        self._notices.add(received, REFUSED, str(error), stream=key)

    def probe(self, probe: OffsetProbe) -> None:
        """Take in one measurement of a sender's clock; of a stream that is not open it says nothing."""
        if probe.key in self.timelines:
            self.timelines[probe.key].probe(probe)

    def push(self, block: Block) -> None:
        """Take in one block of a stream. Raises ValueError when that was never opened."""
        if block.key in self._state.refused:
            return
        timeline = self.timelines.get(block.key)
        if timeline is None:
            raise ValueError(f"a block of stream {block.key!r} came before the stream was opened")
        if timeline.lacks_rate:
            self._find_rate(timeline, block)
            return
        if dropped := timeline.newly_dropped(block.received):
            self._tell_dropped(block, dropped)
        blocks, gaps = timeline.push(block)
        for gap in gaps:
            self._tell_gap(gap)
        for timed in blocks:
            self._hand_on(timeline.info, timed, block.received)

    def _find_rate(self, timeline: Timeline, block: Block) -> None:
        """Open a stream that declares no rate as soon as its stamps have told it."""
        try:
            found = timeline.find_rate(block)
        except SourceError as error:
            self._refuse(block.key, error, block.received)
            return
        if found is not None:
            info, rest = found
            self.open(StreamOpened(info, block.received))
            text = f"{info.key}: it declares no rate; {info.nominal_rate_hz:g} Hz was found in its time stamps"
            self._notices.warn(block.received, [text])
            self.push(rest)

    def _hand_on(self, info: StreamInfo, timed: TimedBlock, received: float) -> None:
        kind = info.kind
        if kind == "markers":
            self._tell_markers(timed)
        elif kind == "text" and self._language is not None:
            if late := self._language.newly_late(timed, received):
                text = f"words that were said more than {SPAN_S:g} s before they came do not count: {late} samples"
                self._notices.add(received, "words_too_late", text, stream=timed.key, count=late)
            self._language.push(timed)
        elif is_modality(kind) and kind in self._operators:
            front = self._fronts.of(info)
            self._operators[kind].push(self._fronts.push(front, timed, received) if front else timed)

    def _tell_dropped(self, block: Block, count: int) -> None:
        text = f"{block.key}: samples left out: {count} (out of order, doubled, or without a time that can be right)"
        self._notices.add(block.received, "samples_dropped", text, stream=block.key, count=count)

    def _tell_gap(self, gap: Gap) -> None:
        text = f"{gap.key}: {gap.hole_s:.3f} s missing"
        if gap.jump_s:
            text = f"{gap.key}: the sender's clock jumped by {gap.jump_s:+.3f} s"
        self._notices.add(gap.time, "gap", text, stream=gap.key, hole_s=gap.hole_s, jump_s=gap.jump_s)

    def _tell_markers(self, timed: TimedBlock) -> None:
        for time, text in zip(timed.times, timed.texts, strict=True):
            shown = text if len(text) <= _LONGEST_MARKER else text[:_LONGEST_MARKER] + " … (cut)"
            self._notices.add(float(time), "marker", shown, stream=timed.key)


def _size_text(info: StreamInfo) -> str:
    channels = len(info.channel_labels)
    rate = f"{info.nominal_rate_hz:g} Hz" if info.nominal_rate_hz > 0 else "irregular"
    return f"{channels} channel{'' if channels == 1 else 's'}, {rate}"
