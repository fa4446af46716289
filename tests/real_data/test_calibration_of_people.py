"""A calibration on real recordings that are played live: all parts are learned, and computed again the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streamsense.profile import Profile, load_profile
from streamsense.runtime.verify import RecordedSession
from streamsense.streams import MODALITIES
from tests.helpers.real_session import ROOT, session

pytestmark = [pytest.mark.real_data, pytest.mark.timeout(300)]


def test_a_person_of_three_modalities(data_folder: Path, tmp_path: Path) -> None:
    short = ["--no-prompt", "--pause", "0", "--rest", "11", "--eyes-closed", "5", "--reading", "5", "--json"]
    with session(data_folder, tmp_path) as run:
        for modality in MODALITIES:
            run.play(modality)
        words = ["calibrate", str(run.config(MODALITIES)), "-o", str(tmp_path / "P.json"), *short]
        done = subprocess.run(
            [sys.executable, "-m", "streamsense", *words, "--record", str(tmp_path / "rec")],
            cwd=ROOT, text=True, capture_output=True, check=False, timeout=200,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    print(done.stderr, told["phases"])
    assert told["parts"] == list(MODALITIES)
    for phase in told["phases"].values():
        for modality in set(phase) & set(MODALITIES):
            assert phase[modality]["quality"] > 0.3, (modality, phase)
    (file,) = (tmp_path / "rec").glob("*.xdf")
    recorded = RecordedSession(file)
    ticks = [item for item in recorded.run() if isinstance(item, tuple)]
    assert len(ticks) > 5 * 20
    assert all(before.values.tobytes() == after.values.tobytes() for before, after in ticks)
    assert Profile.from_pipeline(recorded.pipeline).payload == load_profile(tmp_path / "P.json").payload
