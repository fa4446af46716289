"""From stamps to originating times: clock offset, smoothing, gaps and clock jumps of one stream."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import SourceError
from streamsense.streams import VOICE_FRAMES, Block, OffsetProbe, StreamInfo, TimedBlock
from streamsense.timeline.clock_jump import JUMP_S, ClockJumpState, forget_arrivals, note_arrival
from streamsense.timeline.clock_offset import ClockOffsetState, take_probe
from streamsense.timeline.smoothing import SmoothingState, pass_irregular, pass_markers, smooth_regular
from streamsense.timeline.undeclared_rate import RateSearch, search_rate

_LAG_BUCKET_S = 2.5
_LATE_OR_NOT: Final = ("markers", "text")
"""Kinds of streams that may tell of what was before: a late sample is as good as any, and says nothing of a clock."""
_TELL_DROPPED_EVERY_S = 1.0
STRETCH_S = 10.0


def stretch_starts(stretches: FloatArray, before: float) -> tuple[tuple[int, ...], float]:
    """Indices where `stretches` (n,) first go beyond what they reached so far, `before`; and what they reach then."""
    reached = np.maximum.accumulate(np.append(before, stretches))
    return tuple(np.flatnonzero(reached[1:] > reached[:-1]).tolist()), float(reached[-1])


@dataclass(frozen=True)
class Gap:
    """A hole of `hole_s` seconds before `time`; `jump_s` is not 0 when the sender's clock jumped there."""

    key: str
    time: float
    hole_s: float
    jump_s: float = 0.0


@dataclass
class TimelineState:
    """All that one stream's timeline carries from block to block."""

    offset: ClockOffsetState = field(default_factory=ClockOffsetState)
    smoothing: SmoothingState = field(default_factory=SmoothingState)
    rate_search: RateSearch = field(default_factory=RateSearch)
    clock_jump: ClockJumpState = field(default_factory=ClockJumpState)
    untold_jump_s: float = 0.0
    """A jump that no sample has been kept after yet."""
    dropped_told: int = 0
    dropped_told_at: float = -math.inf
    lag_bucket: int = -1
    lag_now_s: float = math.inf
    lag_before_s: float = math.inf
    stretch: float = -math.inf
    """Number of the newest 10 s of the sender's stamps that were seen in this segment."""


class Timeline:
    """The originating times of one stream, which may take the place of an earlier one.

    Segments are then numbered on, so that an operator sees the seam, and time never runs backwards over it.
    """

    def __init__(self, info: StreamInfo, before: Timeline | None = None) -> None:
        self.info = info
        self.state = TimelineState()
        self.opened_before: StreamInfo | None = None
        """What the features are open for meanwhile, where this stream took its place and its rate is not known yet."""
        if before is None:
            return
        if self.lacks_rate:
            self.opened_before = before.opened_before if before.lacks_rate else before.info
        self.state.smoothing.segment = before.state.smoothing.segment
        self.state.smoothing.last_time = before.last_time
        if before.lacks_rate:
            self.state.offset = before.state.offset

    def probe(self, probe: OffsetProbe) -> None:
        """Take in a clock-offset probe; without effect on a stream that shares our clock.

        When it moves the offset by a clock's jump, it has measured what had to be deduced from the arrival so far.
        """
        if self.info.same_clock:
            return
        state, before = self.state, self.state.offset.offset_s
        take_probe(state.offset, probe)
        if abs(state.offset.offset_s - before) > JUMP_S:
            forget_arrivals(state.clock_jump)

    @property
    def lacks_rate(self) -> bool:
        """Whether the stream declares no rate although its features need one."""
        return self.info.kind == "eeg" and self.info.nominal_rate_hz == 0

    def find_rate(self, block: Block) -> tuple[StreamInfo, Block] | None:
        """The stream with its rate and what is left of the block, once the first seconds of stamps have told it.

        Raises SourceError when they do not. The samples of these seconds are not used.
        """
        search = self.state.rate_search
        taken, rate_hz = search_rate(search, block.stamps)
        if search.is_hopeless:
            raise SourceError(
                f"The {self.info.kind.upper()} stream {self.info.name!r} declares no rate (0 Hz), and its time stamps "
                "are too irregular to tell one. Expected a declared rate, or stamps at even distances. Set the rate in "
                "the device's LSL program."
            )
        if rate_hz == 0:
            return None
        rest = replace(
            block, first_sample=block.first_sample + taken, stamps=block.stamps[taken:], values=block.values[taken:]
        )
        return replace(self.info, nominal_rate_hz=rate_hz), rest

    def newly_dropped(self, received: float) -> int:
        """How many samples were dropped since the last time this was told, before what arrives at `received`.

        0 while the arrival goes on or within a second of the last time.
        """
        state = self.state
        count = state.smoothing.stragglers - state.dropped_told
        told_lately = received - state.dropped_told_at < _TELL_DROPPED_EVERY_S
        is_told = self.info.kind in _LATE_OR_NOT  # by who sees them
        if count == 0 or told_lately or received == state.clock_jump.received or is_told:
            return 0
        state.dropped_told, state.dropped_told_at = state.smoothing.stragglers, received
        return count

    def push(self, block: Block) -> tuple[list[TimedBlock], list[Gap]]:
        """The block's samples with their originating times, cut at the gaps."""
        state = self.state
        if len(block) == 0:
            return [], []
        may_be_late = self.info.kind in _LATE_OR_NOT
        # What our own front end stamped has been through all this.
        is_timed = self.info.type == VOICE_FRAMES
        if not (may_be_late or is_timed):
            first, last = float(block.stamps[0]), float(block.stamps[-1])
            state.untold_jump_s += note_arrival(state.clock_jump, first, last, block.received, state.offset.offset_s)
        stamps = block.stamps + (state.offset.offset_s + state.clock_jump.correction_s)
        if may_be_late:
            times, kept, starts = pass_markers(state.smoothing, stamps, block.received)
        elif self.info.nominal_rate_hz > 0:
            rate = self.info.nominal_rate_hz
            times, kept, starts = smooth_regular(state.smoothing, stamps, block.received, rate)
        else:
            latest = math.inf if is_timed else block.received
            times, kept, starts = pass_irregular(state.smoothing, stamps, latest)
        values = block.values if kept.all() else block.values[kept]
        texts = tuple(text for text, keep in zip(block.texts, kept, strict=True) if keep) if block.texts else ()
        if len(times):
            self._note_lag(block.received, float(times[0]))
        stretches = np.floor(block.stamps[kept] / STRETCH_S)
        blocks, gaps = [], []
        if state.untold_jump_s and len(times) and (not starts or starts[0][0] > 0):
            starts = [(0, 0.0), *starts]
        edges = [0, *(index for index, _ in starts), len(times)]
        holes = [None, *(hole for _, hole in starts)]
        for hole, start, stop in zip(holes, edges[:-1], edges[1:], strict=True):
            if hole is not None:
                state.smoothing.segment += 1
                if math.isfinite(hole):
                    gaps.append(Gap(self.info.key, float(times[start]), hole, state.untold_jump_s))
                state.untold_jump_s = 0.0
            if start < stop:
                part = slice(start, stop)
                segment = state.smoothing.segment
                before = stretches[start] if hole is not None else state.stretch
                anchors, state.stretch = stretch_starts(stretches[part], before)
                blocks.append(TimedBlock(self.info.key, segment, times[part], values[part], texts[part], anchors))
        return blocks, gaps

    @property
    def last_time(self) -> float:
        """Originating time of the newest sample; NaN before the first."""
        return self.state.smoothing.last_time

    @property
    def horizon(self) -> float:
        """The originating time up to which the stream is complete; −inf before the first sample."""
        if math.isnan(self.last_time):
            return -math.inf
        return self.last_time + (1 / self.info.nominal_rate_hz if self.info.nominal_rate_hz > 0 else 0.0)

    @property
    def steady_lag_s(self) -> float:
        """How long samples usually wait to arrive, the first of a delivery longest (0 before there is any).

        The greatest wait of some seconds, the lesser of two such stretches: one delivery that hangs is not usual.
        """
        lag = min(self.state.lag_now_s, self.state.lag_before_s)
        return lag if math.isfinite(lag) else 0.0

    def _note_lag(self, received: float, time: float) -> None:
        state = self.state
        bucket = math.floor(received / _LAG_BUCKET_S)
        if bucket != state.lag_bucket:
            # After a silence, too, the stretch before it counts: one backlog is not how samples usually wait.
            state.lag_before_s, state.lag_now_s, state.lag_bucket = state.lag_now_s, math.inf, bucket
        state.lag_now_s = max(state.lag_now_s, received - time) if math.isfinite(state.lag_now_s) else received - time
