"""Causal, gap-aware smoothing of time stamps, one sample at a time; a time once given is never revised.

Regular streams: a line is followed through the stamps by a Kalman filter of place and period whose memory fades
(Bar-Shalom, Estimation with Applications, §5.2 and §6.5). A stamp that lies further ahead of the line than the gap
tolerance begins a new segment at that stamp: then only the place is uncertain, the period is still known. One as far
behind it that is also no later than the newest is a straggler; it is dropped, with what follows up to the newest.
Samples that are sent in handfuls and stamped as they leave lie behind the line without being out of order; the
further they do, the larger a hole must be to count. (After a 1 s hole at 30 Hz liblsl's own de-jitter is 0.9 s wrong.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray

GAP_TOLERANCE_S = 0.025
FUTURE_TOLERANCE_S = 0.05
FAR_AHEAD_S = 0.5
"""Only another clock stamps so far ahead of the arrival: left out until the timeline knows by how much."""
IRREGULAR_HOLE_S = 0.5
_MEMORY_S = 10.0
_BURSTS_TO_A_HOLE = 4.0
_LONGEST_BURST_S = 0.25
_RECENT_S = 0.5
_ONE_SIDED = 0.8
_OFF_THE_LINE_S = 0.002
_PRIOR_S = 0.5  # the declared rate counts as much as half a second of stamps


@dataclass
class SmoothingState:
    """Where the line is: time of the last sample, seconds per sample, and their variances.

    Variances are in units of one stamp's own. Beside them the newest stamp, how far stamps lie behind the line in
    this stream's handfuls, on which side of the line they lay lately and how far from it, whether old
    stamps come again, and the segment's number.
    """

    last_time: float = float("nan")
    period_s: float = 0.0
    place_variance: float = 0.0
    place_period_covariance: float = 0.0
    period_variance: float = 0.0
    last_stamp: float = float("nan")
    burst_s: float = 0.0
    side_s: float = 0.0
    spread_s: float = 0.0
    repeating: float = 0.0
    segment: int = -1
    stragglers: int = 0


_LINE = (
    "last_time", "period_s", "place_variance", "place_period_covariance", "period_variance", "last_stamp", "burst_s",
    "side_s", "spread_s", "repeating",
)  # fmt: skip
"""The numbers of the state that `_follow` carries on."""


@njit(cache=True)  # type: ignore[untyped-decorator]
def _follow(
    stamps: FloatArray, limit: float, nominal_s: float, tolerance_s: float, line: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.int8]]:
    """Times for `stamps` and a verdict for each (0 kept, 1 begins a segment, 2 dropped); `line` is carried on."""
    last, period, place_variance, covariance, period_variance = line[0], line[1], line[2], line[3], line[4]
    last_stamp, burst, side, spread, repeating = line[5], line[6], line[7], line[8], line[9]
    n = len(stamps)
    times = np.empty(n)
    verdicts = np.zeros(n, np.int8)
    fade = np.exp(-nominal_s / _MEMORY_S)
    forget = 1.0 / (fade * fade)
    recent = 1.0 - np.exp(-nominal_s / _RECENT_S)
    for i in range(n):
        stamp = min(stamps[i], limit)
        error = stamp - (last + period)
        if not np.isfinite(stamps[i]) or stamps[i] > limit + FAR_AHEAD_S:
            verdicts[i] = 2
            continue
        # A delivery that comes twice goes back to its beginning, then comes as far as it was.
        if stamp <= last_stamp and (repeating > 0 or error < -tolerance_s):
            repeating = 1.0
            verdicts[i] = 2
            continue
        if repeating > 0:  # how many new ones were among them is not known
            repeating, place_variance, covariance = 0.0, 1.0, 0.0
        # A stream that came back has a last time, but no period yet.
        if period == 0.0 or error > max(tolerance_s, _BURSTS_TO_A_HOLE * burst):
            if not np.isnan(last) and stamp <= last:
                verdicts[i] = 2
                continue
            if period == 0.0:
                period = nominal_s
                period_variance = 12.0 * (nominal_s / _PRIOR_S) ** 3  # that of a line through so many stamps
            verdicts[i] = 1
            times[i] = last = last_stamp = stamp
            place_variance, covariance = 1.0, 0.0
            side = spread = 0.0
            continue
        last_stamp = max(last_stamp, stamp)
        burst = min(max(fade * burst, -error), _LONGEST_BURST_S)
        error = max(error, -tolerance_s)
        place_variance = (place_variance + 2.0 * covariance + period_variance) * forget
        covariance = (covariance + period_variance) * forget
        period_variance *= forget
        place_gain, period_gain = place_variance / (place_variance + 1.0), covariance / (place_variance + 1.0)
        period_variance -= period_gain * covariance
        place_variance, covariance = place_gain, period_gain
        # A hole too small to begin a segment leaves all stamps on one side of the line: then the place is uncertain.
        side += recent * (error - side)
        spread += recent * (abs(error) - spread)
        if abs(side) > _ONE_SIDED * spread and abs(side) > _OFF_THE_LINE_S:
            place_variance, covariance = max(place_variance, 0.25), min(covariance, 0.0)
            place_gain, period_gain = place_variance / (place_variance + 1.0), 0.0
            side = spread = 0.0
        time = min(last + period + place_gain * error, limit)
        period = min(max(period + period_gain * error, 0.5 * nominal_s), 2.0 * nominal_s)
        # Times only ever rise, however wild the stamps.
        time = max(time, last + 0.01 * nominal_s)
        if time <= last:
            verdicts[i] = 2
            continue
        times[i] = last = time
    line[:5] = np.array([last, period, place_variance, covariance, period_variance])
    line[5:] = np.array([last_stamp, burst, side, spread, repeating])
    return times, verdicts


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
    line = np.array([getattr(state, name) for name in _LINE])
    times, verdicts = _follow(stamps, limit, nominal_s, tolerance_s, line)
    for name, value in zip(_LINE, line.tolist(), strict=True):
        setattr(state, name, value)
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
        if not np.isfinite(stamps[i]) or stamps[i] > received + FAR_AHEAD_S or time <= last:
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
