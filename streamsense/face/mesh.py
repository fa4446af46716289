"""The face mesh: 468 or 478 landmarks of one face in a given region.

Nets: MediaPipe's face_landmark.tflite (468 points, 192² input; Kartynnik et al. 2019, arXiv:1907.06724) and the
face_landmarks_detector.tflite of its Face Landmarker (478 points with the irises, 256² input).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.face.litert import Net
from streamsense.face.regions import Image, Region

# points -> (input side, elements of the outputs); the score is the second output
_NETS: Final[dict[int, tuple[int, tuple[int, ...]]]] = {468: (192, (468 * 3, 1)), 478: (256, (478 * 3, 1, 1))}


@dataclass(frozen=True, eq=False)
class Mesh:
    """Landmarks of one face.

    `points` (n, 3) in px of the picture (z towards the back, in the same scale); `score` in [0, 1] that this is
    a face; `crop` the upright RGB picture that the net saw, and `in_crop` (n, 3) the landmarks in units of its side.
    """

    points: FloatArray
    score: float
    crop: Image
    in_crop: FloatArray


class FaceMesh:
    """Runs a mesh net of `points` landmarks."""

    def __init__(self, source: Path | bytes, points: Literal[468, 478]) -> None:
        self._side, outputs = _NETS[points]
        self._net = Net(source, f"the {points}-point face mesh", (1, self._side, self._side, 3), outputs)
        self._input = np.empty((1, self._side, self._side, 3), np.float32)

    def landmarks(self, frame_bgr: Image, region: Region) -> Mesh:
        """The landmarks of the face in `region` of a BGR picture."""
        crop = region.crop(frame_bgr, self._side)
        np.multiply(crop, np.float32(1 / 255), out=self._input[0])
        points, logit = self._net.run(self._input)[:2]
        in_region = points.reshape(-1, 3).astype(np.float64) / self._side
        score = 1 / (1 + math.exp(-min(max(float(logit[0]), -50.0), 50.0)))
        if not np.isfinite(in_region).all():
            score, in_region = 0.0, np.zeros_like(in_region)
        return Mesh(region.to_image(in_region), score, crop, in_region)
