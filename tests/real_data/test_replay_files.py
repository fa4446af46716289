"""Real recordings replayed from the command line: channels mapped by name, unknown ones named."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.real_data
ROOT = Path(__file__).parents[2]
# The recording calls its electrodes ExG1 to ExG64. Which cap it was is not known; this is a usual order of the maker's.
EXG = "Fp1 Fpz Fp2 F7 F3 Fz F4 F8 FC5 FC1 FC2 FC6 T7 C3 Cz C4 T8 CP5 CP1 CP2 CP6 P7 P3 Pz P4 P8 POz O1 Oz O2".split()  # noqa: SIM905  (thirty quoted names are harder to check)


Replayed = tuple[str, list[dict[str, float]]]
"""What the command said, and its scores."""


def replay(file: Path, out: Path, *more: str) -> Replayed:
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replayed")


@pytest.fixture(scope="module")
def replays(data_folder: Path, folder: Path) -> Iterator[dict[str, Future[Replayed]]]:
    """All replays, two at a time, each in a process of its own."""
    (first, *_) = sorted((data_folder / "eegbci_s001").glob("*.edf"))
    muse = sorted((data_folder / "xdf").glob("muse_*.xdf"))
    names = ",".join(f"ExG{number + 1}={name}" for number, name in enumerate(EXG))
    with ThreadPoolExecutor(2) as pool:
        yield {
            "64 channels": pool.submit(replay, first, folder / "64"),
            **{file.stem: pool.submit(replay, file, folder / file.stem) for file in muse},
            "72 channels": pool.submit(
                replay, data_folder / "xdf" / "openvibe_72ch_audio_diode.xdf", folder / "72", "--electrodes", names
            ),
            "again": pool.submit(replay, muse[0], folder / "again"),
        }


def test_the_64_channel_recording(replays: dict[str, Future[Replayed]]) -> None:
    said, scores = replays["64 channels"].result()
    assert "64 channels, 160 Hz" in said
    assert "left out" not in said, "all 64 names are known"
    assert len(scores) >= 300
    assert np.mean([row["eeg_presence"] for row in scores[10:]]) == 1.0
    assert np.mean([row["eeg_quality"] for row in scores[30:]]) > 0.5


def test_every_muse_recording(replays: dict[str, Future[Replayed]]) -> None:
    names = [name for name in replays if name.startswith("muse_")]
    assert len(names) >= 4
    for name in names:
        said, scores = replays[name].result()
        assert "AUX" in said, f"the channel that is no electrode is named: {name}"
        for electrode in ("TP9", "AF7", "AF8", "TP10"):
            assert f"{electrode}," not in said.partition("left out:")[2], electrode
        assert len(scores) >= 20, name
        assert scores[-1]["eeg_presence"] == 1.0, name


def test_the_72_channel_recording(replays: dict[str, Future[Replayed]]) -> None:
    said, scores = replays["72 channels"].result()
    assert "72 channels, 1024 Hz" in said
    left_out = said.partition("left out:")[2].splitlines()[0]
    for label in (f"ExG{len(EXG) + 1}", "ExG64", "BIP65", "AUX69"):
        assert label in left_out
    assert "ExG1," not in left_out
    assert len(scores) >= 14
    # The three seconds of this file are flat on every electrode: the score must not pretend to know anything.
    assert {row["eeg_presence"] for row in scores} == {0.0}
    assert {row["eeg_quality"] for row in scores} == {0.0}
    assert {row["confidence"] for row in scores} == {0.0}


def test_two_replays_of_a_real_recording_are_identical(replays: dict[str, Future[Replayed]], folder: Path) -> None:
    first = next(name for name in replays if name.startswith("muse_"))
    assert replays["again"].result()[1] == replays[first].result()[1]
    for name in ("scores.csv", "events.csv"):
        assert (folder / first / name).read_bytes() == (folder / "again" / name).read_bytes()
