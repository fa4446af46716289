"""Video frames that come as base64 JPEG text, as some LSL senders and XDF recordings carry them."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import numpy as np

from streamsense.face.opencv import cv2
from streamsense.face.regions import Image

MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
MAX_FRAME_PIXELS: Final = 4096 * 2304

# Start-of-frame markers, whose segment holds the picture's size; the others in this range are tables.
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def decode_jpeg_base64(text: str, max_bytes: int = MAX_FRAME_BYTES) -> Image | None:
    """The picture (height, width, 3), BGR, or None for anything that is not a JPEG of reasonable size.

    The sizes are checked before anything is unpacked: a few bytes of JPEG can claim a picture of gigabytes.
    """
    if len(text) > (max_bytes + 2) // 3 * 4:
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    size = jpeg_size(content)
    if size is None or not 0 < size[0] * size[1] <= MAX_FRAME_PIXELS:
        return None
    try:
        frame: Image | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return frame


def encode_jpeg_base64(frame: Image, quality: int = 90) -> str:
    """A BGR picture (height, width, 3) as base64 JPEG text."""
    done, content = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {frame.shape} cannot be made a JPEG")
    return base64.b64encode(content).decode("ascii")


def jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG's first frame header claims, or None if there is none [ITU-T T.81, annex B]."""
    if content[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 <= len(content):
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        if marker in _FRAME_MARKERS:
            height, width = (int.from_bytes(content[place + k : place + k + 2], "big") for k in (5, 7))
            return width, height
        if marker == 0xDA:  # the scan starts, and no header came before
            return None
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        if length < 2:
            return None
        place += 2 + length
    return None
