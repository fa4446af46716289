"""WAV files as recordings: one stream of sound, scaled to [-1, 1), read a block at a time.

Its stamps are `i / rate` from 0. Integer samples of up to 24 bits keep their exact value in float32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamsense.arrays import Float32Array
from streamsense.errors import RecordingError
from streamsense.sources.recorded import FILE_BLOCK_S, RecordedStream, Selection, check_selection, unreadable
from streamsense.streams import Block, Event, StreamOpened

SOUND_ID = 1
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


@dataclass(frozen=True)
class WavLayout:
    """Where a WAV file's samples are, and how one sample of one channel is written."""

    data_offset: int
    data_bytes: int
    channels: int
    rate_hz: int
    sample_bytes: int
    is_float: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.sample_bytes


@dataclass(frozen=True, eq=False)
class SoundRecording:
    """A WAV file: stream 1 is its sound."""

    path: Path
    streams: tuple[RecordedStream, ...]
    warnings: tuple[str, ...]
    layout: WavLayout

    def events(self, selection: Selection) -> Iterator[Event]:
        """The selected stream's events (see `Recording.events`)."""
        check_selection(self.streams, selection)
        if SOUND_ID not in selection:
            return
        key, kind = selection[SOUND_ID]
        yield StreamOpened(self.streams[0].info(key, kind), 0.0)
        start = 0
        for values in self._pieces():
            stamps = (start + np.arange(len(values))) / self.layout.rate_hz
            yield Block(key, start, stamps, values, float(stamps[-1]))
            start += len(values)

    def _pieces(self) -> Iterator[Float32Array]:
        layout = self.layout
        left = self.streams[0].sample_count
        length = max(1, round(FILE_BLOCK_S * layout.rate_hz))
        try:
            with self.path.open("rb") as file:
                file.seek(layout.data_offset)
                while left > 0:
                    content = file.read(min(left, length) * layout.frame_bytes)
                    whole = len(content) // layout.frame_bytes
                    if whole == 0:
                        return  # the file shrank since it was opened
                    yield _as_float(content[: whole * layout.frame_bytes], layout)
                    left -= whole
        except OSError as error:
            raise unreadable(self.path, error) from error


def open_sound_file(path: Path | str) -> SoundRecording:
    """Open a WAV file (8 to 32 bits integer, 32 or 64 bits float). Raises RecordingError for any other file."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            layout = _layout(path, file)
            available = max(0, path.stat().st_size - layout.data_offset)
    except OSError as error:
        raise unreadable(path, error) from error
    count = min(layout.data_bytes, available) // layout.frame_bytes
    cut_off = layout.data_bytes > available
    stream = RecordedStream(
        stream_id=SOUND_ID,
        name=path.stem,
        type="Audio",
        source_id="",
        hostname="",
        channel_labels=tuple(f"ch{index + 1}" for index in range(layout.channels)),
        channel_units=("full scale",) * layout.channels,
        nominal_rate_hz=float(layout.rate_hz),
        channel_format="float32",
        sample_count=count,
        first_stamp=0.0 if count else np.nan,
        last_stamp=(count - 1) / layout.rate_hz if count else np.nan,
    )
    warnings = (
        (f"{path.name} declares {layout.data_bytes} bytes of sound, {available} are there: it was cut off.",)
        if cut_off
        else ()
    )
    return SoundRecording(path, (stream,), warnings, layout)


def _layout(path: Path, file: BinaryIO) -> WavLayout:
    """Walk the RIFF chunks to the sound (Microsoft's multimedia specification, `fmt ` and `data`)."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise RecordingError(f"{path} is not a WAV file: it begins with {head!r}, expected b'RIFF????WAVE'.")
    form: bytes | None = None
    while len(chunk := file.read(8)) == 8:
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data" and form is not None:
            return _checked(path, form, file.tell(), size)
        if chunk[:4] == b"fmt ":
            form = file.read(min(size, 40))
            file.seek(size - len(form) + size % 2, 1)
        else:
            file.seek(size + size % 2, 1)
    raise RecordingError(f"{path} has no sound: its RIFF file has no format or no data chunk. Export it anew as WAV.")


def _checked(path: Path, form: bytes, offset: int, size: int) -> WavLayout:
    if len(form) < 16:
        raise RecordingError(f"{path} has a format chunk of {len(form)} bytes, expected 16 or more. Export it anew.")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form[:16])
    if code == _EXTENSIBLE and len(form) >= 26:
        code = int.from_bytes(form[24:26], "little")
    if not ((code == _PCM and bits in (8, 16, 24, 32)) or (code == _FLOAT and bits in (32, 64))):
        raise RecordingError(
            f"{path} is written in WAV format {code} with {bits} bits. Expected uncompressed integers (8 to 32 bits) "
            "or floats (32 or 64 bits). Export it anew as 16-bit PCM."
        )
    if not (1 <= channels <= 1024 and 1 <= rate <= 1_000_000):
        raise RecordingError(f"{path} declares {channels} channels at {rate} Hz. Expected 1 to 1024 at up to 1 MHz.")
    return WavLayout(offset, size, channels, rate, bits // 8, code == _FLOAT)


def _as_float(content: bytes, layout: WavLayout) -> Float32Array:
    """Samples (n, channels) in [-1, 1)."""
    if layout.is_float:
        with np.errstate(over="ignore", invalid="ignore"):  # hostile doubles become infinite, and stay visible
            return np.frombuffer(content, f"<f{layout.sample_bytes}").reshape(-1, layout.channels).astype(np.float32)
    if layout.sample_bytes == 1:  # the only unsigned one
        samples = np.frombuffer(content, np.uint8).astype(np.float64) - 128
    elif layout.sample_bytes == 3:
        # Three bytes become the upper three of four, which carries the sign.
        wide = np.zeros((len(content) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4")[:, 0].astype(np.float64) / 256
    else:
        samples = np.frombuffer(content, f"<i{layout.sample_bytes}").astype(np.float64)
    scaled = samples / 2.0 ** (8 * layout.sample_bytes - 1)
    return scaled.reshape(-1, layout.channels).astype(np.float32)
