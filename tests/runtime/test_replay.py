"""Replay of recordings: all modalities from one file, the same each time, gaps and refusals told."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from streamsense.config import parse_config
from streamsense.errors import RecordingError
from streamsense.runtime.recorded_session import open_replay
from streamsense.score import Notice, Score
from streamsense.sources.simulator.eeg import LABELS, RATE_HZ, EegMaker
from streamsense.sources.simulator.face import Camera
from streamsense.sources.simulator.frames import FrameReader
from streamsense.sources.simulator.participant import Participant
from streamsense.sources.simulator.scripts import SCRIPTS
from streamsense.sources.simulator.voice import VoiceMaker
from streamsense.streams import MODALITIES
from tests.helpers import sessions
from tests.helpers.xdf_writer import XdfWriter

SECONDS = 6
START = 5000.0


def run(file: Path, **named: str) -> tuple[list[Score], list[Notice]]:
    session, _ = open_replay(file, named)
    items = list(session.run())
    return [x for x in items if isinstance(x, Score)], [x for x in items if isinstance(x, Notice)]


@cache
def simulated() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The simulated participant's EEG, sound and camera pictures."""
    participant = Participant(SCRIPTS["brisk"], 0)
    eeg = FrameReader(EegMaker(participant)).read(int(SECONDS * RATE_HZ))
    sound = FrameReader(VoiceMaker(participant)).read(SECONDS * 16_000)
    camera = Camera(participant)
    return eeg, sound, [camera.frame(number) for number in range(SECONDS * 25)]


def session_file(folder: Path, samples_per_chunk: float = 0.5, hole_s: float = 0.0) -> Path:
    """A tri-modal XDF: the simulated participant's EEG, voice, camera pictures and markers."""
    eeg, sound, pictures = simulated()
    writer = XdfWriter()
    writer.header(1, channels=len(LABELS), rate_hz=RATE_HZ, name="EEG", labels=LABELS)
    writer.header(2, rate_hz=16_000.0, name="Voice", stream_type="Audio", labels=["mono"], unit="normalized")
    writer.header(3, "string", name="Camera", stream_type="VideoFrames", labels=["frame"], unit="jpeg-base64")
    writer.header(4, "string", name="Task", stream_type="Markers", labels=["marker"], unit="")
    at = 0.0
    while at < SECONDS:
        for stream, rate, values in ((1, RATE_HZ, eeg), (2, 16_000.0, sound)):
            part = slice(int(at * rate), int(min(at + samples_per_chunk, SECONDS) * rate))
            stamps = START + np.arange(part.start, part.stop) / rate
            stamps += hole_s * (stamps >= START + SECONDS / 2)
            writer.stamped(stream, stamps, values[part])
        part = slice(int(at * 25), int(min(at + samples_per_chunk, SECONDS) * 25))
        if part.stop > part.start:
            stamps = START + np.arange(part.start, part.stop) / 25
            stamps += hole_s * (stamps >= START + SECONDS / 2)
            writer.samples(3, stamps.tolist(), [[text] for text in pictures[part]])
        at += samples_per_chunk
    writer.samples(4, [START + 1.0, START + 2.0], [["begin"], ["end"]])
    file = folder / f"session_{samples_per_chunk}_{hole_s}.xdf"
    file.write_bytes(writer.data)
    return file


@pytest.fixture(scope="module")
def tri_modal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_file(tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module")
def replayed(tri_modal: Path) -> tuple[list[Score], list[Notice]]:
    return run(tri_modal)


def test_all_modalities_of_one_file_are_scored(replayed: tuple[list[Score], list[Notice]]) -> None:
    scores, notices = replayed
    assert [score.tick for score in scores] == list(range(25_001, 25_030))
    for modality in MODALITIES:
        assert scores[-1][f"{modality}_presence"] == 1.0, modality
        assert scores[-1][f"{modality}_weight"] > 0, modality
    assert [(n.time, n.text) for n in notices if n.kind == "marker"] == [(5001.0, "begin"), (5002.0, "end")]


def test_the_same_file_gives_the_same_bytes_however_it_was_chunked(
    tri_modal: Path, replayed: tuple[list[Score], list[Notice]], tmp_path: Path
) -> None:
    first, _ = replayed
    for file in (tri_modal, session_file(tmp_path, 0.07), session_file(tmp_path, 10.0)):
        again, _ = run(file)
        assert [score.values.tobytes() for score in first] == [score.values.tobytes() for score in again], file
        assert [score.experts.tobytes() for score in first] == [score.experts.tobytes() for score in again], file


def test_a_long_hole_is_skipped_and_told(tmp_path: Path) -> None:
    scores, notices = run(session_file(tmp_path, hole_s=3600.0))
    assert len(scores) < 100
    skipped = [notice for notice in notices if notice.kind == "ticks_skipped"]
    assert len(skipped) == 1
    assert 17_900 < int(str(skipped[0].details["count"])) <= 18_000
    gaps = {str(notice.details["stream"]) for notice in notices if notice.kind == "gap"}
    assert gaps == {"eeg", "voice", "face"}
    assert scores[-1]["eeg_presence"] == 1.0


def test_a_modality_can_be_left_out(tri_modal: Path) -> None:
    scores, _ = run(tri_modal, eeg="none")
    assert scores[-1]["eeg_presence"] == 0.0
    assert scores[-1]["voice_presence"] == 1.0


def test_a_configuration_decides_what_is_scored(tri_modal: Path) -> None:
    session, _ = open_replay(tri_modal, {}, parse_config({"voice": {}}, "test"))
    scores = [item for item in session.run() if isinstance(item, Score)]
    assert {score["voice_presence"] for score in scores[10:]} == {1.0}
    assert {score["eeg_presence"] + score["face_presence"] for score in scores} == {0.0}


def test_electrodes_of_channels_that_are_not_there_are_told(tri_modal: Path) -> None:
    for channel, is_there in (("ExG1", False), (sessions.EEG_LABELS[0], True)):
        _, warnings = open_replay(tri_modal, {}, parse_config({"eeg": {"electrodes": {channel: "Fp1"}}}, "test"))
        assert any("ExG1" in warning for warning in warnings) != is_there


def test_a_file_without_anything_to_score_is_refused(tmp_path: Path) -> None:
    writer = XdfWriter()
    writer.header(1, channels=2, rate_hz=250.0, name="Amp", labels=["one", "two"])
    writer.stamped(1, START + np.arange(500) / 250, np.zeros((500, 2), np.float32))
    file = tmp_path / "nameless.xdf"
    file.write_bytes(writer.data)
    with pytest.raises(RecordingError, match=r"no stream that can be scored.*--electrodes"):
        open_replay(file, {})
    named = parse_config({"eeg": {"electrodes": {"one": "F3", "two": "F4"}}}, "test")
    session, _ = open_replay(file, {}, named)
    assert any(isinstance(item, Score) for item in session.run())
