"""Streams of pictures, base64 JPEG texts, turned into face vectors before they enter the core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.face.edge import FaceEdge
from streamsense.features.face_vector import FrontEnd, face_vector_labels, face_vector_units
from streamsense.models.catalogue import model_files
from streamsense.sources.jpeg_frames import decode_jpeg_base64
from streamsense.sources.raw_keeper import RawKeeper
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


class PictureFront:
    """Turns pictures into face vectors. With `most_at_once`, only the newest of a pile-up are looked at.

    With a `keeper`, what was looked at is emitted as well.
    """

    left_out = "pictures_left_out"

    def __init__(self, edge: FaceEdge, most_at_once: int | None = None, keeper: RawKeeper | None = None) -> None:
        self._edge = edge
        self._most_at_once = most_at_once or 0
        self._keeper = keeper
        self._skipped = self._unreadable = 0

    def take_left_out(self) -> tuple[int, int]:
        """How many pictures were skipped to stay live, and how many could not be read, since the last call."""
        left_out, self._skipped, self._unreadable = (self._skipped, self._unreadable), 0, 0
        return left_out

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The face vectors' description, under the picture stream's own name."""
        if self._keeper is not None:
            self._keeper.begin(info)
        return described_as_face(info, self._edge.front_end)

    def convert(self, samples: Sequence[str | bytes], stamps: FloatArray) -> tuple[Float32Array, FloatArray]:
        """One vector (n, channels) and stamp for each picture that can be read; damaged ones are left out."""
        vectors, kept, texts = [], [], []
        self._skipped += max(0, len(samples) - self._most_at_once) if self._most_at_once else 0
        for sample, stamp in list(zip(samples, stamps, strict=True))[-self._most_at_once :]:
            text = sample if isinstance(sample, str) else bytes(sample).decode("ascii", errors="replace")
            frame = decode_jpeg_base64(text)
            if frame is None:
                self._unreadable += 1
            else:
                vectors.append(self._edge.process(frame))
                kept.append(stamp)
                texts.append(text)
        if self._keeper is not None:
            self._keeper.keep(texts, np.array(kept, np.float64))
        width = len(face_vector_labels(self._edge.front_end))
        return np.array(vectors, np.float32).reshape(len(kept), width), np.array(kept, np.float64)
