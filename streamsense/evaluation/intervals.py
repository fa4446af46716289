"""Intervals over people: how much a figure would change with other people, which is what a user wants to know."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsense.errors import EvaluationError

Rows = npt.NDArray[np.intp]
_MOST_UNDEFINED = 0.2


@dataclass(frozen=True)
class Interval:
    """A figure and the interval of `level` around it; `people` were drawn, with replacement, for each resample."""

    figure: float
    low: float
    high: float
    level: float
    people: int

    def __str__(self) -> str:
        return f"{self.figure:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interval_over_people(
    figure: Callable[[Rows], float],
    people: Sequence[Hashable],
    times: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile bootstrap over people (Efron 1979): whole people are drawn, never single windows.

    `figure` is computed of the rows (indices into `people`, which has one entry for each case). A draw for which it
    raises EvaluationError (one class only) is left out; raises EvaluationError where that are more than a fifth, and
    where there are fewer than two people.
    """
    rows_of: dict[Hashable, list[int]] = {}
    for row, person in enumerate(people):
        rows_of.setdefault(person, []).append(row)
    if len(rows_of) < 2:
        raise EvaluationError(f"There are {len(rows_of)} people. Expected two or more: one says nothing of others.")
    own = [np.array(rows, np.intp) for rows in rows_of.values()]
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(times):
        rows = np.concatenate([own[at] for at in random.integers(len(own), size=len(own)).tolist()])
        try:
            drawn.append(figure(rows))
        except EvaluationError:
            continue
    if len(drawn) < (1 - _MOST_UNDEFINED) * times:
        raise EvaluationError(
            f"In {times - len(drawn)} of {times} draws of people the figure has no meaning (a class is missing). "
            f"Expected {_MOST_UNDEFINED:.0%} at most. Record more people with each class."
        )
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(figure(np.arange(len(people), dtype=np.intp)), float(low), float(high), level, len(own))
