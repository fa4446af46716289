"""What a sink is, and how a slow one is kept from holding up the core."""

from __future__ import annotations

import queue
import threading
from typing import Protocol

from streamsense.score import Notice, Score

_ROOM = 4096  # about 13 minutes of scores


class Sink(Protocol):
    """Takes scores and notices as they come."""

    def write_score(self, score: Score, compute_s: float) -> None:
        """Take one score and the seconds that it took to compute."""
        ...

    def write_notice(self, notice: Notice) -> None:
        """Take one notice."""
        ...

    def close(self) -> None:
        """Finish; nothing is written afterwards."""
        ...


class ThreadedSink:
    """Runs another sink in a thread of its own.

    When that sink is so slow that the queue is full, further items are lost to it, counted in `lost`: the core
    never waits. What the other sink raises comes back from `check` and `close`.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._queue: queue.Queue[tuple[Score, float] | Notice | None] = queue.Queue(_ROOM)
        self.lost = 0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"sink-{type(sink).__name__}", daemon=True)
        self._thread.start()

    def write_score(self, score: Score, compute_s: float) -> None:
        """Hand one score over."""
        self._put((score, compute_s))

    def write_notice(self, notice: Notice) -> None:
        """Hand one notice over."""
        self._put(notice)

    def close(self) -> None:
        """Let the other sink finish what it was given, then close it."""
        self._queue.put(None)
        self._thread.join()
        self._sink.close()
        self.check()

    def check(self) -> None:
        """Raise what went wrong in the other sink, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _put(self, item: tuple[Score, float] | Notice) -> None:
        self.check()
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.lost += 1

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._failure is not None:
                continue  # nothing is written any more, but `close` must find room in the queue
            try:
                if isinstance(item, Notice):
                    self._sink.write_notice(item)
                else:
                    self._sink.write_score(*item)
            except BaseException as error:  # raised again in the core's thread
                self._failure = error
