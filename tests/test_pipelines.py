"""The three programs of pipelines/ run as they are: on the simulator, on a file, and as a consumer."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.helpers.brain_noise import brain_noise
from tests.helpers.edf_writer import write_edf
from tests.helpers.lsl_text import lsl_text

ROOT = Path(__file__).parents[1]
PIPELINES = ROOT / "pipelines"


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment},
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 60.0) -> str:
    out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, err
    return out


@pytest.mark.slow
def test_live_session_and_publish_scores(tmp_path: Path) -> None:
    session_id = f"test-{uuid.uuid4().hex[:12]}"
    config = tmp_path / "lab.yaml"
    content = {
        "eeg": {"source": {"kind": "lsl", "name": "SimEEG"}},
        "voice": {"source": {"kind": "lsl", "name": "SimVoice"}},
        "lsl": {"session_id": session_id, "resolve_timeout_s": 20.0},
    }
    config.write_text(yaml.safe_dump(content))
    # A consumer that knows nothing of streamsense finds the session through LSL's own configuration file.
    lsl_configuration = tmp_path / "lsl_api.cfg"
    lsl_configuration.write_text(lsl_text(session_id))
    simulator = start("-m", "streamsense.sources.simulator", "--session-id", session_id, "--only", "eeg,voice")
    try:
        live = start(str(PIPELINES / "live_session.py"), str(config), "--seconds", "7")
        consumer = start(str(PIPELINES / "publish_scores.py"), "--seconds", "4", LSLAPICFG=str(lsl_configuration))
        followed, printed = finish(consumer).splitlines(), finish(live).splitlines()
    finally:
        simulator.terminate()
        simulator.communicate(timeout=10)
    scores = [line for line in printed if "valence" in line]
    assert len(scores) >= 30
    assert any("modality_present: eeg" in line for line in printed)
    assert len(followed) >= 10
    values = [float(line.rsplit(maxsplit=1)[1]) for line in followed]
    assert all(0.0 <= value <= 1.0 for value in values)
    stamps = [float(line.split()[0]) for line in followed]
    assert np.allclose(np.diff(stamps), 0.2, atol=0.11), "one for each score"


def test_replay_recording(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    file = tmp_path / "rest.edf"
    labels = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2"]
    counts = np.round(brain_noise(rng, 24, (250 * 10, 8), 250.0).T).astype(int)
    write_edf(file, labels, ["uV"] * 8, counts, 250)
    folders = [tmp_path / "first", tmp_path / "second"]
    replays = [start(str(PIPELINES / "replay_recording.py"), str(file), "--out", str(folder)) for folder in folders]
    for replay in replays:
        assert "scores written to" in finish(replay)
    first, second = (folder / "scores.csv" for folder in folders)
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_text().splitlines()) >= 48
