"""The sound of an MPEG-1 film (a program stream): its packets put together, then decoded by libsndfile."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

_PACKET = b"\x00\x00\x01"
_SOUND, _VIDEO = 0xC0, 0xE0
_PACK, _LEAST_PACKET, _LAST_PACKET = 0xBA, 0xBB, 0xEF


def film_sound(path: Path) -> tuple[npt.NDArray[np.float64], float, float]:
    """Samples of the first sound stream, mixed to one channel; their rate in Hz; their start after the picture's, in s.

    Layout of packs, packets and time stamps: ISO/IEC 11172-1, 2.4.3.
    """
    content, sound, first = path.read_bytes(), bytearray(), {}
    at = content.find(_PACKET)
    while 0 <= at < len(content) - 6:
        kind = content[at + 3]
        if not _LEAST_PACKET <= kind <= _LAST_PACKET:
            at = content.find(_PACKET, at + 4)
            continue
        (length,) = struct.unpack_from(">H", content, at + 4)
        body, end = at + 6, at + 6 + length
        if kind in (_SOUND, _VIDEO):
            body, stamp = _after_header(content, body)
            if stamp is not None:
                first.setdefault(kind, stamp)
            if kind == _SOUND:
                sound += content[body:end]
        at = content.find(_PACKET, end)
    samples, rate = soundfile.read(io.BytesIO(bytes(sound)))
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    return mono, float(rate), first[_SOUND] - first[_VIDEO]


def _after_header(content: bytes, at: int) -> tuple[int, float | None]:
    """Where a packet's data begin, and its presentation time in s."""
    while content[at] == 0xFF:  # stuffing
        at += 1
    if content[at] >> 6 == 0b01:  # buffer size
        at += 2
    if content[at] >> 4 not in (0b0010, 0b0011):
        return at + 1, None
    a, b, c, d, e = content[at : at + 5]
    ticks = (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1
    return at + (5 if a >> 4 == 0b0010 else 10), ticks / 90_000
