"""A session's recording: files that follow one another, what they are called, and what is wrong with them.

Everything here runs in the core's thread, between two events, so that each file begins exactly where the last ended.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamsense.config import RecordingSection
from streamsense.errors import SourceError
from streamsense.pipeline import Pipeline
from streamsense.runtime.recorder import Recorder
from streamsense.score import Notice, Plan, Score, Skip
from streamsense.sinks.journal_file import JournalFile
from streamsense.streams import VOICE_FRAMES, Block, Event, StreamInfo, StreamOpened

SILENT_AFTER_S = 5.0
LONGEST_CLOSING_S = 30.0
ALARM = "recording_alarm"


def free_run(settings: RecordingSection, folder: Path) -> int:
    """The first number that no file of this participant, session and task has."""
    run = 1
    while any(folder.glob(f"{_stem(settings, run)}[_.]*")):
        run += 1
    return run


def check_folder(folder: Path) -> None:
    """Make the folder for recordings. Raises SourceError where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(
            f"The folder {folder} cannot be made: {error.strerror}. Name another one for recordings."
        ) from error
    if not os.access(folder, os.W_OK):
        raise SourceError(f"Nothing can be written into {folder}. Name another folder for recordings.")


def recording_path(settings: RecordingSection, folder: Path, run: int, split: int) -> Path:
    """A name after BIDS; `split` counts the files of one recording that rolls over, 0 for one that does not."""
    part = f"_split-{split:03d}" if split else ""
    return folder / f"{_stem(settings, run)}{part}_streamsense.xdf"


def _clock_offsets(pipeline: Pipeline) -> dict[str, float]:
    """The offsets of other computers' clocks that the core knows by now (s), by stream."""
    timelines = {info.key: pipeline.timeline(info.key) for info in pipeline.open_streams if not info.same_clock}
    return {key: timeline.state.offset.offset_s for key, timeline in timelines.items() if timeline is not None}


def _fits(block: Block, info: StreamInfo) -> bool:
    described = info.dtype, len(info.channel_labels)
    return info.dtype == "string" or (block.values.dtype.name, block.values.shape[1]) == described


def _stem(settings: RecordingSection, run: int) -> str:
    return f"sub-{settings.participant}_ses-{settings.session}_task-{settings.task}_run-{run:03d}"


class Recording:
    """What is recorded of a session, from `begin` to `end`. Never raises for the disk: it reports alarms instead.

    `head` is the content of a file's first line. Sound is kept raw only where the settings say so; else the voice
    front end's output is kept in its place, and a replay enters there.
    """

    def __init__(self, settings: RecordingSection, folder: Path, head: Mapping[str, Any]) -> None:
        self.settings = settings
        self.files: list[Path] = []
        self.failures: list[str] = []
        self._folder = folder
        self._head = head
        self._recorders: list[Recorder] = []
        self._run = 0
        self._roll_at = float("inf")
        self._streams: dict[str, StreamInfo] = {}
        self._in_file: dict[str, StreamInfo] = {}
        self._sound_has_front = False
        self._heard: dict[str, float] = {}
        self._alarmed: set[str] = set()
        self._samples: dict[str, int] = {}

    # -- the files -------------------------------------------------------------------------------------------

    def begin(self, pipeline: Pipeline, now: float) -> None:
        """Open the next file, from where the core stands. Raises SourceError where it cannot be made."""
        self._run = self._run or free_run(self.settings, self._folder)
        split = len(self.files) + 1 if self.settings.roll_minutes is not None else 0
        path = recording_path(self.settings, self._folder, self._run, split)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        recorder = Recorder(JournalFile(path, self._head, created, now))
        streams = pipeline.open_streams if self.settings.raw_sound else pipeline.open_streams_at_fronts
        recorder.begin(pipeline.snapshot(fronts=self.settings.raw_sound), streams, _clock_offsets(pipeline))
        pipeline.keep_front_events = not self.settings.raw_sound
        pipeline.take_front_events()
        self._sound_has_front = any(i.kind == "voice" and i.type != VOICE_FRAMES for i in pipeline.open_streams)
        for info in pipeline.streams_only_recorded:
            recorder.write(StreamOpened(info, now))
        self._in_file = {info.key: info for info in (*streams, *pipeline.streams_only_recorded)}
        self._streams |= self._in_file
        for key in self._in_file:
            self._heard.setdefault(key, now)
        self.files.append(path)
        self._recorders.append(recorder)
        if self.settings.roll_minutes is not None:
            self._roll_at = now + 60 * self.settings.roll_minutes

    def end(self, reason: str) -> None:
        """Let the file be finished."""
        self._recorders[-1].end(reason)

    def finish(self, now: float) -> list[Notice]:
        """Return when all files are closed, with what is wrong with them."""
        for recorder in self._recorders:
            recorder.wait(LONGEST_CLOSING_S)
        notices = self._newly_failed(now)
        if self.files and not self._streams:
            notices.append(Notice(now, ALARM, "Nothing was recorded: there was no stream"))
        for key, info in self._streams.items():
            if not self._samples.get(key):
                text = f"{key} ({info.name!r}) has no sample in the recording"
                notices.append(Notice(now, ALARM, text, {"stream": key}))
        return notices

    # -- what goes into them ---------------------------------------------------------------------------------

    def write_event(self, event: Event, at_fronts: list[Event]) -> None:
        """Record what entered the core; `at_fronts` is what the voice front end made of it."""
        for kept in self._kept(event, at_fronts):
            if isinstance(kept, Block) and not _fits(kept, self._in_file[kept.key]):
                continue  # of a stream that was refused before the recording began: the core does not use it either
            if isinstance(kept, StreamOpened):
                self._streams[kept.info.key] = self._in_file[kept.info.key] = kept.info
                self._heard[kept.info.key] = kept.received
            elif isinstance(kept, Block) and len(kept):
                self._heard[kept.key] = kept.received
                self._samples[kept.key] = self._samples.get(kept.key, 0) + len(kept)
            self._recorders[-1].write(kept)

    def write(self, item: Plan | Skip | Score | Notice) -> None:
        """Record a decision of the core, a score or a notice."""
        self._recorders[-1].write(item)

    def _kept(self, event: Event, at_fronts: list[Event]) -> list[Event]:
        if isinstance(event, StreamOpened) and event.info.kind == "voice":
            self._sound_has_front = event.info.type != VOICE_FRAMES
        if isinstance(event, Block) and event.key not in self._in_file:
            return []  # of a stream that the core cannot use, refused before this file began
        is_sound = (isinstance(event, StreamOpened) and event.info.kind == "voice") or (
            isinstance(event, Block) and self._in_file[event.key].kind == "voice"
        )
        return at_fronts if is_sound and self._sound_has_front and not self.settings.raw_sound else [event]

    # -- what is wrong ---------------------------------------------------------------------------------------

    def check(self, pipeline: Pipeline, now: float) -> list[Notice]:
        """Roll over where it is time, and say what is newly wrong."""
        notices = self._newly_failed(now)
        for key, heard in self._heard.items():
            info = self._streams[key]
            may_be_silent = info.kind in ("markers", "text") or (info.kind == "other" and info.nominal_rate_hz == 0)
            silent = now - heard > SILENT_AFTER_S and not may_be_silent
            if silent and key not in self._alarmed:
                self._alarmed.add(key)
                text = f"{key} has sent nothing for {SILENT_AFTER_S:g} s while it is recorded"
                notices.append(Notice(now, ALARM, text, {"stream": key}))
            elif not silent:
                self._alarmed.discard(key)
        if now >= self._roll_at:
            notices += self._roll_over(pipeline, now)
        return notices

    def _roll_over(self, pipeline: Pipeline, now: float) -> list[Notice]:
        before = self._recorders[-1]
        try:
            self.begin(pipeline, now)
        except SourceError as error:
            self._roll_at += 60 * (self.settings.roll_minutes or 0)
            return [Notice(now, ALARM, f"The recording goes on in {before.path}: {error}")]
        before.end("rolled over")
        return []

    def _newly_failed(self, now: float) -> list[Notice]:
        texts = [
            f"The recording {recorder.path} ended early: {recorder.failure}. What it holds until then is whole."
            for recorder in self._recorders
            if recorder.failure
        ]
        new = [text for text in texts if text not in self.failures]
        self.failures.extend(new)
        return [Notice(now, ALARM, text) for text in new]
