"""The file of a recording: what is in it for any reader, and that nothing is ever overwritten or left half."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from streamsense.errors import SourceError
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Notice, Plan, Score
from streamsense.sinks.journal_file import JournalFile
from streamsense.sources.xdf import open_recording
from streamsense.sources.xdf_chunks import BOUNDARY, CLOCK_OFFSET, SAMPLES, STREAM_FOOTER, Damage, read_chunks
from streamsense.streams import Block, OffsetProbe, StreamOpened
from tests.helpers import recorded_sessions, sessions
from tests.helpers.recorded_sessions import REMOTE_S, Made

CREATED = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def made() -> Made:
    return recorded_sessions.make(recorded_sessions.eventful())


@pytest.fixture(scope="module")
def file(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "session.xdf"
    recorded_sessions.write(path, made)
    return path


def by_name(path: Path, **options: bool) -> dict[str, list[dict]]:
    streams, _ = pyxdf.load_xdf(path, **options)
    found: dict[str, list[dict]] = {}
    for stream in streams:
        found.setdefault(stream["info"]["name"][0], []).append(stream)
    return found


def labels(stream: dict) -> list[str]:
    return [channel["label"][0] for channel in stream["info"]["desc"][0]["channels"][0]["channel"]]


def test_any_reader_gets_samples_scores_and_events(file: Path, made: Made, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        streams = by_name(file)
    assert not caplog.records  # pyxdf finds nothing odd
    (scores,), (experts,) = streams["streamsense-scores"], streams["streamsense-experts"]
    assert labels(scores) == list(SCORE_LABELS)
    assert labels(experts) == list(EXPERT_LABELS)
    assert scores["time_stamps"].tolist() == [score.time for score in made.scores]
    assert np.array(scores["time_series"]).tobytes() == np.array([score.values for score in made.scores]).tobytes()
    assert np.array(experts["time_series"]).tobytes() == np.array([score.experts for score in made.scores]).tobytes()
    (events,) = streams["streamsense-events"]
    told = [json.loads(row[0]) for row in events["time_series"]]
    notices = [item for item in made.items if isinstance(item, Notice)]
    assert [(one["kind"], one["time"], one["text"]) for one in told] == [(n.kind, n.time, n.text) for n in notices]
    assert (np.diff(events["time_stamps"]) >= 0).all()
    eeg, changed = streams["test eeg"]
    assert (len(labels(eeg)), len(labels(changed))) == (17, 12)
    assert changed["info"]["desc"][0]["replaces"] == [str(eeg["info"]["stream_id"])]
    expected = recorded_sessions.eventful()
    blocks = [event for event in expected if isinstance(event, Block) and event.key == "voice"]
    (voice,) = streams["test voice"]
    assert np.asarray(voice["time_series"]).tobytes() == b"".join(block.values.tobytes() for block in blocks)


def test_stamps_are_raw_and_a_reader_that_aligns_clocks_gets_our_time(file: Path) -> None:
    raw = by_name(file, synchronize_clocks=False, dejitter_timestamps=False)
    aligned = by_name(file)
    face = [block for block in recorded_sessions.eventful() if isinstance(block, Block) and block.key == "face"]
    stamps = np.concatenate([block.stamps for block in face])
    assert raw["test face"][0]["time_stamps"].tobytes() == stamps.tobytes()
    np.testing.assert_allclose(aligned["test face"][0]["time_stamps"], stamps + REMOTE_S, atol=2e-3)
    for name in ("test voice", "text", "streamsense-scores"):
        assert aligned[name][0]["time_stamps"].tobytes() == raw[name][0]["time_stamps"].tobytes()


def test_a_remote_stream_that_was_replaced_keeps_its_own_clock(tmp_path: Path) -> None:
    """A zero offset after the replacement would bend the fit of readers that align clocks."""
    remote = replace(sessions.eeg(0.1).info, same_clock=False)
    other = replace(remote, channel_labels=remote.channel_labels[:4], channel_units=remote.channel_units[:4])
    file = JournalFile(tmp_path / "file.xdf", {}, CREATED, 1000.0)
    file.take(StreamOpened(remote, 1000.0))
    file.take(OffsetProbe("eeg", 1000.0, REMOTE_S, 0.001))
    file.flush()
    file.take(StreamOpened(other, 1030.0))
    file.take(OffsetProbe("eeg", 1030.0, REMOTE_S, 0.001))
    file.close("done")
    chunks = [chunk for chunk in read_chunks(file.path, Damage()) if chunk.tag == CLOCK_OFFSET]
    for stream_id in (5, 6):
        offsets = [np.frombuffer(chunk.payload, "<f8")[1] for chunk in chunks if chunk.stream_id == stream_id]
        assert offsets == [REMOTE_S]


def test_our_reader_finds_all_of_it_without_a_word_of_damage(file: Path, made: Made) -> None:
    recording = open_recording(file)
    spoilt = [warning for warning in recording.warnings if "'test eeg'" not in warning]
    assert not spoilt
    counts = {stream.name: stream.sample_count for stream in recording.streams if stream.name != "test eeg"}
    blocks = [item for item in made.items if isinstance(item, Block)]
    for name, key in (("test voice", "voice"), ("test face", "face"), ("text", "markers/text")):
        assert counts[name] == sum(len(block) for block in blocks if block.key == key)
    assert counts["streamsense-scores"] == sum(isinstance(item, Plan) for item in made.items)


def test_each_flush_ends_with_the_journal_and_a_boundary(file: Path) -> None:
    damage = Damage()
    chunks = list(read_chunks(file, damage))
    assert not damage.warnings()
    boundaries = [index for index, chunk in enumerate(chunks) if chunk.tag == BOUNDARY]
    assert len(boundaries) >= 8
    for index in boundaries:
        assert (chunks[index - 1].tag, chunks[index - 1].stream_id) == (SAMPLES, 1)
    footers = [chunk.stream_id for chunk in chunks[boundaries[-1] + 1 :] if chunk.tag == STREAM_FOOTER]
    assert footers == [*range(2, 2 + len(footers) - 1), 1]  # the journal's is the last


def test_a_flush_without_anything_new_writes_nothing(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "file.xdf", {}, CREATED, 1000.0)
    before = file.path.read_bytes()
    assert before
    file.flush()
    file.flush()
    assert file.path.read_bytes() == before
    assert file.size == len(before)
    file.close("done")


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file.xdf").write_bytes(b"mine")
    with pytest.raises(SourceError, match=r"is there already and is not overwritten"):
        JournalFile(tmp_path / "file.xdf", {}, CREATED, 1000.0)
    assert (tmp_path / "file.xdf").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match=r"folder cannot be made: Not a directory"):
        JournalFile(tmp_path / "file" / "folder" / "file.xdf", {}, CREATED, 1000.0)
    with pytest.raises(SourceError, match=r"file cannot be made: File exists"):
        JournalFile(tmp_path / "file" / "file.xdf", {}, CREATED, 1000.0)


def test_what_is_written_is_on_the_disk_before_flush_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def sync(number: int) -> None:
        synced.append(os.fstat(number).st_size)
        real(number)

    monkeypatch.setattr(os, "fsync", sync)
    file = JournalFile(tmp_path / "file.xdf", {}, CREATED, 1000.0)
    file.take(StreamOpened(sessions.eeg(0.1).info, 1000.0))
    file.flush()
    assert synced == [file.size]
    file.close("done")
    assert synced[-1] == file.path.stat().st_size


def test_scores_are_kept_before_their_plans(made: Made) -> None:
    kinds = [type(item) for item in made.items if isinstance(item, Score | Plan)]
    assert kinds == [Score, Plan] * (len(kinds) // 2)
