"""Which camera, film or address to read frames from, and opening it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

from streamsense.face.opencv import cv2
from streamsense.features.face_vector import FRONT_ENDS, FrontEnd

TIMEOUT_S: Final = 3.0
"""Longest wait for a network camera to answer or to send a frame."""
_ASSUMED_FILM_RATE: Final = 30.0


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


def open_device(settings: WebcamSettings) -> Any | None:
    """An opened cv2.VideoCapture, or None."""
    if settings.is_url:
        longest_ms = round(TIMEOUT_S * 1000)
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, longest_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, longest_ms]
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


def film_rate(capture: Any) -> float:
    """Frames per second as the film says, or a usual value if it says nothing sensible."""
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if 1 <= rate <= 1000 else _ASSUMED_FILM_RATE


def cannot_open(settings: WebcamSettings) -> str:
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
