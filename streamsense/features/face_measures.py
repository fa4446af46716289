"""The distances of facial landmarks, for each side of the face, from which action units are read.

Each is a difference of mean coordinates of a few landmarks in the pose-normalised face (mm), so all of them are
one matrix product. A person's neutral face is the value of each of them at rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.features.face_vector import LANDMARK_PAIRS, LANDMARKS


@dataclass(frozen=True)
class Measure:
    """Mean `axis` coordinate of `points` less that of `reference`, by the landmarks of the subject's right side.

    `x` counts outwards from the midline on both sides. `rest_quantile` is the quantile of the running
    distribution that stands for the neutral face: 0.5 where the measure moves both ways, less where it only grows;
    speech, too, leaves the neutral at one end of what the mouth does.
    """

    axis: Literal["x", "y", "z"]
    points: tuple[int, ...]
    reference: tuple[int, ...]
    rest_quantile: float = 0.5


_EYE_CORNERS: Final = (33, 133)
_UPPER_LID: Final = (158, 159, 160)
_LOWER_LID: Final = (144, 145, 153)
_NOSE_BASE: Final = (2,)
_NOSE_TIP: Final = (4,)
_LIPS_MIDDLE: Final = (0, 17)
_BRIDGE: Final = (168, 6)

MEASURES: Final[dict[str, Measure]] = {
    "inner_brow_height": Measure("y", (55, 107, 66), _EYE_CORNERS),
    "outer_brow_height": Measure("y", (46, 70, 63), _EYE_CORNERS),
    "brow_edge_height": Measure("y", (55, 65, 52), _EYE_CORNERS),
    "inner_brow_distance": Measure("x", (55, 107), _BRIDGE),
    "upper_lid_height": Measure("y", _UPPER_LID, _EYE_CORNERS),
    "lower_lid_height": Measure("y", _LOWER_LID, _EYE_CORNERS),
    "eye_opening": Measure("y", _UPPER_LID, _LOWER_LID, rest_quantile=0.6),
    "cheek_height": Measure("y", (50, 101, 117, 119), _EYE_CORNERS),
    "nose_wing_height": Measure("y", (48, 64, 98, 129), (133, 4)),
    "upper_lip_height": Measure("y", (37, 39, 40), _NOSE_TIP),
    "lip_corner_height": Measure("y", (61,), _NOSE_BASE),
    "lip_corner_rise": Measure("y", (61, 78), (13, 14)),
    "lip_corner_distance": Measure("x", (61,), _NOSE_BASE),
    "lip_corner_depth": Measure("z", (61, 78), _LIPS_MIDDLE),
    "lower_lip_height": Measure("y", (84, 17), _NOSE_BASE, rest_quantile=0.75),
    "chin_boss_height": Measure("y", (200, 201, 83, 18), _NOSE_BASE, rest_quantile=0.75),
    "jaw_drop": Measure("y", _NOSE_BASE, (148, 176, 152), rest_quantile=0.25),
    "lips_gap": Measure("y", (82, 13), (87, 14), rest_quantile=0.25),
    "upper_lip_thickness": Measure("y", (37, 0), (82, 13)),
    "lower_lip_thickness": Measure("y", (87, 14), (84, 17)),
}
SIDES: Final = ("left", "right")

_RANGE_MM: Final = {"x": (-5.0, 75.0), "y": (-75.0, 75.0), "z": (-75.0, 75.0)}


def measure_matrix() -> FloatArray:
    """Matrix (2 × measures, 3 × landmarks): all left measures, then all right ones, from the flat geometry."""
    place = {landmark: index for index, landmark in enumerate(LANDMARKS)}
    to_left = dict(LANDMARK_PAIRS)
    matrix = np.zeros((2, len(MEASURES), len(LANDMARKS), 3))
    for side, name in enumerate(SIDES):
        for row, measure in enumerate(MEASURES.values()):
            axis = "xyz".index(measure.axis)
            outwards = -1.0 if (measure.axis == "x" and name == "right") else 1.0
            for landmarks, sign in ((measure.points, 1.0), (measure.reference, -1.0)):
                for landmark in landmarks:
                    index = place[to_left.get(landmark, landmark) if name == "left" else landmark]
                    matrix[side, row, index, axis] += outwards * sign / len(landmarks)
    return matrix.reshape(2 * len(MEASURES), -1)


def measure_ranges() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lowest and highest value (mm) that the neutral's histograms hold, and the rest quantile; (2 × measures,) each."""
    low, high = np.array([_RANGE_MM[measure.axis] for measure in MEASURES.values()]).T
    rest = np.array([measure.rest_quantile for measure in MEASURES.values()])
    return np.tile(low, 2), np.tile(high, 2), np.tile(rest, 2)
