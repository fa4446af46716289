"""Causal, gap-aware smoothing of time stamps, one sample at a time; a time once given is never revised.

Regular streams: a line is followed through the stamps by an α-β filter whose gains begin as those of a
least-squares line and end as those of a fading memory (Bar-Shalom, Estimation with Applications, §6.5). A stamp
that lies further ahead of the line than the gap tolerance begins a new segment at that stamp; one as far behind it
that is also no later than the newest is a straggler and is dropped. Samples that are sent in handfuls and stamped as
they leave lie behind the line without being out of order; the further they do, the larger a hole must be to count.
(liblsl's own de-jitter is 977 ms wrong after a 1 s hole at 30 Hz.)
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
_BURSTS_TO_A_HOLE = 4.0
_LONGEST_BURST_S = 0.25
_PRIOR_S = 0.5  # the declared rate counts as much as half a second of stamps


@dataclass
class SmoothingState:
    """Where the line is: time of the last sample, seconds per sample, samples behind it.

    Beside it the newest stamp, how far stamps lie behind the line in this stream's handfuls, and the segment's number.
    """

    last_time: float = float("nan")
    period_s: float = 0.0
    followed: float = 0.0
    last_stamp: float = float("nan")
    burst_s: float = 0.0
    segment: int = -1
    stragglers: int = 0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _follow(
    stamps: FloatArray,
    limit: float,
    nominal_s: float,
    tolerance_s: float,
    last: float,
    period: float,
    followed: float,
    last_stamp: float,
    burst: float,
) -> tuple[FloatArray, npt.NDArray[np.int8], float, float, float, float, float]:
    """Times for `stamps`, a verdict for each (0 kept, 1 begins a segment, 2 dropped), and the new line."""
    n = len(stamps)
    times = np.empty(n)
    verdicts = np.zeros(n, np.int8)
    fade = np.exp(-nominal_s / _MEMORY_S)
    for i in range(n):
        stamp = min(stamps[i], limit)
        error = stamp - (last + period)
        if not np.isfinite(stamps[i]) or (error < -tolerance_s and stamp <= last_stamp):
            verdicts[i] = 2
            continue
        if np.isnan(last) or error > max(tolerance_s, _BURSTS_TO_A_HOLE * burst):
            if not np.isnan(last) and stamp <= last:
                verdicts[i] = 2
                continue
            verdicts[i] = 1
            times[i] = last = last_stamp = stamp
            period = nominal_s
            followed = _PRIOR_S / nominal_s
            continue
        last_stamp = max(last_stamp, stamp)
        burst = min(max(fade * burst, -error), _LONGEST_BURST_S)
        error = max(error, -tolerance_s)
        followed += 1.0
        n1, n2 = followed + 1.0, followed + 2.0
        position_gain = max(2.0 * (2.0 * followed + 1.0) / (n1 * n2), 1.0 - fade * fade)
        rate_gain = max(6.0 / (n1 * n2), (1.0 - fade) * (1.0 - fade))
        time = min(last + period + position_gain * error, limit)
        period = min(max(period + rate_gain * error, 0.5 * nominal_s), 2.0 * nominal_s)
        # Times only ever rise, however wild the stamps.
        time = max(time, last + 0.01 * nominal_s)
        if time <= last:
            verdicts[i] = 2
            continue
        times[i] = last = time
    return times, verdicts, last, period, followed, last_stamp, burst


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
    limit = received + FUTURE_TOLERANCE_S
    line = (state.last_time, state.period_s, state.followed, state.last_stamp, state.burst_s)
    times, verdicts, *line_after = _follow(stamps, limit, nominal_s, tolerance_s, *line)
    state.last_time, state.period_s, state.followed, state.last_stamp, state.burst_s = line_after
    return _cut(state, times, verdicts, before, nominal_s)


def pass_irregular(
    state: SmoothingState, stamps: FloatArray, received: float
) -> tuple[FloatArray, npt.NDArray[np.bool_], list[tuple[int, float]]]:
    """Originating times of an irregular stream, a camera's: its stamps, rising, none in the future.

    A hole of half a second begins a new segment.
    """
    times = np.minimum(stamps, received + FUTURE_TOLERANCE_S)
    verdicts = np.zeros(len(stamps), np.int8)
    before = last = state.last_time
    for i, time in enumerate(times):
        if not np.isfinite(stamps[i]) or time <= last:
            verdicts[i] = 2
            continue
        verdicts[i] = np.isnan(last) or time - last > IRREGULAR_HOLE_S
        last = time
    state.last_time = float(last)
    return _cut(state, times, verdicts, before, 0.0)


def pass_markers(
    state: SmoothingState, stamps: FloatArray, received: float
) -> tuple[FloatArray, npt.NDArray[np.bool_], list[tuple[int, float]]]:
    """Originating times of markers: their stamps, none in the future; their order is their sender's affair."""
    kept = np.isfinite(stamps)
    times = np.minimum(stamps[kept], received + FUTURE_TOLERANCE_S)
    state.last_time = float(np.fmax(state.last_time, times.max(initial=-np.inf)))
    state.stragglers += int(np.count_nonzero(~kept))
    return times, kept, []


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
