"""A camera, film file or MJPEG address as a source of face vectors.

Two threads: the grabber reads frames and keeps only the newest, the worker runs the face edge over it. Nothing of
the picture leaves this module but the face vector, unless its maker asks to keep the pictures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from streamsense.errors import SourceError
from streamsense.face.edge import FaceEdge
from streamsense.face.opencv import cv2
from streamsense.face.regions import Image
from streamsense.features.face_vector import face_vector_labels, face_vector_units
from streamsense.sources.jpeg_frames import encode_jpeg_base64
from streamsense.sources.pictures import picture_keeper
from streamsense.sources.webcam_device import TIMEOUT_S, WebcamSettings, cannot_open, film_rate, open_device
from streamsense.sources.webcam_repeats import FROZEN_S, Repeats
from streamsense.streams import Block, Control, Event, StreamInfo, StreamLost, StreamOpened
from streamsense.ticks import Clock

__all__ = ["WebcamSettings", "WebcamSource"]

_REOPEN_AFTER_S: Final = 0.5
_POLL_S: Final = 0.05


class WebcamSource:
    """Emits `StreamOpened`, then one `Block` per frame, and `StreamLost` when reading fails or the film ends.

    After a failure it tries again every half second; the stream is then opened anew. A frame of a camera that is bit
    for bit the one before is no new picture and is left out; after a second of them `camera_frozen` is emitted. With
    `keep_pictures` each picture that was looked at is emitted, too, as JPEG, ahead of its face vector. `emit` is called
    from this object's threads and must not block for long. `overwritten` counts frames that came while the edge was
    busy.
    """

    def __init__(
        self,
        key: str,
        settings: WebcamSettings,
        edge: FaceEdge,
        clock: Clock,
        emit: Callable[[Event], None],
        *,
        keep_pictures: bool = False,
    ) -> None:
        if edge.front_end != settings.front_end:
            raise ValueError(f"the edge is {edge.front_end}, the settings say {settings.front_end}")
        self.settings = settings
        self.overwritten = 0
        self.finished = threading.Event()
        """Set when a film that is not looped has been played."""
        self._edge = edge
        self._clock = clock
        self._emit = emit
        self._keeper = picture_keeper(clock, emit) if keep_pictures else None
        self.info = _stream_info(key, settings)
        self._newest: tuple[Image, float, int] | None = None  # frame, grab time, how often the device was opened
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Open the device and start. Raises SourceError if it is required and cannot be opened."""
        capture = open_device(self.settings)
        if capture is None and self.settings.required:
            raise SourceError(cannot_open(self.settings))
        for name, work in (("grabber", lambda: self._grab(capture)), ("worker", self._work)):
            thread = threading.Thread(target=self._guarded, args=(work,), name=f"webcam-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End both threads and close the device; harmless if they ended by themselves."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=2 * TIMEOUT_S)

    def check(self) -> None:
        """Raise what went wrong in a thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._failure = error
            self._stopping.set()
            with self._changed:
                self._changed.notify_all()

    def _grab(self, capture: Any | None) -> None:
        """Read until stopped, opening the device again whenever it fails."""
        opened = 0
        try:
            while not self._stopping.is_set():
                if capture is None:
                    if self._stopping.wait(_REOPEN_AFTER_S):
                        return
                    capture = open_device(self.settings)
                    continue
                opened += 1
                self._read_frames(capture, opened)
                capture.release()
                capture = None
                if self.settings.is_file and not self.settings.loop:
                    return
        finally:
            if capture is not None:
                capture.release()

    def _read_frames(self, capture: Any, opened: int) -> None:
        """Hand on frames until reading fails or the source is stopped."""
        period_s = 1 / film_rate(capture) if self.settings.is_file else 0.0
        repeats = Repeats()
        due = self._clock.now()
        while not self._stopping.is_set():
            while (early_s := due - self._clock.now()) > 0:
                if self._stopping.wait(min(early_s, _POLL_S)):
                    return
            due += period_s
            arrived, frame = capture.read()
            if not arrived or frame is None:
                if self.settings.is_file and self.settings.loop and capture.set(cv2.CAP_PROP_POS_FRAMES, 0):
                    continue
                self._hand_on(None, opened)
                return
            now = self._clock.now()
            if not self.settings.is_file and repeats.has(frame, now):
                if repeats.are_to_be_told(now):
                    text = f"{self.info.key}: {self.info.name} has sent one and the same picture for {FROZEN_S:g} s"
                    self._emit(Control("camera_frozen", text, now))
                continue
            self._hand_on(frame, opened)

    def _hand_on(self, frame: Image | None, opened: int) -> None:
        """Leave a frame for the worker; None tells it that the stream was lost, after the last frame is done."""
        stamp = self._clock.now() - self.settings.latency_s
        with self._changed:
            if frame is None:
                while self._newest is not None and not self._stopping.is_set():
                    self._changed.wait(_POLL_S)
                self._newest = _LOST, stamp, opened
            else:
                self.overwritten += self._newest is not None
                self._newest = frame, stamp, opened
            self._changed.notify_all()

    def _work(self) -> None:
        """Run the edge over the newest frame, as long as there are any."""
        opened_emitted = 0
        sample = 0
        while True:
            with self._changed:
                while self._newest is None:
                    if self._stopping.is_set():
                        return
                    self._changed.wait(_POLL_S)
                (frame, stamp, opened), self._newest = self._newest, None
                self._changed.notify_all()
            if frame is _LOST:
                if opened == opened_emitted:
                    self._emit(StreamLost(self.info.key, self._clock.now(), "no more frames"))
                if self.settings.is_file and not self.settings.loop:
                    self.finished.set()
                continue
            if opened != opened_emitted:
                self._edge.reset()
                opened_emitted, sample = opened, 0
                self._emit(StreamOpened(self.info, self._clock.now()))
                if self._keeper is not None:
                    self._keeper.begin(self.info)
            values = self._edge.process(frame)[None]
            if self._keeper is not None:
                self._keeper.keep([encode_jpeg_base64(frame)], np.array([stamp]))
            self._emit(Block(self.info.key, sample, np.array([stamp]), values, self._clock.now()))
            sample += 1


_LOST: Final[Image] = np.zeros((0, 0, 3), np.uint8)


def _stream_info(key: str, settings: WebcamSettings) -> StreamInfo:
    labels = face_vector_labels(settings.front_end)
    name = settings.name
    units = face_vector_units(settings.front_end)
    return StreamInfo(key, "face", name, "Face", f"webcam-{name}", labels, units, 0.0, "float32")
