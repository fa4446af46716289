"""The microphone: PortAudio's sound, stamped on the LSL clock with the instant at which it was in the air.

PortAudio calls back from a thread of its own, which only copies; a second thread makes blocks of what was copied,
and reopens the device, with growing pauses, when it is gone. Reopening restarts PortAudio as a whole, since only
then does it see devices that were plugged in later: use no other sounddevice stream in the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import AmbiguousStream, DependencyError, SourceError, StreamNotFound
from streamsense.streams import Block, Control, Event, StreamInfo, StreamLost, StreamOpened
from streamsense.ticks import Clock

_SILENT_S = 1.5
_SLOWEST_START_S = 6.0  # a Bluetooth microphone takes seconds to its first sample
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 8.0
_LONGEST_AGE_S = 30.0
_POLL_S = 0.1


@dataclass(frozen=True)
class MicrophoneSettings:
    """Which microphone: its name or a part of it, its number, or None for the system's default input.

    `rate_hz` None takes the device's own rate. `block_s` is the length of a block, `latency_s` what the device's
    buffer is asked to hold. A device that is not `required` may be absent at the start; it is tried until it comes.
    """

    device: str | int | None = None
    rate_hz: int | None = None
    block_s: float = 0.02
    latency_s: float = 0.1
    required: bool = True

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not 8_000 <= self.rate_hz <= 192_000:
            raise ValueError(f"rate_hz is {self.rate_hz}, expected 8000 to 192000 Hz, or None for the device's own")
        if not 0.005 <= self.block_s <= 0.2:
            raise ValueError(f"block_s is {self.block_s}, expected 0.005 to 0.2 s")
        if not 0.0 <= self.latency_s <= 1.0:
            raise ValueError(f"latency_s is {self.latency_s}, expected 0 to 1 s")


@dataclass(frozen=True)
class InputDevice:
    """One input that PortAudio knows."""

    index: int
    name: str
    host: str
    default_rate_hz: float

    def __str__(self) -> str:
        return f"{self.index}: {self.name} ({self.host})"


@dataclass(frozen=True)
class _Captured:
    """What one callback brought: `sound` (n,), now, the age of its first sample (s), whether some was lost before."""

    sound: Float32Array
    received: float
    age_s: float
    overflow: bool


class BlockStamps:
    """Stamps for the samples of consecutive blocks, always increasing.

    Within a block they are 1 / rate apart. A block that would begin before the last one ended is squeezed, by half
    at most, so that it still ends where its own clock reading says: an error of one reading is never carried on.
    """

    def __init__(self, rate_hz: float) -> None:
        self._period = 1 / rate_hz
        self._last = -np.inf

    def of(self, first: float, count: int) -> FloatArray:
        """Stamps (count,) of a block whose first sample was measured at `first`."""
        end = first + (count - 1) * self._period
        step = self._period
        if first <= self._last:
            step = max((end - self._last) / count, self._period / 2)
            first = self._last + step
        stamps: FloatArray = first + step * np.arange(count, dtype=np.float64)
        self._last = float(stamps[-1])
        return stamps


def load_portaudio() -> Any:
    """The sounddevice module. Raises DependencyError when PortAudio, a system library, is missing."""
    try:
        import sounddevice
    except OSError as error:
        raise DependencyError(
            f"The microphone needs the PortAudio library, which was not found ({error}). Install it: on Debian and "
            "Ubuntu `apt-get install libportaudio2`, on Fedora `dnf install portaudio`. On Windows and macOS it comes "
            "with the sounddevice package: reinstall that."
        ) from error
    return sounddevice


def input_devices() -> list[InputDevice]:
    """All inputs that PortAudio sees now."""
    sounddevice = load_portaudio()
    hosts = [host["name"] for host in sounddevice.query_hostapis()]
    return [
        InputDevice(device["index"], device["name"], hosts[device["hostapi"]], device["default_samplerate"])
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]


def find_device(wanted: str | int | None, devices: list[InputDevice], default: int) -> InputDevice:
    """The one input that fits `wanted`; `default` is the number of the system's own (-1: none).

    Raises StreamNotFound when none fits, AmbiguousStream when several do; both list the inputs.
    """
    listing = "\n".join(f"  {device}" for device in devices) or "  (none)"
    if wanted is None:
        fitting = [device for device in devices if device.index == default]
    elif isinstance(wanted, int):
        fitting = [device for device in devices if device.index == wanted]
    else:
        fitting = [device for device in devices if device.name == wanted]
        fitting = fitting or [device for device in devices if wanted.casefold() in str(device).casefold()]
    asked = "as the system's default" if wanted is None else f"called {wanted!r}"
    if not fitting:
        raise StreamNotFound(
            f"There is no microphone {asked}. Plug it in, or choose one of these inputs in the configuration, by a "
            f"part of its name or by its number:\n{listing}"
        )
    if len(fitting) > 1:
        raise AmbiguousStream(
            f"{len(fitting)} microphones are {asked}; expected one. Give more of the name, with the part in brackets "
            f"where it helps, or the number:\n{listing}"
        )
    return fitting[0]


class MicrophoneSource:
    """Captures one channel of float32 sound and hands events to `emit`, from a thread of its own."""

    def __init__(self, key: str, settings: MicrophoneSettings, clock: Clock, emit: Callable[[Event], None]) -> None:
        self.key = key
        self.settings = settings
        self._clock = clock
        self._emit = emit
        self._captured: SimpleQueue[_Captured] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._stream: Any = None
        self._rate_hz = 0
        self._latency_s = settings.latency_s
        self._first_sample = 0
        self._overflows = 0

    def start(self) -> None:
        """Open the device and begin. Raises DependencyError, or SourceError when a required one cannot be opened."""
        try:
            info = self._open()
        except SourceError:
            if self.settings.required:
                raise
            info = None
        self._thread = threading.Thread(target=self._run, args=(info,), name=f"{self.key} microphone", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the capture; returns when the thread has ended and the device is free."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._close()

    def check(self) -> None:
        """Raise what stopped the capture, if anything did."""
        if self._error is not None:
            raise self._error

    def _open(self) -> StreamInfo:
        sounddevice, s = load_portaudio(), self.settings
        device = find_device(s.device, input_devices(), sounddevice.default.device[0])
        rate = s.rate_hz or round(device.default_rate_hz)
        self._rate_hz, self._first_sample = rate, 0
        try:
            self._stream = sounddevice.InputStream(
                device=device.index,
                samplerate=rate,
                blocksize=round(s.block_s * rate),
                latency=s.latency_s,
                channels=1,
                dtype="float32",
                callback=self._capture,
            )
            self._latency_s = float(self._stream.latency)
            self._stream.start()
        except sounddevice.PortAudioError as error:
            self._close()
            raise SourceError(
                f"The microphone {device} cannot be opened at {rate} Hz with one channel: {error}. Is another program "
                "using it? Try the rate that the device has in the system's sound settings, or leave rate_hz out."
            ) from error
        return StreamInfo(
            key=self.key,
            kind="voice",
            name=device.name,
            type="Audio",
            source_id=f"microphone/{device.host}/{device.name}",
            channel_labels=("microphone",),
            channel_units=("normalized",),
            nominal_rate_hz=float(rate),
            dtype="float32",
        )

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)

    def _capture(self, sound: Float32Array, _frames: int, times: Any, status: Any) -> None:
        """PortAudio's callback: copy, and read the clock."""
        age = self._device_now(times.currentTime) - times.inputBufferAdcTime
        now = self._clock.now()
        if times.inputBufferAdcTime <= 0 or age > _LONGEST_AGE_S:
            # Some host interfaces give no time of the first sample; the buffer's latency is the next best.
            age = self._latency_s
        self._captured.put(_Captured(sound[:, 0].copy(), now, age, bool(status.input_overflow)))

    def _device_now(self, called_at: float) -> float:
        """The device's clock. PortAudio reads it before the call, and Python's lock may hold the call up."""
        stream = self._stream
        now = called_at if stream is None else float(stream.time)
        # It can be the time of day, which may have been set just now.
        return now if 0 <= now - called_at <= _LONGEST_AGE_S else called_at

    def _run(self, info: StreamInfo | None) -> None:
        try:
            info = info or self._reopen()
            while info is not None and not self._stopping.is_set():
                self._emit(StreamOpened(info, self._clock.now()))
                reason = self._forward_until_lost()
                if reason:
                    self._emit(StreamLost(self.key, self._clock.now(), reason))
                    info = self._reopen()
        except BaseException as error:
            self._error = error

    def _forward_until_lost(self) -> str:
        """Emit what is captured; returns why the sound ended, or nothing when stop() was called."""
        stamps = BlockStamps(self._rate_hz)
        # Counted in waits, not read from the clock: if this process stood still, the device did not fall silent.
        silent_s, patience_s = 0.0, _SLOWEST_START_S
        while not self._stopping.is_set():
            try:
                captured = self._captured.get(timeout=_POLL_S)
            except Empty:
                silent_s += _POLL_S
                if silent_s > patience_s:
                    return "the device sends no more sound"
                continue
            silent_s, patience_s = 0.0, _SILENT_S
            self._forward(captured, stamps)
        return ""

    def _forward(self, captured: _Captured, stamps: BlockStamps) -> None:
        if captured.overflow:
            self._overflows += 1
            text = f"{self.key}: the sound system lost samples, the computer is too busy ({self._overflows} so far)"
            self._emit(Control("microphone_overflow", text, captured.received))
        count = len(captured.sound)
        # Drivers estimate; but the last sample cannot be younger than the call that brought it.
        age = max(captured.age_s, count / self._rate_hz)
        times = stamps.of(captured.received - age, count)
        self._emit(Block(self.key, self._first_sample, times, captured.sound[:, None], captured.received))
        self._first_sample += count

    def _reopen(self) -> StreamInfo | None:
        """Try until the device is there; None when stop() was called before."""
        self._close()
        sounddevice, pause_s = load_portaudio(), _FIRST_RETRY_S
        while not self._stopping.wait(pause_s):
            sounddevice._terminate()
            sounddevice._initialize()
            self._captured = SimpleQueue()
            try:
                return self._open()
            except (SourceError, sounddevice.PortAudioError):
                pause_s = min(2 * pause_s, _LONGEST_RETRY_S)
        return None
