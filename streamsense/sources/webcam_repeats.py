"""Finds the frames of a camera that are the one before once more.

Light and noise never give a camera the same bits twice. A camera or a driver that hangs can send its last picture for
ever, and a face that never moves would count as evidence.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamsense.face.regions import Image

FROZEN_S: Final = 1.0
"""After so long of one picture the camera counts as frozen."""
_STRIDE: Final = 16  # of the pixels that are compared first: a new picture differs in some of them


class Repeats:
    """Compares each frame of a camera with the one before it."""

    def __init__(self) -> None:
        self._picture: Image | None = None
        self._since = 0.0
        self._told = False

    def has(self, frame: Image, now: float) -> bool:
        """Whether `frame`, read at `now`, repeats the one before."""
        if self._picture is not None and _are_equal(frame, self._picture):
            return True
        self._picture, self._since, self._told = frame, now, False
        return False

    def are_to_be_told(self, now: float) -> bool:
        """True once in each stretch of repeats, when it has lasted for `FROZEN_S`."""
        if self._told or now - self._since < FROZEN_S:
            return False
        self._told = True
        return True


def _are_equal(frame: Image, other: Image) -> bool:
    few = np.s_[::_STRIDE, ::_STRIDE]
    return np.array_equal(frame[few], other[few]) and np.array_equal(frame, other)
