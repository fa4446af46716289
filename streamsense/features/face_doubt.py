"""How much a face may seem to move though it rests: by the picture's blur, and by a head turned away from its neutral.

Action units start where a movement exceeds that. Measured on films of talkers whose pictures were made smaller or
blurred (blur), and on faces at rest in two films of the same person (turned heads): see docs/action-units.md.
"""

from __future__ import annotations

import math
from typing import Final

from numba import njit

from streamsense.arrays import FloatArray

CONDITIONS: Final = ("yaw_deg", "pitch_deg", "sharpness")
"""The head's numbers that the neutral face remembers beside its measures: how the face was seen."""
CONDITION_RANGES: Final = ((-60.0, 60.0), (-60.0, 60.0), (0.0, 300.0))

Doubt = tuple[float, float]
"""Blur: 1/sharpness of frame and neutral together; and how far the head is turned away from its neutral, in [0, 1]."""

BLUR_MM: Final = 32.0
"""3 standard deviations of a measure, times the sharpness: they were 0.16, 0.24, 0.28 and 0.42 mm at 69, 50, 32 and 25,
in the mean 10.6 mm over it. Three, as a limit of detection usually is [Long & Winefordner 1983]."""
BLUR_WEIGHT: Final = 3.15
"""The same for a blendshape's weight: the brows' and lids' standard deviations were 0.05 at sharpness 21."""
TURNED_DEG: Final = 7.0
"""Away from the neutral's direction by this much, and farther, the doubt about the pose is whole."""
TURNED_SHARE: Final = 0.65
"""What it adds then, in quadrature, to the start of a unit: this share of it. More would hide slight movements."""
TURNED_SHARE_OF_CHIN: Final = 1.2
"""For 17 and 26: chin and jaw are far from the eyes, nose and forehead that hold the pose."""
TURNED_WEIGHT: Final = 0.25
"""Blendshapes see the picture, not the face behind it: lowering the head by a degree is 0.03 of lowered brows."""
TURNED_SHAPES: Final = (1, 2, 4, 7, 17, 24, 45)
"""The units whose shapes do most: brows, lids, chin and pressed lips are heights in the picture. Others: half of it."""
MOST_OF_FULL: Final = 0.75
"""Doubt puts off where a unit starts, to no more than this share of where it is full."""
LID_MM_PER_GAZE_DEG: Final = 0.15
"""The upper lid follows the eye up and down: an eyeball of 12 mm turns by 0.2 mm per degree. Less, as gaze is noisy."""
_LEAST_SHARPNESS: Final = 1.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def doubt_of(seen: FloatArray, usual: FloatArray) -> Doubt:
    """The doubt about a frame whose CONDITIONS (3,) are `seen`, against a neutral that was seen at the `usual` ones."""
    blur = math.hypot(1 / max(seen[2], _LEAST_SHARPNESS), 1 / max(usual[2], _LEAST_SHARPNESS))
    away_deg = math.hypot(seen[0] - usual[0], seen[1] - usual[1])
    return blur, min(away_deg / TURNED_DEG, 1.0)
