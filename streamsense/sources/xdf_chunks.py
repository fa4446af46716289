"""The frame of an XDF 1.0 file: its chunks one after the other, and the damage met on the way.

Format: https://github.com/sccn/xdf/wiki/Specifications. No length found in the file is believed before it is
compared with what the file has left and with what comes after it. Where that does not fit, the reading resumes at
the next place that can be a chunk (see `xdf_resync`). In memory is one chunk at a time, of at most MAX_CHUNK_BYTES.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from streamsense.errors import RecordingError
from streamsense.sources import xdf_frame
from streamsense.sources.recorded import unreadable
from streamsense.sources.xdf_file import opened
from streamsense.sources.xdf_frame import (
    BOUNDARY,
    BOUNDARY_UUID,
    CLOCK_OFFSET,
    FILE_HEADER,
    HEAD_BYTES,
    MAGIC,
    SAMPLES,
    STREAM_FOOTER,
    STREAM_HEADER,
    Frame,
    Streams,
)
from streamsense.sources.xdf_resync import next_chunk

__all__ = [
    "BOUNDARY", "BOUNDARY_UUID", "CLOCK_OFFSET", "FILE_HEADER", "LOST", "MAGIC", "MAX_CHUNK_BYTES", "SAMPLES",
    "STREAM_FOOTER", "STREAM_HEADER", "Chunk", "Damage", "read_chunks",
]  # fmt: skip

LOST = 0
"""The tag of a note in place of chunks that were lost: of which streams is not known, `size` bytes are missing."""
MAX_CHUNK_BYTES = 256 << 20
"""A recorder writes one at least each second; raw colour pictures of 1280 × 1024 at 30 Hz take 118 MB in it."""
_READ_AT_ONCE = 1 << 14
_WARNINGS_IN_FULL = 20


class Chunk(NamedTuple):
    """One chunk: `offset` is where it begins in the file, `size` its bytes there with all that frames it.

    `stream_id` is -1 where it belongs to no stream, `payload` begins after tag and stream id.
    """

    offset: int
    tag: int
    stream_id: int
    payload: bytes
    size: int = 0


@dataclass
class Damage:
    """What was wrong with a file, bounded: the first warnings in full, then their number; and the bytes skipped."""

    messages: list[str] = field(default_factory=list)
    more: int = 0
    skipped_bytes: int = 0

    def add(self, message: str) -> None:
        """Note one thing that is wrong."""
        if len(self.messages) < _WARNINGS_IN_FULL:
            self.messages.append(message)
        else:
            self.more += 1

    def warnings(self) -> tuple[str, ...]:
        """All that was noted, as text for a user."""
        rest = (f"… and {self.more} more of this kind.",) if self.more else ()
        return (*self.messages, *rest)


def read_chunks(path: Path, damage: Damage) -> Iterator[Chunk]:
    """The chunks of the file that are whole, and a note with the tag LOST wherever some may be missing.

    What was skipped is noted in `damage`. Raises RecordingError when the file cannot be read or is not an XDF.
    """
    try:
        with opened(path) as (file, size):
            magic = file.read(len(MAGIC))
            if magic != MAGIC:
                raise RecordingError(
                    f"{path} is not an XDF file: it begins with {magic!r}, expected {MAGIC!r}. "
                    "Give a recording made by LabRecorder or by streamsense."
                )
            yield from _Walk(file, size, damage).chunks()
    except OSError as error:
        raise unreadable(path, error) from error


class _Walk:
    """Goes from chunk to chunk. The file stands after the head (HEAD_BYTES or fewer) of the one at `offset`."""

    def __init__(self, file: IO[bytes], size: int, damage: Damage) -> None:
        self._file = file
        self._size = size
        self._damage = damage
        # A sample takes a byte for each channel at least, so no file has more channels in use than bytes.
        self._streams = Streams(size)

    def chunks(self) -> Iterator[Chunk]:
        offset = len(MAGIC)
        head = self._head(offset)
        frame = xdf_frame.parse(head, offset, self._size)
        while offset < self._size:
            if frame is not None and frame.end <= self._size:
                # A long chunk is read when it is believed: else a hostile file has its rest read again and again.
                chunk = self._content(head, frame) if frame.length <= _READ_AT_ONCE else None
                after = self._file.read(HEAD_BYTES) if chunk is not None else self._head(frame.end)
                following = xdf_frame.parse(after, frame.end, self._size)
                if self._believable(frame, chunk, following):
                    if chunk is None and frame.length <= MAX_CHUNK_BYTES:
                        self._file.seek(frame.payload)
                        payload = self._file.read(frame.end - frame.payload)
                        chunk = Chunk(offset, frame.tag, frame.stream_id, payload, frame.end - offset)
                        self._file.seek(frame.end + len(after))
                    yield from self._given(frame, chunk)
                    offset, head, frame = frame.end, after, following
                    continue
            offset = yield from self._skip(offset, frame)
            head = self._head(offset)
            frame = xdf_frame.parse(head, offset, self._size)

    def _head(self, offset: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(HEAD_BYTES)

    def _content(self, head: bytes, frame: Frame) -> Chunk:
        begin = frame.payload - frame.offset
        end = frame.end - frame.offset
        if end < len(head):
            self._file.seek(frame.end)
            payload = head[begin:end]
        else:
            payload = head[begin:] + self._file.read(end - len(head))
        return Chunk(frame.offset, frame.tag, frame.stream_id, payload, end)

    def _believable(self, frame: Frame, chunk: Chunk | None, following: Frame | None) -> bool:
        """Whether the length can be right: the end or another chunk follows, or the content itself fits."""
        ends = frame.end == self._size
        if self._streams.can_be(frame):
            return ends or (following is not None and following.known) or self._fits(frame, chunk)
        return frame.tag > 0 and (ends or (following is not None and self._streams.can_be(following)))

    def _fits(self, frame: Frame, chunk: Chunk | None) -> bool:
        if chunk is None:
            self._file.seek(frame.payload)
            payload = self._file.read(min(_READ_AT_ONCE, frame.end - frame.payload))
        else:
            payload = chunk.payload
        return self._streams.fits(frame.tag, frame.stream_id, payload, frame.end - frame.payload)

    def _given(self, frame: Frame, chunk: Chunk | None) -> Iterator[Chunk]:
        if chunk is None:
            self._damage.add(
                f"The chunk at byte {frame.offset} is {frame.length} bytes long, more than {MAX_CHUNK_BYTES}: skipped."
            )
            yield self._lost(frame.offset, frame.end)
            return
        if not frame.known:
            self._damage.add(f"The chunk at byte {frame.offset} is of unknown kind {frame.tag}: skipped.")
            yield Chunk(frame.offset, LOST, -1, b"")
        elif frame.tag == STREAM_HEADER:
            self._streams.add(frame.stream_id, chunk.payload)
        elif not self._streams.can_be(frame):
            # Of a stream that was never announced: it may be another's chunk whose stream id was damaged.
            yield Chunk(frame.offset, LOST, -1, b"")
        yield chunk

    def _skip(self, offset: int, frame: Frame | None) -> Generator[Chunk, None, int]:
        """Say what is wrong at `offset`, and where the reading goes on (the end of the file where it cannot)."""
        resumed = next_chunk(self._file, offset + 1, self._size, self._streams)
        self._damage.add(self._skipped(offset, frame, resumed))
        yield self._lost(offset, resumed)
        return resumed

    def _lost(self, start: int, stop: int) -> Chunk:
        self._damage.skipped_bytes += stop - start
        return Chunk(start, LOST, -1, b"", stop - start)

    def _skipped(self, offset: int, frame: Frame | None, resumed: int) -> str:
        known = frame is not None and self._streams.can_be(frame)
        whose = f" of stream {frame.stream_id}" if known and frame is not None and frame.stream_id >= 0 else ""
        bytes_text = f"{resumed - offset} bytes"
        if resumed < self._size:
            return (
                f"The file is damaged at byte {offset} (a chunk{whose} was expected there): {bytes_text} were skipped, "
                f"reading resumed at byte {resumed}."
            )
        if known and frame is not None and frame.end > self._size:
            return (
                f"The last chunk, at byte {offset}{whose}, should be {frame.length} bytes long, but "
                f"{max(0, self._size - frame.content)} are left: the recording was cut off here (a torn tail); "
                f"{bytes_text} were left out."
            )
        return f"No chunk begins at byte {offset} of {self._size}, nor after it: the last {bytes_text} were not read."
