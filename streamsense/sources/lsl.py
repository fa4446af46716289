"""A stream from Lab Streaming Layer as a source: raw stamps, clock probes, and a way back after a loss or silence."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pylsl

from streamsense.arrays import FloatArray
from streamsense.errors import SourceError
from streamsense.sources.lsl_joining import Joining
from streamsense.sources.lsl_streams import StreamQuery, describe_stream, stream_info
from streamsense.sources.lsl_watch import Reporter, Silence, buffer_samples, is_full
from streamsense.sources.recorded import marker_texts
from streamsense.streams import Block, Control, Event, Kind, OffsetProbe, StreamInfo, StreamLost, StreamOpened
from streamsense.ticks import Clock

Emit = Callable[[Event], None]
Answer = TypeVar("Answer")
_PULL_S = 0.1
_REST_S = 0.005
"""Pause between pulls: lets samples that are sent one by one come in handfuls."""
_REST_FROM_FLOOD_S = 0.05
"""Pause of a marker stream after a full pull: some 1200 markers a second are taken in, whatever is sent."""
_LONGEST_MARKER = 65_536
_PROBE_EVERY_S = 5.0
_PATIENCE_S = 5.0
_TURN_S = 1.0
_ANSWERS_WITHIN_S = 2.0
_STOPS_WITHIN_S = 5.0
_MOST_SAMPLES = 65_536


class Front(Protocol):
    """Turns what a stream carries into what the core takes (pictures into face vectors, for example).

    `left_out` is the kind of the event that tells of samples that were not used.
    """

    left_out: str

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The description of the stream that comes out."""
        ...

    def convert(self, samples: list[Any], stamps: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """Values (n, channels) and their stamps for raw string samples."""
        ...

    def take_left_out(self) -> tuple[int, int]:
        """How many samples were skipped to stay live, and how many could not be read, since the last call."""
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
        self._unusable: set[str] = set()
        self._silence = Silence()
        self._report = Reporter(key, clock, emit)
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"lsl-{key}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the thread end as soon as it can."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop reading; returns when the thread has ended, or says that it has not."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout=_STOPS_WITHIN_S)
        if self._thread.is_alive():
            text = f"{self.key} did not stop reading within {_STOPS_WITHIN_S:g} s; this is a bug in streamsense"
            self._failure = self._failure or SourceError(text)
            self._report.tell("source_not_stopped", text=text)

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
                    if not self._comes_back:
                        self._found = found  # it was only silent: the same stream is opened anew
                        continue
                except (pylsl.util.LostError, TimeoutError) as error:
                    self._lose(str(error) or "the sender has gone")
                except SourceError as error:
                    if self._identity is None:
                        raise
                    # It was of use before: a session goes on without it, and waits for the one that it was.
                    self._unusable.add(found.uid())
                    self._lose(str(error))
                if not self._comes_back:
                    return
        except BaseException as error:  # handed to the main thread by check()
            self._failure = error

    def _lose(self, reason: str) -> None:
        if not self._stopping.is_set():
            self._silence = Silence()
            self._emit(StreamLost(self.key, self._clock.now(), reason))

    def _resolve(self) -> pylsl.StreamInfo | None:
        """Wait for the wanted stream: the one that was read before if it is there, else the only one that matches.

        Never another of several: that may be another person's.
        """
        resolver = pylsl.ContinuousResolver(forget_after=1.0)
        told = False
        lost_at = time.monotonic() + _ANSWERS_WITHIN_S
        while not self._stopping.wait(0.1):
            matching = [info for info in resolver.results() if self._query.matches(info)]
            matching = [info for info in matching if info.uid() not in self._unusable]
            known = [info for info in matching if (info.name(), info.source_id()) == self._identity]
            named = [info for info in matching if self._identity and info.name() == self._identity[0]]
            fitting = known or (named if self._identity else matching)
            if len({(info.name(), info.source_id()) for info in fitting}) == 1:
                # Of one sender listed twice the newer counts: the older is its former, dead self.
                return max(fitting, key=lambda info: info.created_at())
            if self._silence.is_frozen and time.monotonic() >= lost_at:
                self._lose("it sends nothing, and does not answer")
            if matching and not told:
                told = True
                listing = "; ".join(map(describe_stream, matching))
                text = f"{self.key} waits for its own stream, none of these for certain: {listing}"
                self._emit(Control("stream_ambiguous", text, self._clock.now()))
        return None

    def _read(self, found: pylsl.StreamInfo) -> None:
        """Read until the stream ends, with an error, or has been silent for so long that another inlet is due."""
        buffer_s = int(self._buffer_s)
        inlet = pylsl.StreamInlet(found, max_buflen=buffer_s, processing_flags=0, recover=False, as_numpy=True)
        try:
            raw = stream_info(self.key, self._kind, self._patiently(inlet.info))
            # Only texts need a front: face vectors, for one, come as the numbers that the core takes.
            front = self._front if raw.dtype == "string" else None
            if raw.dtype == "string" and front is None and self._kind not in ("markers", "other"):
                raise SourceError(
                    f"{describe_stream(found)} holds texts; {self.key} needs numbers. Name another stream."
                )
            self._identity = raw.name, raw.source_id
            info = front.describe(raw) if front else raw
            self._patiently(inlet.open_stream)
            # Without the offset of its clock a stream from another computer has no place in time.
            opening: list[Event] = [] if raw.same_clock else [self._measured(inlet)]
            opening.insert(0, StreamOpened(info, self._clock.now()))
            if not self._silence.is_frozen:
                self._emit_all(opening)
            self._pull(inlet, raw, front, opening)
        finally:
            inlet.close_stream()

    def _pull(self, inlet: pylsl.StreamInlet, raw: StreamInfo, front: Front | None, opening: list[Event]) -> None:
        """Emit what comes. Of a stream that was frozen before, the `opening` is emitted with the first sample."""
        capacity = buffer_samples(raw, int(self._buffer_s))
        turn_at = time.monotonic()
        probe_at = turn_at + _PROBE_EVERY_S
        joining, count = Joining(raw.nominal_rate_hz), 0
        while not self._stopping.is_set():
            if not raw.same_clock and time.monotonic() >= probe_at:
                opening.append(self._measured(inlet))
                probe_at = time.monotonic() + _PROBE_EVERY_S
            self._report.tally("inlet_overflow", times=int(is_full(inlet, capacity)))
            if front is not None:
                self._report.tally(front.left_out, skipped=0, unreadable=0)  # what waits to be told
            samples, stamps = inlet.pull_chunk(timeout=_PULL_S, max_samples=_chunk(raw), min_samples=1)
            turn_s, turn_at = time.monotonic() - turn_at, time.monotonic()
            if len(stamps):
                self._note_sample()
                self._emit_all(opening)
                early = joining.without_time(np.asarray(stamps, np.float64))
                if early:
                    self._report.tell("joined_midway", samples=early)
                kept = np.array(stamps[early:], dtype=np.float64)
                count = self._emit_block(samples[early:], kept, raw, front, count) if len(kept) else count
                is_flood = raw.kind in ("markers", "text") and len(stamps) >= _chunk(raw)
                self._stopping.wait(_REST_FROM_FLOOD_S if is_flood else _REST_S)
            elif _is_steady(raw):
                if self._silence.note(turn_s):
                    self._report.tell("stream_frozen", silent_s=round(self._silence.seconds, 1))
                if self._silence.wants_reopening():
                    return

    def _note_sample(self) -> None:
        if self._silence.is_frozen:
            self._report.tell("stream_resumed", silent_s=round(self._silence.seconds, 1))
        self._silence = Silence()

    def _emit_all(self, events: list[Event]) -> None:
        while events:
            self._emit(events.pop(0))

    def _patiently(self, ask: Callable[[float], Answer]) -> Answer:
        """What the other side answers to `ask(timeout_s)`, asked again so that stop() is heard meanwhile.

        Raises TimeoutError when it has not answered for a while.
        """
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return ask(_TURN_S)
            except TimeoutError as error:
                if self._stopping.is_set() or time.monotonic() >= until:
                    raise TimeoutError(f"its sender does not answer within {_PATIENCE_S:g} s") from error

    def _emit_block(self, samples: Any, stamps: FloatArray, raw: StreamInfo, front: Front | None, count: int) -> int:
        received = self._clock.now()
        texts: tuple[str, ...] = ()
        if front is not None:
            values, stamps = front.convert([row[0] for row in samples], stamps)
            received = self._clock.now()
            skipped, unreadable = front.take_left_out()
            self._report.tally(front.left_out, skipped=skipped, unreadable=unreadable)
        elif raw.dtype == "string":
            text = _text if raw.kind == "markers" else _whole_text
            texts = marker_texts([[text(value) for value in row] for row in samples])
            values = np.empty((len(stamps), 0), np.float32)
        else:
            values = samples
            if raw.kind == "markers":
                texts = marker_texts(samples)
        self._emit(Block(self.key, count, stamps, values, received, texts))
        return count + len(stamps)

    def _measured(self, inlet: pylsl.StreamInlet) -> OffsetProbe:
        """One measurement of the sender's clock with its round trip (liblsl's `lsl_time_correction_ex`).

        Raises TimeoutError when the first one does not come; liblsl repeats it by itself and then has one at hand.
        """
        try:
            offset_s, round_trip_s = self._patiently(lambda patience_s: _time_correction(inlet, patience_s))
        except TimeoutError as error:
            raise TimeoutError(
                "the clock of its computer does not answer: let UDP pass between the computers (firewall)"
            ) from error
        return OffsetProbe(self.key, self._clock.now(), offset_s, round_trip_s)


def _time_correction(inlet: pylsl.StreamInlet, patience_s: float) -> tuple[float, float]:
    remote, trip, code = ctypes.c_double(), ctypes.c_double(), ctypes.c_int()
    measure = pylsl.util.lib.lsl_time_correction_ex
    measure.restype = ctypes.c_double
    patience = ctypes.c_double(patience_s)
    offset = measure(inlet.obj, ctypes.byref(remote), ctypes.byref(trip), patience, ctypes.byref(code))
    pylsl.util.handle_error(code)
    return float(offset), float(trip.value)


def _is_steady(info: StreamInfo) -> bool:
    """Whether a stream that says nothing for a while is out of order; words and markers seldom come."""
    return info.kind not in ("markers", "text") and (info.kind != "other" or info.nominal_rate_hz > 0)


def _whole_text(value: Any) -> str:
    """A text with every byte in it, for recordings."""
    return bytes(value).decode("utf-8", errors="surrogateescape")


def _text(value: Any) -> str:
    """A marker's text; one that is longer than any experiment's is cut, and says so."""
    whole = bytes(value)
    text = whole[:_LONGEST_MARKER].decode("utf-8", errors="replace")
    return text if len(whole) <= _LONGEST_MARKER else text + " … (cut)"


def _chunk(info: StreamInfo) -> int:
    """Room for a second of samples (liblsl allocates it per pull)."""
    return min(_MOST_SAMPLES, max(64, int(info.nominal_rate_hz)))
