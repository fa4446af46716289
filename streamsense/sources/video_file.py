"""Films as recordings: one stream of pictures with the film's own time stamps, read as fast as it goes.

Only the pictures are read, not the sound. A film has no LSL time: its stamps count from its start. In its events each
picture is told by its number; `FilmFront` reads the pictures themselves and makes face vectors of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import RecordingError
from streamsense.face.edge import FaceEdge
from streamsense.face.opencv import cv2
from streamsense.features.face_vector import face_vector_labels
from streamsense.sources.jpeg_frames import MAX_FRAME_PIXELS
from streamsense.sources.pictures import described_as_face
from streamsense.sources.recorded import RecordedStream, Selection, check_selection
from streamsense.sources.webcam_device import film_rate
from streamsense.streams import Block, Event, StreamInfo, StreamOpened

FILM_ID: Final = 1
_FRAMES_AT_ONCE: Final = 8
_LONGEST_S: Final = 1e7


@dataclass(frozen=True, eq=False)
class FilmRecording:
    """A film: stream 1 are its pictures, whose times in s are `stamps` (frames,)."""

    path: Path
    streams: tuple[RecordedStream, ...]
    warnings: tuple[str, ...]
    stamps: FloatArray

    def events(self, selection: Selection) -> Iterator[Event]:
        """The selected stream's events (see `Recording.events`); the text of each sample is its picture's number."""
        check_selection(self.streams, selection)
        if FILM_ID not in selection:
            return
        key, kind = selection[FILM_ID]
        yield StreamOpened(self.streams[0].info(key, kind), 0.0)
        for start in range(0, len(self.stamps), _FRAMES_AT_ONCE):
            stamps = self.stamps[start : start + _FRAMES_AT_ONCE].copy()
            texts = tuple(map(str, range(start, start + len(stamps))))
            yield Block(key, start, stamps, np.empty((len(stamps), 0), np.float32), float(stamps[-1]), texts)


def open_video_file(path: Path | str) -> FilmRecording:
    """Open a film and find the time of each of its pictures. Raises RecordingError when it cannot be read."""
    path = Path(path)
    capture = _open(path)
    try:
        rate = film_rate(capture)
        milliseconds = []
        # The number of pictures that a film declares is often wrong.
        while capture.grab():
            milliseconds.append(float(capture.get(cv2.CAP_PROP_POS_MSEC)))
    finally:
        capture.release()
    if not milliseconds:
        raise RecordingError(f"{path} has no picture that can be read. Check that it plays, or convert it to .mp4.")
    stamps = np.array(milliseconds) / 1000
    warnings = [f"Of {path.name} the pictures are read; its sound, if it has any, is not. Export that as WAV."]
    if not (np.isfinite(stamps).all() and (np.diff(stamps) > 0).all() and stamps[0] >= 0 and stamps[-1] < _LONGEST_S):
        stamps = np.arange(len(milliseconds)) / rate
        warnings.append(f"The time stamps of {path.name} do not rise, so its {rate:g} pictures per second are counted.")
    stream = RecordedStream(
        stream_id=FILM_ID,
        name=path.stem,
        type="VideoFrames",
        source_id="",
        hostname="",
        channel_labels=("picture",),
        channel_units=("",),
        nominal_rate_hz=0.0,
        channel_format="string",
        sample_count=len(stamps),
        first_stamp=float(stamps[0]),
        last_stamp=float(stamps[-1]),
    )
    return FilmRecording(path, (stream,), tuple(warnings), stamps)


def _open(path: Path) -> Any:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise RecordingError(f"{path} is no film that OpenCV can read. Expected .mp4, .avi, .mkv, .mov, .mpg or .webm.")
    width, height = (int(capture.get(size)) for size in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MAX_FRAME_PIXELS:
        capture.release()
        raise RecordingError(
            f"{path} has pictures of {width} × {height}, expected up to {MAX_FRAME_PIXELS / 1e6:.1f} million pixels. "
            "Convert it to 1080 lines or fewer; a face needs no more."
        )
    return capture


class FilmFront:
    """Reads a film's pictures, once and in their order, and turns them into face vectors."""

    def __init__(self, path: Path, edge: FaceEdge) -> None:
        self._path = path
        self._edge = edge
        self._capture: Any = None
        self._next = 0

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The face vectors' description, under the film's own name."""
        return described_as_face(info, self._edge.front_end)

    def convert(self, samples: Sequence[str | bytes], stamps: FloatArray) -> tuple[Float32Array, FloatArray]:
        """One vector (n, channels) and stamp for each picture, given by its number; damaged ones are left out."""
        if self._capture is None:
            self._capture = _open(self._path)
        vectors, kept = [], []
        for sample, stamp in zip(samples, stamps, strict=True):
            found, frame = False, None
            while self._next <= int(sample):
                found, frame = self._capture.read()
                self._next += 1
            if found and frame is not None:
                vectors.append(self._edge.process(frame))
                kept.append(stamp)
        width = len(face_vector_labels(self._edge.front_end))
        return np.array(vectors, np.float32).reshape(len(kept), width), np.array(kept, np.float64)
