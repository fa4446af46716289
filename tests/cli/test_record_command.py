"""`streamsense record`, and `replay` of what `live --record` and `record` wrote, as a user types them."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from tests.helpers.command_line import Done, run, run_together, running, simulator, write_config

SECONDS = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("record")


@pytest.fixture(scope="module")
def session_id() -> Iterator[str]:
    identity = f"record-{uuid.uuid4().hex[:8]}"
    with simulator(identity, "eeg", "voice", "markers", "camera"):
        yield identity


@pytest.fixture(scope="module")
def recorded(session_id: str, folder: Path) -> tuple[Done, Path]:
    """All streams of the simulator, then Ctrl-C."""
    with running("record", "raw", "--session-id", session_id, "--participant", "P07", folder=folder) as command:
        command.wait_for("Ctrl-C stops", 1)
        time.sleep(SECONDS)
        done, seconds = command.stop(signal.SIGINT)
    assert seconds < 15
    (file,) = (folder / "raw").glob("*.xdf")
    return done, file


def test_all_streams_are_recorded_with_all_that_their_senders_say(recorded: tuple[Done, Path]) -> None:
    done, file = recorded
    assert done.code == 0, done
    assert file.name == "sub-P07_ses-01_task-affect_run-001_streamsense.xdf"
    assert str(file.name) in done.out
    assert "streamsense verify" in done.out
    streams = {stream["info"]["name"][0]: stream for stream in pyxdf.load_xdf(file)[0]}
    assert {"SimEEG", "SimVoice", "SimCamera", "SimMarkers"} <= set(streams)
    eeg, sound, pictures = (streams[name] for name in ("SimEEG", "SimVoice", "SimCamera"))
    assert np.asarray(eeg["time_series"]).shape[1] == 19
    assert len(eeg["time_stamps"]) > 250 * (SECONDS - 4)
    assert len(sound["time_stamps"]) > 16_000 * (SECONDS - 4)
    assert pictures["time_series"][0][0].startswith("/9j/"), "whole pictures, JPEG in base64"
    assert len(pictures["time_series"][0][0]) > 5000
    assert eeg["info"]["desc"][0]["cap"] == ["10-20"]
    assert eeg["info"]["desc"][0]["channels"][0]["channel"][0]["unit"] == ["microvolts"]
    assert eeg["footer"]["info"]["sample_count"] == [str(len(eeg["time_stamps"]))]


def test_what_was_recorded_without_scores_can_be_checked_and_scored(recorded: tuple[Done, Path], folder: Path) -> None:
    _, file = recorded
    checked, first, second = run_together(
        [["verify", file], ["replay", file, "-o", "one"], ["replay", file, "-o", "other"]], folder
    )
    assert checked.code == first.code == second.code == 0, (checked, first, second)
    assert "No tick was scored when it was recorded" in checked.out
    one, other = ((folder / name / "scores.csv").read_bytes() for name in ("one", "other"))
    assert one == other
    assert one.count(b"\n") > 5 * (SECONDS - 4)


def test_a_stream_that_must_be_there_and_is_not_is_named(session_id: str, folder: Path) -> None:
    done = run("record", "missing", "--session-id", session_id, "--stream", "BioSemi", folder=folder)
    assert done.code == 2, done
    assert "BioSemi" in done.err
    assert "SimEEG" in done.err, "what is there is listed"
    assert "Traceback" not in done.err
    assert not (folder / "missing").exists()


def test_a_live_session_is_replayed_exactly_and_at_its_own_speed(session_id: str, folder: Path) -> None:
    content = {"eeg": {"source": {"name": "SimEEG"}}, "lsl": {"session_id": session_id}, "output": {"lsl": False}}
    config = write_config(folder, "live", content)
    done = run("live", config, "--seconds", SECONDS, "--csv", "csv", "--record", "rec", folder=folder)
    assert done.code == 0, done
    (file,) = (folder / "rec").glob("*.xdf")
    started = time.monotonic()
    again = run("replay", file, "--speed", "2", "-o", "again", folder=folder)
    assert again.code == 0, again
    assert time.monotonic() - started > SECONDS / 2 - 1.5
    live, replayed = ((folder / name / "scores.csv").read_text().splitlines() for name in ("csv", "again"))
    assert len(replayed) >= 5 * SECONDS - 10
    assert set(replayed) <= set(live), "the very same lines"
    wrong = run("replay", file, "--speed", "fast", folder=folder)
    assert wrong.code == 2
    assert "--speed" in wrong.err
