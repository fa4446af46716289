"""A camera, film file or MJPEG address as a source of face vectors.

Two threads: the grabber reads frames and keeps only the newest, the worker runs the face edge over it. Nothing of
the picture leaves this module but the face vector.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

from streamsense.errors import SourceError
from streamsense.face.edge import FaceEdge
from streamsense.face.opencv import cv2
from streamsense.face.regions import Image
from streamsense.features.face_vector import FRONT_ENDS, FrontEnd, face_vector_labels, face_vector_units
from streamsense.streams import Block, Event, StreamInfo, StreamLost, StreamOpened
from streamsense.ticks import Clock

_REOPEN_AFTER_S: Final = 0.5
_TIMEOUT_MS: Final = 3000
_POLL_S: Final = 0.05
_ASSUMED_FILE_FPS: Final = 30.0


@dataclass(frozen=True)
class WebcamSettings:
    """`device` is a camera's number, the path of a film, or an http address that sends MJPEG.

    `latency_s` is the time from light to grab, taken off every stamp. `width`, `height` and `fps` are asked of a
    camera, which may give something near. A film is played at its own rate, again and again if `loop`. A device that
    is not `required` may be absent at the start; it is tried until it comes.
    """

    device: int | str = 0
    latency_s: float = 0.0
    front_end: FrontEnd = "mesh468_iris"
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    loop: bool = False
    required: bool = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.latency_s) and 0 <= self.latency_s < 10):
            raise ValueError(f"latency_s is {self.latency_s}, expected 0 to 10 s")
        if self.front_end not in FRONT_ENDS:
            raise ValueError(f"front_end is {self.front_end!r}, expected one of {FRONT_ENDS}")
        if any(value is not None and value <= 0 for value in (self.width, self.height, self.fps)):
            raise ValueError(f"width, height and fps are above 0 where given, found {self}")

    @property
    def is_url(self) -> bool:
        """The device is a network address."""
        return isinstance(self.device, str) and "://" in self.device

    @property
    def is_file(self) -> bool:
        """The device is a film."""
        return isinstance(self.device, str) and not self.is_url and not self.device.startswith("/dev/")

    @property
    def name(self) -> str:
        """The device without folders and passwords, fit to be published."""
        if self.is_url:
            address = urlsplit(str(self.device))
            return f"{address.hostname}{address.path}"
        return Path(self.device).name if isinstance(self.device, str) else f"camera {self.device}"


class WebcamSource:
    """Emits `StreamOpened`, then one `Block` per frame, and `StreamLost` when reading fails or the film ends.

    After a failure it tries again every half second; the stream is then opened anew. `emit` is called from this
    object's threads and must not block for long. `overwritten` counts frames that came while the edge was busy.
    """

    def __init__(
        self, key: str, settings: WebcamSettings, edge: FaceEdge, clock: Clock, emit: Callable[[Event], None]
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
        self.info = _stream_info(key, settings)
        self._newest: tuple[Image, float, int] | None = None  # frame, grab time, how often the device was opened
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Open the device and start. Raises SourceError if it is required and cannot be opened."""
        capture = _open(self.settings)
        if capture is None and self.settings.required:
            raise SourceError(_cannot_open(self.settings))
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
            thread.join(timeout=2 * _TIMEOUT_MS / 1000)

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
                    capture = _open(self.settings)
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
        period_s = 1 / _film_rate(capture) if self.settings.is_file else 0.0
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
            values = self._edge.process(frame)[None]
            self._emit(Block(self.info.key, sample, np.array([stamp]), values, self._clock.now()))
            sample += 1


_LOST: Final[Image] = np.zeros((0, 0, 3), np.uint8)


def _stream_info(key: str, settings: WebcamSettings) -> StreamInfo:
    labels = face_vector_labels(settings.front_end)
    name = settings.name
    units = face_vector_units(settings.front_end)
    return StreamInfo(key, "face", name, "Face", f"webcam-{name}", labels, units, 0.0, "float32")


def _open(settings: WebcamSettings) -> Any | None:
    """An opened cv2.VideoCapture, or None."""
    if settings.is_url:
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
        capture = cv2.VideoCapture(settings.device, cv2.CAP_FFMPEG, timeouts)
    else:
        capture = cv2.VideoCapture(settings.device)
    if not capture.isOpened():
        capture.release()
        return None
    if not (settings.is_url or settings.is_file):
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        wanted = (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
            (cv2.CAP_PROP_FPS, settings.fps),
        )
        for setting, value in wanted:
            if value is not None:
                capture.set(setting, value)
    return capture


def _film_rate(capture: Any) -> float:
    """Frames per second as the film says, or a usual value if it says nothing sensible."""
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if 1 <= rate <= 1000 else _ASSUMED_FILE_FPS


def _cannot_open(settings: WebcamSettings) -> str:
    """What was tried, what there is, what to do."""
    device = settings.device
    if settings.is_url:
        return f"No video comes from {settings.name}. Check the address in a browser, and that it sends MJPEG."
    if settings.is_file:
        what = "is no film that OpenCV can read" if os.path.exists(str(device)) else "does not exist"
        return f"The film {device} {what}. Give the path of an .mp4, .avi, .mkv or .mpg file, or a camera's number."
    found = ", ".join(str(path) for path in sorted(Path("/dev").glob("video*"))) or "none"
    return (
        f"Camera {device} cannot be opened. Video devices found: {found}. Close other programs that use the camera, "
        "check that you may read the device (Debian: group `video`), or choose another number with `device:`."
    )
