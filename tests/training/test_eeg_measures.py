"""Areas under the curve against a count of all pairs, of everybody and of resamples."""

import numpy as np
import pytest

from streamsense.training.eeg_measures import calibration_error, discrimination, interval, resamples

RANDOM = np.random.default_rng(5)
PERSON = np.repeat(["a", "b", "c"], 20)
LABEL = np.tile(np.arange(20) % 3 == 0, 3)
SCORE = np.round(RANDOM.normal(size=60) + LABEL, 1)  # rounded, so that there are ties


def area(label, score):
    up, down = score[label][:, None], score[~label][None, :]
    return np.mean((up > down) + 0.5 * (up == down))


def test_areas_are_the_share_of_pairs_in_the_right_order():
    found = discrimination(PERSON, LABEL, SCORE)
    assert found.people == ("a", "b", "c")
    assert found.pooled()[0] == pytest.approx(area(LABEL, SCORE))
    for name, own in zip("abc", found.of_people, strict=True):
        assert own == pytest.approx(area(LABEL[name == PERSON], SCORE[name == PERSON]))


def test_a_resample_is_what_its_people_give_together():
    found = discrimination(PERSON, LABEL, SCORE)
    rows = np.concatenate([np.flatnonzero(name == PERSON) for name in "aac"])
    assert found.pooled(np.array([[2.0, 0.0, 1.0]]))[0] == pytest.approx(area(LABEL[rows], SCORE[rows]))


def test_resamples_draw_as_many_people_as_there_are_and_the_same_every_time():
    counts = resamples(24)
    assert (counts.sum(axis=1) == 24).all()
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.05)
    assert np.array_equal(counts, resamples(24))
    assert interval(np.arange(1001.0)) == (25.0, 975.0)


def test_who_has_one_label_only_is_named():
    with pytest.raises(ValueError, match="b has 0 positive and 20 negative"):
        discrimination(PERSON, LABEL & (PERSON != "b"), SCORE)


def test_calibration_error_is_the_distance_of_probability_and_frequency():
    probability, weight = np.repeat([0.2, 0.8], 500), np.ones(1000)
    often = np.concatenate([np.arange(500) % 5 == 0, np.arange(500) % 5 != 0])
    assert calibration_error(probability, often, weight, bins=10) == pytest.approx(0, abs=0.02)
    assert calibration_error(probability, ~often, weight, bins=10) == pytest.approx(0.6, abs=0.02)
