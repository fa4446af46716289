"""The system clock is set while a session runs: its clock is another one, and nothing happens."""

from __future__ import annotations

import shutil
import struct
import subprocess
import uuid
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import ROOT, simulator
from tests.helpers.mjpeg_camera import camera
from tests.helpers.sound_server import DEVICE, sound_served
from tests.helpers.watched_session import assert_unbroken, watched

MODALITIES = ("eeg", "face", "voice")
HOUR_S = 3600.0


@pytest.fixture
def settable_clock(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A file to write the clock's step into, and the environment that makes a process obey it.

    The real clock belongs to the whole machine, so one process is lied to, below Python and all libraries.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    library, step = tmp_path / "step_clock.so", tmp_path / "step"
    source = ROOT / "tests" / "helpers" / "step_clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    step.write_bytes(struct.pack("d", 0.0))
    return step, {"LD_PRELOAD": str(library), "STEP_CLOCK_FILE": str(step)}


def test_a_session_does_not_care_for_the_time_of_day(
    settable_clock: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """An hour ahead, two hours back, an hour ahead, with a stream, a camera and a microphone."""
    step, lied_to = settable_clock
    session_id = f"clock-{uuid.uuid4().hex[:8]}"
    with sound_served() as server, simulator(session_id, "eeg"), camera() as lens:
        content = {
            "eeg": {"source": {"name": "SimEEG"}},
            "face": {"source": {"kind": "webcam", "device": lens.url}},
            "voice": {"source": {"kind": "microphone", "device": DEVICE}},
            "lsl": {"session_id": session_id},
            "output": {"lsl": False},
        }
        with watched(tmp_path, content, **{**server.environment, **lied_to}) as session:
            for modality in MODALITIES:
                session.wait_for_presence(modality)
            session.run_on(1.0)
            since = len(session.lines) - 1
            for seconds in (HOUR_S, -HOUR_S, 0.0):
                with step.open("r+b") as file:
                    file.write(struct.pack("d", seconds))
                session.run_on(1.0)
            scores, notices = session.scores(since), session.notices(since=since)
            assert session.finish() == 0, session.errors
    steps = np.diff([score["time_of_day"] for score in scores])
    assert [round(jump) for jump in steps[np.abs(steps) > 100]] == [HOUR_S, -2 * HOUR_S, HOUR_S]
    # A busy machine may cost a camera some pictures.
    assert [notice for notice in notices if notice.get("stream") != "face"] == []
    assert_unbroken(scores)
    for score in scores:
        assert set(score["states"].values()) == {"live"}
        assert score["decided"] - score["time"] < 0.3
        assert abs(score["received"] - score["time"]) < 1.0
        for modality in MODALITIES:
            assert score[f"{modality}_presence"] == 1.0
            assert score[f"{modality}_age"] < 0.8
