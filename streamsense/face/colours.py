"""Whether something is before the face: a part of it that suddenly has another colour than it usually has.

The landmark nets guess what they cannot see and are as sure of it as ever, so they do not tell. The colours of eight
parts of the face do, relative to the whole of it: light that changes everywhere changes nothing. What is usual is the
median of the last 720 frames: an object that stays for half of them becomes a part of the face. The memory ends there
instead of fading, so that what is found does not depend on when listening began. Skin before skin, such as the face's
own hand, is seen less surely; in grey pictures only what is lighter or darker is.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.face.regions import Image

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
_PART_OF: Final = np.repeat(np.arange(len(_PARTS)), [len(part) for part in _PARTS])
_CELL_PX: Final = 4  # side of the square whose mean is the colour at a landmark
_LUMA: Final = (0.299, 0.587, 0.114)  # of red, green and blue [ITU-R BT.601]
_LEAST_LEVEL: Final = 4.0  # added to all levels (0-255), so that the noise of a dark picture is no colour
_LIGHTNESS_WEIGHT: Final = 0.2  # shadows change a part's lightness often, its colour hardly
_MEMORY_FRAMES: Final = 720
_COUNT: Final = len(_PARTS)


class FaceColours:
    """Follows one face, frame by frame."""

    def __init__(self) -> None:
        self._last = np.zeros((_MEMORY_FRAMES, _COUNT, 3))
        self._sorted = np.zeros((_COUNT, 3, _MEMORY_FRAMES))
        self.reset()
        self.change(np.zeros((_CELL_PX, _CELL_PX, 3), np.uint8), np.zeros((_LANDMARKS.max() + 1, 3)))  # compiles it
        self.reset()

    def reset(self) -> None:
        """Forget the face: another one follows."""
        self._seen = 0

    def change(self, crop_rgb: Image, points: FloatArray) -> float:
        """How far the colour of one part of the face is from its usual: about 0.02, above 0.06 where it is covered.

        `crop_rgb` (side, side, 3) is the upright face, `points` (n, 2+) its landmarks in units of the crop's side.
        """
        found = _colours(crop_rgb, points)
        usual = _median_with(self._sorted, self._last, self._seen, found)
        self._seen += 1
        return _largest_change(found, usual)  # type: ignore[no-any-return]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _colours(crop_rgb: Image, points: FloatArray) -> FloatArray:
    """Of each part (8, 3): red relative to the lightness, weighted log lightness relative to the face, and blue."""
    cells = len(crop_rgb) // _CELL_PX
    levels, counts = np.zeros((_COUNT, 3)), np.zeros(_COUNT)
    for index, landmark in enumerate(_LANDMARKS):
        column = int(min(max(points[landmark, 0] * cells, 0.0), cells - 1.0))
        row = int(min(max(points[landmark, 1] * cells, 0.0), cells - 1.0))
        part = _PART_OF[index]
        counts[part] += _CELL_PX * _CELL_PX
        for y in range(row * _CELL_PX, (row + 1) * _CELL_PX):
            for x in range(column * _CELL_PX, (column + 1) * _CELL_PX):
                for channel in range(3):
                    levels[part, channel] += crop_rgb[y, x, channel]
    colours = np.empty((_COUNT, 3))
    for part in range(_COUNT):
        red, green, blue = levels[part] / counts[part] + _LEAST_LEVEL
        luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
        colours[part] = (red - luma) / luma, _LIGHTNESS_WEIGHT * np.log(luma), (blue - luma) / luma
    colours[:, 1] -= np.median(colours[:, 1])
    return np.clip(colours, -1.0, 1.0)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _median_with(ordered: FloatArray, last: FloatArray, seen: int, found: FloatArray) -> FloatArray:
    """The median (8, 3) of the last frames with `found`, which takes the place of the oldest in both memories.

    `ordered` (8, 3, frames) holds the `seen` last colours by size, `last` (frames, 8, 3) in the order of their coming.
    """
    most = len(last)
    held = min(seen, most)
    oldest = last[seen % most]
    median = np.empty(found.shape)
    for part in range(found.shape[0]):
        for axis in range(found.shape[1]):
            row, new = ordered[part, axis], found[part, axis]
            place = held if held < most else np.searchsorted(row, oldest[part, axis])
            while place > 0 and row[place - 1] > new:
                row[place] = row[place - 1]
                place -= 1
            while place + 1 < held and row[place + 1] < new:
                row[place] = row[place + 1]
                place += 1
            row[place] = new
            count = min(held + 1, most)
            median[part, axis] = 0.5 * (row[(count - 1) // 2] + row[count // 2])
    oldest[:] = found
    return median


@njit(cache=True)  # type: ignore[untyped-decorator]
def _largest_change(found: FloatArray, usual: FloatArray) -> float:
    """Of all parts; what changes in most of them is the light's doing."""
    change = found - usual
    for axis in range(3):
        change[:, axis] -= np.median(change[:, axis])
    return np.sqrt((change**2).sum(axis=1).max())  # type: ignore[no-any-return]
