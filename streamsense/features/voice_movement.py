"""How the voice moves within a window: spread, steps, rises and falls of pitch and loudness, and stretches of pitch."""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, Float32Array, FloatArray
from streamsense.features.contours import (
    CHANGE,
    LOUDNESS,
    PERIODICITY,
    SEMITONES,
    USUAL_LOUDNESS,
    USUAL_SEMITONES,
)
from streamsense.features.log_mel import FRAME_HOP_S

MOVEMENT = {
    "pitch_p05_st": "semitone",
    "pitch_p20_st": "semitone",
    "pitch_p50_st": "semitone",
    "pitch_p80_st": "semitone",
    "pitch_p95_st": "semitone",
    "loudness_p20_db": "dB",
    "loudness_p50_db": "dB",
    "loudness_p80_db": "dB",
    "loudness_p95_db": "dB",
    "tilt_pitched": "SD",
    "tilt_pitched_sd": "SD",
    "periodicity_voiced": "",
    "periodicity_voiced_sd": "",
    "change_db": "dB",
    "change_sd_db": "dB",
    "change_pitched_db": "dB",
    "change_pitched_sd_db": "dB",
    "pitch_step_20ms_st": "semitone",
    "pitch_step_60ms_st": "semitone",
    "pitch_step_120ms_st": "semitone",
    "loudness_step_20ms_db": "dB",
    "loudness_step_60ms_db": "dB",
    "loudness_step_120ms_db": "dB",
    "pitch_rise_st": "semitone",
    "pitch_fall_st": "semitone",
    "loudness_rise_db": "dB",
    "loudness_fall_db": "dB",
    "pitch_stretches_hz": "Hz",
    "pitch_stretch_s": "s",
    "pitched_of_voiced": "",
    "pitch_begin_st": "semitone",
    "pitch_end_st": "semitone",
    "loudness_begin_db": "dB",
    "loudness_end_db": "dB",
}
"""The numbers in their order, with their units."""

_PITCH_SHARES = (0.05, 0.2, 0.5, 0.8, 0.95)
_LOUDNESS_SHARES = (0.2, 0.5, 0.8, 0.95)
_STEP_FRAMES = (2, 6, 12)
_RISE_FRAMES = 6
_FARTHEST_ST = 9.0  # from the window's median, as for the prosody: farther away are octave errors
_SHORTEST_S = 0.2


def voice_movement(times: FloatArray, contours: Float32Array, tilt: Float32Array, voiced: BoolArray) -> FloatArray:
    """The numbers of MOVEMENT (34,) from the frames of a window.

    They are given by `times` (n,) in s, `contours` (n, 7), the normalised `tilt` (n,) and `voiced` (n,). "Pitched" are
    the voiced frames with a pitch within 9 semitones of the window's median; where nothing counts a number is 0.
    `_pNN_` are quantiles of the pitched frames' pitch and of the voiced frames' loudness, from the speaker's usual
    ones; `_step_` are the root mean square of the difference over so much time, `_rise_` and `_fall_` the mean of its
    positive and negative part over 60 ms. `pitch_stretches_hz` counts the stretches of pitch per second of voice,
    `pitch_stretch_s` is their mean length; `_begin_` and `_end_` are means of the first and the last third of the
    voiced frames, loudness from the window's mean. Nothing is compared across a hole in the data.
    """
    return _of_frames(times, contours, tilt, voiced)  # type: ignore[no-any-return]


def contract() -> dict[str, object]:
    """The exact definition, beside that of the contours."""
    return {
        "numbers": list(MOVEMENT),
        "pitch_within_st_of_median": _FARTHEST_ST,
        "quantiles": {"pitch": list(_PITCH_SHARES), "loudness": list(_LOUDNESS_SHARES)},
        "step_frames": list(_STEP_FRAMES),
        "rise_frames": _RISE_FRAMES,
        "shortest_voice_s": _SHORTEST_S,
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _of_frames(times: FloatArray, contours: Float32Array, tilt: Float32Array, voiced: BoolArray) -> FloatArray:
    pitched = voiced & (contours[:, SEMITONES] > 0)
    if pitched.any():
        in_order = np.sort(contours[pitched, SEMITONES])
        pitched &= np.abs(contours[:, SEMITONES] - in_order[len(in_order) // 2]) <= _FARTHEST_ST
    return _movement(times, contours.astype(np.float64), tilt.astype(np.float64), pitched, voiced)  # type: ignore[no-any-return]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _movement(
    times: FloatArray, contours: FloatArray, tilt: FloatArray, pitched: BoolArray, voiced: BoolArray
) -> FloatArray:
    found = np.zeros(34)
    count = voiced.sum()
    if count == 0:
        return found
    usual_pitch = usual_loudness = 0.0
    for i in range(len(times)):
        if voiced[i]:
            usual_pitch, usual_loudness = contours[i, USUAL_SEMITONES], contours[i, USUAL_LOUDNESS]
    pitch, loudness = contours[:, SEMITONES] - usual_pitch, contours[:, LOUDNESS] - usual_loudness
    if usual_pitch == 0:
        pitch[:] = 0.0
    if usual_loudness == 0:
        loudness[:] = 0.0
    _quantiles(np.sort(pitch[pitched]), _PITCH_SHARES, found[0:5])
    _quantiles(np.sort(loudness[voiced]), _LOUDNESS_SHARES, found[5:9])
    found[9], found[10] = _mean_and_sd(tilt[pitched])
    found[11], found[12] = _mean_and_sd(contours[voiced, PERIODICITY])
    found[13], found[14] = _mean_and_sd(contours[voiced, CHANGE])
    found[15], found[16] = _mean_and_sd(contours[pitched, CHANGE])
    for k in range(len(_STEP_FRAMES)):
        found[17 + k] = _steps(times, pitch, pitched, _STEP_FRAMES[k])[0]
        found[20 + k] = _steps(times, loudness, voiced, _STEP_FRAMES[k])[0]
    _, found[23], found[24] = _steps(times, pitch, pitched, _RISE_FRAMES)
    _, found[25], found[26] = _steps(times, loudness, voiced, _RISE_FRAMES)
    stretches = 0
    for i in range(len(times)):
        if pitched[i] and (i == 0 or not pitched[i - 1]):
            stretches += 1
    found[27] = stretches / max(_SHORTEST_S, count * FRAME_HOP_S)
    found[28] = pitched.sum() * FRAME_HOP_S / max(1, stretches)
    found[29] = pitched.sum() / count
    _ends(pitch, pitched, voiced, count, found[30:32])
    _ends(loudness, voiced, voiced, count, found[32:34])
    mean, _ = _mean_and_sd(loudness[voiced])
    found[32], found[33] = found[32] - mean, found[33] - mean
    return found


@njit(cache=True)  # type: ignore[untyped-decorator]
def _quantiles(in_order: FloatArray, shares: tuple[float, ...], found: FloatArray) -> None:
    if len(in_order) > 0:
        for k in range(len(shares)):
            found[k] = in_order[int(shares[k] * (len(in_order) - 1))]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _mean_and_sd(values: FloatArray) -> tuple[float, float]:
    if len(values) == 0:
        return 0.0, 0.0
    mean = values.sum() / len(values)
    square = 0.0
    for value in values:
        square += (value - mean) ** 2
    return mean, np.sqrt(square / len(values))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _steps(times: FloatArray, values: FloatArray, counted: BoolArray, frames: int) -> tuple[float, float, float]:
    """Root mean square, mean rise and mean fall of the differences over so many frames, where both ends count."""
    square = rise = fall = 0.0
    count = 0
    for i in range(frames, len(values)):
        if counted[i] and counted[i - frames] and times[i] - times[i - frames] < 1.5 * frames * FRAME_HOP_S:
            step = values[i] - values[i - frames]
            square, rise, fall = square + step * step, rise + max(0.0, step), fall + max(0.0, -step)
            count += 1
    return np.sqrt(square / max(1, count)), rise / max(1, count), fall / max(1, count)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _ends(values: FloatArray, counted: BoolArray, voiced: BoolArray, count: int, found: FloatArray) -> None:
    """Means over those of the first and the last third of the `count` voiced frames that are `counted`."""
    place = first = last = 0
    for i in range(len(values)):
        if not voiced[i]:
            continue
        if counted[i] and 3 * place < count:
            found[0], first = found[0] + values[i], first + 1
        if counted[i] and 3 * (place + 1) > 2 * count:
            found[1], last = found[1] + values[i], last + 1
        place += 1
    found[0], found[1] = found[0] / max(1, first), found[1] / max(1, last)
