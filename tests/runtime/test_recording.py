"""What is recorded of a session: begun, ended and begun again; what is wrong with it is told, and never ends it."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from streamsense.config import Config
from streamsense.errors import SourceError
from streamsense.journal import JournaledPipeline
from streamsense.pipeline import START
from streamsense.runtime import recorder
from streamsense.runtime.assembly import build_pipeline
from streamsense.runtime.live import LiveSession
from streamsense.runtime.recorded_journal import JournalReader
from streamsense.runtime.recorder import Recorder
from streamsense.runtime.recording import ALARM, Recording
from streamsense.runtime.recording_head import recording_head
from streamsense.runtime.verify import verify
from streamsense.score import Notice, Score
from streamsense.sinks.journal_file import JournalFile
from streamsense.sources.xdf_chunks import Damage, read_chunks
from streamsense.streams import Block, Control, Event, StreamOpened
from tests.helpers import recorded_sessions, sessions


class MonotonicClock:
    def now(self) -> float:
        return time.monotonic()


class Player:
    """A source that sends tracks at their own speed, from now on."""

    def __init__(self, emit: Callable[[Event], None], *tracks: sessions.Track) -> None:
        self._emit, self._tracks = emit, tracks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        pass

    def _run(self) -> None:
        begin = time.monotonic()
        for track in self._tracks:
            self._emit(StreamOpened(track.info, begin))
        sent = [0] * len(self._tracks)
        while not self._stopping.wait(0.02):
            now = time.monotonic()
            for number, track in enumerate(self._tracks):
                due = int(np.searchsorted(track.stamps, sessions.START + now - begin))
                if due > sent[number]:
                    block = track.block(sent[number], due, now)
                    self._emit(replace(block, stamps=block.stamps - sessions.START + begin))
                    sent[number] = due


class Kept:
    def __init__(self) -> None:
        self.scores: list[Score] = []
        self.notices: list[Notice] = []

    def write_score(self, score: Score, compute_s: float) -> None:
        self.scores.append(score)

    def write_notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def close(self) -> None:
        pass

    def alarms(self) -> list[str]:
        return [notice.text for notice in self.notices if notice.kind == ALARM]


def live_session(folder: Path, config: Config, *tracks: sessions.Track) -> tuple[LiveSession, Kept]:
    pipeline, description = build_pipeline(config)
    head = recording_head(config, description, None)
    session = LiveSession(
        pipeline,
        lambda emit: [Player(emit, *tracks)],
        MonotonicClock(),
        new_recording=partial(Recording, config.recording, folder, head),
    )
    kept = Kept()
    session.add_sink(kept)
    return session, kept


def test_recordings_that_start_and_stop_within_a_session_all_verify(tmp_path: Path) -> None:
    tracks = sessions.eeg(6.0), sessions.voice(6.0)
    session, kept = live_session(tmp_path, sessions.config("eeg", "voice"), *tracks)
    first = session.start_recording()
    session.start()
    time.sleep(1.3)
    session.stop_recording()
    time.sleep(0.5)
    second = session.start_recording()
    time.sleep(1.0)
    third = session.start_recording()  # ends the second
    time.sleep(1.0)
    session.stop()
    assert kept.alarms() == []
    files = [path for recording in (first, second, third) for path in recording.files]
    assert len(files) == len(set(files)) == 3
    ends = []
    ticks: list[int] = []
    for path in files:
        found = verify(path)
        assert (found.exit_code, found.change, found.identical) == (0, "", found.ticks), path
        assert found.entered == {"eeg": "raw samples", "voice": "voice front end's frames"}
        ends.append(found.end)
        ticks.append(found.ticks)
    assert ends == ["stopped", "another recording began", "the session ended"]
    assert all(count >= 3 for count in ticks)
    assert sum(ticks) <= len(kept.scores) - 2  # those of the pause are in none
    assert sum(ticks[1:]) >= 9


def test_a_session_without_a_folder_for_recordings_says_so() -> None:
    session = LiveSession(sessions.pipeline("eeg"), lambda emit: [], MonotonicClock())
    with pytest.raises(SourceError, match="has no folder for recordings"):
        session.start_recording()


# -- on the times of a generated session ---------------------------------------------------------------------


def recorded(
    folder: Path,
    config: Config,
    events: list[Event],
    until: float,
    visit: Callable[[Recording, float], None] = lambda *_: None,
) -> tuple[Recording, list[Notice], JournaledPipeline]:
    """Record a whole session, checked every half second: the recording with all its alarms, and the core."""
    pipeline, description = build_pipeline(config)
    core = JournaledPipeline(pipeline)
    recording = Recording(config.recording, folder, recording_head(config, description, None))
    core.push(Control(START, "", sessions.START))
    alarms: list[Notice] = []
    recording.begin(pipeline, sessions.START)
    core.recording = recording
    pending = iter(events)
    waiting = next(pending, None)
    for now in np.arange(sessions.START + 0.5, until, 0.5):
        while waiting is not None and waiting.received <= now:
            core.push(waiting)
            waiting = next(pending, None)
        for _ in core.advance(float(now)):
            pass
        pipeline.take_notices()
        visit(recording, float(now))
        alarms += recording.check(pipeline, float(now))
    recording.end("done")
    core.recording = None
    alarms += recording.finish(until)
    return recording, alarms, core


def test_streams_that_fall_silent_or_never_send_raise_an_alarm(tmp_path: Path) -> None:
    eeg, voice, face = sessions.eeg(12.0), sessions.voice(0.5), sessions.face(0.5)
    marker = recorded_sessions.marker_stream("quiet")
    fell_silent = [*recorded_sessions.blocks(eeg, 250)[:2], *recorded_sessions.blocks(eeg, 250)[9:10]]
    events: list[Event] = [StreamOpened(info, sessions.START) for info in (eeg.info, voice.info, face.info, marker)]
    events += [*recorded_sessions.blocks(voice, 800), *fell_silent]
    _, alarms, _ = recorded(
        tmp_path, sessions.config("eeg", "face", "voice"), sorted(events, key=lambda e: e.received), sessions.START + 17
    )
    assert {alarm.kind for alarm in alarms} == {ALARM}
    told = [(alarm.time - sessions.START, alarm.text) for alarm in alarms]
    silent = [(when, text.split()[0]) for when, text in told if "has sent nothing for 5 s" in text]
    # Each once, and again when it has fallen silent again; markers may be rare.
    assert silent == [(5.5, "face"), (6.0, "voice"), (7.5, "eeg"), (15.5, "eeg")]
    never = [text for _, text in told if "has no sample in the recording" in text]
    assert never == [
        "face ('test face') has no sample in the recording",
        "markers/quiet ('quiet') has no sample in the recording",
    ]


def test_nothing_piles_up_in_the_core_after_a_recording(tmp_path: Path) -> None:
    voice = sessions.voice(2.0)
    events: list[Event] = [StreamOpened(voice.info, sessions.START), *recorded_sessions.blocks(voice, 800)]
    _, _, core = recorded(tmp_path, sessions.config("voice"), events[:20], sessions.START + 1.0)
    for event in events[20:]:
        core.push(event)
    assert core.pipeline.take_front_events() == []


def test_a_file_that_cannot_be_rolled_over_goes_on(tmp_path: Path) -> None:
    """The folder is gone and a file stands in its place when the next one is due."""
    eeg = sessions.eeg(7.0)
    events: list[Event] = [StreamOpened(eeg.info, sessions.START), *recorded_sessions.blocks(eeg, 25)]
    config = sessions.config("eeg", recording={"roll_minutes": 0.05})
    folder, moved = tmp_path / "recordings", tmp_path / "moved"

    def take_away(_: Recording, now: float) -> None:
        if now == sessions.START + 2.0:
            folder.rename(moved)
            folder.write_text("")
        if now == sessions.START + 5.0:
            folder.unlink()

    recording, alarms, _ = recorded(folder, config, events, sessions.START + 7, take_away)
    assert ["goes on in" in alarm.text and "cannot be made" in alarm.text for alarm in alarms] == [True]
    assert [path.name.split("_")[-2] for path in recording.files] == ["split-001", "split-002"]
    assert recording.files[1].parent == folder
    shutil.move(recording.files[1], moved)
    counts = []
    for path in sorted(moved.iterdir()):
        found = verify(path)
        assert (found.exit_code, found.end is None) == (0, False)
        counts.append(found.ticks)
    assert counts[0] >= 25  # beyond where it should have ended
    assert sum(counts) == 32


def test_a_stream_that_was_refused_before_it_began_does_not_end_the_recording(tmp_path: Path) -> None:
    """What the core then holds is the stream before it, which has other channels."""
    eeg = sessions.eeg(4.0)
    blocks = recorded_sessions.blocks(eeg, 25)
    other = recorded_sessions.fewer_channels(eeg, 3)
    useless = replace(other.info, channel_labels=("x", "y", "z"))
    pipeline, description = build_pipeline(sessions.config("eeg"))
    core = JournaledPipeline(pipeline)
    before = [Control(START, "", sessions.START), StreamOpened(eeg.info, sessions.START), *blocks[:10]]
    refused = recorded_sessions.blocks(other, 25)[10:20]
    for event in (*before, StreamOpened(useless, refused[0].received), *refused[:5]):
        core.push(event)
    core.recording = recording = Recording(
        sessions.config("eeg").recording, tmp_path, recording_head(sessions.config("eeg"), description, None)
    )
    recording.begin(pipeline, refused[4].received)
    for event in (*refused[5:], StreamOpened(eeg.info, blocks[20].received), *blocks[20:]):
        core.push(event)
        for _ in core.advance(event.received):
            pass
    recording.end("done")
    recording.finish(sessions.START + 5)
    assert recording.failures == []
    found = verify(recording.files[0])
    assert (found.exit_code, found.identical) == (0, found.ticks)
    assert found.ticks >= 5


def test_each_file_holds_what_is_only_recorded_and_nothing_of_what_is_refused(tmp_path: Path) -> None:
    """Pictures that were opened before a file began, and an amplifier without electrodes."""
    eeg = recorded_sessions.fewer_channels(sessions.eeg(7.0), 3)
    useless = sessions.Track(replace(eeg.info, channel_labels=("x", "y", "z")), eeg.stamps, eeg.values)
    pictures = replace(recorded_sessions.marker_stream("camera"), key="pictures/face", kind="pictures")
    events: list[Event] = [StreamOpened(info, sessions.START) for info in (useless.info, pictures)]
    events += recorded_sessions.blocks(useless, 25)
    count = 68
    for number in range(count):
        events.append(recorded_sessions.texts(pictures, number, sessions.START + 0.05 + number / 10, f"p{number}"))
    events.sort(key=lambda event: event.received)
    config = sessions.config("eeg", recording={"roll_minutes": 0.05, "raw_video": True})
    recording, _, _ = recorded(tmp_path, config, events, sessions.START + 7)
    assert recording.failures == []
    assert len(recording.files) == 3
    kept: list[str] = []
    for path in recording.files:
        entries = list(JournalReader(path).entries())
        assert [entry.info.key for entry in entries if isinstance(entry, StreamOpened)].count("pictures/face") == 1
        kept += [text for entry in entries if isinstance(entry, Block) for text in entry.texts]
        found = verify(path)
        assert (found.exit_code, found.identical) == (0, found.ticks)
    assert kept == [f"p{number}" for number in range(len(kept))]
    assert len(kept) > count - 6  # those of the last half second came after its end


def test_a_name_that_is_taken_leads_to_the_next_number(tmp_path: Path) -> None:
    taken = tmp_path / "sub-01_ses-01_task-affect_run-001_streamsense.xdf"
    taken.write_bytes(b"mine")
    recording, _, _ = recorded(tmp_path, sessions.config("eeg"), [], sessions.START + 1)
    assert [path.name for path in recording.files] == ["sub-01_ses-01_task-affect_run-002_streamsense.xdf"]
    assert taken.read_bytes() == b"mine"


# -- the disk ------------------------------------------------------------------------------------------------


@pytest.fixture
def hanging_disk(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A disk that takes nothing from its second flush on, until it is let go."""
    let_go, count = threading.Event(), iter(range(1 << 30))
    real = os.fsync

    def hang(number: int) -> None:
        if next(count) > 0:
            let_go.wait(20)
        real(number)

    monkeypatch.setattr(os, "fsync", hang)
    return let_go


def test_a_disk_that_hangs_ends_the_recording_before_the_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hanging_disk: threading.Event
) -> None:
    most = 4 << 20
    monkeypatch.setattr(recorder, "MOST_WAITING_BYTES", most)
    made = recorded_sessions.make(recorded_sessions.eventful(2.0))
    writer = Recorder(JournalFile(tmp_path / "file.xdf", made.head, "2026", sessions.START))
    writer.begin(made.snapshot.state, made.snapshot.streams, {})
    for item in made.items:
        writer.write(item)
    time.sleep(0.7)  # the first flush is over, the second one hangs
    sound = int16_blocks(400)
    handed = 0
    while not writer.failure:
        block = next(sound)
        writer.write(block)
        handed += block.values.nbytes + block.stamps.nbytes
    assert handed < 1.1 * most
    assert "the disk takes no 4 MB" in writer.failure
    for _ in range(10):
        writer.write(next(sound))  # goes nowhere
    hanging_disk.set()
    writer.wait(30.0)
    reader = JournalReader(writer.path)
    entries = list(reader.entries())
    assert "the disk takes no 4 MB" in (reader.end or "")
    # What was waiting when it was given up is there, and nothing after it.
    assert len(entries) > len(made.entries()) + 100
    assert recorded_sessions.first_difference(made.entries(), entries[: len(made.entries())]) == ""


def int16_blocks(count: int) -> Iterator[Block]:
    first = 100_000
    for number in range(count):
        stamps = sessions.START + 10 + (np.arange(2000) + 2000 * number) / 16_000
        yield Block("voice", first + 2000 * number, stamps, np.zeros((2000, 1), np.int16), float(stamps[-1]))


def test_what_waited_for_a_disk_is_written_in_chunks_of_a_size_that_readers_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hanging_disk: threading.Event
) -> None:
    monkeypatch.setattr(recorder, "_FLUSH_BYTES", 1 << 19)
    track = recorded_sessions.int16_sound(0.1)
    writer = Recorder(JournalFile(tmp_path / "file.xdf", {}, "2026", sessions.START))
    writer.begin(b"", (), {})
    time.sleep(0.1)
    writer.write(StreamOpened(track.info, sessions.START))
    time.sleep(0.7)
    for block in int16_blocks(150):  # 3 MB
        writer.write(block)
    hanging_disk.set()
    writer.end("done")
    writer.wait(30.0)
    assert writer.failure == ""
    sizes = [len(chunk.payload) for chunk in read_chunks(writer.path, Damage()) if chunk.stream_id == 5]
    assert max(sizes) < 1 << 20
    assert sum(sizes) > 150 * 2000 * 3
    assert len(list(JournalReader(writer.path).entries())) == 152
