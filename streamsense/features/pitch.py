"""Pitch and periodicity of a voice, frame by frame: YIN on sound of 4 kHz, from the past only.

YIN (de Cheveigné & Kawahara 2002) looks for the lag at which the sound differs least from itself: their equations 6
(difference) and 8 (its ratio to the mean over the shorter lags), and parabolic interpolation. Of the lags at which
that ratio has a minimum the best is taken by one cost, not by their absolute threshold alone: minima below `_GOOD`
are equally good, and each octave down costs `_OCTAVE_COST` (as in Boersma 1993), so that a multiple of the period
does not win by chance. There is no smoothing over frames: it would look ahead, or hold on to an error.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy  # loads its parts when they are first used: signal takes a second
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.log_mel import FRAME_SAMPLES, HOP_SAMPLES
from streamsense.features.sound_resampler import SOUND_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
VOICED_PERIODICITY = 0.65
"""From here on a frame has a pitch. Chosen on 32 clips of EmoDB beside librosa's pYIN."""

_DOWN = 4
_RATE_HZ = SOUND_RATE_HZ / _DOWN
_LOWPASS_HZ = 1400.0  # above the highest pitch and two overtones; breath and fricatives lie higher
_TAPS = 48
_HOP = HOP_SAMPLES // _DOWN
_WINDOW = 133  # 33 ms, two periods of the lowest pitch
_SHORTEST_LAG = int(_RATE_HZ / HIGHEST_HZ)
_LAGS = int(_RATE_HZ / LOWEST_HZ) + 2
_FRAME = _WINDOW + _LAGS - 1
_GOOD = 0.1
_OCTAVE_COST = 0.05
_SILENT = 1e-10  # mean square: -100 dB of full scale

SPAN_SAMPLES = (_FRAME - 1) * _DOWN + _TAPS
"""How much sound a frame's pitch needs (52 ms at 16 kHz); it ends with the frame's last sample."""
LEAD_SAMPLES = SPAN_SAMPLES - FRAME_SAMPLES
"""How much of that lies before the frame."""


@cache
def _lowpass() -> FloatArray:
    return np.asarray(scipy.signal.firwin(_TAPS, _LOWPASS_HZ, fs=SOUND_RATE_HZ))


def pitch(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pitch (n,) in Hz, 0 where there is none, and periodicity (n,) in [0, 1], of the frames in `samples`.

    `samples` are those of the frames (16 kHz, full scale 1, finite) with the LEAD_SAMPLES before them. Periodicity is
    1 less YIN's d' at the period: 1 for a tone, about 0 for noise.
    """
    count = max(0, (len(samples) - SPAN_SAMPLES) // HOP_SAMPLES + 1)
    return _yin(_slower(samples, _lowpass(), max(0, (count - 1) * _HOP + _FRAME)), count)  # type: ignore[no-any-return]


def contract() -> dict[str, object]:
    """The exact definition of both."""
    return {
        "method": "yin",
        "rate_hz": _RATE_HZ,
        "lowpass": {"taps": _TAPS, "cutoff_hz": _LOWPASS_HZ, "window": "hamming"},
        "range_hz": [LOWEST_HZ, HIGHEST_HZ],
        "window_samples": _WINDOW,
        "silent_mean_square": _SILENT,
        "good": _GOOD,
        "octave_cost": _OCTAVE_COST,
        "voiced_periodicity": VOICED_PERIODICITY,
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _slower(samples: FloatArray, taps: FloatArray, count: int) -> FloatArray:
    """Low-pass, and every fourth sample (count,); output i ends with sample 4 i + 47.

    The outputs are the innermost loop, so that several are computed with one instruction, each in the same order.
    """
    slower = np.zeros(count)
    phase = np.empty(count + _TAPS // _DOWN)
    for first in range(_DOWN if count else 0):
        held = count + (len(taps) - 1 - first) // _DOWN
        for i in range(held):
            phase[i] = samples[_DOWN * i + first]
        for k in range(first, len(taps), _DOWN):
            tap, shifted = taps[k], phase[k // _DOWN :]
            for i in range(count):
                slower[i] += tap * shifted[i]
    return slower


@njit(cache=True)  # type: ignore[untyped-decorator]
def _yin(sound: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    pitch_hz, periodicity = np.zeros(count), np.zeros(count)
    ratio = np.empty(_LAGS)
    for i in range(count):
        # Newest first: so the window is the newest sound, and only the lag reaches further back.
        frame = sound[i * _HOP : i * _HOP + _FRAME][::-1].copy()
        energy = 0.0
        for k in range(_WINDOW):
            energy += frame[k] * frame[k]
        if energy < _SILENT * _WINDOW:
            continue
        _difference_ratio(frame, ratio)
        period, least = _best_period(ratio)
        periodicity[i] = min(1.0, max(0.0, 1 - least))
        if periodicity[i] >= VOICED_PERIODICITY:
            pitch_hz[i] = min(HIGHEST_HZ, max(LOWEST_HZ, _RATE_HZ / period))
    return pitch_hz, periodicity


@njit(cache=True)  # type: ignore[untyped-decorator]
def _difference_ratio(frame: FloatArray, ratio: FloatArray) -> None:
    """The difference at each lag over its mean up to there, d' (_LAGS,), into `ratio`.

    The lags are the innermost loop, so that several are computed with one instruction, in one order.
    """
    ratio[:] = 0.0
    for k in range(_WINDOW):
        value, earlier = frame[k], frame[k:]
        for lag in range(_LAGS):
            step = value - earlier[lag]
            ratio[lag] += step * step
    total = 0.0
    ratio[0] = 1.0
    for lag in range(1, _LAGS):
        total += ratio[lag]
        ratio[lag] = ratio[lag] * lag / total if total > 0 else 1.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _best_period(ratio: FloatArray) -> tuple[float, float]:
    """The minimum of the least cost, between the lags, and the ratio there; (1, 1) where there is none."""
    best, least, lowest_cost = 1.0, 1.0, np.inf
    for lag in range(_SHORTEST_LAG, len(ratio) - 1):
        before, here, after = ratio[lag - 1], ratio[lag], ratio[lag + 1]
        if here > before or here > after:
            continue
        # The vertex of the parabola through the three.
        bend = before - 2 * here + after
        shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
        value = here - 0.25 * (before - after) * shift
        cost = max(value, _GOOD) + _OCTAVE_COST * np.log2(lag / _SHORTEST_LAG)
        if cost < lowest_cost:
            best, least, lowest_cost = lag + shift, value, cost
    return best, least
