"""What a sink is, and how a slow or broken one is kept from holding up the core."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from typing import Protocol

from streamsense.errors import SinkError, StreamsenseError
from streamsense.score import Notice, Score

_ROOM = 4096  # about 13 minutes of scores
_TELL_EVERY_S = 1.0
_PATIENCE_S = 5.0


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
    """Runs another sink in a thread of its own: the core neither waits for it nor fails with it.

    What comes while `room` items wait is lost to that sink and counted in `lost`. A sink that fails is set aside:
    nothing more is written to it. `take_notices` tells of both, by the sink's `name` where it has one, and `close`
    raises them at the end. Only a reader that has gone away (a closed pipe) is raised at once, by the next write:
    nobody is there to go on for.
    """

    def __init__(self, sink: Sink, room: int = _ROOM) -> None:
        self.name: str = getattr(sink, "name", type(sink).__name__)
        self.lost = 0
        self._sink = sink
        self._queue: queue.Queue[tuple[Score, float] | Notice | None] = queue.Queue(room)
        self._failure: BaseException | None = None
        self._failed_at = math.nan
        self._told_failure = False
        self._told_lost = 0
        self._tell_at = -math.inf
        self._give_up_at = math.inf
        self._thread = threading.Thread(target=self._run, name=f"sink-{type(sink).__name__}", daemon=True)
        self._thread.start()

    def write_score(self, score: Score, compute_s: float) -> None:
        """Hand one score over."""
        self._put((score, compute_s))

    def write_notice(self, notice: Notice) -> None:
        """Hand one notice over."""
        self._put(notice)

    def take_notices(self, now: float) -> list[Notice]:
        """What a user should know of this sink since the last call: a failure once, losses at most once a second."""
        notices = []
        if self._failure is not None and not self._told_failure:
            self._told_failure = True
            notices.append(_notice(now, "sink_failed", f"{self._failure_text()} The session goes on without it.", self))
        if self.lost > self._told_lost and now >= self._tell_at:
            count, self._told_lost, self._tell_at = self.lost - self._told_lost, self.lost, now + _TELL_EVERY_S
            notices.append(_notice(now, "sink_slow", f"{count} scores and notices were lost by {self.name}", self))
        return notices

    def close(self) -> None:
        """Let the other sink finish what it was given, for 5 s, then close it; raises what had gone wrong.

        Raises SinkError for what a user can mend, and what is a bug in that sink as it is.
        """
        self._give_up_at = time.monotonic() + _PATIENCE_S
        with contextlib.suppress(queue.Full):  # the thread is stuck, as is found below
            self._queue.put(None, timeout=_PATIENCE_S)
        self._thread.join(self._give_up_at - time.monotonic() + 1.0)
        if self._thread.is_alive():
            raise SinkError(f"{self.name} hangs: {self.lost + self._queue.qsize()} scores and notices were lost by it.")
        try:
            self._sink.close()
        except Exception as error:
            self._failure = self._failure or error
        if self._failure is not None:
            if isinstance(self._failure, OSError | StreamsenseError):
                raise SinkError(self._failure_text()) from self._failure
            raise self._failure
        if self.lost:
            raise SinkError(
                f"{self.lost} scores and notices were lost by {self.name}: it takes longer for each than they come. "
                "Write to a faster disk, or leave this output out."
            )

    def _failure_text(self) -> str:
        since = "" if math.isnan(self._failed_at) else f" It has nothing from {self._failed_at:.1f} s on."
        return f"{self.name} failed: {str(self._failure).rstrip('.')}.{since}"

    def _put(self, item: tuple[Score, float] | Notice) -> None:
        if isinstance(self._failure, BrokenPipeError):
            raise self._failure
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.lost += 1

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._failure is not None:
                continue  # nothing is written any more
            if time.monotonic() > self._give_up_at:
                self.lost += 1
                continue
            try:
                if isinstance(item, Notice):
                    self._sink.write_notice(item)
                else:
                    self._sink.write_score(*item)
            except BaseException as error:  # told by take_notices, raised by close
                self._failed_at = item.time if isinstance(item, Notice) else item[0].time
                self._failure = error


def _notice(time: float, kind: str, text: str, sink: ThreadedSink) -> Notice:
    return Notice(time, kind, text, {"sink": sink.name})
