"""Short sessions of a lab, as its recorder writes them: EEG that is calm or tense, and markers that say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.brain_noise import brain_noise
from tests.helpers.xdf_writer import XdfWriter

NAMES = ("F3", "F4", "C3", "C4", "O1", "O2")
RATE_HZ, START_S, STATE_S = 128.0, 1000.0, 4.0
STATES = ("rest", "work", "rest", "work")
SECONDS = STATE_S * len(STATES)

LABELS: dict[str, Any] = {
    "markers": {
        "stream": "Task",
        "starts": {"rest": {"emotion": "neutral", "arousal": -0.5}, "work": {"emotion": "angry", "arousal": 0.5}},
    }
}


def write_session(path: Path, seed: int = 0, states: tuple[str, ...] = STATES) -> Path:
    """A session whose EEG has twice the amplitude at work; a marker begins each state."""
    random = np.random.default_rng(seed)
    each = round(STATE_S * RATE_HZ)
    loud = np.repeat([2.0 if state == "work" else 1.0 for state in states], each)
    times = START_S + np.arange(len(loud)) / RATE_HZ
    values = brain_noise(random, 10, (len(loud), len(NAMES)), RATE_HZ) * loud[:, None]
    writer = XdfWriter()
    writer.header(1, "float32", len(NAMES), RATE_HZ, "Amp", "EEG", NAMES)
    writer.header(2, "string", 1, 0.0, "Task", "Markers")
    writer.stamped(1, times, values.astype("f4"))
    writer.samples(2, [START_S + STATE_S * at for at in range(len(states))], [[state] for state in states])
    for stream, count in ((1, len(times)), (2, len(states))):
        writer.footer(stream, count)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(writer.data)
    return path


def training(**changes: Any) -> dict[str, Any]:
    """The content of a configuration for these: one modality, short windows, few epochs."""
    return {
        "data": [{"set": "lab", "folder": "sessions", "labels": LABELS}],
        "modalities": ["eeg"],
        "features": "features.yaml",
        "targets": {"dimensions": ["arousal"], "emotions": ["neutral", "angry"]},
        "fitting": {"epochs": 3},
        "network": {"eeg_width": 8, "eeg_depth": 1},
        "card": {"licence": "CC0-1.0"},
        **changes,
    }


def write_lab(folder: Path, people: int = 3) -> Path:
    """Sessions of some people and the configuration of their features, in a folder to run commands in."""
    for person in range(people):
        write_session(folder / "sessions" / f"sub-P{person}.xdf", person)
    (folder / "features.yaml").write_text("eeg: {window_s: 1.0}\n", encoding="utf-8")
    return folder
