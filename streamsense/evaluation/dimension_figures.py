"""How well valence, arousal and dominance agree with their targets, and how far the told variances can be believed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.evaluation import figure
from streamsense.evaluation.figure import Figure, dealt_anew, mean_of_each, measured, of_each, permuted
from streamsense.evaluation.floors import PermutationFloor
from streamsense.evaluation.intervals import Rows
from streamsense.evaluation.metrics import concordance
from streamsense.evaluation.predictions import Predictions, trial_of
from streamsense.evaluation.told_spread import COVERED, inside, surprise
from streamsense.fusion.emotions import DIMENSIONS, PRIOR_SD


def rated_dimensions(predictions: Predictions) -> list[str]:
    """The dimensions of which the source says something and of which there are targets."""
    return [
        name
        for at, name in enumerate(DIMENSIONS)
        if name in predictions.dimensions and np.isfinite(predictions.targets[:, at]).any()
    ]


def dimension_figures(
    predictions: Predictions, people: Sequence[Hashable], dimension: str
) -> tuple[list[Figure], dict[Hashable, float]]:
    """The figures of one dimension over the windows that have a target, and each person's own concordance."""
    column = DIMENSIONS.index(dimension)
    rows = np.flatnonzero(np.isfinite(predictions.targets[:, column]))
    truth, mean, sd = (
        values[rows, column] for values in (predictions.targets, predictions.vad_mean, predictions.vad_sd)
    )
    own = [people[row] for row in rows.tolist()]
    trials = [trial_of(predictions.windows[row]) for row in rows.tolist()]

    def agreement(labels: FloatArray) -> float:
        return concordance(labels, mean)

    floors, note = permuted(lambda: _floor(agreement, truth, trials, own))
    each = of_each(lambda chosen: concordance(truth[chosen], mean[chosen]), own)
    error = np.abs(truth - mean)
    density = surprise(truth, mean, sd)
    constant = surprise(truth, np.full_like(truth, truth.mean()), np.full_like(truth, max(truth.std(), 1e-3)))
    prior = surprise(truth, np.zeros_like(truth), np.full_like(truth, PRIOR_SD))
    covered = inside(truth, mean, sd)
    found = [
        measured(
            "CCC, all windows", lambda chosen: concordance(truth[chosen], mean[chosen]), own,
            {"any constant": 0.0, **floors}, note=note,
        ),
        mean_of_each("CCC, mean of people", each, {"any constant": 0.0}),
        measured(
            "mean absolute error", _mean(error), own,
            {"always 0": float(np.abs(truth).mean()), "always the mean": float(np.abs(truth - truth.mean()).mean())},
            unit="of [−1, 1]", better="lower",
        ),
        measured(
            "targets within the told 90 % interval", _mean(covered.astype(np.float64)), own, {"expected": COVERED},
            better="nearer", note="Below 0.9 the model is too sure of itself, above too unsure.",
        ),
        measured(
            "negative log-likelihood", _mean(density), own,
            {"prior": float(prior.mean()), "best constant": float(constant.mean())}, unit="nats", better="lower",
            note="The best constant is told the mean and SD of these very targets; the prior is 0 ± 0.5.",
        ),
    ]  # fmt: skip
    return found, each


def _mean(values: FloatArray) -> Callable[[Rows], float]:
    return lambda rows: float(values[rows].mean())


def _floor(
    agreement: Callable[[FloatArray], float], truth: FloatArray, trials: Sequence[Hashable], people: Sequence[Hashable]
) -> PermutationFloor:
    """Trials' ratings dealt anew within each person; those that change within a trial are turned round in time."""
    firsts: dict[Hashable, float] = {}
    if all(firsts.setdefault(trial, value) == value for trial, value in zip(trials, truth.tolist(), strict=True)):
        return dealt_anew(agreement, truth, trials, people)
    random, found = np.random.default_rng(0), np.empty(figure.DRAWS)
    rows_of: dict[Hashable, list[int]] = {}
    for row, trial in enumerate(trials):
        rows_of.setdefault(trial, []).append(row)
    for time in range(len(found)):
        turned = truth.copy()
        for rows in rows_of.values():
            turned[rows] = np.roll(truth[rows], int(random.integers(len(rows))))
        found[time] = agreement(turned)
    return PermutationFloor(agreement(truth), found)
