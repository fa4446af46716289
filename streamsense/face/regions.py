"""Square rotated regions of a picture: cutting them out, and mapping points back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.face.opencv import cv2

Image = npt.NDArray[np.uint8]

_MARGIN_PX: Final = 2
_SMALL_PART: Final = 6  # times the pixels of the crop; from there on it costs more to copy than it saves


@dataclass(frozen=True)
class Region:
    """A square of side `size` px about (`x`, `y`), turned by `angle` rad (clockwise in the picture)."""

    x: float
    y: float
    size: float
    angle: float

    def _axes(self) -> tuple[float, float]:
        return math.cos(self.angle) * self.size, math.sin(self.angle) * self.size

    def crop(self, picture_bgr: Image, side: int) -> Image:
        """The region as an upright (`side`, `side`, 3) RGB picture; beyond the border the edge is repeated."""
        part, left, top = self._surroundings(picture_bgr)
        cosine, sine = (value / side for value in self._axes())
        half = side / 2
        to_part = np.array(
            [
                [cosine, -sine, self.x - left - half * (cosine - sine)],
                [sine, cosine, self.y - top - half * (sine + cosine)],
            ]
        )
        # OpenCV turns pictures of four channels 2.5 times as fast as those of three, with the same result.
        if part.shape[0] * part.shape[1] <= _SMALL_PART * side * side:
            four = cv2.cvtColor(part, cv2.COLOR_BGR2RGBA)
            cropped: Image = cv2.cvtColor(_turned(four, to_part, side), cv2.COLOR_RGBA2RGB)
        else:
            cropped = cv2.cvtColor(_turned(part, to_part, side), cv2.COLOR_BGR2RGB)
        return cropped

    def _surroundings(self, picture: Image) -> tuple[Image, int, int]:
        """The part of a picture that the region needs, never empty, and its upper left corner."""
        height, width = picture.shape[:2]
        reach = sum(abs(value) for value in self._axes()) / 2 + _MARGIN_PX
        left, right = _clipped(self.x - reach, self.x + reach, width)
        top, bottom = _clipped(self.y - reach, self.y + reach, height)
        return picture[top:bottom, left:right], left, top

    def to_image(self, points: FloatArray) -> FloatArray:
        """Points (n, 2 or 3) in units of the region's side, from its upper left corner, to px of the picture.

        z, if given, is only scaled.
        """
        cosine, sine = self._axes()
        turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, self.size]])
        corner = np.array([self.x - (cosine - sine) / 2, self.y - (sine + cosine) / 2, 0.0])
        axes = points.shape[1]
        mapped: FloatArray = points @ turn[:axes, :axes]
        mapped += corner[:axes]
        return mapped


def region_of_points(points: FloatArray, start: FloatArray, end: FloatArray, scale: float) -> Region:
    """The square about the bounding box of `points` (n, 2+), its longer side times `scale`, upright along start→end.

    This is the rule of MediaPipe's face_landmark_landmarks_to_roi graph.
    """
    columns = points[:, :2].T.copy()  # NumPy finds the least of a column faster where it is contiguous
    (left, top), (right, bottom) = columns.min(axis=1).tolist(), columns.max(axis=1).tolist()
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    return Region((left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top) * scale, angle)


def _turned(part: Image, to_part: FloatArray, side: int) -> Image:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned: Image = cv2.warpAffine(part, to_part, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return turned


def _clipped(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole pixels that cover [low, high), as far as they are inside [0, length), at least one."""
    start = int(min(max(low, 0), length - 1))
    return start, int(min(max(high, start), length - 1)) + 1
