"""The frame of an XDF 1.0 file: its chunks one after the other, and the damage met on the way.

Format: https://github.com/sccn/xdf/wiki/Specifications. No length found in the file is believed before it is
compared with what the file has left, so memory is bounded by the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from streamsense.errors import RecordingError
from streamsense.sources.recorded import unreadable

MAGIC = b"XDF:"
FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY, STREAM_FOOTER = range(1, 7)
_OF_ONE_STREAM = frozenset({STREAM_HEADER, SAMPLES, CLOCK_OFFSET, STREAM_FOOTER})
_KNOWN_TAGS = frozenset(range(1, 7))
_WARNINGS_IN_FULL = 20


class Chunk(NamedTuple):
    """One chunk: `offset` is where it begins in the file, `stream_id` is -1 where it belongs to no stream."""

    offset: int
    tag: int
    stream_id: int
    payload: bytes


@dataclass
class Damage:
    """What was wrong with a file, bounded: the first warnings in full, then their number."""

    messages: list[str] = field(default_factory=list)
    more: int = 0

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
    """The whole chunks of the file; stops with a note in `damage` at the first one that cannot be whole.

    Raises RecordingError when the file cannot be read or is not an XDF.
    """
    try:
        with path.open("rb", buffering=1 << 18) as file:
            size = path.stat().st_size
            magic = file.read(len(MAGIC))
            if magic != MAGIC:
                raise RecordingError(
                    f"{path} is not an XDF file: it begins with {magic!r}, expected {MAGIC!r}. "
                    "Give a recording made by LabRecorder or by streamsense."
                )
            yield from _whole_chunks(file, size, damage)
    except OSError as error:
        raise unreadable(path, error) from error


def _whole_chunks(file: BinaryIO, size: int, damage: Damage) -> Iterator[Chunk]:
    offset = len(MAGIC)
    while offset < size:
        width = file.read(1)
        if width not in (b"\x01", b"\x04", b"\x08"):
            damage.add(
                f"No chunk begins at byte {offset} of {size} (found {width!r} where the width of a length belongs): "
                "the file is damaged here, what follows was not read."
            )
            return
        start = offset + 1 + width[0]
        length = int.from_bytes(file.read(width[0]), "little")
        if start + length > size:
            damage.add(
                f"The chunk at byte {offset} should be {length} bytes long, but {max(0, size - start)} are left: "
                "the recording was cut off or is damaged here, what follows was not read."
            )
            return
        content = file.read(length)
        tag = int.from_bytes(content[:2], "little")
        head = 6 if tag in _OF_ONE_STREAM else 2
        if len(content) < max(head, length):
            damage.add(f"The chunk at byte {offset} has an impossible length, {length}: what follows was not read.")
            return
        if tag in _OF_ONE_STREAM:
            yield Chunk(offset, tag, int.from_bytes(content[2:6], "little"), content[6:])
        elif tag not in _KNOWN_TAGS:
            damage.add(f"The chunk at byte {offset} is of unknown kind {tag}: skipped.")
        offset = start + length
