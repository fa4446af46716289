"""An XDF file opened for reading, unpacked first where it is compressed (.xdfz)."""

from __future__ import annotations

import contextlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from streamsense.errors import RecordingError

GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_BLOCK_BYTES = 1 << 16
_MOST_TIMES_LARGER = 100
"""Signals shrink to a half, text to a tenth; gzip itself could make a thousandfold of nothing."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The file, unbuffered, and its size in bytes. A compressed one is unpacked into a temporary file, not into memory.

    Raises OSError where it cannot be read, RecordingError where it cannot be unpacked.
    """
    with path.open("rb", buffering=0) as file:
        packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        if not packed:
            yield file, path.stat().st_size
            return
        with tempfile.TemporaryFile(buffering=0) as unpacked:
            _unpack(path, file, unpacked)
            size = unpacked.tell()
            unpacked.seek(0)
            yield unpacked, size


def _unpack(path: Path, packed: IO[bytes], unpacked: IO[bytes]) -> None:
    """Unpack as far as it goes: what is lost at a torn end is lost to the reader as any torn tail is."""
    limit = _MOST_TIMES_LARGER * (path.stat().st_size + (1 << 20))
    with contextlib.suppress(zlib.error):
        for block in _unpacked(packed):
            if unpacked.tell() + len(block) > limit:
                raise RecordingError(
                    f"{path} unpacks to more than {_MOST_TIMES_LARGER} times its size, which no recording does. "
                    "Get the file anew from whom you trust."
                )
            unpacked.write(block)
    if unpacked.tell() == 0:
        raise RecordingError(f"{path} is compressed with gzip, but damaged: nothing of it unpacks.")


def _unpacked(packed: IO[bytes]) -> Iterator[bytes]:
    """Blocks of bounded size. Raises zlib.error where the file is damaged; a torn end just ends."""
    unpacker = zlib.decompressobj(_GZIP)
    while block := packed.read(_BLOCK_BYTES):
        while block:
            yield unpacker.decompress(block, _BLOCK_BYTES)
            block = unpacker.unconsumed_tail
            if unpacker.eof:  # another part may follow
                block, unpacker = unpacker.unused_data, zlib.decompressobj(_GZIP)
