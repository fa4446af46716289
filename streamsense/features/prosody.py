"""Prosody of a window: statistics of the pitch and the loudness contours, referred to what is usual for the speaker."""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, Float32Array, FloatArray
from streamsense.features.contours import LOUDNESS, PERIODICITY, SEMITONES, USUAL_LOUDNESS, USUAL_SEMITONES

PROSODY = {
    "pitch_mean_st": "semitone",
    "pitch_sd_st": "semitone",
    "pitch_slope_st_per_s": "semitone/s",
    "pitch_range_st": "semitone",
    "pitch_unsteadiness_st": "semitone",
    "periodicity": "",
    "pitched_fraction": "",
    "loudness_mean_db": "dB",
    "loudness_sd_db": "dB",
    "loudness_slope_db_per_s": "dB/s",
}
"""The numbers in their order, with their units."""

_LARGEST_STEP_ST = 1.0
_FARTHEST_ST = 9.0  # from the window's median: farther away are octave errors
_LOUDNESS_RANGE_DB = 25.0  # below the window's loudest: quieter is no speech, but voice activity holding on
_FEWEST_FOR_A_SLOPE = 10
_RANGE = (0.2, 0.8)  # quantiles, as in eGeMAPS (Eyben 2016)


def prosody(times: FloatArray, contours: Float32Array, voiced: BoolArray) -> FloatArray:
    """The numbers of PROSODY (10,) from the frames of a window: `times` (n,) in s, `contours` (n, 7), `voiced` (n,).

    Pitch counts where a voiced frame has one, within 9 semitones of the window's median, loudness in the voiced frames
    within 25 dB of the loudest; where nothing counts a number is 0. The means are distances from the speaker's usual
    pitch and loudness, 0 while these are unknown. Slopes are those of the line of least squares. `pitch_range_st`
    reaches from the 20th to the 80th percentile, as in eGeMAPS (Eyben 2016). `pitch_unsteadiness_st` is the mean
    absolute second difference of the pitch from frame to frame, each at most 1: it grows with jitter, but is no measure
    of single cycles. `periodicity` is the mean of the frames with a pitch: breathy and hoarse voices have less.
    """
    in_order = np.sort(contours[voiced, SEMITONES])
    in_order = in_order[np.searchsorted(in_order, 0.0, side="right") :]
    return _prosody(times, contours, voiced, in_order)  # type: ignore[no-any-return]


def contract() -> dict[str, object]:
    """The exact definition, beside that of the contours."""
    return {
        "pitch_within_st_of_median": _FARTHEST_ST,
        "loudness_within_db_of_loudest": _LOUDNESS_RANGE_DB,
        "largest_step_st": _LARGEST_STEP_ST,
        "fewest_for_a_slope": _FEWEST_FOR_A_SLOPE,
        "range_quantiles": list(_RANGE),
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _prosody(times: FloatArray, contours: Float32Array, voiced: BoolArray, in_order: Float32Array) -> FloatArray:
    """As above; `in_order` are the pitches of the voiced frames that have one, ascending."""
    count = len(times)
    at, pitch = np.empty(count), np.empty(count)
    at_loud, loudness = np.empty(count), np.empty(count)
    pitched = loud = triples = 0
    periodicity = unsteadiness = usual_pitch = usual_loudness = 0.0
    middle = in_order[len(in_order) // 2] if len(in_order) > 0 else np.float32(0.0)
    loudest = -np.inf
    for i in range(count):
        if voiced[i]:
            loudest = max(loudest, contours[i, LOUDNESS])
    for i in range(count):
        if not voiced[i]:
            continue
        if contours[i, LOUDNESS] >= loudest - _LOUDNESS_RANGE_DB:
            at_loud[loud], loudness[loud] = times[i] - times[0], contours[i, LOUDNESS]
            loud += 1
            usual_loudness = contours[i, USUAL_LOUDNESS]
        if contours[i, SEMITONES] == 0 or abs(contours[i, SEMITONES] - middle) > _FARTHEST_ST:
            continue
        at[pitched], pitch[pitched] = times[i] - times[0], contours[i, SEMITONES]
        pitched += 1
        periodicity += contours[i, PERIODICITY]
        usual_pitch = contours[i, USUAL_SEMITONES]
        if i >= 2 and contours[i - 1, SEMITONES] > 0 and contours[i - 2, SEMITONES] > 0:
            bend = contours[i, SEMITONES] - 2 * contours[i - 1, SEMITONES] + contours[i - 2, SEMITONES]
            unsteadiness += min(_LARGEST_STEP_ST, abs(bend))
            triples += 1
    found = np.zeros(10)
    if pitched > 0:
        found[0], found[1], found[2] = _line(at[:pitched], pitch[:pitched])
        found[0] = found[0] - usual_pitch if usual_pitch > 0 else 0.0
        last = len(in_order) - 1
        found[3] = in_order[int(_RANGE[1] * last)] - in_order[int(_RANGE[0] * last)]
        found[4] = unsteadiness / max(1, triples)
        found[5] = periodicity / pitched
        found[6] = pitched / count
    if loud > 0:
        found[7], found[8], found[9] = _line(at_loud[:loud], loudness[:loud])
        found[7] = found[7] - usual_loudness if usual_loudness != 0 else 0.0
    return found


@njit(cache=True)  # type: ignore[untyped-decorator]
def _line(times: FloatArray, values: FloatArray) -> tuple[float, float, float]:
    """Mean, standard deviation, and slope per second (0 for fewer than ten values)."""
    count = len(times)
    middle, mean = times.sum() / count, values.sum() / count
    spread = square = common = 0.0
    for i in range(count):
        spread += (times[i] - middle) ** 2
        square += (values[i] - mean) ** 2
        common += (times[i] - middle) * (values[i] - mean)
    slope = common / spread if count >= _FEWEST_FOR_A_SLOPE and spread > 0 else 0.0
    return mean, np.sqrt(square / count), slope
