from __future__ import annotations

import base64
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.face.opencv import cv2
from streamsense.sources.jpeg_frames import MAX_FRAME_BYTES, decode_jpeg_base64, jpeg_size
from tests.helpers.face_pictures import astronaut


def jpeg(picture: np.ndarray, *flags: int) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, list(flags))[1].tobytes())


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_picture_comes_back(progressive: int) -> None:
    content = jpeg(astronaut()[:300], cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    assert jpeg_size(content) == (512, 300)
    frame = decode_jpeg_base64(text(content))
    assert frame is not None
    assert frame.shape == (300, 512, 3)
    assert np.abs(frame.astype(int) - astronaut()[:300]).mean() < 4


def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_unpacked() -> None:
    content = bytearray(jpeg(astronaut()))
    place = content.index(b"\xff\xc0")
    content[place + 5 : place + 9] = struct.pack(">HH", 65535, 65535)
    assert jpeg_size(bytes(content)) == (65535, 65535)
    assert decode_jpeg_base64(text(bytes(content))) is None


def test_too_much_text_is_refused_unread() -> None:
    assert decode_jpeg_base64("A" * (MAX_FRAME_BYTES * 2)) is None
    content = jpeg(astronaut())
    assert decode_jpeg_base64(text(content), max_bytes=len(content)) is not None
    assert decode_jpeg_base64(text(content), max_bytes=len(content) // 2) is None


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda\x00\x08", b"\xff\xd8\xff\xe0\x00\x00" * 9, b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_jpeg_is_none(content: bytes) -> None:
    assert decode_jpeg_base64(text(content)) is None


@pytest.mark.parametrize("wrong", ["not base64!", "ÿØÿ", "====", "QUJD\n"])
def test_what_is_no_base64_is_none(wrong: str) -> None:
    assert decode_jpeg_base64(wrong) is None


def test_other_picture_formats_are_refused() -> None:
    assert decode_jpeg_base64(text(cv2.imencode(".png", astronaut())[1].tobytes())) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_pictures_never_raise(data: st.DataObject) -> None:
    content = bytearray(jpeg(astronaut()[::8, ::8]))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    frame = decode_jpeg_base64(text(bytes(content[: data.draw(st.integers(0, len(content)))])))
    assert frame is None or (frame.ndim == 3 and frame.dtype == np.uint8)
