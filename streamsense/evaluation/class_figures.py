"""How well the labelled emotions are told apart, and how far the told probabilities can be believed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.evaluation.figure import Figure, dealt_anew, mean_of_each, measured, of_each, permuted
from streamsense.evaluation.metrics import (
    Classes,
    brier_score,
    calibration_error,
    macro_f1,
    negative_log_likelihood,
    recalls,
    unweighted_average_recall,
)
from streamsense.evaluation.predictions import Indices, Predictions, trial_of
from streamsense.fusion.emotions import EMOTIONS


@dataclass(frozen=True, eq=False)
class Classified:
    """The windows whose emotion the source can name: `rows` of the predictions, over the emotions `names` (k).

    `truth` and `answer` (n,) count `names`; `probabilities` (n, k) sum to 1. `left_out` is how many labelled windows
    have an emotion for which the source has no evidence, or on which the raters are divided.
    """

    rows: Indices
    names: tuple[str, ...]
    truth: Classes
    probabilities: FloatArray
    left_out: int

    @property
    def answer(self) -> Classes:
        """The likeliest emotion of each."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def confusion(self) -> FloatArray:
        """Share of each true emotion (row) that was called by each name (column); NaN for one that is not there."""
        counts = np.zeros((len(self.names), len(self.names)))
        np.add.at(counts, (self.truth, self.answer), 1)
        totals = counts.sum(axis=1, keepdims=True)
        shares: FloatArray = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
        return shares


def classified(predictions: Predictions) -> Classified | None:
    """The windows with a labelled emotion that the source has evidence for; None where there are none."""
    columns = [at for at, name in enumerate(EMOTIONS) if name in predictions.emotions]
    labelled = predictions.shares.any(axis=1)
    if not (len(columns) > 1 and labelled.any()):
        return None
    highest = predictions.shares.max(axis=1, keepdims=True)
    clear = ((predictions.shares == highest).sum(axis=1) == 1) & labelled
    winner = predictions.shares.argmax(axis=1)
    kept = clear & np.isin(winner, columns)
    named = np.array([bool(name) for name in predictions.names]) | labelled
    rows = np.flatnonzero(kept)
    if len(set(winner[rows].tolist())) < 2:
        return None
    given = predictions.probabilities[rows][:, columns]
    return Classified(
        rows,
        tuple(EMOTIONS[at] for at in columns),
        np.searchsorted(columns, winner[rows]),
        given / given.sum(axis=1, keepdims=True),
        int((named & ~kept).sum()),
    )


def class_figures(
    found: Classified, predictions: Predictions, people: Sequence[Hashable]
) -> tuple[list[Figure], dict[Hashable, float]]:
    """The figures of the classes, and each person's own unweighted average recall."""
    own = [people[row] for row in found.rows.tolist()]
    trials = [trial_of(predictions.windows[row]) for row in found.rows.tolist()]
    truth, answer, given = found.truth, found.answer, found.probabilities
    k = len(np.unique(truth))
    shares = np.bincount(truth, minlength=len(found.names)) / len(truth)
    often = np.full_like(truth, shares.argmax())
    prior = np.broadcast_to(shares, given.shape)
    uniform = np.full_like(given, 1 / given.shape[1])
    floors, note = permuted(
        lambda: dealt_anew(lambda dealt: unweighted_average_recall(dealt, answer), truth, trials, own)
    )
    each = of_each(lambda rows: unweighted_average_recall(truth[rows], answer[rows]), own)
    figures = [
        measured(
            "UAR", lambda rows: unweighted_average_recall(truth[rows], answer[rows]), own,
            {"always the commonest": 1 / k, **floors}, note=note,
        ),
        mean_of_each("UAR, mean of people", each, {"always the commonest": 1 / k}),
        measured(
            "macro-F1", lambda rows: macro_f1(truth[rows], answer[rows]), own,
            {"always the commonest": macro_f1(truth, often)},
        ),
        measured(
            "calibration error (15 bins of equal mass)", lambda rows: calibration_error(truth[rows], given[rows]), own,
            {"always the prior": calibration_error(truth, prior)}, better="lower",
            note="Of the probabilities as the model says them.",
        ),
        measured(
            "Brier score (0 to 2)", lambda rows: brier_score(truth[rows], given[rows]), own,
            {"always the prior": brier_score(truth, prior), "all alike": brier_score(truth, uniform)}, better="lower",
        ),
        measured(
            "negative log-likelihood", lambda rows: negative_log_likelihood(truth[rows], given[rows]), own,
            {"always the prior": negative_log_likelihood(truth, prior), "all alike": float(np.log(given.shape[1]))},
            unit="nats", better="lower",
        ),
    ]  # fmt: skip
    return figures, each


def recall_of_each(found: Classified) -> dict[str, float]:
    """Which share of each emotion was found."""
    return {found.names[at]: value for at, value in recalls(found.truth, found.answer).items()}


def reliability(found: Classified, bins: int = 10) -> list[tuple[float, float, int]]:
    """Bins of equal mass: mean of the highest probability, how often it was right, how many windows."""
    confidence = found.probabilities.max(axis=1)
    right = (found.answer == found.truth).astype(np.float64)
    _, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    right = (np.bincount(place, right) / counts)[place]  # equal confidences are right as all of them are together
    parts = [part for part in np.array_split(np.argsort(confidence, kind="stable"), bins) if len(part)]
    return [(float(confidence[part].mean()), float(right[part].mean()), len(part)) for part in parts]
