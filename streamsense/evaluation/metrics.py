"""Metrics of ratings, classes and probabilities, as their sources define them.

Classes are whole numbers; `probabilities` (n, classes) are over classes 0, 1, …. Where a metric has no answer (no
positive, nobody but positives, nothing at all) it raises EvaluationError: a figure must not come from nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.errors import EvaluationError

Classes = npt.NDArray[np.integer]
EPSILON = 1e-8


def concordance(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Lin's concordance correlation coefficient in [-1, 1] (Lin 1989), with population moments.

    EPSILON in the denominator makes it 0 where neither changes and both agree.
    """
    x, y = _paired(truth, predicted)
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    return 2 * covariance / (float(x.var()) + float(y.var()) + float(x.mean() - y.mean()) ** 2 + EPSILON)


def recalls(truth: Classes, predicted: Classes) -> dict[int, float]:
    """By class that is there, which share of it was found."""
    truth, predicted = _classes(truth, predicted)
    return {int(one): float((predicted[truth == one] == one).mean()) for one in np.unique(truth)}


def unweighted_average_recall(truth: Classes, predicted: Classes) -> float:
    """UAR: the mean recall of the classes that are there, each counting the same (also: balanced accuracy)."""
    return float(np.mean(list(recalls(truth, predicted).values())))


def f1_scores(truth: Classes, predicted: Classes) -> dict[int, float]:
    """By class that is there or was predicted, the harmonic mean of precision and recall; 0 where nothing was right."""
    truth, predicted = _classes(truth, predicted)
    found = {}
    for one in np.union1d(truth, predicted):
        both = int(((truth == one) & (predicted == one)).sum())
        found[int(one)] = 2 * both / (int((truth == one).sum()) + int((predicted == one).sum()))
    return found


def macro_f1(truth: Classes, predicted: Classes) -> float:
    """The mean F1 of the classes that are there or were predicted."""
    return float(np.mean(list(f1_scores(truth, predicted).values())))


def roc_auc(truth: Classes, scores: npt.ArrayLike) -> float:
    """How often a positive (1) scores above a negative (0); ties count half (Mann & Whitney 1947)."""
    positive, values = _binary(truth, scores)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    # The mean rank of equal scores.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        raise EvaluationError(
            f"Of {len(values)} cases {positives} are positive. Expected some of both: there is no curve with one class."
        )
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(truth: Classes, scores: npt.ArrayLike) -> float:
    """The sum of the precisions at each threshold, weighted by the rise of recall: scikit-learn's, uninterpolated."""
    positive, values = _binary(truth, scores)
    if not positive.any():
        raise EvaluationError(f"None of {len(values)} cases is positive. Expected some: precision has no meaning else.")
    order = np.argsort(-values, kind="stable")
    values, positive = values[order], positive[order]
    last_of_equals = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    found = np.cumsum(positive)[last_of_equals]
    precision = found / (last_of_equals + 1)
    return float((np.diff(found / found[-1], prepend=0.0) * precision).sum())


def calibration_error(truth: Classes, probabilities: npt.ArrayLike, bins: int = 15) -> float:
    """ECE in [0, 1]: by how much the highest probability misses how often it is right, in bins of equal mass.

    Naeini et al. 2015; Nixon et al. 2019 for bins with the same number of cases in each.
    """
    truth, given = _distributions(truth, probabilities)
    confidence = given.max(axis=1)
    right = (given.argmax(axis=1) == truth).astype(np.float64)
    # Equal confidences cannot be told apart: each counts as right as all of them are together, in whichever bin.
    _, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    right = (np.bincount(place, right) / counts)[place]
    parts = [part for part in np.array_split(np.argsort(confidence, kind="stable"), bins) if len(part)]
    return float(sum(len(part) * abs(confidence[part].mean() - right[part].mean()) for part in parts) / len(truth))


def brier_score(truth: Classes, probabilities: npt.ArrayLike) -> float:
    """The mean squared distance from the truth, summed over the classes: 0 to 2 (Brier 1950)."""
    truth, given = _distributions(truth, probabilities)
    return float(((given - np.eye(given.shape[1])[truth]) ** 2).sum(axis=1).mean())


def negative_log_likelihood(truth: Classes, probabilities: npt.ArrayLike) -> float:
    """The mean of −ln of the probability that the true class had, in nats; a probability of 0 counts as float64's ε."""
    truth, given = _distributions(truth, probabilities)
    chosen = given[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0)).mean())


def _paired(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    x, y = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"truth {x.shape} does not fit predictions {y.shape}")
    _some(x)
    _finite(x, "truth")
    _finite(y, "predictions")
    return x, y


def _classes(truth: Classes, predicted: Classes) -> tuple[Classes, Classes]:
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} does not fit predictions {predicted.shape}")
    _some(truth)
    return truth, predicted


def _binary(truth: Classes, scores: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    truth, values = np.asarray(truth), np.asarray(scores, np.float64)
    if truth.ndim != 1 or truth.shape != values.shape or not np.isin(truth, (0, 1)).all():
        raise ValueError(f"truth {truth.shape} must hold 0 and 1 and fit scores {values.shape}")
    _some(truth)
    _finite(values, "scores")
    return truth == 1, values


def _distributions(truth: Classes, probabilities: npt.ArrayLike) -> tuple[Classes, FloatArray]:
    truth, given = np.asarray(truth), np.asarray(probabilities, np.float64)
    if given.ndim != 2 or truth.shape != given.shape[:1]:
        raise ValueError(f"truth {truth.shape} does not fit probabilities {given.shape}")
    _some(truth)
    _finite(given, "probabilities")
    if not ((given >= 0).all() and np.allclose(given.sum(axis=1), 1, atol=1e-4)):
        raise EvaluationError("Probabilities are below 0 or do not sum to 1 in each case. Give those of a softmax.")
    if not (np.issubdtype(truth.dtype, np.integer) and (truth >= 0).all() and (truth < given.shape[1]).all()):
        raise ValueError(f"classes must be whole numbers below {given.shape[1]}")
    return truth, given


def _some(values: npt.NDArray[np.generic]) -> None:
    if not len(values):
        raise EvaluationError("There is nothing to evaluate: 0 cases. Expected one or more.")


def _finite(values: FloatArray, what: str) -> None:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise EvaluationError(
            f"The {what} hold {bad} values that are NaN or infinite. Expected numbers: find out which window made them."
        )
