"""The delay with which people rate is found again, and found on the training people alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.errors import EvaluationError
from streamsense.evaluation.label_delay import RatedSeries, find_label_delay


def rated(person: str, delay_ticks: int, seed: int, sign: float = 1.0, ticks: int = 600) -> RatedSeries:
    random = np.random.default_rng(seed)
    felt = np.convolve(random.normal(0, 1, ticks + 100), np.ones(15) / 15, "same")
    values = felt[50 : 50 + ticks] + random.normal(0, 0.2, ticks) + random.normal(0, 5)
    ratings = sign * felt[50 - delay_ticks : 50 - delay_ticks + ticks] + random.normal(0, 0.05, ticks)
    return RatedSeries(person, values, ratings)


@settings(max_examples=20)
@given(st.integers(0, 20), st.integers(0, 1000), st.sampled_from([1.0, -1.0]))
def test_a_delay_is_found_again_whatever_the_sign_and_the_level(ticks, seed, sign):
    found = find_label_delay([rated(f"{n}", ticks, seed + n, sign) for n in range(3)], {"0", "1", "2"})
    assert found.delay_s == pytest.approx(0.2 * ticks, abs=0.21)
    assert found.fits[round(found.delay_s * 5)] == found.fits.max()
    assert ((found.fits >= 0) & (found.fits <= 1)).all()


def test_those_who_are_tested_have_no_say():
    trained = [rated("A", 5, 1), rated("B", 5, 2)]
    alone = find_label_delay(trained, {"A", "B"})
    for late in (0, 15):
        found = find_label_delay([*trained, rated("C", late, 3, ticks=6000)], {"A", "B"})
        assert found.fits.tobytes() == alone.fits.tobytes()
    assert find_label_delay([*trained, rated("C", 15, 3)], {"C"}).delay_s == pytest.approx(3.0, abs=0.21)


def test_missing_ticks_are_left_out():
    whole = rated("A", 5, 1)
    values, ratings = whole.values.copy(), whole.ratings.copy()
    values[100:150] = np.nan
    ratings[300:400] = np.nan
    assert find_label_delay([RatedSeries("A", values, ratings)], {"A"}).delay_s == pytest.approx(1.0, abs=0.21)


@pytest.mark.parametrize("ratings", [np.zeros(100), np.full(100, np.nan)])
def test_ratings_that_say_nothing_are_refused(ratings):
    values = np.random.default_rng(0).normal(0, 1, 100)
    with pytest.raises(EvaluationError, match="training people have"):
        find_label_delay([RatedSeries("A", values, ratings)], {"A"})
    with pytest.raises(EvaluationError, match="have 0 ticks"):
        find_label_delay([RatedSeries("A", values, values)], {"B"})
    with pytest.raises(EvaluationError, match="have 0 ticks"):
        find_label_delay([RatedSeries("A", values[:15], values[:15])], {"A"})
    with pytest.raises(ValueError, match="do not fit"):
        RatedSeries("A", values, values[1:])
