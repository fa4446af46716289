"""The average reference over good electrodes, sample by sample, with weights that rise and fall slowly.

An electrode that came or went at once would make a step in all others. An outlier is taken out at once: what it puts
into the mean is worse than the step.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray

LEAST_CHANNELS = 16
"""Fewer electrodes do not average the head's field away (SCIENCE 6.4)."""
RAMP_S = 1.0
"""From no weight to full weight (SCIENCE 6.4)."""


@njit(cache=True)  # type: ignore[untyped-decorator]
def refer(
    own: FloatArray,
    usable: BoolArray,
    weight: FloatArray,
    ramp: float,
    flat: BoolArray,
    artefact: float,
    x: FloatArray,
) -> None:
    """Give `own` (n, channels, µV) without the reference, in `x`.

    `weight` (channels,), the state, moves by `ramp` a sample: down where the electrode is `flat`, else up to 1; it is 0
    where a sample is not `usable` (n, channels) and where one is more than `artefact` away from the reference.
    """
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            after = weight[c] - ramp if flat[c] else weight[c] + ramp
            after = after if usable[i, c] else 0.0
            after = 0.0 if after < 0.0 else after
            weight[c] = 1.0 if after > 1.0 else after
        reference = common_reference(own[i], weight, artefact)
        for c in range(x.shape[1]):
            x[i, c] = own[i, c] - reference


@njit(cache=True)  # type: ignore[untyped-decorator]
def common_reference(x: FloatArray, weight: FloatArray, artefact: float) -> float:
    """Mean of `x` (channels,) by `weight`, without outliers: their weight becomes 0 at once; 0 where none is left.

    The farthest goes first, since one electrode that pops draws the mean towards itself and away from all others.
    """
    while True:
        total = share = 0.0
        for c in range(len(x)):
            total += weight[c] * x[c]
            share += weight[c]
        mean = total / share if share > 0 else 0.0
        outliers = 0
        for c in range(len(x)):
            outliers += (weight[c] > 0) & (abs(x[c] - mean) > artefact)
        if outliers == 0:
            return float(mean)
        weight[np.argmax(np.where(weight > 0, np.abs(x - mean), -1.0))] = 0.0
