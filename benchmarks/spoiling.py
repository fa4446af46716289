"""Ways to spoil sound, pictures and EEG before anything looks at them: pure functions, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.sources.simulator.face import Picture
from streamsense.streams import Modality

INT16_STEP: Final = 1 / 32768
Samples = Callable[[Float32Array, float, int], Float32Array]
"""Sound (n,), full scale 1, or EEG (n, channels), µV; its rate (Hz); a seed."""


def noisy_sound(snr_db: float) -> Samples:
    """White noise, `snr_db` below the sound's own root mean square."""

    def spoil(sound: Float32Array, rate_hz: float, seed: int) -> Float32Array:  # noqa: ARG001
        sd = float(np.sqrt(np.mean(sound.astype(np.float64) ** 2))) * 10 ** (-snr_db / 20)
        noise = np.random.default_rng(seed).standard_normal(len(sound)) * sd
        return np.clip(sound + noise, -1, 1).astype(np.float32)

    return spoil


def clipped_sound(share: float) -> Samples:
    """So loud that this share of the samples, those with sound, is cut off at full scale."""

    def spoil(sound: Float32Array, rate_hz: float, seed: int) -> Float32Array:  # noqa: ARG001
        limit = max(float(np.quantile(np.abs(sound), 1 - share)), INT16_STEP)
        return np.clip(sound / limit, -1, 1).astype(np.float32)

    return spoil


def quiet_sound(gain_db: float) -> Samples:
    """By `gain_db` quieter, in the steps of 16 bits."""

    def spoil(sound: Float32Array, rate_hz: float, seed: int) -> Float32Array:  # noqa: ARG001
        return (np.rint(sound * 10 ** (-gain_db / 20) / INT16_STEP) * INT16_STEP).astype(np.float32)

    return spoil


def flat_electrodes(share: float) -> Samples:
    """This share of the electrodes, drawn by the seed, stands still where it was."""

    def spoil(eeg: Float32Array, rate_hz: float, seed: int) -> Float32Array:  # noqa: ARG001
        channels = eeg.shape[1]
        flat = np.random.default_rng(seed).permutation(channels)[: round(share * channels)]
        spoilt = eeg.copy()
        spoilt[:, flat] = spoilt[:1, flat]
        return spoilt

    return spoil


def noisy_electrodes(sd_uv: float) -> Samples:
    """White noise on every electrode, each its own."""

    def spoil(eeg: Float32Array, rate_hz: float, seed: int) -> Float32Array:  # noqa: ARG001
        return (eeg + np.random.default_rng(seed).standard_normal(eeg.shape) * sd_uv).astype(np.float32)

    return spoil


def line_noise(amplitude_uv: float, hz: float = 50.0) -> Samples:
    """A sine of the mains on every electrode, between half and all of `amplitude_uv` large."""

    def spoil(eeg: Float32Array, rate_hz: float, seed: int) -> Float32Array:
        sizes = amplitude_uv * np.random.default_rng(seed).uniform(0.5, 1.0, eeg.shape[1])
        wave = np.sin(2 * np.pi * hz * np.arange(len(eeg)) / rate_hz)
        return np.asarray(eeg + wave[:, None] * sizes, dtype=np.float32)

    return spoil


Pictures = Callable[[Picture, int], Picture]
"""A picture and a seed of its own."""


def dark(gain: float, noise: float = 2.0) -> Pictures:
    """Little light: every value times `gain`, with the camera's own noise (SD, of 255)."""

    def spoil(picture: Picture, seed: int) -> Picture:
        return _noise(picture.astype(np.float32) * np.float32(gain), noise, seed)

    return spoil


def blurred(sd_px: float) -> Pictures:
    """Out of focus: a Gaussian of this SD."""

    def spoil(picture: Picture, seed: int) -> Picture:  # noqa: ARG001
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sd_px), dtype=np.uint8)

    return spoil


def noisy(sd: float) -> Pictures:
    """Noise on every value of every pixel (SD, of 255)."""

    def spoil(picture: Picture, seed: int) -> Picture:
        return _noise(picture.astype(np.float32), sd, seed)

    return spoil


def _noise(values: Float32Array, sd: float, seed: int) -> Picture:
    noise = np.zeros(values.shape, np.float32)
    cv2.setRNGSeed(seed)
    cv2.randn(noise, (0.0,) * 3, (sd,) * 3)
    return np.asarray(np.clip(np.rint(values + noise), 0, 255), dtype=np.uint8)


def lost(stamps: FloatArray, share: float, seed: int) -> FloatArray:
    """Which pictures are left, (n,) of bool, when this share is lost, each by itself."""
    return np.asarray(np.random.default_rng(seed).random(len(stamps)) >= share)


@dataclass(frozen=True)
class Spoiled:
    """One way in which one modality is spoilt, as the tables call it."""

    name: str
    sound: Samples | None = None
    eeg: Samples | None = None
    picture: Pictures | None = None
    lost_share: float = 0.0

    @property
    def modality(self) -> Modality:
        """Whose signal it is."""
        if self.sound is not None:
            return "voice"
        return "eeg" if self.eeg is not None else "face"


SPOILED: Final = (
    Spoiled("voice: noise at 0 dB", sound=noisy_sound(0.0)),
    Spoiled("voice: noise at -10 dB", sound=noisy_sound(-10.0)),
    Spoiled("voice: clipped", sound=clipped_sound(0.2)),
    Spoiled("voice: near silent", sound=quiet_sound(45.0)),
    Spoiled("face: dark", picture=dark(0.06)),
    Spoiled("face: blurred", picture=blurred(8.0)),
    Spoiled("face: noise", picture=noisy(60.0)),
    Spoiled("face: pictures lost", lost_share=0.9),
    Spoiled("eeg: flat electrodes", eeg=flat_electrodes(0.8)),
    Spoiled("eeg: noise", eeg=noisy_electrodes(100.0)),
    Spoiled("eeg: line noise", eeg=line_noise(200.0)),
)
"""Chosen before any figure was seen: what happens to a cheap microphone, camera or cap."""
