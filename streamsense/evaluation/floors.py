"""Floors: what a figure would be without any knowledge. A figure is worth what it exceeds them by."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import EvaluationError
from streamsense.evaluation.metrics import Classes, macro_f1


@dataclass(frozen=True)
class TrivialFloors:
    """The average F1 of two classes that answers without looking reach: always 0, always 1, and 1 as often as it is."""

    always_0: float
    always_1: float
    prevalence: float


def average_f1(truth: Classes, predicted: Classes) -> float:
    """BAH's AVGF1: the mean F1 of ambivalence (1) and its absence (0); both count even where one is never there."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if not (np.isin(truth, (0, 1)).all() and np.isin(predicted, (0, 1)).all()):
        raise ValueError("truth and predictions must hold 0 and 1")
    both = len(np.union1d(truth, predicted)) == 2
    return macro_f1(truth, predicted) if both else macro_f1(truth, predicted) / 2


def trivial_floors(truth: Classes) -> TrivialFloors:
    """The three floors of `average_f1`.

    The last one is its limit for many cases: the F1 of 1 is p, that of 0 is 1 − p, and their mean ½ whatever p is.
    """
    truth = np.asarray(truth)
    return TrivialFloors(
        always_0=average_f1(truth, np.zeros_like(truth)),
        always_1=average_f1(truth, np.ones_like(truth)),
        prevalence=0.5,
    )


@dataclass(frozen=True, eq=False)
class PermutationFloor:
    """A figure, and what it was each time after the labels had been dealt anew."""

    figure: float
    permuted: FloatArray

    @property
    def mean(self) -> float:
        """The mean of the figures with dealt labels."""
        return float(self.permuted.mean())

    @property
    def sd(self) -> float:
        """Their standard deviation."""
        return float(self.permuted.std(ddof=1))

    @property
    def p_value(self) -> float:
        """How likely such a figure is without knowledge, one-sided, never 0 (Phipson & Smyth 2010)."""
        return float((1 + (self.permuted >= self.figure).sum()) / (1 + len(self.permuted)))


def permutation_floor(
    figure: Callable[[Classes], float],
    labels: Classes,
    recordings: Sequence[Hashable],
    people: Sequence[Hashable],
    times: int = 1000,
    seed: int = 0,
) -> PermutationFloor:
    """Deal each person's labels anew among that person's recordings, and compute `figure` of the dealt labels.

    All windows of a recording keep one label, as they had: dealing single windows would make the floor too narrow,
    because neighbours resemble each other. `figure` may score fixed predictions, or train and test anew. Raises
    EvaluationError where a recording has two labels, or where nobody has two recordings with different labels.
    """
    labels = np.asarray(labels)
    if not len(labels) == len(recordings) == len(people):
        raise ValueError(f"{len(labels)} labels, {len(recordings)} recordings, {len(people)} people")
    rows_of: dict[tuple[Hashable, Hashable], list[int]] = {}
    for row, key in enumerate(zip(people, recordings, strict=True)):
        rows_of.setdefault(key, []).append(row)
    label_of = {}
    for key, rows in rows_of.items():
        found = np.unique(labels[rows])
        if len(found) > 1:
            raise EvaluationError(
                f"Recording {key[1]} of {key[0]} has the labels {found.tolist()}. Expected one: give its trials as "
                "recordings."
            )
        label_of[key] = found[0]
    keys_of: dict[Hashable, list[tuple[Hashable, Hashable]]] = {}
    for key in rows_of:
        keys_of.setdefault(key[0], []).append(key)
    if all(len({label_of[key] for key in keys}) < 2 for keys in keys_of.values()):
        raise EvaluationError(
            "Nobody has two recordings with different labels, so none can be dealt anew within a person. Record both "
            "conditions with each person."
        )
    random = np.random.default_rng(seed)
    permuted = np.empty(times)
    for time in range(times):
        dealt = labels.copy()
        for keys in keys_of.values():
            for key, source in zip(keys, random.permutation(len(keys)).tolist(), strict=True):
                dealt[rows_of[key]] = label_of[keys[source]]
        permuted[time] = figure(dealt)
    return PermutationFloor(figure(labels), permuted)
