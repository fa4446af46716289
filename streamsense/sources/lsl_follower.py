"""Every stream of a kind on the network, whenever it appears."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pylsl

from streamsense.errors import SourceError
from streamsense.sources.lsl import Emit, LslSource
from streamsense.sources.lsl_streams import StreamQuery
from streamsense.sources.lsl_watch import Reporter
from streamsense.streams import Kind, StreamLost
from streamsense.ticks import Clock

_LONGEST_NAME = 200


class LslFollower:
    """Every wanted stream that appears, whenever it appears, each read by a source of its own.

    One that comes back is found here like a new one and gets its old key, `prefix` and its name. One that cannot be
    used is left out, with a StreamLost that says why, and so are those beyond `at_most`: anybody on the network can
    open a stream.
    """

    def __init__(
        self,
        wanted: Callable[[pylsl.StreamInfo], bool],
        kind: Kind,
        prefix: str,
        clock: Clock,
        emit: Emit,
        at_most: int = 64,
    ) -> None:
        self._wanted = wanted
        self._kind: Kind = kind
        self._prefix = prefix
        self._at_most = at_most
        self._clock = clock
        self._emit = emit
        self._sources: dict[str, LslSource] = {}  # by uid, which is another for each outlet that was ever opened
        self._ended: set[str] = set()
        self._left_out: set[str] = set()
        self._report = Reporter(prefix.rstrip("/"), clock, emit)
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lsl-follower", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking and reading."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()  # it waits for nothing
        for source in self._sources.values():
            source.ask_to_stop()
        for source in self._sources.values():
            source.stop()

    def check(self) -> None:
        """Raise what went wrong in the threads."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            resolver = pylsl.ContinuousResolver()
            while not self._stopping.wait(0.25):
                listed = {info.uid(): info for info in resolver.results()}
                self._clear_away()
                self._ended &= set(listed)  # a stream that has ended is still listed for a while
                self._left_out &= set(listed)
                self._report.tally("streams_left_out", streams=0)
                for uid, info in listed.items():
                    known = uid in self._sources or uid in self._ended
                    if not known and self._wanted(info):
                        self._follow(uid, info)
        except BaseException as error:  # handed to the main thread by check()
            self._failure = error

    def _clear_away(self) -> None:
        """Forget the sources that have ended, and say why of those that could not be read."""
        for uid, source in list(self._sources.items()):
            if source.alive:
                continue
            try:
                source.check()
            except SourceError as error:
                self._emit(StreamLost(source.key, self._clock.now(), str(error)))
            del self._sources[uid]
            self._ended.add(uid)

    def _follow(self, uid: str, info: pylsl.StreamInfo) -> None:
        """Read a stream until it ends, under its name; under a longer key while another one has that name."""
        if len(self._sources) >= self._at_most:
            self._report.tally("streams_left_out", streams=int(uid not in self._left_out))
            self._left_out.add(uid)
            return
        taken = {source.key for source in self._sources.values()}
        key = f"{self._prefix}{info.name()[:_LONGEST_NAME]}"
        key = key if key not in taken else f"{key}/{info.source_id() or uid}"
        key = key if key not in taken else f"{key}/{uid}"
        query = StreamQuery(name=info.name() or "unnamed")  # not asked: it ends with its stream
        source = LslSource(key, self._kind, query, self._clock, self._emit, found=info, comes_back=False)
        self._sources[uid] = source
        source.start()
