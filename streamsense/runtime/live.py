"""A live session: one core thread between the sources' queue and the sinks."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from streamsense.errors import SinkError, SourceError
from streamsense.journal import Entry, JournaledPipeline
from streamsense.pipeline import REFUSED, START, Pipeline
from streamsense.runtime.live_sources import Source
from streamsense.runtime.recording import ALARM, Recording
from streamsense.runtime.status import SessionStatus
from streamsense.score import Notice
from streamsense.sinks.base import Sink, ThreadedSink
from streamsense.streams import Control, Event
from streamsense.ticks import HOP_S, Clock

Answer = TypeVar("Answer")
_LONGEST_WAIT_S = 0.2
_CHECK_EVERY_S = 0.5


class LiveSession:
    """Runs a pipeline on live sources until it is stopped.

    `sources` is called with the function that takes their events. With a `journal`, everything that enters the core and
    every decision is appended to it. A stream in `required` that cannot be used ends the session. `controls` are given
    to the core before any other event, name and payload of each; without a START nothing is scored. `new_recording`
    prepares a recording.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sources: Callable[[Callable[[Event], None]], list[Source]],
        clock: Clock,
        journal: list[Entry] | None = None,
        required: frozenset[str] = frozenset(),
        controls: Sequence[tuple[str, str]] = ((START, ""),),
        new_recording: Callable[[], Recording] | None = None,
    ) -> None:
        self._queue: queue.SimpleQueue[Event | Callable[[], None]] = queue.SimpleQueue()
        self._core = JournaledPipeline(pipeline, journal)
        self._recordings: list[Recording] = []
        self._sources = sources(self._queue.put)
        self._sinks: list[Sink] = []
        self._clock = clock
        self._required: frozenset[object] = required
        self._controls = controls
        self._new_recording = new_recording
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="core", daemon=True)
        self.status = SessionStatus()

    def add_sink(self, sink: Sink) -> None:
        """Add a place for scores and notices, before `start`."""
        self._sinks.append(sink)

    def start(self) -> None:
        """Start the sources, then the core. Raises StreamsenseError when a source cannot be opened."""
        try:
            for source in self._sources:
                source.start()
        except BaseException:
            self._stop_sources()
            raise
        self._thread.start()

    def start_recording(self) -> Recording:
        """Record from here on, before `start` or while the session runs; ends what was recorded before.

        Raises SourceError where the session was opened without a folder for recordings.
        """
        if self._new_recording is None:
            raise SourceError("This session has no folder for recordings. Give one as `recording: folder:`.")
        recording = self._new_recording()

        def begin() -> None:
            self._end_recording("another recording began")
            self._recordings.append(recording)
            try:
                recording.begin(self._core.pipeline, self._clock.now())
            except SourceError as error:  # scoring goes on; the session's end says it once more
                recording.failures.append(str(error))
                self._tell(Notice(self._clock.now(), ALARM, str(error)))
                return
            self._core.recording = recording

        self._queue.put(begin)
        return recording

    def stop_recording(self) -> None:
        """End the recording; the session goes on."""
        self._queue.put(lambda: self._end_recording("stopped"))

    def control(self, name: str, payload: str) -> float:
        """Tell the core something, after all that it was told before; returns when (s, of the session's clock)."""
        event = Control(name, payload, self._clock.now())
        self._queue.put(event)
        return event.received

    def ask(self, question: Callable[[Pipeline], Answer]) -> Answer:
        """What `question` finds in the pipeline, between two events; waits for the core. Raises as `check` does."""
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._queue.put(lambda: answers.put(question(self._core.pipeline)))
        while True:
            try:
                return answers.get(timeout=_CHECK_EVERY_S)
            except queue.Empty:
                self.check()
                if not self._thread.is_alive():
                    raise RuntimeError("a session that does not run was asked something") from None

    def stop(self) -> None:
        """Stop sources and core, finish recording and sinks, then raise what had gone wrong, if anything had."""
        self._stop_sources()
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end_recording("the session ended")
        for recording in self._recordings:
            for notice in recording.finish(self._clock.now()):
                self._tell(notice)
            if recording.failures:
                self._failure = self._failure or SinkError(" ".join(recording.failures))
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:  # the other sinks still have to finish
                self._failure = self._failure or error
        self.check()

    def check(self) -> None:
        """Raise what went wrong in any thread."""
        if self._failure is not None:
            raise self._failure

    def run(self, seconds: float | None = None) -> None:
        """Start, wait (for ever without `seconds`), stop; Ctrl-C stops cleanly."""
        try:
            self.start()
            until = math.inf if seconds is None else time.monotonic() + seconds
            while time.monotonic() < until and self._failure is None:
                time.sleep(0.05)
        finally:
            self.stop()

    def _stop_sources(self) -> None:
        for source in self._sources:
            source.stop()

    def _run(self) -> None:
        try:
            for name, payload in self._controls:
                self._core.push(Control(name, payload, self._clock.now()))
            check_at = 0.0
            while not self._stopping.is_set():
                self._take_in()
                self._score()
                if time.monotonic() >= check_at:
                    check_at = time.monotonic() + _CHECK_EVERY_S
                    self._check_parts()
        except BaseException as error:  # raised again by check() and stop()
            self._failure = error

    def _check_parts(self) -> None:
        for source in self._sources:
            source.check()
        for sink in self._sinks:
            for notice in sink.take_notices(self._clock.now()) if isinstance(sink, ThreadedSink) else ():
                self._tell(notice)
        if self._core.recording is not None:
            for notice in self._recordings[-1].check(self._core.pipeline, self._clock.now()):
                self._tell(notice)

    def _take_in(self) -> None:
        """Wait for an event until the next deadline, then take what is there."""
        wait_s = self._core.pipeline.next_deadline() - self._clock.now()
        self._drain(min(max(wait_s, 0.0), _LONGEST_WAIT_S) or 0.0005)
        if self._clock.now() - self._core.pipeline.next_deadline() > HOP_S:
            # The whole process may have stood still. What came meanwhile is still with the sources, and ticks that
            # are decided before they hand it over would be scored without it.
            time.sleep(HOP_S)
            self._drain(0.0005)

    def _drain(self, wait_s: float) -> None:
        """Take what is there, or comes within `wait_s`, but not for longer than a tick."""
        until = time.monotonic() + HOP_S
        try:
            item = self._queue.get(timeout=wait_s)
            while True:
                if callable(item):
                    item()
                else:
                    self._core.push(item)
                    self.status.note(item)
                if time.monotonic() > until:
                    return
                item = self._queue.get_nowait()
        except queue.Empty:
            return

    def _score(self) -> None:
        started = time.perf_counter()
        for score in self._core.advance(self._clock.now()):
            compute_s = time.perf_counter() - started
            for sink in self._sinks:
                sink.write_score(score, compute_s)
            self.status.score, self.status.scored = score, self.status.scored + 1
            started = time.perf_counter()
        for notice in self._core.pipeline.take_notices():
            if notice.kind == REFUSED and notice.details["stream"] in self._required:
                raise SourceError(notice.text)
            if notice.kind == "stream_opened":
                # Once it has worked, a stream that comes back changed does not end the session.
                self._required -= {notice.details["stream"]}
            if notice.kind == "ticks_skipped":
                self.status.skipped += int(str(notice.details["count"]))
            self._tell(notice)

    def _tell(self, notice: Notice) -> None:
        for sink in self._sinks:
            sink.write_notice(notice)
        if self._core.recording is not None:
            self._core.recording.write(notice)

    def _end_recording(self, reason: str) -> None:
        if self._core.recording is not None:
            self._recordings[-1].end(reason)
            self._core.recording = None
