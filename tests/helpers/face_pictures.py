"""Pictures and films with a face, the model files that find it, and a face vector to start from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from streamsense.face.edge import FaceEdge
from streamsense.face.opencv import cv2
from streamsense.face.regions import Image
from streamsense.features.face_vector import FRONT_ENDS, FrontEnd
from streamsense.models.catalogue import model_files
from tests.conftest import recordings

EVERY_FRONT_END = [
    front_end if front_end == "mesh468_iris" else pytest.param(front_end, marks=pytest.mark.real_data)
    for front_end in FRONT_ENDS
]
"""For tests that run a front end: the other one's models lie with the recordings."""


def bundle_files() -> dict[str, Path]:
    """The Face Landmarker bundle, from the recordings: its publisher's server is not asked in tests."""
    return {"face_landmarker.task": recordings() / "face_models" / "face_landmarker.task"}


def face_edge(front_end: FrontEnd) -> FaceEdge:
    return FaceEdge(front_end, model_files(front_end) if front_end == "mesh468_iris" else bundle_files())


@cache
def astronaut() -> Image:
    """Eileen Collins, 512 × 512 BGR: one smiling face of about 105 px, nearly frontal."""
    return np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])


@cache
def astronaut_vector() -> npt.NDArray[np.float32]:
    return face_edge("mesh468_iris").process(astronaut())


def film_frames(path: Path) -> list[Image]:
    film = cv2.VideoCapture(str(path))
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1])
    film.release()
    assert frames, f"{path} has no frames"
    return frames
