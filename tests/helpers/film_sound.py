"""The sound of an MPEG programme stream (.mpg), for tests that need real talking: the camera's films carry it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

_PACK, _FIRST_AUDIO, _LAST_AUDIO = 0xBA, 0xC0, 0xDF


def film_sound(path: Path) -> tuple[np.ndarray, int]:
    """Mean of the channels (n,) float64, full scale 1, and the rate in Hz (ISO 11172-1: packs of packets)."""
    content, place, audio = path.read_bytes(), 0, bytearray()
    while (place := content.find(b"\x00\x00\x01", place)) >= 0 and place + 6 <= len(content):
        kind = content[place + 3]
        if kind < _PACK:
            place += 3
            continue
        if kind == _PACK:
            place += 12 if content[place + 4] >> 4 == 0b0010 else 14 + (content[place + 13] & 7)
            continue
        length = int.from_bytes(content[place + 4 : place + 6], "big")
        if _FIRST_AUDIO <= kind <= _LAST_AUDIO:
            audio += _payload(content[place + 6 : place + 6 + length])
        place += 6 + length
    sound, rate_hz = soundfile.read(io.BytesIO(bytes(audio)), always_2d=True)
    return sound.mean(axis=1), rate_hz


def _payload(packet: bytes) -> bytes:
    """What a packet carries behind its header."""
    if packet[0] >> 6 == 0b10:  # MPEG-2
        return packet[3 + packet[2] :]
    start = 0
    while packet[start] == 0xFF:  # stuffing
        start += 1
    if packet[start] >> 6 == 0b01:  # buffer size
        start += 2
    return packet[start + {0b0010: 5, 0b0011: 10}.get(packet[start] >> 4, 1) :]
