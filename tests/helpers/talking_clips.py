"""The sound of the recorded talking faces (MPEG-1 program streams) and of the acted sentences (WAV)."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import soundfile

_STUFFING, _BUFFER_SIZE = 0xFF, 0x40
_STAMPS_BYTES = {2: 5, 3: 10}


def wav_clip(path: Path) -> tuple[np.ndarray, int]:
    """Samples (n,) of a mono WAV of 16 bits, full scale 1, and their rate."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768, file.getframerate()


def film_sound(path: Path) -> tuple[np.ndarray, int]:
    """Samples (n,) of a film's sound, the mean of its channels, and their rate."""
    sound, rate_hz = soundfile.read(io.BytesIO(_audio_packets(path.read_bytes())), always_2d=True)
    return sound.mean(axis=1), rate_hz


def _audio_packets(stream: bytes) -> bytes:
    """What the packets of the audio stream hold (ISO/IEC 11172-1, 2.4.3.3)."""
    found, place = bytearray(), 0
    while (place := stream.find(b"\x00\x00\x01", place)) >= 0:
        if 0xC0 <= stream[place + 3] <= 0xDF:
            length = int.from_bytes(stream[place + 4 : place + 6], "big")
            packet = stream[place + 6 : place + 6 + length]
            start = 0
            while packet[start] == _STUFFING:
                start += 1
            if packet[start] & 0xC0 == _BUFFER_SIZE:
                start += 2
            found += packet[start + _STAMPS_BYTES.get(packet[start] >> 4, 1) :]
            place += length
        place += 4
    return bytes(found)
