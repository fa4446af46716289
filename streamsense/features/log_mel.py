"""Log-Mel spectrum of sound at 16 kHz, frame by frame, with the level and the spectral tilt of each frame.

Mel bands and scale follow Slaney's Auditory Toolbox (1998), as librosa's do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray, IntArray
from streamsense.features.sound_resampler import SOUND_RATE_HZ

MEL_COUNTS = (64, 80)
"""How many mel bands there may be: the two numbers that published models of speech take (SCIENCE 5)."""
FRAME_SAMPLES = 400  # 25 ms
HOP_SAMPLES = 160  # 10 ms
FFT_SAMPLES = 512  # the next power of two (SCIENCE 5)
FRAME_S = FRAME_SAMPLES / SOUND_RATE_HZ
FRAME_HOP_S = HOP_SAMPLES / SOUND_RATE_HZ
_MEAN_SQUARE_FLOOR = 1e-10  # -100 dB of full scale
_TILT_BANDS_HZ = ((50.0, 1000.0), (1000.0, 5000.0))


@dataclass(frozen=True)
class LogMelSettings:
    """The mel bands' outer edges (Hz), the least power that is given to the logarithm, and how many bands there are."""

    fmin_hz: float = 60.0
    fmax_hz: float = 7600.0
    power_floor: float = 1e-10
    mels: int = 64

    def __post_init__(self) -> None:
        if self.mels not in MEL_COUNTS:
            raise ValueError(f"mels is {self.mels}, expected {' or '.join(map(str, MEL_COUNTS))}")
        if not 0 <= self.fmin_hz < self.fmax_hz <= SOUND_RATE_HZ / 2:
            raise ValueError(
                f"fmin_hz {self.fmin_hz} and fmax_hz {self.fmax_hz} do not rise within 0 to {SOUND_RATE_HZ / 2:g}"
            )
        if not 0 < self.power_floor < 1:
            raise ValueError(f"power_floor is {self.power_floor}, expected above 0 and below 1")
        if not mel_filters(self.fmin_hz, self.fmax_hz, self.mels).any(axis=1).all():
            raise ValueError(
                f"{self.mels} mel bands do not fit between {self.fmin_hz} and {self.fmax_hz} Hz: some would lie "
                "between two bins of the spectrum; expected fewer bands or a wider range"
            )


@dataclass(frozen=True)
class Frames:
    """n frames: `log_mel` (n, mels), natural log of power; `level_db` and `tilt_db` (n,).

    `level_db` is the frame's mean square between fmin and fmax in dB of full scale (a full-scale sine: -3).
    `tilt_db` is the energy of 1-5 kHz over that of 50-1000 Hz, the alpha ratio of eGeMAPS (Eyben 2016), in dB.
    """

    log_mel: FloatArray
    level_db: FloatArray
    tilt_db: FloatArray

    def __len__(self) -> int:
        return len(self.log_mel)


class LogMel:
    """Cuts sound into frames of 25 ms (periodic Hann, FFT of 512) every 10 ms."""

    def __init__(self, settings: LogMelSettings | None = None) -> None:
        self.settings = settings or LogMelSettings()
        self._window = np.hanning(FRAME_SAMPLES + 1)[:-1]
        filters = mel_filters(self.settings.fmin_hz, self.settings.fmax_hz, self.settings.mels)
        self._first, self._lengths, self._weights = _sparse(filters)
        edges = (*_TILT_BANDS_HZ, (self.settings.fmin_hz, self.settings.fmax_hz))
        self._bins = np.array([_bins(*edge) for edge in edges])
        # Two-sided power back to mean square (Parseval), the window's own power taken out.
        self._to_mean_square = 2 / (FFT_SAMPLES * float(self._window @ self._window))

    def frames(self, samples: FloatArray) -> Frames:
        """The whole frames of `samples` (n,) at 16 kHz, full scale 1, finite; the first starts with the first one."""
        # numpy transforms row by row, so a frame's bytes do not depend on its neighbours; a matrix product would.
        spectrum = np.fft.rfft(_framed(np.ascontiguousarray(samples), self._window))
        log_mel, decibel = _measure(
            spectrum, self._first, self._lengths, self._weights, self._bins, self.settings.power_floor,
            self._to_mean_square,
        )  # fmt: skip
        return Frames(log_mel, decibel[:, 2], decibel[:, 1] - decibel[:, 0])

    def contract(self) -> dict[str, object]:
        """The exact definition of a frame."""
        return {
            "rate_hz": SOUND_RATE_HZ,
            "frame_samples": FRAME_SAMPLES,
            "hop_samples": HOP_SAMPLES,
            "fft_samples": FFT_SAMPLES,
            "window": "hann, periodic",
            "mels": self.settings.mels,
            "mel_scale": "slaney, area norm",
            "fmin_hz": self.settings.fmin_hz,
            "fmax_hz": self.settings.fmax_hz,
            "logarithm": "natural, of power",
            "power_floor": self.settings.power_floor,
            "tilt_bands_hz": [list(band) for band in _TILT_BANDS_HZ],
            "mean_square_floor": _MEAN_SQUARE_FLOOR,
        }


def mel_filters(fmin_hz: float, fmax_hz: float, mels: int) -> FloatArray:
    """Triangular filters (mels, 257) on Slaney's mel scale, each of unit area over Hz."""
    edges = _hz_from_mel(np.linspace(_mel_from_hz(fmin_hz), _mel_from_hz(fmax_hz), mels + 2))
    bins_hz = np.arange(FFT_SAMPLES // 2 + 1) * (SOUND_RATE_HZ / FFT_SAMPLES)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre))
    return np.asarray(np.maximum(triangles, 0) * (2 / (high - low)))


# Slaney's scale: linear to 1 kHz (15 mel), 27 steps for each factor of 6.4 above.
_MEL_HZ = 200 / 3
_LOG_STEP = np.log(6.4) / 27


def _mel_from_hz(hz: float) -> float:
    return hz / _MEL_HZ if hz < 1000 else 15 + float(np.log(hz / 1000) / _LOG_STEP)


def _hz_from_mel(mel: FloatArray) -> FloatArray:
    return np.where(mel < 15, mel * _MEL_HZ, 1000 * np.exp((mel - 15) * _LOG_STEP))


def _bins(low_hz: float, high_hz: float) -> tuple[int, int]:
    """First and last + 1 FFT bin in [low, high)."""
    step = SOUND_RATE_HZ / FFT_SAMPLES
    return int(np.ceil(low_hz / step)), int(np.ceil(high_hz / step))


def _sparse(filters: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """The first bin of each filter, how many it has, and its weights from there on, padded to one length."""
    present = filters > 0
    first = np.argmax(present, axis=1)
    lengths = present.sum(axis=1)
    weights = np.zeros((len(filters), int(lengths.max())))
    for row, start, length, kept in zip(filters, first, lengths, weights, strict=True):
        kept[:length] = row[start : start + length]
    return first, lengths, weights


@njit(cache=True)  # type: ignore[untyped-decorator]
def _framed(samples: FloatArray, window: FloatArray) -> FloatArray:
    """The windowed frames (n, FFT_SAMPLES) of `samples`, zeros behind each."""
    count = max(0, (len(samples) - FRAME_SAMPLES) // HOP_SAMPLES + 1)
    framed = np.zeros((count, FFT_SAMPLES))
    for i in range(count):
        for k in range(FRAME_SAMPLES):
            framed[i, k] = samples[i * HOP_SAMPLES + k] * window[k]
    return framed


@njit(cache=True)  # type: ignore[untyped-decorator]
def _measure(
    spectrum: npt.NDArray[np.complex128],
    first: IntArray,
    lengths: IntArray,
    weights: FloatArray,
    bins: IntArray,
    floor: float,
    to_mean_square: float,
) -> tuple[FloatArray, FloatArray]:
    """Log-Mel (frames, mels) and the mean square (frames, bands; dB) between `bins`, of `spectrum` (frames, FFT bins).

    The frames are the innermost loop, so that several are computed with one instruction.
    """
    count = len(spectrum)
    power = np.empty((spectrum.shape[1], count))
    for i in range(count):
        for k in range(len(power)):
            power[k, i] = spectrum[i, k].real ** 2 + spectrum[i, k].imag ** 2
    total = np.empty(count)
    log_mel = np.empty((count, len(first)))
    for mel in range(len(first)):
        total[:] = 0.0
        for k in range(lengths[mel]):
            row, weight = power[first[mel] + k], weights[mel, k]
            for i in range(count):
                total[i] += weight * row[i]
        for i in range(count):
            log_mel[i, mel] = np.log(max(total[i], floor))
    decibel = np.empty((count, len(bins)))
    for band in range(len(bins)):
        total[:] = 0.0
        for k in range(bins[band, 0], bins[band, 1]):
            row = power[k]
            for i in range(count):
                total[i] += row[i]
        for i in range(count):
            decibel[i, band] = 10 * np.log10(total[i] * to_mean_square + _MEAN_SQUARE_FLOOR)
    return log_mel, decibel
