"""Whether something is before the face: a part of it that suddenly has another colour than it usually has.

The landmark nets guess what they cannot see and are as sure of it as ever, so they do not tell. The colours of eight
parts of the face do, relative to the whole of it: light that changes everywhere changes nothing. What is usual is a
running median over about a minute of frames: an object that stays longer than that becomes a part of the face. Skin
before skin, such as the face's own hand, is seen less surely; in grey pictures only what is lighter or darker is.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamsense.face.opencv import cv2
from streamsense.face.regions import FloatArray, Image
from streamsense.features.running_quantile import RunningQuantile

# Landmarks at which the colour of each part is looked up.
_PARTS: Final = (
    (61, 291, 0, 17, 37, 267, 84, 314, 13, 14, 164, 18),  # mouth
    (200, 199, 175, 152, 148, 377),  # chin
    (4, 5, 195, 1, 2, 98, 327),  # nose
    (50, 205, 101, 117, 36),  # right cheek
    (280, 425, 330, 346, 266),  # left cheek
    (33, 133, 159, 145, 160, 153, 119),  # right eye
    (263, 362, 386, 374, 385, 380, 348),  # left eye
    (151, 9, 67, 297, 108, 337),  # forehead
)
_LANDMARKS: Final = np.concatenate([np.array(part) for part in _PARTS])
_MEAN: Final = np.repeat(np.eye(len(_PARTS)), [len(part) for part in _PARTS], axis=1) / np.array(
    [[len(part)] for part in _PARTS]
)
_CELL_PX: Final = 4
_LUMA: Final = np.array([0.299, 0.587, 0.114])  # of red, green and blue [ITU-R BT.601]
_LEAST_LEVEL: Final = 4.0  # added to all levels (0-255), so that the noise of a dark picture is no colour
_LIGHTNESS_WEIGHT: Final = 0.2  # shadows change a part's lightness often, its colour hardly
_MEMORY_FRAMES: Final = 1800.0
_NUMBERS: Final = 3 * len(_PARTS)
_LOW, _HIGH = np.full(_NUMBERS, -1.0), np.full(_NUMBERS, 1.0)


class FaceColours:
    """Follows one face, frame by frame."""

    def __init__(self) -> None:
        self._median = RunningQuantile(_LOW, _HIGH, np.full(_NUMBERS, 0.5), 1000, _MEMORY_FRAMES)
        self.reset()

    def reset(self) -> None:
        """Forget the face: another one follows."""
        self._usual = self._median.new_state()

    def change(self, crop_rgb: Image, points: FloatArray) -> float:
        """How far the colour of one part of the face is from its usual: about 0.02, above 0.06 where it is covered.

        `crop_rgb` (side, side, 3) is the upright face, `points` (n, 2+) its landmarks in units of the crop's side.
        """
        found = _colours(crop_rgb, points)
        self._median.step(self._usual, found.ravel(), _ONES, 1.0)
        change = found - self._usual.estimate.reshape(found.shape)
        change -= np.median(change, axis=0)
        return float(np.sqrt((change**2).sum(axis=1)).max())


_ONES: Final = np.ones(_NUMBERS)


def _colours(crop_rgb: Image, points: FloatArray) -> FloatArray:
    """Of each part (8, 3): weighted log lightness relative to the face, red and blue relative to the lightness."""
    cells = len(crop_rgb) // _CELL_PX
    small = cv2.resize(crop_rgb, (cells, cells), interpolation=cv2.INTER_AREA)
    places = np.clip((points[_LANDMARKS, :2] * cells).astype(np.intp), 0, cells - 1)
    levels = _MEAN @ small[places[:, 1], places[:, 0]] + _LEAST_LEVEL
    luma = levels @ _LUMA
    colours = (levels - luma[:, None]) / luma[:, None]
    colours[:, 1] = _LIGHTNESS_WEIGHT * np.log(luma / np.median(luma))  # in the place of green, which luma nearly is
    clipped: FloatArray = np.clip(colours, -1.0, 1.0)
    return clipped
