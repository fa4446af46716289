"""Streams of pictures, base64 JPEG texts, turned into face vectors before they enter the core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from streamsense.face.edge import FaceEdge
from streamsense.features.face_vector import FrontEnd, face_vector_labels, face_vector_units
from streamsense.models.catalogue import model_files
from streamsense.sources.jpeg_frames import decode_jpeg_base64
from streamsense.streams import FloatArray, StreamInfo


def face_edge(front_end: FrontEnd) -> FaceEdge:
    """The face edge of a front end, its model files fetched through the catalogue where they are not here yet."""
    return FaceEdge(front_end, model_files(front_end))


class PictureFront:
    """Turns pictures into face vectors. With `most_at_once`, only the newest of a pile-up are looked at."""

    def __init__(self, edge: FaceEdge, most_at_once: int | None = None) -> None:
        self._edge = edge
        self._most_at_once = most_at_once or 0

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The face vectors' description, under the picture stream's own name."""
        labels, units = face_vector_labels(self._edge.front_end), face_vector_units(self._edge.front_end)
        return replace(
            info, kind="face", channel_labels=labels, channel_units=units, nominal_rate_hz=0.0, dtype="float32"
        )

    def convert(self, samples: Sequence[str | bytes], stamps: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """One vector (n, channels) and stamp for each picture that can be read; damaged ones are left out."""
        vectors, kept = [], []
        for sample, stamp in list(zip(samples, stamps, strict=True))[-self._most_at_once :]:
            text = sample if isinstance(sample, str) else bytes(sample).decode("ascii", errors="replace")
            frame = decode_jpeg_base64(text)
            if frame is not None:
                vectors.append(self._edge.process(frame))
                kept.append(stamp)
        width = len(face_vector_labels(self._edge.front_end))
        return np.array(vectors, np.float32).reshape(len(kept), width), np.array(kept, np.float64)
