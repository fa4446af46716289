"""A figure as it is reported: its value, its interval over people, and what it would be without knowledge."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.errors import EvaluationError
from streamsense.evaluation.floors import PermutationFloor, permutation_floor
from streamsense.evaluation.intervals import Rows, interval_over_people

Better = Literal["higher", "lower", "nearer"]
DRAWS = 1000
"""Of people for an interval, and of labels for a permutation floor."""


@dataclass(frozen=True)
class Figure:
    """One figure. `low` and `high` are the 95 % interval over people, None where it has none, and then `note` says why.

    `floors` are what answers without knowledge reach, by their name. `better` says in which direction; "nearer" is
    nearer to the floor named `expected`.
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    better: Better = "higher"
    floors: dict[str, float] = field(default_factory=dict)
    note: str = ""

    def __str__(self) -> str:
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{interval}{f' {self.unit}' if self.unit else ''}"


def measured(
    name: str,
    figure: Callable[[Rows], float],
    people: Sequence[Hashable],
    floors: dict[str, float] | None = None,
    *,
    unit: str = "",
    better: Better = "higher",
    note: str = "",
) -> Figure:
    """A figure of all rows, with its interval where that can be had. Raises EvaluationError where it has no meaning."""
    floors = floors or {}
    value = figure(np.arange(len(people), dtype=np.intp))
    try:
        found = interval_over_people(figure, people, times=DRAWS)
    except EvaluationError as error:
        return Figure(name, value, unit, None, None, better, floors, " ".join(filter(None, [note, str(error)])))
    return Figure(name, value, unit, found.low, found.high, better, floors, note)


def of_each(figure: Callable[[Rows], float], people: Sequence[Hashable]) -> dict[Hashable, float]:
    """The figure of each person, without those for whom it has no meaning; people in the order of their names."""
    rows_of: dict[Hashable, list[int]] = {}
    for row, person in enumerate(people):
        rows_of.setdefault(person, []).append(row)
    found = {}
    for person in sorted(rows_of, key=str):
        try:
            found[person] = figure(np.array(rows_of[person], np.intp))
        except EvaluationError:
            continue
    return found


def mean_of_each(name: str, own: dict[Hashable, float], floors: dict[str, float] | None = None) -> Figure:
    """The mean over people of their own figures, with its interval."""
    if not own:
        raise EvaluationError(f"Nobody has a figure of their own: {name} has no meaning here.")
    values: FloatArray = np.array(list(own.values()))
    note = f"SD over people {values.std(ddof=1):.3f}, least {values.min():.3f}" if len(values) > 1 else ""
    return measured(name, lambda rows: float(values[rows].mean()), list(own), floors, note=note)


def dealt_anew(
    figure: Callable[[npt.NDArray[Any]], float], labels: npt.NDArray[Any], trials: Sequence[Hashable],
    people: Sequence[Hashable],
) -> PermutationFloor:  # fmt: skip
    """The figure with each person's labels dealt anew among that person's trials (see `permutation_floor`)."""
    return permutation_floor(figure, labels, trials, people, times=DRAWS)


def permuted(floor: Callable[[], PermutationFloor]) -> tuple[dict[str, float], str]:
    """The floor of labels dealt anew as an entry of `Figure.floors`, and a note; neither where it cannot be had."""
    try:
        found = floor()
    except EvaluationError as error:
        return {}, f"No floor of labels dealt anew: {error}"
    return {"labels dealt anew": found.mean}, f"p = {found.p_value:.4f} against labels dealt anew (SD {found.sd:.3f})"
