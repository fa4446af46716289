"""The delay of ratings: found on those who are trained on, taken out of all, and blind to those who are tested."""

import numpy as np
import pytest

from streamsense.errors import EvaluationError
from streamsense.evaluation.windows import Window
from streamsense.ticks import tick_time
from streamsense.training.joint_delay import find_delay, labelled, moved
from streamsense.training.joint_table import JointTable, ModalityRows

TICKS = 150


def rated(delays: dict[str, int], hole: bool = False) -> JointTable:
    """People whose one feature wanders, and whose ratings of arousal follow it so many ticks later."""
    windows, features, ratings = [], [], []
    for number, (person, delay) in enumerate(delays.items()):
        random = np.random.default_rng(number)
        course = np.convolve(random.normal(size=TICKS + 40), np.ones(8) / 8, "valid")[: TICKS + 20]
        first = 5000 + 1000 * number
        for at in range(20, TICKS + 20):
            if hole and 60 <= at < 70:
                continue
            windows.append(Window("lab", person, "a", tick_time(first + at - 5), tick_time(first + at)))
            features.append([course[at], 1.0])
            ratings.append([np.nan, np.tanh(course[at - delay]), np.nan])
    n = len(windows)
    ones = np.ones(n, np.float32)
    rows = ModalityRows({"x": np.array(features, np.float32)}, ones, ones, 0 * ones)
    return JointTable({"eeg": rows}, tuple(windows), np.array(ratings), np.zeros((n, 8)), np.ones(n))


def rows_of(table, *people):
    return np.flatnonzero([window.person in people for window in table.windows])


@pytest.mark.parametrize("hole", [False, True])
def test_the_delay_of_those_who_are_trained_on_is_found_and_that_of_others_makes_no_difference(hole):
    table = rated({"A": 12, "B": 12, "C": 3}, hole)
    assert find_delay(table, rows_of(table, "A", "B"), {"lab"}) == pytest.approx(2.4)
    assert find_delay(table, rows_of(table, "C"), {"lab"}) == pytest.approx(0.6)


def test_ratings_are_moved_to_the_tick_that_they_are_of():
    table = rated({"A": 10}, hole=True)
    found = moved(table, {"lab"}, 2.0)
    known = labelled(found, 1)
    np.testing.assert_allclose(found.vad[known, 1], np.tanh(table.modalities["eeg"].inputs["x"][known, 0]), atol=1e-6)
    assert len(known) == len(table) - 20, "the last 2 s have no later rating, nor have those 2 s before the hole"
    assert labelled(found, 5).tolist() == [at for at in known.tolist() if round(table.windows[at].end_s * 5) % 5 == 0]


def test_sets_whose_delay_is_known_stay_as_they_are():
    table = rated({"A": 10})
    assert moved(table, {"other"}, 2.0).vad.tobytes() == table.vad.tobytes()


def test_ratings_that_never_change_are_told():
    table = rated({"A": 10})
    table.vad[:, 1] = 0.5
    with pytest.raises(EvaluationError, match="The delay of the ratings cannot be found"):
        find_delay(table, rows_of(table, "A"), {"lab"})
