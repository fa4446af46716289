"""Recordings read back to the bit, end early wherever they are cut, and tell of every changed byte."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import random
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.config import Config
from streamsense.errors import ModelError, RecordingError
from streamsense.features.speech_probability import SILERO_SHA256
from streamsense.features.voice_frames import VOICE_PROBABILITY, VoiceFrontEndSettings
from streamsense.journal import JournaledPipeline
from streamsense.journal_lines import Snapshot
from streamsense.pipeline import START
from streamsense.runtime import recorded_journal
from streamsense.runtime.assembly import build_pipeline
from streamsense.runtime.feature_export import open_features
from streamsense.runtime.recorded_checks import ChangedRecording
from streamsense.runtime.recorded_journal import JournalReader, Recorded, RecordedPlan, was_scored
from streamsense.runtime.recording import Recording
from streamsense.runtime.recording_head import recording_head
from streamsense.runtime.verify import RecordedSession, verify
from streamsense.score import Notice, Score, Skip
from streamsense.sinks import xdf_writer
from streamsense.sinks.journal_file import JournalFile
from streamsense.sources.xdf_chunks import Chunk, Damage, read_chunks
from streamsense.streams import VOICE_FRAMES, Block, Control, Event, StreamOpened
from tests.helpers import recorded_sessions, sessions
from tests.helpers.no_models import hide_all_models
from tests.helpers.recorded_sessions import Flush, Made, first_difference
from tests.helpers.xdf_writer import XdfWriter

ALL = ("eeg", "face", "voice")
CHANGES = 500


# -- what was written is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("record_after_s", [0.0, 1.7])
def test_a_recording_reads_back_to_exactly_the_same_entries(tmp_path: Path, record_after_s: float) -> None:
    made = recorded_sessions.make(recorded_sessions.eventful(), record_after_s)
    recorded_sessions.write(tmp_path / "file.xdf", made)
    reader = JournalReader(tmp_path / "file.xdf")
    assert reader.head == json.loads(json.dumps(made.head))
    found = list(reader.entries())
    assert first_difference(made.entries(), found) == ""
    assert len(found) == len(made.entries())
    assert reader.end == "done"
    assert not reader.damage.warnings()
    assert reader.entered == {"eeg": "raw samples", "face": "face vectors", "voice": "raw sound"}
    kinds = Counter(type(entry).__name__ for entry in found)
    assert kinds["RecordedPlan"] > 10
    if not record_after_s:
        assert {"Snapshot", "StreamOpened", "StreamLost", "OffsetProbe", "Control", "Block"} <= set(kinds)
        blocks = [entry for entry in found if isinstance(entry, Block)]
        assert {str(block.values.dtype) for block in blocks} == {"float32", "int16", "int32"}
        assert {len(block) for block in blocks} >= {0, 1, 20, 320}


@pytest.mark.parametrize("flush_every_s", [0.0, 0.05, 100.0])
def test_where_it_was_flushed_does_not_matter(tmp_path: Path, flush_every_s: float, small: Small) -> None:
    recorded_sessions.write(tmp_path / "file.xdf", small.made, flush_every_s)
    found = list(JournalReader(tmp_path / "file.xdf").entries())
    assert first_difference(small.made.entries(), found) == ""
    assert len(found) == len(small.made.entries())


@dataclass(frozen=True)
class Small:
    """A short recording, closed, and where it was flushed."""

    made: Made
    path: Path
    data: bytes
    flushes: list[Flush]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    events = [event for event in recorded_sessions.eventful(1.5) if recorded_sessions.key_of(event) != "face"]
    made = recorded_sessions.make(events, 0.0, sessions.config("eeg"))
    path = tmp_path_factory.mktemp("small") / "small.xdf"
    flushes = recorded_sessions.write(path, made, 0.25)
    return Small(made, path, path.read_bytes(), flushes)


def read(path: Path, data: bytes) -> tuple[list[Recorded], str | None]:
    """The entries of a file with this content, and why it ended."""
    path.write_bytes(data)
    reader = JournalReader(path)
    return list(reader.entries()), reader.end


# -- where it is cut -----------------------------------------------------------------------------------------


def cuts(small: Small) -> list[int]:
    around = [flush.size + step for flush in small.flushes for step in (-1, 0, 1)]
    rng = random.Random(1)
    return sorted({n for n in (*around, *rng.sample(range(len(small.data)), 300)) if 0 <= n <= len(small.data)})


def test_a_recording_that_is_cut_anywhere_ends_early_and_loses_one_flush_at_most(small: Small, tmp_path: Path) -> None:
    expected = small.made.entries()
    for size in cuts(small):
        if size < small.flushes[0].size:
            with contextlib.suppress(RecordingError):  # not even its first line may be there
                assert read(tmp_path / "cut.xdf", small.data[:size]) == ([], None)
            continue
        found, end = read(tmp_path / "cut.xdf", small.data[:size])
        assert first_difference(expected, found) == "", size
        whole = [flush.entries for flush in small.flushes if flush.size <= size][-1]
        begun = next(flush.entries for flush in small.flushes if flush.size >= size)
        # Of the flush that was cut only the boundary behind its journal may be missing.
        assert len(found) in (whole, begun), (size, whole, begun)
        assert end in (None, "done")


def test_any_reader_opens_a_recording_that_is_cut_anywhere(small: Small, tmp_path: Path) -> None:
    logging.getLogger("pyxdf").setLevel(logging.CRITICAL)
    # pyxdf fails on a header or footer that is cut in two, whoever wrote it. No kill cuts there but within the
    # microseconds in which the system copies a new stream's header; `streamsense replay` reads such a file too.
    xml = [c for c, _ in chunks_of(small.data, tmp_path / "whole.xdf") if c.tag in (1, 2, 6)]
    within_xml = {size for chunk in xml for size in range(chunk.offset + 1, chunk.offset + chunk.size)}
    sizes = [size for size in cuts(small) if size >= small.flushes[0].size and size not in within_xml]
    assert len(sizes) > 200
    for size in sizes[::24]:
        (tmp_path / "cut.xdf").write_bytes(small.data[:size])
        with np.errstate(all="ignore"):
            streams, _ = pyxdf.load_xdf(tmp_path / "cut.xdf")
        scores = {s["info"]["name"][0]: len(s["time_stamps"]) for s in streams}["streamsense-scores"]
        entries = [flush.entries for flush in small.flushes if flush.size <= size][-1]
        assert scores >= sum(isinstance(entry, RecordedPlan) for entry in small.made.entries()[:entries])


# -- where it is changed -------------------------------------------------------------------------------------


def changed_places(data: bytes, path: Path) -> dict[str, int]:
    """A byte in each part of each kind of chunk."""
    path.write_bytes(data)
    places = {"magic": 1}
    for chunk in read_chunks(path, Damage()):
        frame = chunk.size - len(chunk.payload)
        name = f"kind {chunk.tag}, stream {min(chunk.stream_id, 2)}"  # one stands for all but the journal
        places |= {f"{name}, byte {byte} of its frame": chunk.offset + byte for byte in range(frame)}
        if chunk.payload:
            places[f"{name}, its beginning"] = chunk.offset + frame
            places[f"{name}, its middle"] = chunk.offset + frame + len(chunk.payload) // 2
            places[f"{name}, its end"] = chunk.offset + chunk.size - 1
    return places


def assert_told(small: Small, data: bytes, place: int, bits: int, path: Path) -> bool:
    """Flip bits of a byte: it is told with its place, or the file only ends earlier; whether it was told."""
    changed = bytearray(data)
    changed[place] ^= bits
    expected, found = small.made.entries(), list[Recorded]()
    path.write_bytes(changed)
    try:
        reader = JournalReader(path)
        found.extend(reader.entries())
    except RecordingError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert re.search(r"byte \d+|stream|not an XDF file|has no journal", told), told
    else:
        # Only what makes the tail look torn: all that was flushed before it is there.
        before = [flush for flush in small.flushes if flush.size <= place]
        last = [flush for flush in small.flushes if flush.size <= len(data)][-2:]
        assert place >= last[0].size, f"nothing was said of byte {place}, flushes {small.flushes}"
        assert len(found) >= before[-1].entries
    assert first_difference(expected, found) == "", f"byte {place}, bits {bits}"
    return bool(told)


@pytest.mark.parametrize("ending", ["closed", "killed"])
def test_any_changed_byte_is_told_with_its_place(small: Small, ending: str, tmp_path: Path) -> None:
    data = small.data if ending == "closed" else small.data[: small.flushes[-2].size]
    rng = random.Random(2)
    told = [
        assert_told(small, data, rng.randrange(len(data)), rng.randrange(1, 256), tmp_path / "changed.xdf")
        for _ in range(CHANGES)
    ]
    assert sum(told) > 0.97 * CHANGES


def test_a_changed_byte_in_each_part_of_each_kind_of_chunk_is_told(small: Small, tmp_path: Path) -> None:
    places = changed_places(small.data, tmp_path / "whole.xdf")
    assert {f"kind {kind}" for kind in range(1, 7)} <= {name.split(",")[0] for name in places}
    path = tmp_path / "changed.xdf"
    untold = [
        name
        for number, (name, place) in enumerate(places.items())
        if not assert_told(small, small.data, place, 1 << number % 8, path)
    ]
    # Behind the last footer nothing vouches for its own frame.
    assert all(name.startswith("kind 6, stream 1, ") for name in untold), untold


def chunks_of(data: bytes, path: Path) -> list[tuple[Chunk, bytes]]:
    path.write_bytes(data)
    return [(chunk, data[chunk.offset : chunk.offset + chunk.size]) for chunk in read_chunks(path, Damage())]


def test_chunks_that_were_left_out_repeated_or_exchanged_are_told(small: Small, tmp_path: Path) -> None:
    chunks = chunks_of(small.data, tmp_path / "whole.xdf")
    rng = random.Random(3)
    for _ in range(60):
        at, other = sorted(rng.sample(range(len(chunks) - 1), 2))
        raw = [content for _, content in chunks]
        if raw[at] == raw[other]:
            continue  # two boundaries
        exchanged = list(raw)
        exchanged[at], exchanged[other] = raw[other], raw[at]
        for content in (raw[:at] + raw[at + 1 :], raw[: at + 1] + raw[at:], exchanged):
            with pytest.raises(RecordingError):
                read(tmp_path / "changed.xdf", b"XDF:" + b"".join(content))


def test_a_changed_score_is_told_before_it_is_given(small: Small, tmp_path: Path) -> None:
    """Else it would be shown as what was recorded, and called a score that cannot be computed again."""
    chunk = next(c for c, _ in chunks_of(small.data, tmp_path / "whole.xdf") if (c.tag, c.stream_id) == (3, 2))
    data = bytearray(small.data)
    data[chunk.offset + chunk.size - 1] ^= 1
    (tmp_path / "changed.xdf").write_bytes(data)
    entries = JournalReader(tmp_path / "changed.xdf").entries()
    given = list[Recorded]()
    with pytest.raises(ChangedRecording, match=rf"at byte {chunk.offset}: the chunk there .kind 3, stream 2."):
        given.extend(entries)
    assert given
    assert not any(isinstance(entry, RecordedPlan) for entry in given)


# -- files that are none of ours, or hostile -----------------------------------------------------------------


def test_a_changed_recording_of_ours_is_not_taken_for_that_of_another_recorder(small: Small, tmp_path: Path) -> None:
    at = small.data.index(b"fingerprint")
    for path, data in (("whole", small.data), ("changed", small.data[:at] + b"F" + small.data[at + 1 :])):
        (tmp_path / path).write_bytes(data)
        assert was_scored(tmp_path / path)


def foreign(path: Path, stream_type: str = "EEG", samples: int = 100) -> Path:
    writer = XdfWriter()
    writer.header(1, "float32", 2, 250.0, "Amp", stream_type, ["Fp1", "Fp2"])
    writer.stamped(1, np.arange(float(samples)), np.zeros((samples, 2), np.float32))
    path.write_bytes(writer.data)
    return path


def test_a_file_of_another_recorder_has_no_journal(tmp_path: Path) -> None:
    for path in (foreign(tmp_path / "a.xdf"), foreign(tmp_path / "b.xdf", "streamsense-journal")):
        assert not was_scored(path)
        with pytest.raises(RecordingError, match="has no journal"):
            JournalReader(path)


def test_a_large_file_of_another_recorder_is_known_at_its_beginning(tmp_path: Path) -> None:
    path = foreign(tmp_path / "large.xdf", samples=2_000_000)
    tracemalloc.start()
    with pytest.raises(RecordingError, match="has no journal"):
        JournalReader(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2  # of its one chunk hardly anything was looked at


def test_samples_that_no_line_names_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_journal, "_MOST_WAITING_BYTES", 1 << 23)
    file = JournalFile(tmp_path / "file.xdf", {}, "2026", 1000.0)
    file.take(StreamOpened(recorded_sessions.marker_stream("many"), 1000.0))
    file.flush()
    file.abandon()
    rows = xdf_writer.texts_content(np.zeros(1 << 14), [[""]] * (1 << 14))
    chunk = xdf_writer.stream_chunk(xdf_writer.SAMPLES, 5, rows)
    with file.path.open("ab") as more:
        for _ in range(9):
            more.write(chunk)
    with pytest.raises(RecordingError, match="which no recording of ours does"):
        list(JournalReader(file.path).entries())


def test_the_events_of_a_long_recording_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_journal, "_MOST_WAITING_BYTES", 1 << 20)
    file = JournalFile(tmp_path / "file.xdf", {}, "2026", 1000.0)
    for second in range(100):
        for _ in range(100):
            file.take_notice(Notice(1000.0 + second, "marker", "x" * 100))
        file.flush()
    file.close("done")
    reader = JournalReader(file.path)
    assert list(reader.entries()) == []
    assert reader.end == "done"


def test_a_sender_that_calls_itself_a_journal_changes_nothing(tmp_path: Path) -> None:
    info = replace(recorded_sessions.marker_stream("false"), type="streamsense-journal")
    scores = replace(info, key="markers/scores", type="streamsense-scores")
    events = [
        StreamOpened(info, sessions.START + 0.01),
        StreamOpened(scores, sessions.START + 0.01),
        recorded_sessions.texts(info, 0, sessions.START + 0.4, "00000000 []"),
        recorded_sessions.texts(scores, 0, sessions.START + 0.4, "1"),
        Control("note", "", sessions.START + 1.0),
    ]
    made = recorded_sessions.make(events, 0.0, sessions.config("eeg"))
    recorded_sessions.write(tmp_path / "file.xdf", made)
    assert first_difference(made.entries(), list(JournalReader(tmp_path / "file.xdf").entries())) == ""


# -- replay --------------------------------------------------------------------------------------------------


def session_config(**recording: object) -> Config:
    return sessions.config(*ALL, recording=recording)


def record(folder: Path, config: Config, events: list[Event], record_after_s: float) -> tuple[list[Score], Recording]:
    """Run a session that is recorded by the real recorder: the live scores, and the recording."""
    pipeline, description = build_pipeline(config)
    core = JournaledPipeline(pipeline)
    recording = Recording(config.recording, folder, recording_head(config, description, None))
    core.push(Control(START, "", sessions.START))

    def visit(now: float) -> None:
        if core.recording is None and now >= sessions.START + record_after_s:
            recording.begin(pipeline, now)
            core.recording = recording
        elif core.recording is not None:
            assert not recording.check(pipeline, now)

    scores = list(recorded_sessions.drive(core, events, events[-1].received + 0.1, visit))
    recording.end("done")
    for notice in recording.finish(events[-1].received):
        assert "has no sample" in notice.text
    return scores, recording


def replayed(path: Path, sizes: Iterator[int] | None = None) -> list[Score]:
    """A file computed again, with all blocks cut at `sizes`."""
    session = RecordedSession(path)
    scores = []
    for entry in session.reader.entries():
        if isinstance(entry, Snapshot):
            session.pipeline.restore(entry.state, entry.streams)
        elif isinstance(entry, RecordedPlan):
            score = session.pipeline.carry_out(entry.plan)
            assert score is not None
            assert score.values.tobytes() == entry.score.values.tobytes(), entry.plan.tick
            assert score.experts.tobytes() == entry.score.experts.tobytes(), entry.plan.tick
            scores.append(score)
        elif isinstance(entry, Skip):
            session.pipeline.carry_out(entry)
        elif isinstance(entry, Block) and sizes is not None:
            for piece in pieces(entry, sizes):
                session.pipeline.push(piece)
        else:
            session.pipeline.push(entry)
    assert session.reader.end is not None
    return scores


def pieces(block: Block, sizes: Iterator[int]) -> Iterator[Block]:
    start = 0
    while start < len(block):
        # Sound comes in larger pieces: sample by sample would only take long.
        part = slice(start, start + next(sizes) * (64 if block.values.dtype == np.int16 else 1))
        first = block.first_sample + start
        texts = block.texts[part] if block.texts else ()
        yield replace(block, first_sample=first, stamps=block.stamps[part], values=block.values[part], texts=texts)
        start = part.stop


RECORDINGS: dict[str, tuple[dict[str, object], float]] = {
    "raw sound": ({"raw_sound": True}, 0.0),
    "voice frames": ({}, 0.0),
    "raw sound, from the middle": ({"raw_sound": True}, 2.3),
    "voice frames, from the middle": ({}, 2.3),
    "voice frames, rolled over": ({"roll_minutes": 0.05}, 0.5),
    "raw sound, rolled over": ({"roll_minutes": 0.05, "raw_sound": True}, 0.5),
}


@pytest.fixture(scope="module")
def long_session() -> list[Event]:
    return recorded_sessions.eventful(7.0)


@pytest.fixture(scope="module", params=RECORDINGS)
def recorded(
    request: pytest.FixtureRequest, long_session: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[Score], Recording]:
    settings, after_s = RECORDINGS[request.param]
    folder = tmp_path_factory.mktemp("recorded")
    scores, recording = record(folder, session_config(**settings), long_session, after_s)
    return request.param, scores, recording


def test_every_file_by_itself_replays_to_the_same_bytes(recorded: tuple[str, list[Score], Recording]) -> None:
    name, scores, recording = recorded
    found = [score for path in recording.files for score in replayed(path)]
    assert len(recording.files) == (3 if "rolled" in name else 1)
    assert found[0].tick == scores[0].tick if name.endswith(("sound", "frames")) else found[0].tick > scores[0].tick
    assert [score.tick for score in found] == [score.tick for score in scores][-len(found) :]
    for one, other in zip(scores[-len(found) :], found, strict=True):
        assert one.values.tobytes() == other.values.tobytes(), one.tick
    assert {score.plan.reason for score in scores} >= {"complete", "deadline"}


def test_raw_sound_is_in_no_file_that_should_not_have_it(recorded: tuple[str, list[Score], Recording]) -> None:
    name, _, recording = recorded
    for path in recording.files:
        reader = JournalReader(path)
        entries = list(reader.entries())
        opened = [entry.info for entry in entries if isinstance(entry, StreamOpened)]
        opened += [info for entry in entries if isinstance(entry, Snapshot) for info in entry.streams]
        is_raw = {info.type != VOICE_FRAMES for info in opened if info.kind == "voice"}
        assert is_raw == {"raw" in name}
        assert reader.entered["voice"] == ("raw sound" if "raw" in name else "voice front end's frames")
        voice = [entry for entry in entries if isinstance(entry, Block) and entry.key == "voice"]
        assert {block.values.dtype.name for block in voice} == ({"int16"} if "raw" in name else {"float32"})
        columns = 1 if "raw" in name else len(VoiceFrontEndSettings().labels)
        assert {block.values.shape[1] for block in voice} == {columns}


@pytest.mark.parametrize(("raw_sound", "after_s"), [(False, 0.0), (False, 1.3), (True, 1.3)])
def test_a_session_with_the_net_replays_with_it_from_sound_and_from_frames(
    tmp_path: Path, raw_sound: bool, after_s: float
) -> None:
    track = recorded_sessions.int16_sound(3.0)
    events = [sessions.opened(track), *recorded_sessions.blocks(track, 320)]
    config = sessions.config(voice={"voice_activity": "silero"}, recording={"raw_sound": raw_sound})
    scores, recording = record(tmp_path, config, events, after_s)
    assert len(replayed(recording.files[0])) > 5
    found = verify(recording.files[0])
    assert (found.exit_code, found.identical) == (0, found.ticks)
    assert found.ticks == len([score for score in scores if score.time > sessions.START + after_s])
    session = RecordedSession(recording.files[0])
    assert session.config.voice is not None
    assert session.config.voice.voice_activity == "silero"
    assert SILERO_SHA256 in session.reader.head["fingerprint"]["voice_activity_model"]
    if not raw_sound:
        frames = [entry for entry in session.reader.entries() if isinstance(entry, Block)]
        assert 0 < max(block.values[:, VOICE_PROBABILITY].max() for block in frames) < 1


def test_frames_of_the_net_are_verified_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track = recorded_sessions.int16_sound(3.0)
    events = [sessions.opened(track), *recorded_sessions.blocks(track, 320)]
    files = {}
    for raw_sound in (False, True):
        config = sessions.config(voice={"voice_activity": "silero"}, recording={"raw_sound": raw_sound})
        (tmp_path / str(raw_sound)).mkdir()
        files[raw_sound] = record(tmp_path / str(raw_sound), config, events, 0.0)[1].files[0]
    hide_all_models(monkeypatch, tmp_path)
    found = verify(files[False])
    assert (found.exit_code, found.fingerprint) == (0, [])
    assert found.identical == found.ticks > 5
    scored = [item for item in open_features(files[False], {}).items if isinstance(item, Score)]
    assert len(scored) == found.ticks
    with pytest.raises(ModelError, match="streamsense models pull silero_vad"):
        verify(files[True])


@settings(max_examples=1, deadline=None)
@given(sizes=st.lists(st.integers(3, 200), min_size=1, max_size=12))
def test_cutting_the_blocks_changes_nothing(recorded: tuple[str, list[Score], Recording], sizes: list[int]) -> None:
    lengths = itertools.cycle(sizes)
    assert replayed(recorded[2].files[0], lengths)


def test_the_files_of_a_recording_share_its_number_and_others_get_the_next(
    long_session: list[Event], tmp_path: Path
) -> None:
    short = [event for event in long_session if event.received < sessions.START + 3.3]
    for roll in ({"roll_minutes": 0.05}, {}, {"roll_minutes": 0.05}):
        record(tmp_path, session_config(participant="07", task="rest", **roll), short, 0.0)
    stem = "sub-07_ses-01_task-rest"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{stem}_run-001_split-001_streamsense.xdf", f"{stem}_run-001_split-002_streamsense.xdf",
        f"{stem}_run-002_streamsense.xdf",
        f"{stem}_run-003_split-001_streamsense.xdf", f"{stem}_run-003_split-002_streamsense.xdf",
    ]  # fmt: skip


def test_a_recording_without_a_single_tick_is_no_failure(tmp_path: Path) -> None:
    config = sessions.config("eeg")
    pipeline, description = build_pipeline(config)
    recording = Recording(config.recording, tmp_path, recording_head(config, description, None))
    recording.begin(pipeline, 1000.0)
    recording.end("stopped")
    assert [notice.kind for notice in recording.finish(1000.1)] == ["recording_alarm"]
    found = verify(recording.files[0])
    assert (found.exit_code, found.ticks, found.end) == (0, 0, "stopped")
