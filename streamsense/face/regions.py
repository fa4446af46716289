"""Square rotated regions of a picture: cutting them out, and mapping points back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsense.face.opencv import cv2

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Region:
    """A square of side `size` px about (`x`, `y`), turned by `angle` rad (clockwise in the picture)."""

    x: float
    y: float
    size: float
    angle: float

    def _axes(self) -> tuple[float, float]:
        return math.cos(self.angle) * self.size, math.sin(self.angle) * self.size

    def crop(self, image: Image, side: int) -> Image:
        """The region as an upright (`side`, `side`, channels) picture; beyond the border the edge is repeated."""
        cosine, sine = (value / side for value in self._axes())
        half = side / 2
        to_image = np.array(
            [
                [cosine, -sine, self.x - half * (cosine - sine)],
                [sine, cosine, self.y - half * (sine + cosine)],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cropped: Image = cv2.warpAffine(image, to_image, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return cropped

    def to_image(self, points: FloatArray) -> FloatArray:
        """Points (n, 2 or 3) in units of the region's side, from its upper left corner, to px of the picture.

        z, if given, is only scaled.
        """
        cosine, sine = self._axes()
        x, y = points[:, 0] - 0.5, points[:, 1] - 0.5
        mapped = [self.x + cosine * x - sine * y, self.y + sine * x + cosine * y]
        if points.shape[1] == 3:
            mapped.append(points[:, 2] * self.size)
        return np.stack(mapped, axis=1)


def region_of_points(points: FloatArray, start: FloatArray, end: FloatArray, scale: float) -> Region:
    """The square about the bounding box of `points` (n, 2+), its longer side times `scale`, upright along start→end.

    This is the rule of MediaPipe's face_landmark_landmarks_to_roi graph.
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    x, y = (low + high) / 2
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    return Region(float(x), float(y), float(max(high - low)) * scale, angle)
