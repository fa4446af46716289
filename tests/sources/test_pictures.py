"""Pictures from a stream become face vectors; those that were looked at are kept where that is asked for."""

from __future__ import annotations

import base64

import numpy as np

from streamsense.sources.jpeg_frames import encode_jpeg_base64
from streamsense.sources.pictures import PictureReader, picture_keeper
from streamsense.sources.text_front import TextFront
from streamsense.streams import Block, Event, StreamInfo, StreamOpened
from streamsense.ticks import ManualClock
from tests.helpers.face_pictures import astronaut, face_edge

INFO = StreamInfo("face", "face", "Cam", "VideoFrames", "cam-1", ("jpeg",), ("",), 25.0, "string")


def test_what_was_looked_at_is_kept_and_what_was_not_is_not() -> None:
    events: list[Event] = []
    keeper = picture_keeper(ManualClock(7.0), events.append)
    front = TextFront(PictureReader(face_edge("mesh468_iris")), most_at_once=2, keeper=keeper)
    front.describe(INFO)
    assert events == []
    text = encode_jpeg_base64(astronaut())
    broken = base64.b64encode(b"no picture").decode()
    _, stamps = front.convert([text, text, broken, text.encode()], np.array([1.0, 2.0, 3.0, 4.0]))
    assert stamps.tolist() == [4.0]  # of the newest two, the one that is a picture
    front.convert([broken], np.array([5.0]))
    front.convert([text, text], np.array([6.0, 7.0]))
    front.describe(INFO)
    front.convert([text], np.array([8.0]))
    opened, first, second, again, third = events
    assert isinstance(opened, StreamOpened)
    assert isinstance(again, StreamOpened)
    assert opened.info == again.info
    info = opened.info
    assert (info.key, info.kind, info.type, info.dtype, info.name) == (
        "pictures/face", "pictures", "VideoFrames", "string", "Cam",
    )  # fmt: skip
    assert (len(info.channel_labels), info.nominal_rate_hz) == (1, 0.0)
    blocks = [block for block in (first, second, third) if isinstance(block, Block)]
    assert [(block.first_sample, block.stamps.tolist()) for block in blocks] == [
        (0, [4.0]),
        (1, [6.0, 7.0]),
        (0, [8.0]),
    ]
    assert all(block.texts == (text,) * len(block) for block in blocks)
    assert all(block.values.shape == (len(block), 0) for block in blocks)


def test_without_a_keeper_no_picture_leaves() -> None:
    front = TextFront(PictureReader(face_edge("mesh468_iris")))
    info = front.describe(INFO)
    values, stamps = front.convert([encode_jpeg_base64(astronaut())], np.array([1.0]))
    assert values.shape == (1, len(info.channel_labels))
    assert stamps.tolist() == [1.0]
