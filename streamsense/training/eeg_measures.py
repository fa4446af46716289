"""How well scores tell two conditions apart in people: areas under the curve, with intervals over people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray

BoolArray = npt.NDArray[np.bool_]
_RESAMPLES = 10_000


@dataclass(frozen=True, eq=False)
class Discrimination:
    """Every person's positives against every person's negatives.

    `wins[i, j]` is the share of pairs in which a positive of person i scores above a negative of person j (a tie is
    half), `positives` and `negatives` how many windows each has: enough for any area under the curve that is wanted,
    of all people or of a resample of them.
    """

    people: tuple[str, ...]
    wins: FloatArray
    positives: FloatArray
    negatives: FloatArray

    @property
    def of_people(self) -> FloatArray:
        """Each person's own area under the curve."""
        return np.asarray(self.wins.diagonal())

    def pooled(self, counts: FloatArray | None = None) -> FloatArray:
        """The area under the curve of all windows together; `counts` (resamples, people): of each resample."""
        counts = np.ones((1, len(self.people))) if counts is None else counts
        up, down = counts * self.positives, counts * self.negatives
        total: FloatArray = ((up @ self.wins) * down).sum(1) / (up.sum(1) * down.sum(1))
        return total


def discrimination(person: npt.NDArray[np.str_], label: BoolArray, score: FloatArray) -> Discrimination:
    """Compare the scores (n,) of label true with those of label false. Raises ValueError for who has only one label."""
    people = tuple(str(name) for name in np.unique(person))
    up = [np.sort(score[(person == name) & label]) for name in people]
    down = [np.sort(score[(person == name) & ~label]) for name in people]
    for name, positives, negatives in zip(people, up, down, strict=True):
        if not (len(positives) and len(negatives)):
            raise ValueError(f"{name} has {len(positives)} positive and {len(negatives)} negative windows")
    wins = np.array([[_share_above(one, other) for other in down] for one in up])
    return Discrimination(people, wins, _lengths(up), _lengths(down))


def resamples(people: int, seed: int = 0) -> FloatArray:
    """How often each person is in each of 10,000 resamples of people with replacement, (resamples, people)."""
    return np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), _RESAMPLES).astype(float)


def interval(values: FloatArray) -> tuple[float, float]:
    """The 95 % percentile interval of a measure's values over the resamples."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def calibration_error(probability: FloatArray, label: BoolArray, weight: FloatArray, bins: int = 15) -> float:
    """Expected calibration error: mean distance of probability and frequency, over bins of equal mass."""
    order = np.argsort(probability, kind="stable")
    mass = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    place = np.minimum((mass * bins).astype(int), bins - 1)
    gaps = (weight * (probability - label))[order]
    return float(np.abs(np.bincount(place, gaps, bins)).sum() / weight.sum())


def _share_above(ours: FloatArray, theirs: FloatArray) -> float:
    """The share of pairs in which ours is larger; both sorted."""
    below, up_to = np.searchsorted(theirs, ours, "left"), np.searchsorted(theirs, ours, "right")
    return float((below + up_to).mean() / (2 * len(theirs)))


def _lengths(arrays: list[FloatArray]) -> FloatArray:
    return np.array([len(array) for array in arrays], float)
