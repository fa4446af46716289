"""Intervals are drawn over whole people, and hold what they say."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.errors import EvaluationError
from streamsense.evaluation.intervals import interval_over_people
from streamsense.evaluation.metrics import roc_auc


def test_the_interval_of_a_mean_is_that_of_the_people_and_not_of_the_windows():
    random = np.random.default_rng(0)
    own = random.normal(0, 1, 20)
    values = np.repeat(own, 50) + random.normal(0, 0.01, 1000)
    people = np.repeat(np.arange(20), 50).tolist()
    found = interval_over_people(lambda rows: float(values[rows].mean()), people)
    assert found.figure == pytest.approx(values.mean())
    standard_error = own.std(ddof=1) / np.sqrt(20)
    assert found.high - found.low == pytest.approx(2 * 1.96 * standard_error, rel=0.15)
    of_windows = interval_over_people(lambda rows: float(values[rows].mean()), list(range(1000)), times=300)
    assert of_windows.high - of_windows.low < 0.25 * (found.high - found.low)
    assert (found.people, str(found)) == (20, f"{found.figure:.3f} [{found.low:.3f}, {found.high:.3f}]")


def test_it_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(1)
    held = 0
    for seed in range(100):
        values = np.repeat(random.normal(0, 1, 25), 2)
        people = np.repeat(np.arange(25), 2).tolist()
        found = interval_over_people(lambda rows, v=values: float(v[rows].mean()), people, times=200, seed=seed)
        held += found.low <= 0 <= found.high
    assert 85 <= held <= 100  # the percentile bootstrap of 25 people holds it 93 to 94 times


def test_the_same_seed_gives_the_same_interval():
    values, people = np.arange(12.0), [number // 2 for number in range(12)]

    def interval(seed: int) -> object:
        return interval_over_people(lambda rows: float(values[rows].mean()), people, times=100, seed=seed)

    assert interval(3) == interval(3) != interval(4)


def test_draws_without_an_answer_are_left_out_but_not_too_many():
    truth, scores = np.array([0, 1] * 6), np.arange(12.0)
    people = np.repeat(np.arange(6), 2).tolist()
    assert interval_over_people(lambda rows: roc_auc(truth[rows], scores[rows]), people, times=50).people == 6
    one_with_all = np.array([1, 1] + [0] * 10)
    with pytest.raises(EvaluationError, match="a class is missing"):
        interval_over_people(lambda rows: roc_auc(one_with_all[rows], scores[rows]), people, times=50)


def test_one_person_says_nothing_of_others():
    with pytest.raises(EvaluationError, match="There are 1 people"):
        interval_over_people(lambda rows: 0.0, ["A", "A"])
