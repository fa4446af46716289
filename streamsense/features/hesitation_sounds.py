"""Evidence of filled pauses ("uh") and of audible breath in the frames before a tick: sounds that are like them.

It is evidence, not fact: a drawled vowel or a hummed tone is like a filled pause, a long quiet fricative between
silences is like a breath.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, Float32Array, FloatArray
from streamsense.features.contours import CHANGE, LOUDNESS, PERIODICITY, SEMITONES, TILT_DB
from streamsense.features.log_mel import FRAME_HOP_S

# A filled pause: small transition of the pitch, small deformation of the spectral envelope (Goto, Itou & Hayamizu
# 1999). Both look back, so that what is counted is some 0.1 s shorter than the vowel. Chosen on 56 sentences of EmoDB,
# plain (97 % have no such stretch of more than 0.12 s) and with a vowel lengthened by 0.25 s (median 0.24 s).
STEADY_CHANGE_DB = 4.5
STEADY_PITCH_ST = 1.0
_PITCH_STEP_FRAMES = 5
FILLED_FROM_S, FILLED_FULLY_S = 0.12, 0.25

# A breath: noise above 1 kHz, without pitch, between the noise of the room and speech, and apart from it.
BREATH_PERIODICITY = 0.5
BREATH_TILT_DB = 0.0
BREATH_ABOVE_NOISE_DB = (3.0, 6.0)
BREATH_BELOW_SPEECH_DB = (6.0, 12.0)
BREATH_S = (0.1, 0.15, 0.6, 0.9)
"""Evidence begins, is full from here to there, ends."""
_APART_FRAMES = 4

_BRIDGED_FRAMES = 3
HOLE_S = 5.5 * FRAME_HOP_S
"""More is a hole in the data: five frames, whatever microseconds their times are apart from the grid."""


def hesitation_sounds(
    times: FloatArray, contours: Float32Array, spoken: BoolArray, above_noise_db: Float32Array, since: float
) -> tuple[float, float]:
    """Evidence in [0, 1] of a filled pause and of a breath that ended after `since` (s): the best of each.

    The frames are in order: `times` (n,) in s, `contours` (n, 7), whether it is `spoken` (n,), and the level above
    the noise floor `above_noise_db` (n,).
    """
    first = int(np.searchsorted(times, since))
    steady = _steady(contours, spoken)
    breathy = _breathy(contours, above_noise_db)
    # Where nobody speaks, the mains' hum may have a pitch.
    pitched = spoken & (contours[:, SEMITONES] > 0)
    breath = _breath(times, contours[:, LOUDNESS], above_noise_db, pitched, breathy, first)
    return _filled_pause(times, steady, first), breath


def contract() -> dict[str, object]:
    """The exact definition of both."""
    return {
        "steady": {"change_db": STEADY_CHANGE_DB, "pitch_st": STEADY_PITCH_ST, "over_frames": _PITCH_STEP_FRAMES},
        "filled_pause_s": [FILLED_FROM_S, FILLED_FULLY_S],
        "breathy": {"periodicity": BREATH_PERIODICITY, "tilt_db": BREATH_TILT_DB},
        "breath_above_noise_db": list(BREATH_ABOVE_NOISE_DB),
        "breath_below_speech_db": list(BREATH_BELOW_SPEECH_DB),
        "breath_s": list(BREATH_S),
        "breath_apart_frames": _APART_FRAMES,
        "bridged_frames": _BRIDGED_FRAMES,
        "hole_s": HOLE_S,
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _steady(contours: Float32Array, spoken: BoolArray) -> BoolArray:
    """Frames (n,) of a voice that changes neither its pitch nor its colour."""
    steady = np.zeros(len(contours), np.bool_)
    for i in range(_PITCH_STEP_FRAMES, len(contours)):
        before, now = contours[i - _PITCH_STEP_FRAMES, SEMITONES], contours[i, SEMITONES]
        steady[i] = (
            spoken[i]
            and before > 0
            and now > 0
            and abs(now - before) <= STEADY_PITCH_ST
            and contours[i, CHANGE] <= STEADY_CHANGE_DB
        )
    return steady


@njit(cache=True)  # type: ignore[untyped-decorator]
def _breathy(contours: Float32Array, above_noise_db: Float32Array) -> BoolArray:
    """Frames (n,) of noise above 1 kHz that can be heard over the room's."""
    breathy = np.zeros(len(contours), np.bool_)
    for i in range(len(contours)):
        breathy[i] = (
            contours[i, SEMITONES] == 0
            and contours[i, PERIODICITY] <= BREATH_PERIODICITY
            and contours[i, TILT_DB] >= BREATH_TILT_DB
            and above_noise_db[i] >= BREATH_ABOVE_NOISE_DB[0]
        )
    return breathy


@njit(cache=True)  # type: ignore[untyped-decorator]
def _next_run(times: FloatArray, wanted: BoolArray, start: int) -> tuple[int, int]:
    """First and last + 1 of the next stretch of `wanted` frames from `start` on, short breaks bridged, holes not."""
    count = len(wanted)
    while start < count and not wanted[start]:
        start += 1
    stop = last = start
    while stop < count and stop - last <= _BRIDGED_FRAMES:
        if stop > start and times[stop] - times[stop - 1] > HOLE_S:
            break
        if wanted[stop]:
            last = stop
        stop += 1
    return start, min(last + 1, count)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _filled_pause(times: FloatArray, steady: BoolArray, first: int) -> float:
    best, start, stop = 0.0, 0, 0
    while stop < len(steady):
        start, stop = _next_run(times, steady, stop)
        if stop > first:
            best = max(best, _ramp((stop - start) * FRAME_HOP_S, FILLED_FROM_S, FILLED_FULLY_S))
    return best


@njit(cache=True)  # type: ignore[untyped-decorator]
def _breath(
    times: FloatArray,
    loudness_db: Float32Array,
    above_noise_db: Float32Array,
    pitched: BoolArray,
    breathy: BoolArray,
    first: int,
) -> float:
    if not pitched.any():
        return 0.0
    speech_db = _mean(loudness_db, pitched, 0, len(pitched))
    best, start, stop = 0.0, 0, 0
    while stop < len(breathy):
        start, stop = _next_run(times, breathy, stop)
        # A fricative leads from or to a vowel, a breath does not.
        if stop <= first or pitched[max(0, start - _APART_FRAMES) : stop + _APART_FRAMES].any():
            continue
        length_s = (stop - start) * FRAME_HOP_S
        evidence = _ramp(length_s, BREATH_S[0], BREATH_S[1]) * (1 - _ramp(length_s, BREATH_S[2], BREATH_S[3]))
        if evidence > 0:
            below_db = speech_db - _mean(loudness_db, breathy, start, stop)
            above_db = _mean(above_noise_db, breathy, start, stop)
            evidence *= _ramp(below_db, BREATH_BELOW_SPEECH_DB[0], BREATH_BELOW_SPEECH_DB[1])
            evidence *= _ramp(above_db, BREATH_ABOVE_NOISE_DB[0], BREATH_ABOVE_NOISE_DB[1])
        best = max(best, evidence)
    return best


@njit(cache=True)  # type: ignore[untyped-decorator]
def _mean(values: Float32Array, wanted: BoolArray, start: int, stop: int) -> float:
    """The mean of those `wanted` from `start` to `stop`, of which there is one at least."""
    total, count = 0.0, 0
    for i in range(start, stop):
        if wanted[i]:
            total += values[i]
            count += 1
    return total / count
