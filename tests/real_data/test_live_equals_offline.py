"""What the shipped experts said in a live session is what `streamsense evaluate` says of its recording, to the bit.

Three processes play real recordings over LSL and HTTP; `live --record` scores and records them; the recorded stream of
experts is read by pyxdf, the table of `evaluate` and that of `replay` are read as text.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from streamsense.fusion.emotions import DIMENSIONS
from streamsense.score import EXPERT_LABELS
from streamsense.streams import MODALITIES
from tests.helpers.real_session import ROOT, session

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(300)]
MODELS = {"eeg": "eeg_workload", "face": "face_knowledge", "voice": "voice_emotion"}
SECONDS = 8


def command(*arguments: object) -> str:
    line = [sys.executable, "-m", "streamsense", *map(str, arguments)]
    done = subprocess.run(line, cwd=ROOT, text=True, capture_output=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


@dataclass(frozen=True)
class Recorded:
    """A live session, and what two commands made of its file."""

    stamps: np.ndarray
    experts: np.ndarray
    report: dict
    evaluated: list[dict[str, str]]
    replayed: list[dict[str, str]]


@pytest.fixture(scope="module")
def recorded(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    import pyxdf

    folder = tmp_path_factory.mktemp("equal")
    with session(data_folder, folder) as run:
        for modality in MODALITIES:
            run.play(modality)
        sources = {
            "eeg": {"kind": "lsl", "name": "TestEEG"},
            "voice": {"kind": "lsl", "name": "TestVoice"},
            "face": {"kind": "webcam", "device": f"http://127.0.0.1:{run.port}/"},
        }
        chosen = {name: {"source": sources[name], "model": model} for name, model in MODELS.items()}
        process = run.record((), "--record", folder / "rec", "--seconds", SECONDS, **chosen)
        out, _ = process.communicate(timeout=200)
        assert process.returncode == 0, out
    (file,) = (folder / "rec").glob("*.xdf")
    report = command("evaluate", *MODELS.values(), "--data", f"lab:{folder / 'rec'}", "--out", folder / "out", "--json")
    command("replay", file, "-o", folder / "again")
    streams, _ = pyxdf.load_xdf(str(file), synchronize_clocks=False, dejitter_timestamps=False)
    (experts,) = (stream for stream in streams if stream["info"]["name"][0].endswith("-experts"))
    return Recorded(
        np.asarray(experts["time_stamps"]),
        np.asarray(experts["time_series"], np.float64),
        json.loads(report),
        rows_of(folder / "out" / "predictions.csv"),
        rows_of(folder / "again" / "scores.csv"),
    )


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_recorded_tick_has_the_outputs_that_evaluate_gives(recorded: Recorded, modality: str) -> None:
    rows = [row for row in recorded.evaluated if row["source"] == MODELS[modality]]
    assert len(rows) == len(recorded.stamps) >= 5 * SECONDS - 5
    labels = [f"{modality}_{name}{suffix}" for name in DIMENSIONS for suffix in ("", "_sd")] + [f"{modality}_presence"]
    columns = [EXPERT_LABELS.index(label) for label in labels]
    for row, stamp, values in zip(rows, recorded.stamps, recorded.experts[:, columns], strict=True):
        assert float(row["end_s"]) == stamp
        said = np.array([float(row[label.removeprefix(f"{modality}_")]) for label in labels])
        assert said.tobytes() == values.tobytes(), (stamp, said, values)
    assert sum(float(row["presence"]) for row in rows) > 10, "the modality was there"


def test_the_replay_has_them_too(recorded: Recorded) -> None:
    replayed = [[float(row[f"expert_{label}"]) for label in EXPERT_LABELS] for row in recorded.replayed]
    assert np.array(replayed).tobytes() == np.ascontiguousarray(recorded.experts).tobytes()


def test_the_report_says_so(recorded: Recorded) -> None:
    count = len(recorded.stamps)
    said = f"Live and offline: {count} of {count} recorded ticks have the same outputs, to the bit."
    parts = {part["source"]: part for part in recorded.report["parts"]}
    assert set(parts) == {*MODELS.values(), "fusion"}
    assert all(said in parts[name]["warnings"] for name in MODELS.values())
