"""Causal, gap-aware smoothing of time stamps, one sample at a time; a time once given is never revised.

Regular streams: a line is followed through the stamps by an α-β filter whose gains begin as those of a
least-squares line and end as those of a fading memory (Bar-Shalom, Estimation with Applications, §6.5). A stamp
that lies further from the line than the gap tolerance ahead begins a new segment at that stamp; one that lies
as far behind is a straggler and is dropped. (liblsl's own de-jitter is 977 ms wrong after a 1 s hole at 30 Hz.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.streams import FloatArray

GAP_TOLERANCE_S = 0.025
FUTURE_TOLERANCE_S = 0.05
IRREGULAR_HOLE_S = 0.5
_MEMORY_S = 10.0
_PRIOR_S = 0.5  # the declared rate counts as much as half a second of stamps


@dataclass
class SmoothingState:
    """Where the line is: time of the last sample, seconds per sample, samples behind it, segment number."""

    last_time: float = float("nan")
    period_s: float = 0.0
    followed: float = 0.0
    segment: int = -1
    stragglers: int = 0
    clamped: int = 0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _follow(
    stamps: FloatArray, limit: float, nominal_s: float, tolerance_s: float, last: float, period: float, followed: float
) -> tuple[FloatArray, npt.NDArray[np.int8], float, float, float]:
    """Times for `stamps`, a verdict for each (0 kept, 1 begins a segment, 2 dropped), and the new line."""
    n = len(stamps)
    times = np.empty(n)
    verdicts = np.zeros(n, np.int8)
    fade = np.exp(-nominal_s / _MEMORY_S)
    for i in range(n):
        stamp = stamps[i]
        if not np.isfinite(stamp):
            verdicts[i] = 2
            continue
        predicted = last + period
        error = stamp - predicted
        if np.isnan(last) or error > tolerance_s:
            start = min(stamp, limit)
            if not np.isnan(last) and start <= last:
                verdicts[i] = 2
                continue
            verdicts[i] = 1
            times[i] = last = start
            period = nominal_s
            followed = _PRIOR_S / nominal_s
            continue
        if error < -tolerance_s:
            verdicts[i] = 2
            continue
        followed += 1.0
        n1, n2 = followed + 1.0, followed + 2.0
        position_gain = max(2.0 * (2.0 * followed + 1.0) / (n1 * n2), 1.0 - fade * fade)
        rate_gain = max(6.0 / (n1 * n2), (1.0 - fade) * (1.0 - fade))
        time = min(predicted + position_gain * error, limit)
        period = min(max(period + rate_gain * error, 0.5 * nominal_s), 2.0 * nominal_s)
        # Times only ever rise, however wild the stamps.
        time = max(time, last + 0.01 * nominal_s)
        if time <= last:
            verdicts[i] = 2
            continue
        times[i] = last = time
    return times, verdicts, last, period, followed


def smooth_regular(
    state: SmoothingState, stamps: FloatArray, received: float, nominal_rate_hz: float
) -> tuple[FloatArray, npt.NDArray[np.bool_], list[tuple[int, float]]]:
    """Originating times of a regular stream's samples.

    Returns the times of the samples that are kept, the mask of those among `stamps`, and where segments begin:
    (index among the kept, hole in seconds before it). `received` bounds the future: nothing happens later than
    50 ms after it was received.
    """
    nominal_s = 1.0 / nominal_rate_hz
    tolerance_s = max(1.5 * nominal_s, GAP_TOLERANCE_S)
    before = state.last_time
    times, verdicts, state.last_time, state.period_s, state.followed = _follow(
        stamps, received + FUTURE_TOLERANCE_S, nominal_s, tolerance_s, before, state.period_s, state.followed
    )
    return _cut(state, times, verdicts, before, nominal_s)


def pass_irregular(
    state: SmoothingState, stamps: FloatArray, received: float, rising: bool
) -> tuple[FloatArray, npt.NDArray[np.bool_], list[tuple[int, float]]]:
    """Originating times of an irregular stream: the stamps, none in the future, none out of order.

    `rising` is for a stream that should go on all the time, a camera's: a stamp that equals the last is dropped
    (two frames cannot be at one instant; two markers can), and a hole of half a second begins a new segment.
    """
    times = np.minimum(stamps, received + FUTURE_TOLERANCE_S)
    state.clamped += int(np.count_nonzero(times < stamps))
    verdicts = np.zeros(len(stamps), np.int8)
    before = last = state.last_time
    for i, time in enumerate(times):
        if not np.isfinite(time) or time < last or (rising and time == last):
            verdicts[i] = 2
            continue
        verdicts[i] = np.isnan(last) or (rising and time - last > IRREGULAR_HOLE_S)
        last = time
    state.last_time = float(last)
    return _cut(state, times, verdicts, before, 0.0)


def _cut(
    state: SmoothingState, times: FloatArray, verdicts: npt.NDArray[np.int8], before: float, nominal_s: float
) -> tuple[FloatArray, npt.NDArray[np.bool_], list[tuple[int, float]]]:
    kept = verdicts != 2
    state.stragglers += int(np.count_nonzero(~kept))
    times, verdicts = times[kept], verdicts[kept]
    starts = []
    for index in np.flatnonzero(verdicts == 1):
        previous = times[index - 1] if index > 0 else before
        starts.append((int(index), float(times[index] - previous - nominal_s)))
    return times, kept, starts
