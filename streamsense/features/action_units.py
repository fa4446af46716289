"""Facial action units on the 0-5 scale, left and right, from measures of the face relative to its neutral.

Each formula turns millimetres of movement into an intensity: nothing up to `START_MM`, 5 at `FULL_MM`, linear
between. The limits were set by hand, and compared with what Google's blendshape net says of the same frames where it
responds (1, 4, 10, 12, 24, 25, 26, 45); they are not fitted to coded faces: they order and compare, and are no
substitute for a human coder. With the blendshape front end the
units follow the hand map of ARKit shapes to action units; those that its net hardly answers to (6, 9) and lips
apart (25) come from the landmarks too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from streamsense.features.face_measures import MEASURES
from streamsense.features.face_vector import BLENDSHAPES
from streamsense.streams import FloatArray

ACTION_UNITS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 45)
"""Numbers of the Facial Action Coding System, in the order of every array that has one entry for each."""

ACTION_UNIT_INDEX: Final = {unit: index for index, unit in enumerate(ACTION_UNITS)}

RELIABILITY: Final[dict[int, float]] = {
    1: 0.8, 2: 0.7, 4: 0.8, 5: 0.8, 6: 0.7, 7: 0.6, 9: 0.6, 10: 0.6, 12: 1.0, 14: 0.3, 15: 0.4, 17: 0.4, 20: 0.3,
    23: 0.3, 24: 0.5, 25: 1.0, 26: 0.8, 28: 0.3, 45: 1.0,
}  # fmt: skip
"""How far each unit can be relied on, in [0, 1]: by the published agreement of automatic with human coding
(OpenFace 2.0 on DISFA, py-feat on DISFA+), low for 14, 15, 17, 20, 23 and 28."""

# Movement (mm; a share for 23, 24, 28, 45) at which a unit starts and at which it is full.
START: Final[dict[int, float]] = {
    1: 0.8, 2: 0.8, 4: 0.8, 5: 0.5, 6: 0.8, 7: 0.5, 9: 0.8, 10: 0.8, 12: 1.0, 14: 1.5, 15: 1.0, 17: 1.0, 20: 1.2,
    23: 0.05, 24: 0.06, 25: 1.0, 26: 2.0, 28: 0.4, 45: 0.3,
}  # fmt: skip
FULL: Final[dict[int, float]] = {
    1: 8.0, 2: 8.0, 4: 6.0, 5: 3.0, 6: 5.0, 7: 3.0, 9: 5.0, 10: 6.0, 12: 9.0, 14: 7.0, 15: 6.0, 17: 6.0, 20: 8.0,
    23: 0.3, 24: 0.4, 25: 12.0, 26: 18.0, 28: 0.75, 45: 0.8,
}  # fmt: skip

_START: Final = np.array([START[unit] for unit in ACTION_UNITS])
_SPAN: Final = np.array([FULL[unit] - START[unit] for unit in ACTION_UNITS])
_LEAST_SIZE_MM: Final = 3.0
"""An eye or a lip that is smaller at rest was measured wrongly."""

BLENDSHAPE_MAP: Final[dict[int, tuple[str, ...]]] = {
    1: ("browInnerUp",), 2: ("browOuterUp{side}",), 4: ("browDown{side}",), 5: ("eyeWide{side}",),
    6: ("cheekSquint{side}",), 7: ("eyeSquint{side}",), 9: ("noseSneer{side}",), 10: ("mouthUpperUp{side}",),
    12: ("mouthSmile{side}",), 14: ("mouthDimple{side}",), 15: ("mouthFrown{side}",), 17: ("mouthShrugLower",),
    20: ("mouthStretch{side}",), 24: ("mouthPress{side}",), 26: ("jawOpen",),
    28: ("mouthRollLower", "mouthRollUpper"), 45: ("eyeBlink{side}",),
}  # fmt: skip
"""ARKit shapes whose mean is the unit; `{side}` is Left or Right. 23 and 25 come from the landmarks alone."""

_LANDMARKS_TOO: Final = np.array([ACTION_UNIT_INDEX[6], ACTION_UNIT_INDEX[9]])


# Where each measure stands in the arrays, by the names of MEASURES.
(
    _INNER_BROW_HEIGHT, _OUTER_BROW_HEIGHT, _INNER_BROW_DISTANCE, _UPPER_LID_HEIGHT, _LOWER_LID_HEIGHT, _EYE_OPENING,
    _CHEEK_HEIGHT, _NOSE_WING_HEIGHT, _UPPER_LIP_HEIGHT, _LIP_CORNER_HEIGHT, _LIP_CORNER_DISTANCE, _LIP_CORNER_DEPTH,
    _LOWER_LIP_HEIGHT, _CHIN_BOSS_HEIGHT, _JAW_DROP, _LIPS_GAP, _UPPER_LIP_THICKNESS, _LOWER_LIP_THICKNESS,
) = (tuple(MEASURES).index(name) for name in (
    "inner_brow_height", "outer_brow_height", "inner_brow_distance", "upper_lid_height", "lower_lid_height",
    "eye_opening", "cheek_height", "nose_wing_height", "upper_lip_height", "lip_corner_height", "lip_corner_distance",
    "lip_corner_depth", "lower_lip_height", "chin_boss_height", "jaw_drop", "lips_gap", "upper_lip_thickness",
    "lower_lip_thickness",
))  # fmt: skip


def action_units_of_measures(measures: FloatArray, neutral: FloatArray) -> FloatArray:
    """Intensities (19, 2: left, right) in [0, 5] from `measures` and their `neutral` (2 × measures,), both in mm."""
    return _intensities(measures, neutral, _START, _SPAN)  # type: ignore[no-any-return]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _intensities(measures: FloatArray, neutral: FloatArray, start: FloatArray, span: FloatArray) -> FloatArray:
    intensities = np.empty((len(start), 2))
    half = len(measures) // 2
    for side in range(2):
        rest = neutral[side * half : (side + 1) * half]
        moves = _movements(measures[side * half : (side + 1) * half] - rest, rest)
        for unit in range(len(start)):
            intensities[unit, side] = min(max(5 * (moves[unit] - start[unit]) / span[unit], 0.0), 5.0)
    return intensities


@njit(cache=True)  # type: ignore[untyped-decorator]
def _movements(moved: FloatArray, rest: FloatArray) -> tuple[float, ...]:
    """What moved on one side of the face, in mm (a share for 23, 24, 28, 45), in the order of ACTION_UNITS.

    `moved` (measures,): each measure less its neutral value, which is `rest`, both in mm.
    """
    up, out = moved[_LIP_CORNER_HEIGHT], moved[_LIP_CORNER_DISTANCE]
    smile_mm = _above(up) + _above(out)
    drop, opened = _above(moved[_JAW_DROP]), _above(moved[_LIPS_GAP])
    closing = -moved[_EYE_OPENING] / max(rest[_EYE_OPENING], _LEAST_SIZE_MM)
    # A smile thins the lips too, by about a tenth of what the corners move.
    thickness = moved[_UPPER_LIP_THICKNESS] + moved[_LOWER_LIP_THICKNESS] + 0.1 * smile_mm
    lips_at_rest = max(rest[_UPPER_LIP_THICKNESS], _LEAST_SIZE_MM) + max(rest[_LOWER_LIP_THICKNESS], _LEAST_SIZE_MM)
    thinning = -thickness / lips_at_rest
    shut = _share(1 - opened / 2)
    narrowing = _share((-out - 1) / 4)
    return (
        moved[_INNER_BROW_HEIGHT],  # 1
        moved[_OUTER_BROW_HEIGHT],  # 2
        0.7 * (_above(-moved[_INNER_BROW_HEIGHT]) + _above(-moved[_INNER_BROW_DISTANCE])),  # 4
        moved[_UPPER_LID_HEIGHT],  # 5
        moved[_CHEEK_HEIGHT],  # 6
        moved[_LOWER_LID_HEIGHT] * _share(1 - closing),  # 7
        moved[_NOSE_WING_HEIGHT],  # 9
        # 10: the upper lip rides on the lip corners and on the nose wings.
        moved[_UPPER_LIP_HEIGHT] - 0.4 * _above(up) - 0.5 * _above(moved[_NOSE_WING_HEIGHT]),
        # 12: up and out; out alone is a stretch (20).
        0.8 * up + 0.6 * min(_above(out), 1.5 * _above(up)),
        _above(-moved[_LIP_CORNER_DEPTH]) - 0.5 * (smile_mm + drop),  # 14
        -up - 0.4 * drop,  # 15: a dropping jaw takes the corners along
        0.5 * moved[_CHIN_BOSS_HEIGHT] + 0.5 * moved[_LOWER_LIP_HEIGHT] - opened,  # 17
        out - 1.5 * _above(up),  # 20
        thinning * narrowing * shut,  # 23
        thinning * shut,  # 24
        moved[_LIPS_GAP],  # 25
        moved[_JAW_DROP],  # 26
        thinning * shut,  # 28
        closing,  # 45
    )


@njit(cache=True)  # type: ignore[untyped-decorator]
def _above(value: float) -> float:
    return max(value, 0.0)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def blendshape_matrix() -> FloatArray:
    """Matrix (38, 52) from blendshapes to (unit, side) intensities on the 0-5 scale, left before right."""
    matrix = np.zeros((len(ACTION_UNITS), 2, len(BLENDSHAPES)))
    for unit, shapes in BLENDSHAPE_MAP.items():
        for side, name in enumerate(("Left", "Right")):
            for shape in shapes:
                matrix[ACTION_UNIT_INDEX[unit], side, BLENDSHAPES.index(shape.format(side=name))] += 5 / len(shapes)
    return matrix.reshape(-1, len(BLENDSHAPES))


def with_blendshapes(from_landmarks: FloatArray, from_shapes: FloatArray) -> FloatArray:
    """Intensities (19, 2) of the blendshape front end: by the map, from the landmarks where it has no answer."""
    mapped = np.array([unit in BLENDSHAPE_MAP for unit in ACTION_UNITS])
    combined = np.where(mapped[:, None], np.clip(from_shapes, 0, 5), from_landmarks)
    combined[_LANDMARKS_TOO] = np.maximum(combined[_LANDMARKS_TOO], from_landmarks[_LANDMARKS_TOO])
    return combined
