"""What blur, a turned head and single frames do to the action units of a face that rests, or moves."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.features.action_units import ACTION_UNIT_INDEX, ACTION_UNITS
from streamsense.features.face_doubt import LID_MM_PER_GAZE_DEG, TURNED_DEG, doubt_of
from streamsense.features.face_jumps import AS_FAST_AS_A_FRAME, LONGEST_FRAME_S, no_frames, without_jumps
from streamsense.features.face_vector import FIELD_INDEX
from tests.features.test_action_units import LOWER_LID, MOVES, UPPER_LID, Face, Move, level, moved, neutral_vector

FRAME_S = 1 / 30


def seen(vector: np.ndarray, **fields: float) -> np.ndarray:
    """`vector` with these numbers of the head."""
    changed = vector.copy()
    for name, value in fields.items():
        changed[FIELD_INDEX[name]] = value
    return changed


def brows(size_mm: float) -> Move:
    return {(55, 107, 66, 65): (0, size_mm, 0)}


def test_of_a_blurred_face_only_large_movements_are_told() -> None:
    sharpnesses = (200.0, 60.0, 40.0, 25.0, 15.0, 8.0)
    slight, strong = [], []
    for sharpness in sharpnesses:
        neutral = seen(neutral_vector(), sharpness=sharpness)
        slight.append(level(Face(neutral).show(moved(neutral, brows(1.3))), 1))
        strong.append(level(Face(neutral).show(moved(neutral, brows(6))), 1))
    assert slight == sorted(slight, reverse=True)
    assert slight[0] > 0.2
    assert slight[3] == 0
    assert strong == sorted(strong, reverse=True)
    assert strong[3] > 2.5
    assert strong[-1] < 2


def test_a_neutral_learned_from_a_blurred_face_is_as_doubtful() -> None:
    sharp, blurred = (seen(neutral_vector(), sharpness=value) for value in (200.0, 20.0))
    raised = brows(2.2)
    found = [
        level(Face(first).show(moved(then, raised)), 1)
        for first, then in ((sharp, sharp), (sharp, blurred), (blurred, sharp), (blurred, blurred))
    ]
    assert found[0] > found[1] > found[3]
    assert found[1] == pytest.approx(found[2], abs=0.05)


def test_doubt_is_none_of_a_sharp_face_and_finite_of_any() -> None:
    sharp = np.array([5.0, -3.0, 300.0])
    assert doubt_of(sharp, sharp) == pytest.approx((0.0, 0.0), abs=0.005)
    assert doubt_of(np.array([5.0, TURNED_DEG / 2 - 3, 300.0]), sharp)[1] == pytest.approx(0.5)
    assert doubt_of(np.array([80.0, 60.0, 0.0]), np.array([-80.0, -60.0, 0.0])) == pytest.approx((np.sqrt(2), 1.0))


@pytest.mark.parametrize("away", ["yaw_deg", "pitch_deg"])
def test_on_a_turned_head_slight_movements_are_told_later_but_a_closed_eye_at_once(away: str) -> None:
    neutral = neutral_vector()
    turned = seen(neutral, **{away: float(neutral[FIELD_INDEX[away]]) + 15})
    for unit in (1, 6, 9, 12, 26):
        frontal = level(Face(neutral).show(moved(neutral, MOVES[unit][0])), unit)
        assert 0.5 * frontal < level(Face(neutral).show(moved(turned, MOVES[unit][0])), unit) < frontal
    half: Move = {UPPER_LID: (0, -3, 0), LOWER_LID: (0, 1, 0)}
    closing = [level(Face(neutral).show(moved(vector, half)), 45) for vector in (neutral, turned)]
    assert closing[0] == pytest.approx(closing[1])
    assert closing[0] > 0.5


def test_lids_that_follow_the_eyes_are_not_raised() -> None:
    neutral = neutral_vector()
    up = (
        float(neutral[FIELD_INDEX["gaze_left_pitch_deg"]]) + 10,
        float(neutral[FIELD_INDEX["gaze_right_pitch_deg"]]) + 10,
    )
    lifted = moved(neutral, {UPPER_LID: (0, 10 * LID_MM_PER_GAZE_DEG, 0)})
    looking = seen(lifted, gaze_left_pitch_deg=up[0], gaze_right_pitch_deg=up[1])
    assert level(Face(neutral).show(lifted), 5) > 1
    assert level(Face(neutral).show(looking), 5) == 0


def shown(levels: list[float], step_s: float) -> np.ndarray:
    """What is told (frames, 19, 2) of units that are all at these levels."""
    state = no_frames()
    return np.array([without_jumps(state, np.full((len(ACTION_UNITS), 2), value), step_s) for value in levels])


def test_what_is_there_for_one_frame_only_is_not_told() -> None:
    kept = [ACTION_UNIT_INDEX[unit] for unit in AS_FAST_AS_A_FRAME]
    others = [ACTION_UNIT_INDEX[unit] for unit in ACTION_UNITS if unit not in AS_FAST_AS_A_FRAME]
    once = shown([1, 1, 4, 1, 1, 0, 1, 1], FRAME_S)
    assert (once[:, others] == 1).all()
    assert (once[2, kept] == 4).all()
    comes = shown([0, 0, 3, 3, 3], FRAME_S)
    assert comes[:, others[0], 0].tolist() == [0, 0, 0, 3, 3]  # one frame later
    assert comes[:, kept[0], 0].tolist() == [0, 0, 3, 3, 3]


def test_slow_cameras_and_gaps_are_not_waited_for() -> None:
    row = ACTION_UNIT_INDEX[1]
    assert shown([0, 0, 3, 0], 1.1 * LONGEST_FRAME_S)[:, row, 0].tolist() == [0, 0, 3, 0]
    state = no_frames()
    for value in (0.0, 0.0, 0.0):
        without_jumps(state, np.full((len(ACTION_UNITS), 2), value), FRAME_S)
    assert without_jumps(state, np.full((len(ACTION_UNITS), 2), 2.0), 0.5)[row].tolist() == [2, 2]
