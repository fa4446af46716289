"""The voice's contours, frame by frame: pitch, periodicity, loudness, spectral change, and the speaker's usual ones.

The usual pitch and loudness are running medians of the speaker's own frames (or a profile's), so that neither sex nor
the microphone's gain matters to what is referred to them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray
from streamsense.errors import ConfigError
from streamsense.features.log_mel import FRAME_HOP_S, LogMelSettings
from streamsense.features.loudness import Loudness
from streamsense.features.loudness import contract as loudness_contract
from streamsense.features.pitch import HIGHEST_HZ, LOWEST_HZ
from streamsense.profile import Part, numbers

SEMITONE_ZERO_HZ = 27.5  # A0, as in eGeMAPS (Eyben 2016)
SEMITONES, PERIODICITY, LOUDNESS, TILT_DB, CHANGE, USUAL_SEMITONES, USUAL_LOUDNESS = range(7)
"""Columns: pitch (semitones above A0, 0: none), periodicity (0 to 1), loudness level (dB), tilt (dB, as the front end
gives it), spectral change (dB), and the speaker's usual pitch and loudness (0: unknown yet)."""
CONTOURS = 7

_MEMORY_S = 45.0  # of the speaker's own frames, as for the spectrum's normalisation
_SETTLED_FRAMES = 300
_SPECTRUM_S = 0.06  # memory of the spectrum that a frame's is compared with
_PITCH_BINS = (12 * math.log2(LOWEST_HZ / SEMITONE_ZERO_HZ), 0.5, 74)  # lowest, width (semitones), number
_LOUDNESS_BINS = (-100.0, 1.0, 120)  # lowest, width (dB), number
_DB_PER_LN = 10 / math.log(10)


@dataclass
class ContourState:
    """The spectrum so far, smoothed (NaN: none yet), and how often each pitch and loudness was heard.

    `usual_from_profile` is the usual pitch and loudness (2,) of the profile in use, NaN without one.
    """

    smoothed_spectrum: FloatArray
    pitch_weights: FloatArray
    loudness_weights: FloatArray
    usual_from_profile: FloatArray


class Contours:
    """Frame by frame, from the past only."""

    def __init__(self, settings: LogMelSettings) -> None:
        self._mels = settings.mels
        self._loudness = Loudness(settings)

    def new_state(self) -> ContourState:
        """State before the first frame of a speaker."""
        return ContourState(
            np.full(self._mels, np.nan), np.zeros(_PITCH_BINS[2]), np.zeros(_LOUDNESS_BINS[2]), np.full(2, np.nan)
        )

    def restart(self, state: ContourState) -> None:
        """After a gap the speaker is the same, but no spectrum is compared across."""
        state.smoothed_spectrum[:] = np.nan

    def step(
        self, state: ContourState, values: FloatArray, pitch_hz: FloatArray, periodicity: FloatArray, voiced: BoolArray
    ) -> FloatArray:
        """The contours (n, 7) of consecutive frames.

        They are given by `values` (n, mels + 2), log-Mel, level and tilt, and by (n,) each of the others. Spectral
        change is the RMS distance over the bands from the smoothed spectrum before, a difference of level left out. The
        usual pitch is that of the voiced frames with a pitch so far, this one included.
        """
        log_mel = values[:, : self._mels]
        contours = np.empty((len(log_mel), CONTOURS))
        contours[:, TILT_DB] = values[:, self._mels + 1]
        contours[:, PERIODICITY] = np.clip(periodicity, 0.0, 1.0)
        contours[:, LOUDNESS] = self._loudness.level_db(log_mel)
        _follow(
            contours, log_mel, pitch_hz, voiced, state.smoothed_spectrum, state.pitch_weights, state.loudness_weights,
            state.usual_from_profile,
        )  # fmt: skip
        return contours

    def forget(self, state: ContourState) -> None:
        """Learn what is usual again, from the next frame on."""
        state.pitch_weights[:], state.loudness_weights[:], state.usual_from_profile[:] = 0.0, 0.0, np.nan

    def learned(self, state: ContourState) -> dict[str, object]:
        """The speaker's usual pitch (semitones) and loudness (dB), for a profile; nothing before they have settled."""
        if state.pitch_weights.sum() < _SETTLED_FRAMES:
            return {}
        usual = [_median(state.pitch_weights, *_PITCH_BINS[:2]), _median(state.loudness_weights, *_LOUDNESS_BINS[:2])]
        return {"usual_pitch_and_loudness": usual}

    def in_profile(self, part: Part | None) -> FloatArray:
        """The usual pitch and loudness (2,) of a profile; NaN where it has none. Raises ConfigError if unfit."""
        if part is None or "usual_pitch_and_loudness" not in part:
            return np.full(2, np.nan)
        usual = numbers(part, "usual_pitch_and_loudness", 2)
        if usual[0] <= 0:
            raise ConfigError("The profile has a usual pitch that is not above 0. Make a new profile.")
        return usual

    def contract(self) -> dict[str, object]:
        """The exact definition of the contours."""
        return {
            "semitone_zero_hz": SEMITONE_ZERO_HZ,
            "loudness": loudness_contract(),
            "usual": {
                "method": "running median of voiced frames",
                "memory_s": _MEMORY_S,
                "pitch_bins_st": _bins(*_PITCH_BINS),
                "loudness_bins_db": _bins(*_LOUDNESS_BINS),
                "in_a_profile_from_frames": _SETTLED_FRAMES,
            },
            "spectral_change": {"from": "smoothed log-Mel spectrum", "smoothing_s": _SPECTRUM_S},
        }


def _bins(lowest: float, width: float, count: int) -> dict[str, float]:
    return {"lowest": lowest, "width": width, "count": count}


_FADE = math.exp(-FRAME_HOP_S / _MEMORY_S)
_SPECTRUM_STEP = -math.expm1(-FRAME_HOP_S / _SPECTRUM_S)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _follow(
    contours: FloatArray,
    log_mel: FloatArray,
    pitch_hz: FloatArray,
    voiced: BoolArray,
    spectrum: FloatArray,
    pitch_weights: FloatArray,
    loudness_weights: FloatArray,
    usual: FloatArray,
) -> None:
    """Fill in the columns that have a memory, frame by frame."""
    in_profile = not np.isnan(usual[0])
    usual_pitch = usual[0] if in_profile else _median(pitch_weights, _PITCH_BINS[0], _PITCH_BINS[1])
    usual_loudness = usual[1] if in_profile else _median(loudness_weights, _LOUDNESS_BINS[0], _LOUDNESS_BINS[1])
    for i in range(len(contours)):
        contours[i, CHANGE] = _change(log_mel[i], spectrum)
        has_pitch = LOWEST_HZ <= pitch_hz[i] <= HIGHEST_HZ
        contours[i, SEMITONES] = 12 * np.log2(pitch_hz[i] / SEMITONE_ZERO_HZ) if has_pitch else 0.0
        if voiced[i] and not in_profile:
            if has_pitch:
                _count(pitch_weights, contours[i, SEMITONES], _PITCH_BINS[0], _PITCH_BINS[1])
                usual_pitch = _median(pitch_weights, _PITCH_BINS[0], _PITCH_BINS[1])
            _count(loudness_weights, contours[i, LOUDNESS], _LOUDNESS_BINS[0], _LOUDNESS_BINS[1])
            usual_loudness = _median(loudness_weights, _LOUDNESS_BINS[0], _LOUDNESS_BINS[1])
        contours[i, USUAL_SEMITONES], contours[i, USUAL_LOUDNESS] = usual_pitch, usual_loudness


@njit(cache=True)  # type: ignore[untyped-decorator]
def _change(log_mel: FloatArray, spectrum: FloatArray) -> float:
    """How far `log_mel` lies from the smoothed `spectrum`, dB, which it then moves."""
    if np.isnan(spectrum[0]):
        for band in range(len(spectrum)):
            spectrum[band] = log_mel[band]
    total = squares = 0.0
    for band in range(len(spectrum)):
        step = log_mel[band] - spectrum[band]
        total += step
        squares += step * step
        spectrum[band] += _SPECTRUM_STEP * step
    mean = total / len(spectrum)
    return _DB_PER_LN * math.sqrt(max(0.0, squares / len(spectrum) - mean * mean))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count(weights: FloatArray, value: float, lowest: float, width: float) -> None:
    """Count `value` in its bin, all that was counted before a little less."""
    for k in range(len(weights)):
        weights[k] *= _FADE
    weights[min(len(weights) - 1, max(0, int((value - lowest) / width)))] += 1.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _median(weights: FloatArray, lowest: float, width: float) -> float:
    """The median of what was counted, linear within its bin; 0 where nothing was."""
    half = float(weights.sum()) / 2
    if half <= 0:
        return 0.0
    below = 0.0
    for k in range(len(weights)):
        if weights[k] > 0 and below + weights[k] >= half:
            return lowest + (k + (half - below) / float(weights[k])) * width
        below += weights[k]
    return lowest + len(weights) * width
