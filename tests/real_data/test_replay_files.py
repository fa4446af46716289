"""Real recordings replayed from the command line: channels mapped by name, unknown ones named."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.real_data
ROOT = Path(__file__).parents[2]
# The recording calls its electrodes ExG1 to ExG64. Which cap it was is not known; this is a usual order of the maker's.
EXG = "Fp1 Fpz Fp2 F7 F3 Fz F4 F8 FC5 FC1 FC2 FC6 T7 C3 Cz C4 T8 CP5 CP1 CP2 CP6 P7 P3 Pz P4 P8 POz O1 Oz O2".split()  # noqa: SIM905  (thirty quoted names are harder to check)


def replay(file: Path, out: Path, *more: str) -> tuple[str, list[dict[str, float]]]:
    process = subprocess.run(
        [sys.executable, "-m", "streamsense", "replay", str(file), "-o", str(out), *more],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "2000"},
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    with (out / "scores.csv").open(newline="") as table:
        return process.stdout, [{key: float(value) for key, value in row.items()} for row in csv.DictReader(table)]


def test_the_64_channel_recording(data_folder: Path, tmp_path: Path) -> None:
    (file, *_) = sorted((data_folder / "eegbci_s001").glob("*.edf"))
    said, scores = replay(file, tmp_path / "out")
    assert "64 channels, 160 Hz" in said
    assert "left out" not in said, "all 64 names are known"
    assert len(scores) >= 300
    assert np.mean([row["eeg_presence"] for row in scores[10:]]) == 1.0
    assert np.mean([row["eeg_quality"] for row in scores[30:]]) > 0.5


def test_every_muse_recording(data_folder: Path, tmp_path: Path) -> None:
    files = sorted((data_folder / "xdf").glob("muse_*.xdf"))
    assert files
    with ThreadPoolExecutor(2) as pool:
        replays = list(pool.map(replay, files, [tmp_path / file.stem for file in files]))
    for file, (said, scores) in zip(files, replays, strict=True):
        assert "AUX" in said, f"the channel that is no electrode is named: {file.name}"
        for electrode in ("TP9", "AF7", "AF8", "TP10"):
            assert f"{electrode}," not in said.partition("left out:")[2], electrode
        assert len(scores) >= 20, file.name
        assert scores[-1]["eeg_presence"] == 1.0, file.name


def test_the_72_channel_recording(data_folder: Path, tmp_path: Path) -> None:
    names = ",".join(f"ExG{number + 1}={name}" for number, name in enumerate(EXG))
    file = data_folder / "xdf" / "openvibe_72ch_audio_diode.xdf"
    said, scores = replay(file, tmp_path / "out", "--electrodes", names)
    assert "72 channels, 1024 Hz" in said
    left_out = said.partition("left out:")[2].splitlines()[0]
    for label in (f"ExG{len(EXG) + 1}", "ExG64", "BIP65", "AUX69"):
        assert label in left_out
    assert "ExG1," not in left_out
    assert len(scores) >= 14
    assert scores[-1]["eeg_presence"] == 1.0
    # The three seconds of this file are flat on every electrode: the score must not pretend to know anything.
    assert {row["eeg_quality"] for row in scores} == {0.0}
    assert {row["confidence"] for row in scores} == {0.0}


def test_two_replays_of_a_real_recording_are_identical(data_folder: Path, tmp_path: Path) -> None:
    (file, *_) = sorted((data_folder / "xdf").glob("muse_*.xdf"))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(replay, [file] * 2, [tmp_path / "a", tmp_path / "b"]))
    for name in ("scores.csv", "events.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
