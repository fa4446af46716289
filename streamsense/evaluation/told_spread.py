"""Whether a told mean and SD can be believed: what its 90 % interval holds, and how surprising the targets are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from streamsense.arrays import BoolArray, FloatArray

COVERED = 0.9
COVERED_SDS = 1.6448536269514722
"""How many SDs from the mean hold 90 % of a normal distribution."""
LEAST_SD = 1e-3


def inside(truth: FloatArray, mean: FloatArray, sd: FloatArray) -> BoolArray:
    """Which targets lie within the told 90 % interval."""
    return np.asarray(np.abs(truth - mean) <= COVERED_SDS * sd)


def surprise(truth: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
    """−ln of the normal density of each target, in nats."""
    result: FloatArray = 0.5 * (np.log(2 * np.pi * sd**2) + ((truth - mean) / sd) ** 2)
    return result


def constant_of_others(
    truth: FloatArray, people: Sequence[Hashable], weights: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """What knows nothing but the other people's targets: their mean and SD, (n,) each, for every target (n,).

    `weights` (n,) count the targets, all alike by default. Of the only person there is, the own ones are taken.
    """
    counts = np.ones(len(truth)) if weights is None else weights
    names = {name: at for at, name in enumerate(dict.fromkeys(people))}
    own = np.array([names[name] for name in people])
    sums = np.array([np.bincount(own, values, len(names)) for values in (counts, counts * truth, counts * truth**2)])
    others = sums.sum(axis=1, keepdims=True) - sums if len(names) > 1 else sums
    mean = others[1] / others[0]
    sd = np.sqrt(np.maximum(others[2] / others[0] - mean**2, LEAST_SD**2))
    return mean[own], sd[own]
