"""Synthetic movements of a real face's landmarks, and what the action units make of them."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.errors import ConfigError
from streamsense.features.action_units import (
    ACTION_UNIT_INDEX,
    ACTION_UNITS,
    BLENDSHAPE_MAP,
    BLINK_LIMITS,
    FULL,
    PUBLISHED_AGREEMENT,
    RELIABILITY,
    SHAPE_START,
    START,
)
from streamsense.features.face_measures import MEASURES, measure_matrix
from streamsense.features.face_neutral import ActionUnitEstimator, NeutralSettings
from streamsense.features.face_vector import (
    BLENDSHAPE_START,
    BLENDSHAPES,
    FIELD_INDEX,
    GEOMETRY_START,
    LANDMARK_PAIRS,
    LANDMARKS,
)
from tests.helpers.face_pictures import astronaut_vector

FRAME_S = 0.1
TO_LEFT = dict(LANDMARK_PAIRS)
Move = dict[tuple[int, ...], tuple[float, float, float]]

UPPER_LID = (157, 158, 159, 160, 161, 173, 246)
LOWER_LID = (7, 163, 144, 145, 153, 154, 155)
UPPER_LIP_EDGE = (0, 37, 39, 40, 185)
UPPER_LIP_INNER = (13, 82, 81, 80, 191)
LOWER_LIP_EDGE = (17, 84, 181, 91, 146)
LOWER_LIP_INNER = (14, 87, 178, 88, 95)
CORNER = (61, 78)
CHIN = (18, 200, 201, 83, 199)
JAW = (148, 176, 152, 175)

# unit -> (what moves, by how many mm: out, up, front; units that move with it)
MOVES: dict[int, tuple[Move, set[int]]] = {
    1: ({(55, 107, 66, 65): (0, 5, 0)}, set()),
    2: ({(46, 70, 63, 53): (0, 5, 0)}, set()),
    4: ({(55, 107, 66, 65): (-2.5, -3, 0)}, set()),
    5: ({UPPER_LID: (0, 2, 0)}, set()),
    6: ({(50, 101, 117, 119): (0, 3.5, 0)}, set()),
    7: ({LOWER_LID: (0, 2, 0)}, set()),
    9: ({(48, 64, 98, 129): (0, 3.5, 0)}, set()),
    10: ({UPPER_LIP_EDGE: (0, 4, 0), UPPER_LIP_INNER: (0, 4, 0)}, {25}),
    12: ({CORNER: (4, 6, -2)}, set()),
    14: ({CORNER: (0, 0, -5)}, set()),
    15: ({CORNER: (0, -4.5, 0)}, set()),
    17: ({CHIN: (0, 4, 0), LOWER_LIP_EDGE: (0, 4, 0), LOWER_LIP_INNER: (0, 4, 0)}, set()),
    20: ({CORNER: (5.5, 0, 0)}, set()),
    24: ({UPPER_LIP_EDGE: (0, -2.5, 0), LOWER_LIP_EDGE: (0, 2.5, 0)}, {28}),
    25: ({LOWER_LIP_EDGE: (0, -8, 0), LOWER_LIP_INNER: (0, -8, 0)}, set()),
    26: (
        {LOWER_LIP_EDGE: (0, -12, 0), LOWER_LIP_INNER: (0, -12, 0), CHIN: (0, -12, 0), JAW: (0, -12, 0)},
        {25},
    ),
}  # fmt: skip


def neutral_vector() -> np.ndarray:
    return astronaut_vector().astype(np.float64)


def moved(vector: np.ndarray, moves: Move, sides: tuple[str, ...] = ("left", "right")) -> np.ndarray:
    """`vector` with landmarks of the subject's right displaced, and their mirror images on the left likewise."""
    result = vector.copy()
    geometry = result[GEOMETRY_START:BLENDSHAPE_START].reshape(-1, 3)
    for points, (out, up, front) in moves.items():
        for point in points:
            if point not in TO_LEFT:
                geometry[LANDMARKS.index(point)] += (0, up, front)
                continue
            if "right" in sides:
                geometry[LANDMARKS.index(point)] += (-out, up, front)
            if "left" in sides:
                geometry[LANDMARKS.index(TO_LEFT[point])] += (out, up, front)
    return result


class Face:
    """An estimator that has seen a neutral face for a while."""

    def __init__(self, neutral: np.ndarray, front_end: str = "mesh468_iris", seconds: float = 12) -> None:
        self.estimator = ActionUnitEstimator(front_end, NeutralSettings())  # type: ignore[arg-type]
        self.state = self.estimator.new_state()
        self.show(neutral, seconds)

    def show(self, vector: np.ndarray, seconds: float = FRAME_S, yaw_deg: float = 0) -> np.ndarray:
        vector = vector.copy()
        vector[FIELD_INDEX["yaw_deg"]] += yaw_deg
        for _ in range(max(round(seconds / FRAME_S), 1)):
            units = self.estimator.step(self.state, vector, FRAME_S)
        return units


def level(units: np.ndarray, unit: int) -> float:
    return float(units[ACTION_UNIT_INDEX[unit]].mean())


def test_tables_are_complete() -> None:
    assert set(START) == set(FULL) == set(RELIABILITY) == set(ACTION_UNITS)
    assert all(FULL[unit] > START[unit] >= 0 for unit in ACTION_UNITS)
    assert set(BLENDSHAPE_MAP) == set(ACTION_UNITS) - {23, 25}
    assert measure_matrix().shape == (2 * len(MEASURES), 3 * len(LANDMARKS))


def test_reliability_follows_the_published_agreement() -> None:
    for unit, agreement in PUBLISHED_AGREEMENT.items():
        if unit != 17:  # another method's figure is far lower
            assert RELIABILITY[unit] == pytest.approx(agreement / PUBLISHED_AGREEMENT[12], abs=0.026), unit


def test_each_measure_is_the_same_on_both_sides_of_a_symmetric_face() -> None:
    vector = neutral_vector()
    geometry = vector[GEOMETRY_START:BLENDSHAPE_START].reshape(-1, 3)
    mirrored = geometry.copy()
    for right, left in LANDMARK_PAIRS:
        mirrored[LANDMARKS.index(right)] = geometry[LANDMARKS.index(left)] * (-1, 1, 1)
        mirrored[LANDMARKS.index(left)] = geometry[LANDMARKS.index(right)] * (-1, 1, 1)
    for index, landmark in enumerate(LANDMARKS):
        if landmark not in TO_LEFT and landmark not in TO_LEFT.values():
            mirrored[index] *= (-1, 1, 1)
    left, right = (measure_matrix() @ geometry.ravel()).reshape(2, -1)
    left_of_mirrored, right_of_mirrored = (measure_matrix() @ mirrored.ravel()).reshape(2, -1)
    assert left_of_mirrored == pytest.approx(right)
    assert right_of_mirrored == pytest.approx(left)


def test_a_neutral_face_has_no_action() -> None:
    face = Face(neutral_vector(), seconds=1)
    assert face.show(neutral_vector(), 1).max() == 0


@pytest.mark.parametrize("unit", MOVES)
def test_a_movement_gives_its_unit_and_little_else(unit: int) -> None:
    moves, along = MOVES[unit]
    units = Face(neutral_vector()).show(moved(neutral_vector(), moves))
    assert level(units, unit) > 1.8
    others = {other: level(units, other) for other in ACTION_UNITS if other not in {unit, *along}}
    assert max(others.values()) < 1.0, others
    assert level(units, unit) > max(others.values()) + 1


@pytest.mark.parametrize("unit", [unit for unit in MOVES if unit not in (17, 24, 25, 26)])
def test_a_movement_of_one_side_stays_on_that_side(unit: int) -> None:
    left, right = Face(neutral_vector()).show(moved(neutral_vector(), MOVES[unit][0], ("left",)))[
        ACTION_UNIT_INDEX[unit]
    ]
    assert left > 1.5
    assert right < 0.3


def test_closing_the_eyes_is_45_and_not_7() -> None:
    vector = neutral_vector()
    closed = vector.copy()
    geometry = closed[GEOMETRY_START:BLENDSHAPE_START].reshape(-1, 3)
    for point, opposite in zip((157, 158, 159, 160, 161), (154, 153, 145, 144, 163), strict=True):
        for upper, lower in ((point, opposite), (TO_LEFT[point], TO_LEFT[opposite])):
            geometry[LANDMARKS.index(lower), 1] += 1
            geometry[LANDMARKS.index(upper), 1] = geometry[LANDMARKS.index(lower), 1]
    units = Face(vector).show(closed)
    assert level(units, 45) == 5
    assert max(level(units, unit) for unit in ACTION_UNITS if unit != 45) < 1


def test_tightened_lips_are_narrow_and_thin() -> None:
    moves: Move = {UPPER_LIP_EDGE: (0, -2, 0), LOWER_LIP_EDGE: (0, 2, 0), CORNER: (-5, 0, 0)}
    assert level(Face(neutral_vector()).show(moved(neutral_vector(), moves)), 23) > 1.5


def test_levels_grow_with_the_movement_and_end_at_five() -> None:
    levels = []
    for size in (0.0, 0.4, 0.8, 1.2, 4.0):
        smile: Move = {CORNER: (4 * size, 6 * size, 0)}
        levels.append(level(Face(neutral_vector()).show(moved(neutral_vector(), smile)), 12))
    assert levels == sorted(levels)
    assert levels[0] == 0
    assert levels[-1] == 5
    assert len(set(levels)) == 5


def test_a_long_smile_does_not_become_neutral() -> None:
    face = Face(neutral_vector(), seconds=20)
    smiling = moved(neutral_vector(), MOVES[12][0])
    at_first = level(face.show(smiling), 12)
    assert level(face.show(smiling, 60), 12) == pytest.approx(at_first, abs=0.3)
    assert face.show(neutral_vector()).max() < 0.3


def test_who_smiles_at_the_start_is_known_after_a_while() -> None:
    smiling = moved(neutral_vector(), MOVES[12][0])
    face = Face(smiling, seconds=3)
    assert level(face.show(neutral_vector()), 15) > 1.5  # mistaken for sad
    face.show(neutral_vector(), 10)
    assert level(face.show(neutral_vector()), 15) < 0.3
    assert level(face.show(smiling), 12) > 2


def test_speech_does_not_make_an_open_mouth_neutral() -> None:
    face = Face(neutral_vector(), seconds=12)
    opened = moved(neutral_vector(), MOVES[26][0])
    for _ in range(60):
        face.show(opened, 0.6)
        face.show(neutral_vector(), 0.4)
    assert level(face.show(opened), 26) > 2.5


def test_a_face_turned_away_does_not_count() -> None:
    face = Face(neutral_vector(), seconds=12)
    before = face.estimator.neutral(face.state)
    face.show(moved(neutral_vector(), MOVES[1][0]), 5, yaw_deg=60)
    assert face.estimator.neutral(face.state) == before


def test_a_saved_neutral_is_used_at_once_and_stays() -> None:
    seen = Face(neutral_vector(), seconds=12)
    smiling = moved(neutral_vector(), MOVES[12][0])
    face = Face(smiling, seconds=FRAME_S)
    face.estimator.use_neutral(face.state, seen.estimator.neutral(seen.state))
    assert face.estimator.settled(face.state) == 1
    first, last = level(face.show(smiling), 12), level(face.show(smiling, 30), 12)
    assert first == last > 2
    face.estimator.use_neutral(face.state, None)
    face.show(smiling, 12)
    assert level(face.show(smiling), 12) < 0.2
    with pytest.raises(ConfigError, match="expected a finite number"):
        face.estimator.use_neutral(face.state, {"lips": 1.0})


def with_shapes(vector: np.ndarray, **weights: float) -> np.ndarray:
    return np.append(vector, [weights.get(name, 0.02) for name in BLENDSHAPES])


@pytest.mark.parametrize("unit", sorted(BLENDSHAPE_MAP))
def test_blendshapes_give_their_units(unit: int) -> None:
    face = Face(with_shapes(neutral_vector()), "mesh478_blendshapes")
    start, full = BLINK_LIMITS if unit == 45 else (SHAPE_START, 1.0)
    weight = 0.02 + start + 0.6 * (full - start)
    shapes = {s.format(side=side): weight for s in BLENDSHAPE_MAP[unit] for side in ("Left", "Right")}
    # of 17 the landmarks, too, must tell it
    seen = moved(neutral_vector(), MOVES[17][0]) if unit == 17 else neutral_vector()
    units = face.show(with_shapes(seen, **shapes))
    assert unit != 17 or level(face.show(with_shapes(neutral_vector(), **shapes)), 17) == 0
    assert units[ACTION_UNIT_INDEX[unit]] == pytest.approx([3, 3], abs=0.05)
    assert max(level(units, other) for other in ACTION_UNITS if other != unit) < 0.1


def test_blendshapes_know_left_from_right_and_leave_25_to_the_landmarks() -> None:
    face = Face(with_shapes(neutral_vector()), "mesh478_blendshapes")
    units = face.show(with_shapes(moved(neutral_vector(), MOVES[25][0]), mouthSmileLeft=0.8))
    assert units[ACTION_UNIT_INDEX[12]] == pytest.approx([3.9, 0], abs=0.1)
    assert level(units, 25) > 1.8
    assert level(face.show(with_shapes(moved(neutral_vector(), MOVES[6][0]))), 6) > 1.8
