"""Writes a recording in a thread of its own: the core hands over and never waits for the disk."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from streamsense.journal import Entry
from streamsense.score import Notice, Score
from streamsense.sinks.journal_file import JournalFile
from streamsense.streams import Block, StreamInfo

FLUSH_EVERY_S = 0.5
"""Twice a second, so that a kill loses less than one second with all that is on its way."""
MOST_WAITING_BYTES = 256 << 20
_FLUSH_BYTES = 32 << 20
"""Or when so much has been gathered: chunks stay of a size that any reader takes, also after the disk hung."""
_ITEM_BYTES = 200


@dataclass(frozen=True)
class _Beginning:
    state: bytes
    streams: tuple[StreamInfo, ...]
    offsets_s: Mapping[str, float]


@dataclass(frozen=True)
class _Ending:
    reason: str


class Recorder:
    """One file that is being written. A failure (full disk, a disk too slow) ends the file, never the session."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self.path = file.path
        self._queue: queue.SimpleQueue[Entry | Score | Notice | _Beginning | _Ending] = queue.SimpleQueue()
        self._handed_bytes = 0  # written by the core's thread only, the next one by the recorder's
        self._taken_bytes = 0
        self._flushed_bytes = 0
        self.failure: str = ""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """Bytes that are in the file by now."""
        return self._file.size

    def begin(self, state: bytes, streams: tuple[StreamInfo, ...], offsets_s: Mapping[str, float]) -> None:
        """Hand over where the core stands, before anything else (see `JournalFile.take_snapshot`)."""
        self._queue.put(_Beginning(state, streams, offsets_s))

    def write(self, item: Entry | Score | Notice) -> None:
        """Hand over one entry, score or notice, in the core's order."""
        if self.failure:
            return
        if isinstance(item, Score):
            item = replace(item, features={}, windows={})  # which are not recorded and would only take memory
        self._handed_bytes += _size(item)
        if self._handed_bytes - self._taken_bytes > MOST_WAITING_BYTES:
            self.failure = f"the disk takes no {MOST_WAITING_BYTES >> 20} MB that are waiting to be written"
            self._queue.put(_Ending(self.failure))
            return
        self._queue.put(item)

    def end(self, reason: str) -> None:
        """Let the file be finished; `wait` for it."""
        self._queue.put(_Ending(reason))

    def wait(self, longest_s: float) -> None:
        """Return when the file is closed; one that takes longer has failed."""
        self._thread.join(longest_s)
        if self._thread.is_alive():
            self.failure = self.failure or f"the disk has not taken the rest for {longest_s:g} s"

    def _run(self) -> None:
        try:
            self._write_until_ended()
        except OSError as error:
            self.failure = f"{error.strerror or error}"
            self._file.abandon()
        except BaseException as error:  # told to the user by the session, which goes on
            self.failure = f"{type(error).__name__}: {error}"
            self._file.abandon()

    def _write_until_ended(self) -> None:
        flush_at = time.monotonic() + FLUSH_EVERY_S
        while True:
            try:
                item = self._queue.get(timeout=max(0.0, flush_at - time.monotonic()))
            except queue.Empty:
                item = None
            match item:
                case None:
                    pass
                case _Ending(reason):
                    self._file.close(reason)
                    return
                case _Beginning(state, streams, offsets_s):
                    self._file.take_snapshot(state, streams, offsets_s)
                    flush_at = time.monotonic()
                case Score():
                    self._file.take_score(item)
                case Notice():
                    self._file.take_notice(item)
                case _:
                    self._file.take(item)
            if item is not None:
                self._taken_bytes += _size(item)
            if time.monotonic() >= flush_at or self._taken_bytes - self._flushed_bytes > _FLUSH_BYTES:
                self._file.flush()
                self._flushed_bytes = self._taken_bytes
                flush_at = time.monotonic() + FLUSH_EVERY_S


def _size(item: object) -> int:
    """About how much memory an item holds (bytes)."""
    if isinstance(item, Block):
        return _ITEM_BYTES + item.stamps.nbytes + item.values.nbytes + sum(map(len, item.texts))
    return _ITEM_BYTES
