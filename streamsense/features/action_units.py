"""Facial action units on the 0-5 scale, left and right, from measures of the face relative to its neutral.

Each formula turns millimetres of movement into an intensity: nothing up to `START`, 5 at `FULL`, linear between; it
starts later in a blurred picture and on a head that is turned away from its neutral (`face_doubt`). The limits were set
by hand and are not fitted to coded faces: the units order and compare, and are no substitute for a
human coder. docs/action-units.md has what was measured of them: known muscle movements on the canonical face, and
Google's blendshape net as a judge on films. With the blendshape front end the units follow the hand map of ARKit
shapes to action units; those that its net hardly answers to (6, 9) and lips apart (25) come from the landmarks too,
and 17 is what both agree on.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.face_doubt import (
    BLUR_MM,
    BLUR_WEIGHT,
    MOST_OF_FULL,
    TURNED_SHAPES,
    TURNED_SHARE,
    TURNED_SHARE_OF_CHIN,
    TURNED_WEIGHT,
    Doubt,
)
from streamsense.features.face_measures import MEASURES
from streamsense.features.face_vector import BLENDSHAPES

ACTION_UNITS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 45)
"""Numbers of the Facial Action Coding System, in the order of every array that has one entry for each."""

ACTION_UNIT_INDEX: Final = {unit: index for index, unit in enumerate(ACTION_UNITS)}

PUBLISHED_AGREEMENT: Final[dict[int, float]] = {
    1: 0.64, 2: 0.50, 4: 0.70, 5: 0.67, 6: 0.59, 9: 0.54, 12: 0.85, 15: 0.39, 17: 0.49, 20: 0.22, 25: 0.85, 26: 0.67,
}  # fmt: skip
"""Correlation of automatic with human-coded intensity: OpenFace 2.0 on DISFA [Baltrušaitis et al. 2018; SCIENCE 4.5].

Another method's, on films of people who watch films: what the face shows a camera at best, not what is reached here.
"""

RELIABILITY: Final[dict[int, float]] = {
    1: 0.75, 2: 0.6, 4: 0.8, 5: 0.8, 6: 0.7, 7: 0.6, 9: 0.65, 10: 0.6, 12: 1.0, 14: 0.3, 15: 0.45, 17: 0.4, 20: 0.25,
    23: 0.3, 24: 0.5, 25: 1.0, 26: 0.8, 28: 0.2, 45: 1.0,
}  # fmt: skip
"""How far each unit can be relied on, in [0, 1]: its published agreement over that of unit 12, to the next 0.05.

Lower for 17 (F1 of 0.28 against human coding on DISFA+ [py-feat Detectorv2; SCIENCE 4.5]). Chosen, for want of a
figure: 7, 10 and 45 by our own films (docs/action-units.md), 14, 23, 24 and 28 low, because a lip that is rolled in or
tightened hides the very landmarks (28 has R² below 0.1 even between two automatic methods [SCIENCE 4.4])."""

# Movement (mm; a share for 23, 24, 28, 45) at which a unit starts and at which it is full.
START: Final[dict[int, float]] = {
    1: 0.8, 2: 0.8, 4: 0.8, 5: 0.7, 6: 0.8, 7: 0.5, 9: 0.8, 10: 0.8, 12: 1.0, 14: 1.5, 15: 1.0, 17: 1.0, 20: 1.2,
    23: 0.15, 24: 0.06, 25: 1.0, 26: 2.0, 28: 0.4, 45: 0.3,
}  # fmt: skip
FULL: Final[dict[int, float]] = {
    1: 8.0, 2: 8.0, 4: 6.0, 5: 3.0, 6: 5.0, 7: 3.0, 9: 5.0, 10: 6.0, 12: 9.0, 14: 7.0, 15: 6.0, 17: 6.0, 20: 8.0,
    23: 0.5, 24: 0.4, 25: 12.0, 26: 18.0, 28: 0.75, 45: 0.7,
}  # fmt: skip

_START: Final = np.array([[START[unit]] for unit in ACTION_UNITS])
_SPAN: Final = np.array([[FULL[unit] - START[unit]] for unit in ACTION_UNITS])
_OF_LIPS: Final = np.array([unit in (23, 24, 28) for unit in ACTION_UNITS])
_TURNED_SHARE: Final = np.array([TURNED_SHARE_OF_CHIN if unit in (17, 26) else TURNED_SHARE for unit in ACTION_UNITS])
_SURE: Final = np.array([unit == 45 for unit in ACTION_UNITS])
"""A closed eye is closed in a blurred picture and on a turned head, too: its start is not put off."""
LEAST_SIZE_MM: Final = 3.0
"""An eye or a lip that is smaller at rest was measured wrongly."""
NARROWED_MM: Final = 4.0
"""Each corner comes in by 1 mm and this much where the lips are fully tightened."""
_TIGHTENED: Final = ACTION_UNIT_INDEX[23]
SUCKED_IN: Final = 0.42
"""Share of the red of the lips that pressing can hide; more is hidden only by sucking them in."""

BLENDSHAPE_MAP: Final[dict[int, tuple[str, ...]]] = {
    1: ("browInnerUp",), 2: ("browOuterUp{side}",), 4: ("browDown{side}",), 5: ("eyeWide{side}",),
    6: ("cheekSquint{side}",), 7: ("eyeSquint{side}",), 9: ("noseSneer{side}",), 10: ("mouthUpperUp{side}",),
    12: ("mouthSmile{side}",), 14: ("mouthDimple{side}",), 15: ("mouthFrown{side}",), 17: ("mouthShrugLower",),
    20: ("mouthStretch{side}",), 24: ("mouthPress{side}",), 26: ("jawOpen",),
    28: ("mouthRollLower", "mouthRollUpper"), 45: ("eyeBlink{side}",),
}  # fmt: skip
"""ARKit shapes whose mean is the unit; `{side}` is Left or Right. 23 and 25 come from the landmarks alone."""

SHAPE_START: Final = 0.06
"""What a blendshape weight must exceed its neutral by: at rest they wander by as much."""
BLINK_LIMITS: Final = (0.2, 0.6)
"""For unit 45 the weight above neutral at 0 and at 5: the net gives a closed eye about 0.6, a lowered gaze 0.2."""

LANDMARKS_TOO: Final = (6, 9)
"""Units whose shapes respond weakly: by the one or the other."""
SHAPE_AND_LANDMARKS: Final = (17,)
"""Its shape (mouthShrugLower) jumps between frames and wanders with the head: it counts as far as landmarks agree."""


# Where each measure stands in the arrays, by the names of MEASURES.
(
    _INNER_BROW_HEIGHT, _OUTER_BROW_HEIGHT, _BROW_EDGE_HEIGHT, _INNER_BROW_DISTANCE, _UPPER_LID_HEIGHT,
    _LOWER_LID_HEIGHT, _EYE_OPENING, _CHEEK_HEIGHT, _NOSE_WING_HEIGHT, _UPPER_LIP_HEIGHT, _LIP_CORNER_HEIGHT,
    _LIP_CORNER_RISE, _LIP_CORNER_DISTANCE, _LIP_CORNER_DEPTH, _LOWER_LIP_HEIGHT, _CHIN_BOSS_HEIGHT, _JAW_DROP,
    _LIPS_GAP, _UPPER_LIP_THICKNESS, _LOWER_LIP_THICKNESS,
) = (tuple(MEASURES).index(name) for name in (
    "inner_brow_height", "outer_brow_height", "brow_edge_height", "inner_brow_distance", "upper_lid_height",
    "lower_lid_height", "eye_opening", "cheek_height", "nose_wing_height", "upper_lip_height", "lip_corner_height",
    "lip_corner_rise", "lip_corner_distance", "lip_corner_depth", "lower_lip_height", "chin_boss_height", "jaw_drop",
    "lips_gap", "upper_lip_thickness", "lower_lip_thickness",
))  # fmt: skip


def action_units_of_measures(measures: FloatArray, neutral: FloatArray, doubt: Doubt) -> FloatArray:
    """Intensities (19, 2: left, right) in [0, 5] from `measures` and their `neutral` (2 × measures,), both in mm."""
    return _intensities(measures, neutral, doubt, _START, _SPAN, _TURNED_SHARE, _OF_LIPS, _SURE)  # type: ignore[no-any-return]


@njit(cache=True)  # type: ignore[untyped-decorator]
def movements_of_measures(measures: FloatArray, neutral: FloatArray) -> FloatArray:
    """What moved (19, 2: left, right), in mm (a share for 23, 24, 28, 45), before the limits `START` and `FULL`."""
    half = len(measures) // 2
    moved = np.empty((len(ACTION_UNITS), 2))
    for side in range(2):
        rest = neutral[side * half : (side + 1) * half]
        moves = _movements(measures[side * half : (side + 1) * half] - rest, rest)
        for unit in range(len(ACTION_UNITS)):
            moved[unit, side] = moves[unit]
    return moved


@njit(cache=True)  # type: ignore[untyped-decorator]
def _intensities(
    measures: FloatArray,
    neutral: FloatArray,
    doubt: Doubt,
    start: FloatArray,
    span: FloatArray,
    turned_share: FloatArray,
    of_lips: npt.NDArray[np.bool_],
    sure: npt.NDArray[np.bool_],
) -> FloatArray:
    """Movement beyond the start, which doubt puts off, over the span; a share's doubt is that of the lips."""
    moved = movements_of_measures(measures, neutral)
    blur, turned = doubt
    half = len(measures) // 2
    intensities = np.empty(moved.shape)
    for side in range(2):
        rest = neutral[side * half : (side + 1) * half]
        lips_mm = _lips_at_rest(rest)
        for unit in range(len(moved)):
            begins, takes = start[unit, 0], span[unit, 0]
            if not sure[unit]:
                blur_mm = BLUR_MM * blur * (_per_mm(unit, lips_mm) if of_lips[unit] else 1.0)
                put_off = math.hypot(begins * math.hypot(1.0, turned_share[unit] * turned), blur_mm)
                begins = min(put_off, MOST_OF_FULL * (begins + takes))
            intensities[unit, side] = min(max(5 * (moved[unit, side] - begins) / takes, 0.0), 5.0)
    return intensities


@njit(cache=True)  # type: ignore[untyped-decorator]
def _movements(moved: FloatArray, rest: FloatArray) -> tuple[float, ...]:
    """What moved on one side of the face, in mm (a share for 23, 24, 28, 45), in the order of ACTION_UNITS.

    `moved` (measures,): each measure less its neutral value, which is `rest`, both in mm.
    """
    # The corners against the nose and against the lips' middle: two weak views of one movement.
    up = (moved[_LIP_CORNER_HEIGHT] + moved[_LIP_CORNER_RISE]) / 2
    out, lifted = moved[_LIP_CORNER_DISTANCE], _above(moved[_LIP_CORNER_HEIGHT])
    smile_mm = _above(up) + _above(out)
    drop, opened = _above(moved[_JAW_DROP]), _above(moved[_LIPS_GAP])
    closing = -moved[_EYE_OPENING] / max(rest[_EYE_OPENING], LEAST_SIZE_MM)
    # A smile thins the lips too.
    thickness = moved[_UPPER_LIP_THICKNESS] + moved[_LOWER_LIP_THICKNESS] + 0.05 * smile_mm
    thinning = -thickness / _lips_at_rest(rest) * _share(1.25 - opened / 4)
    narrowing = _share((-out - 1) / NARROWED_MM)
    return (
        moved[_INNER_BROW_HEIGHT],  # 1
        moved[_OUTER_BROW_HEIGHT],  # 2
        0.7 * (_above(-moved[_BROW_EDGE_HEIGHT]) + _above(-moved[_INNER_BROW_DISTANCE])),  # 4
        moved[_UPPER_LID_HEIGHT],  # 5
        moved[_CHEEK_HEIGHT],  # 6
        moved[_LOWER_LID_HEIGHT] * _share(1.5 - 1.5 * closing),  # 7: in a blink the lower lid moves too
        moved[_NOSE_WING_HEIGHT],  # 9
        # 10: the upper lip rides on the lip corners and on the nose wings.
        moved[_UPPER_LIP_HEIGHT] - 0.4 * lifted - 0.5 * _above(moved[_NOSE_WING_HEIGHT]),
        # 12: up and out; out alone is a stretch (20).
        0.6 * up + 0.7 * min(out, 1 + 1.5 * _above(up)),
        -moved[_LIP_CORNER_DEPTH] - 0.2 * smile_mm,  # 14
        -moved[_LIP_CORNER_HEIGHT] - 0.4 * drop,  # 15: a dropping jaw takes the corners along
        # 17: the chin pushes the lower lip up; a lip that moves by itself is pressed or sucked in
        min(moved[_CHIN_BOSS_HEIGHT] + 1, moved[_LOWER_LIP_HEIGHT]) - opened,
        out - 1.5 * lifted,  # 20
        math.sqrt(_above(thinning) * narrowing),  # 23
        # 24: pressed lips are thinner; narrow ones are tightened (23), ones that all but vanish sucked in (28)
        thinning * (1 - 0.7 * narrowing) * _share((SUCKED_IN + 0.1 - thinning) / 0.1),
        moved[_LIPS_GAP],  # 25
        moved[_JAW_DROP],  # 26
        thinning,  # 28
        closing,  # 45
    )


@njit(cache=True)  # type: ignore[untyped-decorator]
def _per_mm(unit: int, lips_mm: float) -> float:
    """By how much a share of the lips is off for each mm that its measures are; 23 is the root of two shares."""
    return (1 / lips_mm + 1 / NARROWED_MM) / 2 if unit == _TIGHTENED else 1 / lips_mm


@njit(cache=True)  # type: ignore[untyped-decorator]
def _lips_at_rest(rest: FloatArray) -> float:
    return max(rest[_UPPER_LIP_THICKNESS], LEAST_SIZE_MM) + max(rest[_LOWER_LIP_THICKNESS], LEAST_SIZE_MM)  # type: ignore[no-any-return]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _above(value: float) -> float:
    return max(value, 0.0)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def blendshape_matrix() -> FloatArray:
    """Matrix (38, 52) from blendshapes to the mean weight of each (unit, side), left before right."""
    matrix = np.zeros((len(ACTION_UNITS), 2, len(BLENDSHAPES)))
    for unit, shapes in BLENDSHAPE_MAP.items():
        for side, name in enumerate(("Left", "Right")):
            for shape in shapes:
                matrix[ACTION_UNIT_INDEX[unit], side, BLENDSHAPES.index(shape.format(side=name))] += 1 / len(shapes)
    return matrix.reshape(-1, len(BLENDSHAPES))


_EITHER, _BOTH = (
    np.array([ACTION_UNIT_INDEX[unit] for unit in units]) for units in (LANDMARKS_TOO, SHAPE_AND_LANDMARKS)
)
_MAPPED: Final = np.array([[unit in BLENDSHAPE_MAP] for unit in ACTION_UNITS])
_SHAPE_START, _SHAPE_FULL = np.full((len(ACTION_UNITS), 1), SHAPE_START), np.ones((len(ACTION_UNITS), 1))
_SHAPE_START[ACTION_UNIT_INDEX[45]], _SHAPE_FULL[ACTION_UNIT_INDEX[45]] = BLINK_LIMITS

_TURNED_WEIGHT: Final = np.array([[TURNED_WEIGHT * (1.0 if unit in TURNED_SHAPES else 0.5)] for unit in ACTION_UNITS])


def with_blendshapes(from_landmarks: FloatArray, weights: FloatArray, doubt: Doubt) -> FloatArray:
    """Intensities (19, 2) of the blendshape front end: by the map, from the landmarks where it has no answer.

    `weights` (19, 2): mean blendshape weight of each unit and side, above its neutral. Doubt puts off where they
    start; what is full stays.
    """
    blur, turned = doubt
    put_off = np.hypot(_SHAPE_START, np.hypot(BLUR_WEIGHT * blur, _TURNED_WEIGHT * turned))
    start = np.minimum(put_off, MOST_OF_FULL * _SHAPE_FULL)
    from_shapes = np.clip(5 * (weights - start) / (_SHAPE_FULL - start), 0, 5)
    combined = np.where(_MAPPED, from_shapes, from_landmarks)
    combined[_EITHER] = np.maximum(combined[_EITHER], from_landmarks[_EITHER])
    combined[_BOTH] = np.minimum(combined[_BOTH], from_landmarks[_BOTH])
    return combined
