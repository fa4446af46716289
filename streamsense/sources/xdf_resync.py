"""Where an XDF file can be read again after damage: the search for the next chunk, in linear time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np

from streamsense.sources import xdf_frame
from streamsense.sources.xdf_frame import BOUNDARY, FILE_HEADER, HEAD_BYTES, STREAM_HEADER, Frame, Streams

_FIRST_WINDOW_BYTES = 1 << 12
_WINDOW_BYTES = 1 << 20
_LOOK_BYTES = 1 << 10
"""How much of a candidate's payload is looked at."""


def next_chunk(file: IO[bytes], start: int, size: int, streams: Streams) -> int:
    """The offset of the first believable chunk at or after `start`, or `size` where there is none.

    Believable is a boundary chunk; and any other whose head the specification has, whose stream was announced,
    whose content fits (as far as the first kilobyte tells) and after which another chunk or the file's end follows.
    """
    for offset in _candidates(file, start, size, streams):
        file.seek(offset)
        beginning = file.read(HEAD_BYTES + _LOOK_BYTES)
        frame = xdf_frame.parse(beginning[:HEAD_BYTES], offset, size)
        if frame is None or frame.end > size or not streams.can_be(frame):
            continue
        payload = beginning[frame.payload - offset : frame.end - offset]
        if not streams.fits(frame.tag, frame.stream_id, payload, frame.end - frame.payload):
            continue
        if frame.tag == BOUNDARY or _followed(file, frame, size, streams):
            return offset
    return size


def _followed(file: IO[bytes], frame: Frame, size: int, streams: Streams) -> bool:
    """Whether the chunk ends with the file or another one begins there, be it a torn one."""
    file.seek(frame.end)
    following = xdf_frame.parse(file.read(HEAD_BYTES), frame.end, size)
    return frame.end == size or (following is not None and streams.can_be(following))


def _candidates(file: IO[bytes], start: int, size: int, streams: Streams) -> Iterator[int]:
    """Where a tag that can be one has the width of a length before it, in ascending order."""
    ids = np.array([-1, *streams.ids], np.int64)
    begin, length = start, _FIRST_WINDOW_BYTES  # most searches end soon, and there may be very many
    while begin < size:
        file.seek(begin)
        window = np.frombuffer(file.read(length + HEAD_BYTES), np.uint8)
        if len(window) < HEAD_BYTES:
            window = np.pad(window, (0, HEAD_BYTES - len(window)))
        tags = np.flatnonzero((window[1:] == 0) & (window[:-1] - 1 < BOUNDARY + 1))
        found = []
        for width in (1, 4, 8):
            at = tags[(tags >= 1 + width) & (tags < len(window) - 6)] - 1 - width
            at = at[window[at] == width]
            tag = window[at + 1 + width]
            stream_id = sum(window[at + 3 + width + byte].astype(np.int64) << (8 * byte) for byte in range(4))
            free = (tag == FILE_HEADER) | (tag == STREAM_HEADER) | (tag == BOUNDARY)
            found.append(at[free | np.isin(stream_id, ids)])
        offsets = np.unique(np.concatenate(found))
        yield from (begin + int(at) for at in offsets if at < length)
        begin += length
        length = min(2 * length, _WINDOW_BYTES)
