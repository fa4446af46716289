"""Loudness of each frame, from its log-Mel spectrum: how loud it sounds, where the level says how strong it is.

The power in each critical band (Bark; Traunmüller 1990) is weighted by the ear's sensitivity (Hermansky 1990, eq. 7)
and compressed so that 10 dB double it (Stevens 1955; ISO 532's sones above 40 phon); the bands are added up, much as
the loudness of eGeMAPS (Eyben 2016). It is given as a loudness level: the level of the tone of 1 kHz that is as loud,
as phons are defined, with a full-scale sine in the place of 20 µPa, since nobody knows what sound pressure a
microphone's full scale was.
Masking is left out, so that noise comes out some 15 dB too loud beside a tone: compare voices with voices.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray, IntArray
from streamsense.features.log_mel import FRAME_SAMPLES, LogMel, LogMelSettings, mel_filters
from streamsense.features.sound_resampler import SOUND_RATE_HZ

_EXPONENT = np.log10(2.0)  # of power: 10 dB make twice the loudness
_REFERENCE_HZ = 1000.0


class Loudness:
    """Loudness level of frames of a log-Mel spectrum with these settings."""

    def __init__(self, settings: LogMelSettings) -> None:
        filters = mel_filters(settings.fmin_hz, settings.fmax_hz, settings.mels)
        bins_hz = np.arange(filters.shape[1]) * (SOUND_RATE_HZ / 2 / (filters.shape[1] - 1))
        centres_hz = filters @ bins_hz / filters.sum(axis=1)
        # A filter gives power per Hz: its equivalent width makes that the band's power.
        widths_hz = filters.sum(axis=1) ** 2 / np.sum(filters**2, axis=1) * bins_hz[1]
        self._log_weights = np.log(equal_loudness(centres_hz) * widths_hz)
        self._critical_bands = critical_band(centres_hz)
        tone = np.sin(2 * np.pi * _REFERENCE_HZ / SOUND_RATE_HZ * np.arange(FRAME_SAMPLES))
        self._reference_db = 0.0
        self._reference_db = float(self.level_db(LogMel(settings).frames(tone).log_mel)[0])

    def level_db(self, log_mel: FloatArray) -> FloatArray:
        """Loudness level (n,) in dB of a full-scale sine of 1 kHz, of `log_mel` (n, bands), ln of power."""
        return _level_db(log_mel, self._log_weights, self._critical_bands, self._reference_db)  # type: ignore[no-any-return]


def equal_loudness(hz: FloatArray) -> FloatArray:
    """The ear's sensitivity to power at about 40 phon (Hermansky 1990, eq. 7), any scale."""
    square = (2 * np.pi * hz) ** 2
    return np.asarray((square + 56.8e6) * square**2 / ((square + 6.3e6) ** 2 * (square + 0.38e9)))


def critical_band(hz: FloatArray) -> IntArray:
    """Which Bark each frequency lies in, from 0."""
    return np.maximum(0, np.floor(26.81 * hz / (1960 + hz) - 0.53)).astype(np.int64)


def contract() -> dict[str, object]:
    """The exact definition."""
    return {
        "method": "sum over Bark bands of (equal loudness × power) ** log10(2)",
        "equal_loudness": "Hermansky 1990, eq. 7",
        "bark": "Traunmüller 1990, the whole number below",
        "reference_hz": _REFERENCE_HZ,
        "unit": "dB of an equally loud full-scale sine of 1 kHz",
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _level_db(
    log_mel: FloatArray, log_weights: FloatArray, critical_bands: IntArray, reference_db: float
) -> FloatArray:
    """The critical bands ascend with the mel bands."""
    level = np.empty(len(log_mel))
    for i in range(len(log_mel)):
        total = power = 0.0
        for band in range(len(log_weights)):
            power += np.exp(log_mel[i, band] + log_weights[band])
            if band + 1 == len(log_weights) or critical_bands[band + 1] != critical_bands[band]:
                total += power**_EXPONENT
                power = 0.0
        level[i] = 10 * np.log2(total) - reference_db
    return level
