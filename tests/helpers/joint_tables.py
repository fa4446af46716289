"""Tables of made ticks for joint training: what is felt is known, and each modality shows some of it, with noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsense.evaluation.windows import Window
from streamsense.features.electrodes import ELECTRODES
from streamsense.streams import Modality
from streamsense.training.joint_table import JointTable, ModalityRows

WIRED = slice(0, 12, 2)
_MIXTURE = np.random.default_rng(99).normal(size=(3, 19))


def made(n: int, seed: int = 0, noise: float = 0.5, people: tuple[str, ...] = ("a", "b")) -> JointTable:
    """EEG shows arousal; face (statistics and course) and voice show all three dimensions; happy or sad by valence."""
    rng = np.random.default_rng(seed)
    vad = rng.uniform(-0.8, 0.8, (n, 3))
    inputs = {
        "eeg": eeg_inputs(vad, rng, noise),
        "face": face_inputs(vad, rng, noise),
        "voice": voice_inputs(vad, rng, noise),
    }
    return table_of({name: rows(of_one) for name, of_one in inputs.items()}, vad, people)


def rows(inputs: Mapping[str, np.ndarray], quality: np.ndarray | float = 1.0) -> ModalityRows:
    """Present at every tick."""
    n = len(next(iter(inputs.values())))
    ones = np.ones(n, np.float32)
    named = {name: value.astype(np.float32) for name, value in inputs.items()}
    return ModalityRows(named, ones, (ones * quality).astype(np.float32), np.full(n, 0.05, np.float32))


def table_of(
    parts: Mapping[Modality, ModalityRows], vad: np.ndarray, people: tuple[str, ...] = ("a", "b")
) -> JointTable:
    """Four raters a tick: three say happy or sad by the valence, one neutral."""
    n = len(vad)
    emotions = np.zeros((n, 8))
    emotions[np.arange(n), np.where(vad[:, 0] > 0, 1, 2)] = 0.75
    emotions[:, 0] = 0.25
    windows = tuple(Window("made", people[at % len(people)], "r", at * 0.2, at * 0.2 + 2) for at in range(n))
    return JointTable(parts, windows, vad.copy(), emotions, np.ones(n))


def eeg_inputs(vad: np.ndarray, rng: np.random.Generator, noise: float) -> dict[str, np.ndarray]:
    """Alpha falls with arousal."""
    shape = (len(vad), len(ELECTRODES), 5)
    mask = np.zeros(shape[:2])
    mask[:, WIRED] = 1
    entropy = rng.normal(0, noise, shape)
    entropy[:, :, 2] -= vad[:, 1:2]
    return {
        "band_entropy": entropy * mask[:, :, None],
        "band_entropy_baseline": np.zeros(shape),
        "electrode_mask": mask,
        "baseline_weight": np.ones((len(vad), 1)),
    }


def face_inputs(vad: np.ndarray, rng: np.random.Generator, noise: float, frames: int = 10) -> dict[str, np.ndarray]:
    """Each unit's level is a mixture of the three; the course within the window, if any, adds noise of its own."""
    level = 2 + vad @ _MIXTURE + rng.normal(0, noise, (len(vad), 19))
    units = np.zeros((len(vad), 19, 4))
    units[:, :, 0] = level
    statistics = {"action_units": units, "action_unit_mask": np.ones((len(vad), 19))}
    if not frames:
        return statistics
    course = level[:, None, :] + rng.normal(0, noise, (len(vad), frames, 19))
    seen = np.ones((len(vad), frames))
    return {**statistics, "action_unit_frames": course, "action_unit_frame_mask": seen}


def voice_inputs(vad: np.ndarray, rng: np.random.Generator, noise: float) -> dict[str, np.ndarray]:
    """Contours that are mixtures of the three."""
    return {"contours": vad @ _MIXTURE[:, :10] + rng.normal(0, noise, (len(vad), 10))}
