"""Pauses, turns and the pace of speech before a tick, from each frame's voice activity and level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks

from streamsense.features.log_mel import FRAME_HOP_S
from streamsense.streams import FloatArray

SPAN_S = 6.0
TURN_GAP_S = 3.0
"""A silence longer than this ends the speaking turn: who listens makes no pause."""
LOOKBACK_S = SPAN_S + TURN_GAP_S
PAUSE_S = 0.25
LONG_PAUSE_S = 1.0
CUES = ("pause_fraction", "long_pause", "speaking", "articulation_rate_hz", "articulation_variability")

# Lengths are compared in whole frames, lest microseconds of the clock decide on one that is just as long.
_PAUSE_FRAMES, _LONG_PAUSE_FRAMES, _TURN_GAP_FRAMES = (
    round(length_s / FRAME_HOP_S) for length_s in (PAUSE_S, LONG_PAUSE_S, TURN_GAP_S)
)
_SHORTEST_TURN_S = 1.0
_HOLE_S = 0.05
_PEAK_PROMINENCE_DB = 3.0
_PEAK_DISTANCE_FRAMES = 10  # syllables come at 2 to 8 Hz
_SMOOTHING_FRAMES = 5
_LONGEST_INTERVAL_S = 0.5
_FEWEST_INTERVALS = 3

BoolArray = npt.NDArray[np.bool_]


def speech_timing(
    times: FloatArray, voiced: BoolArray, level_db: FloatArray, tick: float, hold_frames: int
) -> dict[str, float]:
    """The cues at `tick` from the frames of [tick - 9 s, tick): `times`, `voiced`, `level_db`, each (n,), in order.

    `pause_fraction` is the share of silences of 250 ms to 3 s in the turns of the last 6 s, `long_pause` 1 when one
    of them reaches 1 s, `speaking` 1 when speech was heard in the last 3 s. The two articulation cues are the rate
    of the level's peaks (Hz of speech) and the coefficient of variation of their distances, 0 where unknown.
    A hole in the data is no pause. `hold_frames` is how long voice activity holds on after speech.
    """
    spoken = _without_hold(voiced, hold_frames)
    pause_s, turn_s, longest_frames = _silences(times, spoken, tick)
    recent = times >= tick - SPAN_S
    rate, variability = _articulation(level_db[recent], spoken[recent])
    return {
        "pause_fraction": pause_s / max(turn_s, _SHORTEST_TURN_S),
        "long_pause": float(longest_frames >= _LONG_PAUSE_FRAMES),
        "speaking": float(bool(voiced[times >= tick - TURN_GAP_S].any())),
        "articulation_rate_hz": rate,
        "articulation_variability": variability,
    }


def _without_hold(voiced: BoolArray, hold_frames: int) -> BoolArray:
    """Take the held frames off the end of each stretch of speech that has ended."""
    spoken = voiced.copy()
    for end in np.flatnonzero(voiced[:-1] & ~voiced[1:]) + 1:
        spoken[max(0, end - hold_frames) : end] = False
    return spoken


def _silences(times: FloatArray, spoken: BoolArray, tick: float) -> tuple[float, float, int]:
    """Seconds of pauses and of turns within the last 6 s, and the longest pause (frames) that reaches into them."""
    speech = np.flatnonzero(spoken)
    if len(speech) == 0:
        return 0.0, 0.0, 0
    # Silences begin after a frame of speech and end with the next one, or with the newest frame of all.
    before = speech
    after = np.append(speech[1:], len(spoken))
    ends = np.minimum(after, len(times) - 1)
    lengths = ends - before
    seconds = times[ends] - times[before]
    whole = seconds <= (after - before) * FRAME_HOP_S + _HOLE_S
    in_turn = (after - before > 1) & whole & (lengths <= _TURN_GAP_FRAMES)
    inside = np.maximum(0, times[ends] - np.maximum(times[before], tick - SPAN_S))
    pauses = in_turn & (lengths >= _PAUSE_FRAMES) & (inside > 0)
    pause_s = float(inside[pauses].sum())
    speech_s = float(np.count_nonzero(times[speech] >= tick - SPAN_S)) * FRAME_HOP_S
    return pause_s, speech_s + float(inside[in_turn].sum()), int(lengths[pauses].max(initial=0))


def _articulation(level_db: FloatArray, spoken: BoolArray) -> tuple[float, float]:
    if np.count_nonzero(spoken) < _SHORTEST_TURN_S / FRAME_HOP_S:
        return 0.0, 0.0
    smooth = np.convolve(level_db, np.full(_SMOOTHING_FRAMES, 1 / _SMOOTHING_FRAMES), mode="same")
    peaks, _ = find_peaks(smooth, prominence=_PEAK_PROMINENCE_DB, distance=_PEAK_DISTANCE_FRAMES)
    peaks = peaks[spoken[peaks]]
    rate = len(peaks) / (np.count_nonzero(spoken) * FRAME_HOP_S)
    intervals = np.diff(peaks) * FRAME_HOP_S
    intervals = intervals[intervals <= _LONGEST_INTERVAL_S]
    if len(intervals) < _FEWEST_INTERVALS:
        return float(rate), 0.0
    return float(rate), float(intervals.std() / intervals.mean())
