"""How late people rate what they feel or see: the delay found on the training people, never on those tested.

Annotators are 1 to 6 s late, and undoing that raises every figure (Mariooryad & Busso 2015). Chosen on the people who
are tested, it would raise the figure of a model that knows nothing as well.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import EvaluationError
from streamsense.ticks import HOP_S

LONGEST_DELAY_S = 4.0
_LEAST_CASES = 10


@dataclass(frozen=True, eq=False)
class RatedSeries:
    """What a model or a single feature says at each tick of one recording, and what the person's rating was.

    `values` and `ratings` (ticks,) are on the same ticks, 200 ms apart; NaN where there is none.
    """

    person: Hashable
    values: FloatArray
    ratings: FloatArray

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.shape != self.ratings.shape:
            raise ValueError(f"values {self.values.shape} do not fit ratings {self.ratings.shape}")


@dataclass(frozen=True, eq=False)
class FoundDelay:
    """The delay that fits best, and for each one tried how well it fits: the correlation, squared, in [0, 1]."""

    delay_s: float
    tried_s: FloatArray
    fits: FloatArray


def find_label_delay(
    series: Sequence[RatedSeries], training_people: Collection[Hashable], longest_s: float = LONGEST_DELAY_S
) -> FoundDelay:
    """The delay in [0, longest_s], in steps of a tick, with which the training people's ratings fit the values best.

    A rating at t + delay is held against the value at t; levels of single recordings are taken out first. Move labels
    with `Label.moved(-delay_s)`. Raises EvaluationError where the training people have too little that varies.
    """
    own = [one for one in series if one.person in training_people]
    steps = range(round(longest_s / HOP_S) + 1)
    # The same instants for each delay, or a longer one would be judged on less.
    fits = np.array([_fit(own, step, len(steps) - 1) for step in steps])
    best = int(np.argmax(fits))
    return FoundDelay(best * HOP_S, np.arange(len(steps), dtype=np.float64) * HOP_S, fits)


def _fit(series: Sequence[RatedSeries], step: int, last: int) -> float:
    both = []
    for one in series:
        kept = max(0, len(one.values) - last)
        both.append(_centred(one.values[:kept], one.ratings[step : step + kept]))
    x, y = (np.concatenate([np.empty(0), *(pair[side] for pair in both)]) for side in (0, 1))
    spread = float((x**2).sum() * (y**2).sum())
    if len(x) < _LEAST_CASES or spread == 0:
        raise EvaluationError(
            f"The training people have {len(x)} ticks with value and rating, of which nothing varies or too few are "
            f"there. Expected {_LEAST_CASES} or more that vary. Check that the ratings cover the signal."
        )
    return float((x * y).sum() ** 2 / spread)


def _centred(values: FloatArray, ratings: FloatArray) -> tuple[FloatArray, FloatArray]:
    there = np.isfinite(values) & np.isfinite(ratings)
    if not there.any():
        return np.empty(0), np.empty(0)
    return values[there] - values[there].mean(), ratings[there] - ratings[there].mean()
