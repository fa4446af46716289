"""How fast somebody articulates: syllable nuclei in the loudness contour, as de Jong & Wempe (2009) count them.

A nucleus is a peak of at least 2 dB above the dips on both sides, less than 25 dB below the loudest, at which there is
a pitch. They take the peaks of the intensity; those of the loudness meet the known number of syllables better.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, Float32Array, FloatArray, IntArray
from streamsense.features.contours import LOUDNESS, SEMITONES
from streamsense.features.log_mel import FRAME_HOP_S

DIP_DB = 2.0
RANGE_DB = 25.0
LEAST_SPEECH_S = 1.0
_SMOOTHING_FRAMES = 5
_PITCH_WITHIN_FRAMES = 2
_LONGEST_INTERVAL_S = 0.5
_FEWEST_INTERVALS = 3


def articulation(contours: Float32Array, spoken: BoolArray) -> tuple[float, float]:
    """Syllable nuclei per second of speech (Hz), and the coefficient of variation of their distances.

    Of the frames `contours` (n, 7) those count that are `spoken` (n,). Both are 0 where there is less than 1 s of
    speech, the second where fewer than three distances of at most half a second are known.
    """
    return _rate_and_variability(syllable_nuclei(contours, spoken), spoken)  # type: ignore[no-any-return]


def contract() -> dict[str, object]:
    """The exact definition of both."""
    return {
        "dip_db": DIP_DB,
        "range_db": RANGE_DB,
        "smoothing_frames": _SMOOTHING_FRAMES,
        "pitch_within_frames": _PITCH_WITHIN_FRAMES,
        "least_speech_s": LEAST_SPEECH_S,
        "longest_interval_s": _LONGEST_INTERVAL_S,
        "fewest_intervals": _FEWEST_INTERVALS,
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def syllable_nuclei(contours: Float32Array, spoken: BoolArray) -> IntArray:
    """The numbers of the frames at which a nucleus has its peak."""
    loudness = _smoothed(contours)
    loudest = -np.inf
    for i in range(len(loudness)):
        if spoken[i]:
            loudest = max(loudest, loudness[i])
    found = np.empty(len(loudness), np.int64)
    count = 0
    lowest, highest, peak, is_rising = np.inf, -np.inf, 0, True
    for i in range(len(loudness)):
        value = loudness[i]
        if not is_rising:
            lowest = min(lowest, value)
            is_rising = value - lowest >= DIP_DB
            highest, peak = value, i
        elif value > highest:
            highest, peak = value, i
        elif highest - lowest >= DIP_DB and highest - value >= DIP_DB:
            if highest > loudest - RANGE_DB and spoken[peak] and _has_pitch(contours, peak):
                found[count] = peak
                count += 1
            lowest, is_rising = value, False
        if is_rising and highest - lowest < DIP_DB and value < lowest:
            lowest, highest, peak = value, value, i
    return found[:count]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _rate_and_variability(nuclei: IntArray, spoken: BoolArray) -> tuple[float, float]:
    speech_s = spoken.sum() * FRAME_HOP_S
    if speech_s < LEAST_SPEECH_S:
        return 0.0, 0.0
    total = squares = 0.0
    count = 0
    for k in range(1, len(nuclei)):
        interval_s = (nuclei[k] - nuclei[k - 1]) * FRAME_HOP_S
        if interval_s <= _LONGEST_INTERVAL_S:
            total += interval_s
            squares += interval_s * interval_s
            count += 1
    rate = len(nuclei) / speech_s
    if count < _FEWEST_INTERVALS:
        return rate, 0.0
    mean = total / count
    return rate, np.sqrt(max(0.0, squares / count - mean * mean)) / mean


@njit(cache=True)  # type: ignore[untyped-decorator]
def _smoothed(contours: Float32Array) -> FloatArray:
    """The loudness, mean over 50 ms around each frame."""
    half = _SMOOTHING_FRAMES // 2
    smooth = np.empty(len(contours))
    for i in range(len(contours)):
        total, first, stop = 0.0, max(0, i - half), min(len(contours), i + half + 1)
        for k in range(first, stop):
            total += contours[k, LOUDNESS]
        smooth[i] = total / (stop - first)
    return smooth


@njit(cache=True)  # type: ignore[untyped-decorator]
def _has_pitch(contours: Float32Array, peak: int) -> bool:
    for k in range(max(0, peak - _PITCH_WITHIN_FRAMES), min(len(contours), peak + _PITCH_WITHIN_FRAMES + 1)):
        if contours[k, SEMITONES] > 0:
            return True
    return False
