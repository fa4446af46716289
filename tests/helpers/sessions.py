"""Whole sessions made from generated signals, for tests of the core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsense.config import Config, parse_config
from streamsense.features.face_vector import face_vector_labels, face_vector_units
from streamsense.pipeline import Pipeline
from streamsense.runtime.assembly import build_pipeline
from streamsense.streams import Block, Kind, StreamInfo, StreamOpened
from tests.helpers.brain_noise import brain_noise

START = 1000.0
EEG_LABELS = ("Fp1", "Fp2", "F3", "F4", "F7", "F8", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz", "Pz", "T7", "T8")
EEG_RATE_HZ = 250.0
VOICE_RATE_HZ = 16_000.0
FACE_RATE_HZ = 25.0


@dataclass(frozen=True)
class Track:
    """One stream's samples and their stamps."""

    info: StreamInfo
    stamps: np.ndarray
    values: np.ndarray

    def block(self, start: int, stop: int, received: float) -> Block:
        return Block(self.info.key, start, self.stamps[start:stop].copy(), self.values[start:stop].copy(), received)


def config(*modalities: str, **more: object) -> Config:
    return parse_config({**{modality: {} for modality in modalities}, **more}, "test")


def pipeline(*modalities: str, **more: object) -> Pipeline:
    return build_pipeline(config(*modalities, **more))[0]


def _info(kind: Kind, labels: tuple[str, ...], units: tuple[str, ...], rate_hz: float, dtype: str) -> StreamInfo:
    return StreamInfo(kind, kind, f"test {kind}", kind, f"test-{kind}", labels, units, rate_hz, dtype)


def eeg(seconds: float, seed: int = 0) -> Track:
    rng = np.random.default_rng(seed)
    n = int(seconds * EEG_RATE_HZ)
    info = _info("eeg", EEG_LABELS, ("microvolts",) * len(EEG_LABELS), EEG_RATE_HZ, "float32")
    values = brain_noise(rng, 12, (n, len(EEG_LABELS)), EEG_RATE_HZ).astype(np.float32)
    return Track(info, START + np.arange(n) / EEG_RATE_HZ, values)


def voice(seconds: float, seed: int = 1, rate_hz: float = VOICE_RATE_HZ) -> Track:
    """Bursts of a 150 Hz buzz over quiet noise."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate_hz)
    t = np.arange(n) / rate_hz
    buzz = np.sign(np.sin(2 * np.pi * 150 * t)) * 0.2 * (np.sin(2 * np.pi * 0.7 * t) > -0.3)
    sound = buzz + rng.normal(0, 0.002, n)
    info = _info("voice", ("mono",), ("normalized",), rate_hz, "float32")
    return Track(info, START + t, sound.astype(np.float32)[:, None])


def face(seconds: float, seed: int = 2) -> Track:
    """A tracked face whose geometry moves a little around a fixed one."""
    rng = np.random.default_rng(seed)
    labels = face_vector_labels("mesh468_iris")
    n = int(seconds * FACE_RATE_HZ)
    base = np.random.default_rng(99).normal(0, 30, len(labels))
    values = base + rng.normal(0, 0.4, (n, len(labels)))
    for name, value in {
        "tracked": 1.0, "face_score": 0.95, "face_count": 1.0, "box_size_px": 220.0, "brightness": 120.0,
        "sharpness": 300.0, "yaw_deg": 2.0, "pitch_deg": -3.0, "roll_deg": 1.0, "colour_change": 0.02, "outside": 0.0,
    }.items():  # fmt: skip
        values[:, labels.index(name)] = value
    info = _info("face", labels, face_vector_units("mesh468_iris"), 0.0, "float32")
    return Track(info, START + np.arange(n) / FACE_RATE_HZ + 0.003, values.astype(np.float32))


MAKERS = {"eeg": eeg, "voice": voice, "face": face}


def opened(track: Track, received: float = START) -> StreamOpened:
    return StreamOpened(track.info, received)
