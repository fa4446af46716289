"""A stream from Lab Streaming Layer as a source: raw stamps, clock probes, and a way back after a loss."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pylsl

from streamsense.errors import SourceError
from streamsense.sources.lsl_streams import StreamQuery, describe_stream, stream_info
from streamsense.sources.recorded import marker_texts
from streamsense.streams import (
    Block,
    Control,
    Event,
    FloatArray,
    Kind,
    OffsetProbe,
    StreamInfo,
    StreamLost,
    StreamOpened,
)
from streamsense.ticks import Clock

Emit = Callable[[Event], None]
_PULL_S = 0.1
_REST_S = 0.005
"""Pause between pulls: lets samples that are sent one by one come in handfuls."""
_PROBE_EVERY_S = 5.0
_PROBE_PATIENCE_S = 5.0
_MOST_SAMPLES = 65_536


class Front(Protocol):
    """Turns what a stream carries into what the core takes (pictures into face vectors, for example)."""

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The description of the stream that comes out."""
        ...

    def convert(self, samples: list[Any], stamps: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """Values (n, channels) and their stamps for raw string samples."""
        ...


class LslSource:
    """Reads one stream in a thread of its own and emits its events; without `comes_back` it ends when the stream does.

    The inlet does no time processing of its own: corrected stamps would lose the raw ones. It does not recover by
    itself either, because a stream that comes back must be seen to come back.
    """

    def __init__(
        self,
        key: str,
        kind: Kind,
        query: StreamQuery,
        clock: Clock,
        emit: Emit,
        *,
        found: pylsl.StreamInfo | None = None,
        front: Front | None = None,
        buffer_s: float = 30.0,
        comes_back: bool = True,
    ) -> None:
        self.key = key
        self._kind: Kind = kind
        self._query = query
        self._clock = clock
        self._emit = emit
        self._found = found
        self._front = front
        self._buffer_s = buffer_s
        self._comes_back = comes_back
        self._identity: tuple[str, str] | None = None
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"lsl-{key}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; returns when the thread has ended."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def check(self) -> None:
        """Raise what went wrong in the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    @property
    def alive(self) -> bool:
        """Whether the thread still reads or looks for its stream."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                found, self._found = self._found or self._resolve(), None
                if found is None:
                    continue
                try:
                    self._read(found)
                except (pylsl.util.LostError, TimeoutError) as error:
                    reason = str(error) or "the sender has gone"
                    self._emit(StreamLost(self.key, self._clock.now(), reason))
                if not self._comes_back:
                    return
        except BaseException as error:  # handed to the main thread by check()
            self._failure = error

    def _resolve(self) -> pylsl.StreamInfo | None:
        """Wait for the wanted stream: the one that was read before if it is there, else the only one that matches.

        Never another of several: that may be another person's.
        """
        resolver = pylsl.ContinuousResolver(forget_after=1.0)
        told = False
        while not self._stopping.wait(0.1):
            matching = [info for info in resolver.results() if self._query.matches(info)]
            known = [info for info in matching if (info.name(), info.source_id()) == self._identity]
            named = [info for info in matching if self._identity and info.name() == self._identity[0]]
            fitting = known or (named if self._identity else matching)
            if len({(info.name(), info.source_id()) for info in fitting}) == 1:
                # Of one sender listed twice the newer counts: the older is its former, dead self.
                return max(fitting, key=lambda info: info.created_at())
            if matching and not told:
                told = True
                listing = "; ".join(map(describe_stream, matching))
                text = f"{self.key} waits for its own stream, none of these for certain: {listing}"
                self._emit(Control("stream_ambiguous", text, self._clock.now()))
        return None

    def _read(self, found: pylsl.StreamInfo) -> None:
        inlet = pylsl.StreamInlet(
            found, max_buflen=int(self._buffer_s), processing_flags=0, recover=False, as_numpy=True
        )
        try:
            raw = stream_info(self.key, self._kind, inlet.info(timeout=5.0))
            # Only texts need a front: face vectors, for one, come as the numbers that the core takes.
            front = self._front if raw.dtype == "string" else None
            if raw.dtype == "string" and front is None and self._kind != "markers":
                raise SourceError(
                    f"{describe_stream(found)} holds texts; {self.key} needs numbers. Name another stream."
                )
            self._identity = raw.name, raw.source_id
            info = front.describe(raw) if front else raw
            inlet.open_stream(timeout=5.0)
            # Without the offset of its clock a stream from another computer has no place in time.
            probe = None if raw.same_clock else self._measured(inlet)
            self._emit(StreamOpened(info, self._clock.now()))
            if probe is not None:
                self._emit(probe)
            probe_at = time.monotonic() + _PROBE_EVERY_S
            count = 0
            while not self._stopping.is_set():
                if not raw.same_clock and time.monotonic() >= probe_at:
                    self._emit(self._measured(inlet))
                    probe_at = time.monotonic() + _PROBE_EVERY_S
                samples, stamps = inlet.pull_chunk(timeout=_PULL_S, max_samples=_chunk(raw), min_samples=1)
                if len(stamps):
                    count = self._emit_block(samples, np.array(stamps, dtype=np.float64), info, front, count)
                    self._stopping.wait(_REST_S)
        finally:
            inlet.close_stream()

    def _emit_block(self, samples: Any, stamps: FloatArray, info: StreamInfo, front: Front | None, count: int) -> int:
        received = self._clock.now()
        texts: tuple[str, ...] = ()
        if front is not None:
            values, stamps = front.convert([row[0] for row in samples], stamps)
            received = self._clock.now()
        elif info.dtype == "string":
            texts = marker_texts([[bytes(value).decode("utf-8", errors="replace") for value in row] for row in samples])
            values = np.empty((len(stamps), 0), np.float32)
        else:
            values = samples
            if info.kind == "markers":
                texts = marker_texts(samples)
        self._emit(Block(self.key, count, stamps, values, received, texts))
        return count + len(stamps)

    def _measured(self, inlet: pylsl.StreamInlet) -> OffsetProbe:
        """One measurement of the sender's clock with its round trip (liblsl's `lsl_time_correction_ex`).

        Raises TimeoutError when the first one does not come; liblsl repeats it by itself and then has one at hand.
        """
        remote, trip, code = ctypes.c_double(), ctypes.c_double(), ctypes.c_int()
        measure = pylsl.util.lib.lsl_time_correction_ex
        measure.restype = ctypes.c_double
        patience = ctypes.c_double(_PROBE_PATIENCE_S)
        offset = measure(inlet.obj, ctypes.byref(remote), ctypes.byref(trip), patience, ctypes.byref(code))
        try:
            pylsl.util.handle_error(code)
        except TimeoutError as error:
            raise TimeoutError(
                "the clock of its computer does not answer: let UDP pass between the computers (firewall)"
            ) from error
        return OffsetProbe(self.key, self._clock.now(), float(offset), float(trip.value))


class LslMarkers:
    """Every marker stream that appears, whenever it appears, each read by a source of its own.

    One that comes back is found here like a new one and gets its old key. One that cannot be used is left out,
    with a StreamLost that says why: anybody on the network can open a marker stream.
    """

    def __init__(self, stream_type: str, clock: Clock, emit: Emit, *, without: frozenset[str]) -> None:
        self._query = StreamQuery(type=stream_type)
        self._clock = clock
        self._emit = emit
        self._without = without
        self._sources: dict[str, LslSource] = {}  # by uid, which is another for each outlet that was ever opened
        self._ended: set[str] = set()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lsl-markers", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking and reading."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
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
                for uid, info in listed.items():
                    known = uid in self._sources or uid in self._ended or info.name() in self._without
                    if not known and self._query.matches(info):
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
        taken = {source.key for source in self._sources.values()}
        key = f"markers/{info.name()}"
        key = key if key not in taken else f"{key}/{info.source_id() or uid}"
        key = key if key not in taken else f"{key}/{uid}"
        source = LslSource(key, "markers", self._query, self._clock, self._emit, found=info, comes_back=False)
        self._sources[uid] = source
        source.start()


def _chunk(info: StreamInfo) -> int:
    """Room for a second of samples (liblsl allocates it per pull)."""
    return min(_MOST_SAMPLES, max(64, int(info.nominal_rate_hz)))
