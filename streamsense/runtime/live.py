"""A live session: one core thread between the sources' queue and the sinks."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from streamsense.errors import SourceError
from streamsense.journal import Entry, JournaledPipeline
from streamsense.pipeline import REFUSED, START, Pipeline
from streamsense.runtime.live_sources import Source
from streamsense.score import Score
from streamsense.sinks.base import Sink
from streamsense.streams import Block, Control, Event, StreamInfo, StreamOpened
from streamsense.ticks import HOP_S, Clock

_LONGEST_WAIT_S = 0.2
_CHECK_EVERY_S = 0.5
_RATE_OVER_S = 2.0


@dataclass
class StreamMeter:
    """What arrived of one stream: for the status line."""

    info: StreamInfo
    samples: int = 0
    since: float = math.nan
    rate_hz: float = 0.0
    newest: float = math.nan

    def note(self, count: int, now: float, newest: float) -> None:
        """Count one block."""
        self.newest = newest
        if math.isnan(self.since):
            self.since = now
        self.samples += count
        if now - self.since >= _RATE_OVER_S:
            self.rate_hz, self.samples, self.since = self.samples / (now - self.since), 0, now


@dataclass
class SessionStatus:
    """How the session stands; written by the core's thread, read by displays, which may see it between two updates."""

    score: Score | None = None
    scored: int = 0
    skipped: int = 0
    meters: dict[str, StreamMeter] = field(default_factory=dict)


class LiveSession:
    """Runs a pipeline on live sources until it is stopped.

    `sources` is called with the function that takes their events. With a `journal`, everything that enters the
    core and every decision is appended to it. A stream in `required` that cannot be used ends the session.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sources: Callable[[Callable[[Event], None]], list[Source]],
        clock: Clock,
        journal: list[Entry] | None = None,
        required: frozenset[str] = frozenset(),
    ) -> None:
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._core = JournaledPipeline(pipeline, journal)
        self._sources = sources(self._queue.put)
        self._sinks: list[Sink] = []
        self._clock = clock
        self._required: frozenset[object] = required
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

    def stop(self) -> None:
        """Stop sources and core, close the sinks, then raise what had gone wrong, if anything had."""
        self._stop_sources()
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
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
            self._core.push(Control(START, "", self._clock.now()))
            check_at = 0.0
            while not self._stopping.is_set():
                self._take_in()
                self._score()
                if time.monotonic() >= check_at:
                    check_at = time.monotonic() + _CHECK_EVERY_S
                    for source in self._sources:
                        source.check()
        except BaseException as error:  # raised again by check() and stop()
            self._failure = error

    def _take_in(self) -> None:
        """Wait for an event until the next deadline, then take what is there, but not for longer than a tick."""
        wait_s = self._core.pipeline.next_deadline() - self._clock.now()
        until = time.monotonic() + HOP_S
        try:
            event = self._queue.get(timeout=min(max(wait_s, 0.0), _LONGEST_WAIT_S) or 0.0005)
            while True:
                self._core.push(event)
                self._meter(event)
                if time.monotonic() > until:
                    return
                event = self._queue.get_nowait()
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
            for sink in self._sinks:
                sink.write_notice(notice)

    def _meter(self, event: Event) -> None:
        if isinstance(event, StreamOpened):
            self.status.meters[event.info.key] = StreamMeter(event.info)
        elif isinstance(event, Block) and len(event) and event.key in self.status.meters:
            self.status.meters[event.key].note(len(event), event.received, float(event.stamps[-1]))
