"""Streams of pictures, base64 JPEG texts, turned into face vectors before they enter the core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from streamsense.face.edge import FaceEdge
from streamsense.features.face_vector import FrontEnd, face_vector_labels, face_vector_units
from streamsense.models.catalogue import model_files
from streamsense.sources.jpeg_frames import decode_jpeg_base64
from streamsense.sources.raw_keeper import RawKeeper
from streamsense.sources.text_front import Row
from streamsense.streams import Event, StreamInfo
from streamsense.ticks import Clock


def face_edge(front_end: FrontEnd) -> FaceEdge:
    """The face edge of a front end, its model files fetched through the catalogue where they are not here yet."""
    return FaceEdge(front_end, model_files(front_end))


def described_as_face(info: StreamInfo, front_end: FrontEnd) -> StreamInfo:
    """The description of the face vectors that a front end makes of the pictures of stream `info`."""
    labels, units = face_vector_labels(front_end), face_vector_units(front_end)
    return replace(
        info,
        kind="face", type="FaceVector", channel_labels=labels, channel_units=units, nominal_rate_hz=0.0,
        dtype="float32", description="",
    )  # fmt: skip


def picture_keeper(clock: Clock, emit: Callable[[Event], None]) -> RawKeeper:
    """What emits the pictures that were looked at, for a recording, with the stamps of the face vectors.

    Their stream has the key `pictures/KEY` and kind `pictures`, and holds base64 JPEG texts.
    """

    def described(face: StreamInfo) -> StreamInfo:
        return replace(
            face,
            key=f"pictures/{face.key}", kind="pictures", type="VideoFrames", source_id=f"{face.source_id}-pictures",
            channel_labels=("jpeg_base64",), channel_units=("",), nominal_rate_hz=0.0, dtype="string", description="",
        )  # fmt: skip

    return RawKeeper(clock, emit, described)


class PictureReader:
    """Makes a face vector of a picture."""

    left_out = "pictures_left_out"

    def __init__(self, edge: FaceEdge) -> None:
        self.width = len(face_vector_labels(edge.front_end))
        self._edge = edge

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The face vectors' description, under the picture stream's own name."""
        return described_as_face(info, self._edge.front_end)

    def read(self, text: str | bytes, stamp: float) -> list[Row] | None:
        """The vector of a base64 JPEG; None for a damaged one."""
        frame = decode_jpeg_base64(text if isinstance(text, str) else bytes(text).decode("ascii", errors="replace"))
        return None if frame is None else [Row(self._edge.process(frame), stamp)]
