"""Writes small films."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamsense.face.opencv import cv2
from tests.helpers.face_pictures import astronaut


def write_film(path: Path, frames: list[np.ndarray], rate: float = 25.0, code: str = "MJPG") -> Path:
    height, width = frames[0].shape[:2]
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), rate, (width, height), frames[0].ndim == 3)
    assert film.isOpened()
    for frame in frames:
        film.write(frame)
    film.release()
    return path


def moving(count: int) -> list[np.ndarray]:
    return [np.roll(astronaut(), 2 * number, axis=1) for number in range(count)]
