"""Iris and eyelids: 5 + 16 points per eye, finer than the 468-point mesh has them.

Net: MediaPipe's iris_landmark.tflite (Ablavatski et al. 2020, arXiv:2006.11341). It was trained on the eye at the
left-hand side of the picture; the other eye is mirrored. The first 16 of its 71 contour points are the eyelids,
in the order of MediaPipe's update_face_landmarks_calculator.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.face.litert import Net
from streamsense.face.opencv import cv2
from streamsense.face.regions import Image, region_of_points

_SIDE: Final = 64
_REGION_SCALE: Final = 2.3
# eyelids of the subject's right and left eye as mesh indices, in the net's order
_EYELIDS: Final = (
    np.array([33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173]),
    np.array([263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398]),
)


class IrisNet:
    """Refines the eyes of a 468-point mesh."""

    def __init__(self, source: Path | bytes) -> None:
        self._net = Net(source, "the iris net", (1, _SIDE, _SIDE, 3), (213, 15))
        self._input = np.empty((1, _SIDE, _SIDE, 3), np.float32)

    def refine(self, frame_bgr: Image, points: FloatArray) -> FloatArray:
        """Mesh points (468, 3) in px to (478, 3): eyelids replaced in x and y, both irises appended.

        The irises have the order of MediaPipe's 478-point mesh: 468-472 the subject's right eye (centre first),
        473-477 the left. Their z is that of the eye's corners.
        """
        refined = np.concatenate([points, np.empty((10, 3))])
        for eye, eyelids in enumerate(_EYELIDS):
            corners = points[eyelids[[0, 8]]]
            in_picture_order = corners if eye == 0 else corners[::-1]
            region = region_of_points(corners, in_picture_order[0], in_picture_order[1], _REGION_SCALE)
            crop = region.crop(frame_bgr, _SIDE)
            np.multiply(crop if eye == 0 else cv2.flip(crop, 1), np.float32(1 / 255), out=self._input[0])
            contour, iris = (out.reshape(-1, 3)[:, :2] for out in self._net.run(self._input))
            found = np.concatenate([contour[:16], iris], dtype=np.float64) / _SIDE
            if eye == 1:
                found[:, 0] = 1 - found[:, 0]
            found = region.to_image(found)
            refined[eyelids, :2] = found[:16]
            refined[468 + 5 * eye : 473 + 5 * eye, :2] = found[16:]
            refined[468 + 5 * eye : 473 + 5 * eye, 2] = corners[:, 2].mean()
        return refined
