"""From stamps to originating times: clock offset, smoothing, gaps and clock jumps of one stream."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamsense.streams import Block, FloatArray, OffsetProbe, StreamInfo, TimedBlock
from streamsense.timeline.clock_offset import ClockOffsetState, take_probe
from streamsense.timeline.smoothing import SmoothingState, pass_irregular, pass_markers, smooth_regular

JUMP_S = 0.5
STEADY_S = 0.1
JUMP_BLOCKS = 3
_LAG_BUCKET_S = 2.5


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
    delay_s: float = math.nan
    """Running value of received − stamp."""
    last_delay_s: float = math.nan
    jump_correction_s: float = 0.0
    departed: int = 0
    last_stamp: float = math.nan
    lag_bucket: int = -1
    lag_now_s: float = math.inf
    lag_before_s: float = math.inf


class Timeline:
    """The originating times of one stream."""

    def __init__(self, info: StreamInfo) -> None:
        self.info = info
        self.state = TimelineState()

    def probe(self, probe: OffsetProbe) -> None:
        """Take in a clock-offset probe; without effect on a stream that shares our clock.

        When it moves the offset by a clock's jump, it has measured what had to be deduced from the arrival so far.
        """
        if self.info.same_clock:
            return
        state, before = self.state, self.state.offset.offset_s
        take_probe(state.offset, probe)
        if abs(state.offset.offset_s - before) > JUMP_S:
            state.jump_correction_s, state.departed = 0.0, 0
            state.delay_s = state.last_delay_s = state.last_stamp = math.nan

    def push(self, block: Block) -> tuple[list[TimedBlock], list[Gap]]:
        """The block's samples with their originating times, cut at the gaps."""
        state = self.state
        if len(block) == 0:
            return [], []
        stamps = block.stamps + (state.offset.offset_s + state.jump_correction_s)
        # Markers may tell of what was before: a late one is as good as any, and says nothing about a clock.
        jump_s = 0.0 if self.info.kind == "markers" else self._clock_jump(stamps, block.received)
        if jump_s:
            stamps = stamps - jump_s
        if self.info.kind == "markers":
            times, kept, starts = pass_markers(state.smoothing, stamps, block.received)
        elif self.info.nominal_rate_hz > 0:
            rate = self.info.nominal_rate_hz
            times, kept, starts = smooth_regular(state.smoothing, stamps, block.received, rate)
        else:
            times, kept, starts = pass_irregular(state.smoothing, stamps, block.received)
        values = block.values if kept.all() else block.values[kept]
        texts = tuple(text for text, keep in zip(block.texts, kept, strict=True) if keep) if block.texts else ()
        if len(times):
            self._note_lag(block.received, float(times[0]))
        blocks, gaps = [], []
        if jump_s and not starts and len(times):
            starts = [(0, 0.0)]
        edges = [0, *(index for index, _ in starts), len(times)]
        holes = [None, *(hole for _, hole in starts)]
        for hole, start, stop in zip(holes, edges[:-1], edges[1:], strict=True):
            if hole is not None:
                state.smoothing.segment += 1
                if math.isfinite(hole):
                    gaps.append(Gap(self.info.key, float(times[start]), hole, jump_s))
            if start < stop:
                part = slice(start, stop)
                segment = state.smoothing.segment
                blocks.append(TimedBlock(self.info.key, segment, times[part], values[part], texts[part]))
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
            # After a silence the bucket before the last says nothing about now.
            state.lag_before_s = state.lag_now_s if bucket == state.lag_bucket + 1 else math.inf
            state.lag_now_s, state.lag_bucket = math.inf, bucket
        state.lag_now_s = max(state.lag_now_s, received - time) if math.isfinite(state.lag_now_s) else received - time

    def _clock_jump(self, stamps: FloatArray, received: float) -> float:
        """Seconds by which the sender's clock turned out to have jumped, or 0.

        A delivery that hangs and then catches up also departs, but its stamps go on where they stopped, and what it
        is late by shrinks; a dropout leaves a step in the stamps, but the time of arrival shares it. A clock that
        jumps leaves a step in the stamps that the time of arrival does not share, and stays departed. What arrives
        long before it happened was stamped by another clock than it was said to be. Judged block by block, so just
        here the cutting into blocks matters.
        """
        state = self.state
        delay = received - float(stamps[-1])
        if not math.isfinite(delay):
            return 0.0
        steady = abs(delay - state.last_delay_s) <= STEADY_S
        stepped = abs(float(stamps[0]) - state.last_stamp) > JUMP_S and abs(delay - state.last_delay_s) > JUMP_S
        state.last_stamp, state.last_delay_s = float(stamps[-1]), delay
        if math.isnan(state.delay_s):
            state.delay_s = delay
            return 0.0
        departure = delay - max(state.delay_s, 0.0)
        suspicious = stepped or delay < -JUMP_S or (state.departed > 0 and steady)
        if abs(departure) <= JUMP_S or not suspicious:
            state.departed = 0
            state.delay_s += 0.05 * (delay - state.delay_s)
            return 0.0
        state.departed += 1
        if state.departed < JUMP_BLOCKS:
            return 0.0
        state.departed = 0
        jump_s = -departure
        state.delay_s = delay + jump_s
        state.jump_correction_s -= jump_s
        state.last_stamp -= jump_s
        state.last_delay_s += jump_s
        return jump_s
