"""Metrics are those of scikit-learn where it has them, else of a computation by hand, and never come from nothing."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from streamsense.errors import EvaluationError
from streamsense.evaluation import metrics

sizes = st.integers(2, 60)
seeds = st.integers(0, 2**32 - 1)
numbers = st.floats(-1e3, 1e3)


def cases(seed: int, count: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, predictions and probabilities, with ties among them."""
    random = np.random.default_rng(seed)
    probabilities = random.integers(1, 6, (count, classes)).astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return random.integers(0, classes, count), random.integers(0, classes, count), probabilities


@given(seeds, sizes, st.integers(2, 5))
def test_f1_and_uar_are_those_of_scikit_learn(seed, count, classes):
    truth, predicted, _ = cases(seed, count, classes)
    assert metrics.macro_f1(truth, predicted) == pytest.approx(
        sklearn.metrics.f1_score(truth, predicted, average="macro", zero_division=0)
    )
    expected = sklearn.metrics.recall_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)
    assert metrics.unweighted_average_recall(truth, predicted) == pytest.approx(expected)


@given(seeds, sizes)
def test_auc_and_average_precision_are_those_of_scikit_learn(seed, count):
    random = np.random.default_rng(seed)
    truth, scores = random.integers(0, 2, count), random.integers(0, 8, count) / 7  # with many ties
    truth[:2] = 0, 1
    assert metrics.roc_auc(truth, scores) == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores))
    assert metrics.average_precision(truth, scores) == pytest.approx(
        sklearn.metrics.average_precision_score(truth, scores)
    )
    assert metrics.roc_auc(truth, -scores) == pytest.approx(1 - metrics.roc_auc(truth, scores))
    assert metrics.roc_auc(truth, np.exp(3 * scores)) == pytest.approx(metrics.roc_auc(truth, scores))


@given(seeds, sizes, st.integers(2, 5))
def test_likelihood_and_brier_are_those_of_scikit_learn(seed, count, classes):
    truth, _, probabilities = cases(seed, count, classes)
    every = range(classes)
    assert metrics.negative_log_likelihood(truth, probabilities) == pytest.approx(
        sklearn.metrics.log_loss(truth, probabilities, labels=list(every))
    )
    one_class_at_a_time = [np.mean((probabilities[:, one] - (truth == one)) ** 2) for one in every]
    assert metrics.brier_score(truth, probabilities) == pytest.approx(sum(one_class_at_a_time))
    if classes == 2 and len(np.unique(truth)) == 2:
        assert metrics.brier_score(truth, probabilities) == pytest.approx(
            2 * sklearn.metrics.brier_score_loss(truth, probabilities[:, 1])
        )


def test_concordance_is_lins():
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 2.0, 4.0, 6.0])
    # By hand: covariance 1.75, variances 1.25 and 2.75, means 2.5 and 3.5.
    assert metrics.concordance(x, y) == pytest.approx(2 * 1.75 / (1.25 + 2.75 + 1.0))
    assert metrics.concordance(x, x) == pytest.approx(1.0)
    assert metrics.concordance(x - x.mean(), x.mean() - x) == pytest.approx(-1.0)
    assert metrics.concordance(np.ones(3), np.ones(3)) == 0.0, "nothing changes, so nothing is known"
    assert metrics.concordance(x, np.full(4, 2.5)) == 0.0, "a constant is worth nothing"


@given(arrays.arrays(float, st.shared(sizes, key="n"), elements=numbers),
       arrays.arrays(float, st.shared(sizes, key="n"), elements=numbers))  # fmt: skip
def test_concordance_is_symmetric_within_its_range_and_at_most_the_correlation(x, y):
    found = metrics.concordance(x, y)
    assert found == pytest.approx(metrics.concordance(y, x))
    assert -1 - 1e-9 <= found <= 1 + 1e-9
    if x.std() > 1e-2 and y.std() > 1e-2:
        assert abs(found) <= abs(np.corrcoef(x, y)[0, 1]) + 1e-6


def test_the_calibration_error_of_a_computation_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.4, 0.6]])
    # Two bins: confidences .6 and .6 of which 1 of 2 is right, .8 and .9 of which 2 of 2 are.
    truth = np.array([0, 0, 0, 0])
    assert metrics.calibration_error(truth, probabilities, bins=2) == pytest.approx((2 * 0.1 + 2 * 0.15) / 4)
    certain = np.eye(3)[[0, 1, 2, 2]]
    assert metrics.calibration_error(np.array([0, 1, 2, 2]), certain) == 0.0
    assert metrics.calibration_error(np.array([1, 2, 0, 0]), certain) == 1.0


@given(seeds, sizes, st.integers(2, 4))
def test_no_metric_depends_on_the_order_of_the_cases(seed, count, classes):
    truth, predicted, probabilities = cases(seed, count, classes)
    order = np.random.default_rng(seed).permutation(count)
    for metric, given_ in (
        (metrics.macro_f1, predicted),
        (metrics.unweighted_average_recall, predicted),
        (metrics.calibration_error, probabilities),
        (metrics.brier_score, probabilities),
        (metrics.negative_log_likelihood, probabilities),
        (metrics.concordance, probabilities[:, 0]),
    ):
        assert metric(truth, given_) == pytest.approx(metric(truth[order], given_[order]), abs=1e-12)


def test_calibrated_probabilities_have_a_small_calibration_error():
    random = np.random.default_rng(0)
    chance = random.random(20_000)
    probabilities = np.stack([1 - chance, chance], axis=1)
    truth = (random.random(20_000) < chance).astype(int)
    assert metrics.calibration_error(truth, probabilities) < 0.02
    overconfident = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert metrics.calibration_error(truth, overconfident) > 0.08


def test_equal_confidences_are_judged_together():
    """They cannot be told apart: parted by whether they were right, each half would look wrong."""
    truth = np.array([0] * 80 + [1] * 20)
    always = np.tile([0.8, 0.2], (100, 1))
    assert metrics.calibration_error(truth, always) == pytest.approx(0.0, abs=1e-12)
    assert metrics.calibration_error(truth[::-1], always, bins=7) == pytest.approx(0.0, abs=1e-12)


NOTHING = np.empty(0, int)


@pytest.mark.parametrize(
    ("compute", "said"),
    [
        (lambda: metrics.macro_f1(NOTHING, NOTHING), "0 cases"),
        (lambda: metrics.concordance([], []), "0 cases"),
        (lambda: metrics.brier_score(NOTHING, np.empty((0, 2))), "0 cases"),
        (lambda: metrics.roc_auc(np.ones(3, int), np.zeros(3)), "3 are positive"),
        (lambda: metrics.average_precision(np.zeros(3, int), np.zeros(3)), "None of 3"),
        (lambda: metrics.concordance([0.0, 1.0], [0.0, np.nan]), "predictions hold 1 values that are NaN"),
        (lambda: metrics.roc_auc(np.array([0, 1]), [0.0, np.inf]), "scores hold 1"),
        (lambda: metrics.brier_score(np.array([0]), [[np.nan, 1.0]]), "NaN"),
        (lambda: metrics.negative_log_likelihood(np.array([0]), [[2.0, 1.0]]), "do not sum to 1"),
        (lambda: metrics.calibration_error(np.array([0]), [[-1.0, 2.0]]), "below 0"),
    ],
)
def test_what_has_no_answer_is_refused(compute, said):
    with pytest.raises(EvaluationError, match=said):
        compute()


@pytest.mark.parametrize(
    "compute",
    [
        lambda: metrics.macro_f1(np.zeros(2, int), np.zeros(3, int)),
        lambda: metrics.concordance(np.zeros(2), np.zeros((2, 1))),
        lambda: metrics.roc_auc(np.array([0, 2]), np.zeros(2)),
        lambda: metrics.brier_score(np.array([2]), [[0.5, 0.5]]),
        lambda: metrics.brier_score(np.array([0.5]), [[0.5, 0.5]]),
    ],
)
def test_arrays_that_do_not_fit_are_a_mistake_of_the_program(compute):
    with pytest.raises(ValueError, match=r"fit|below 2"):
        compute()
