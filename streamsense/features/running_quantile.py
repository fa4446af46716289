"""Causal running quantiles of several numbers at once, by histograms with fixed bins that forget exponentially.

The idea is OpenFace's (Baltrušaitis et al. 2015: person-specific neutral by running histograms).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.streams import FloatArray


@dataclass
class QuantileState:
    """`counts` (numbers, bins): the weight in each bin; `estimate` (numbers,); `weight_s`: time gathered."""

    counts: FloatArray
    estimate: FloatArray
    weight_s: float = 0.0


class RunningQuantile:
    """Follows the `quantile` (n,) of n numbers that lie between `low` (n,) and `high` (n,).

    Numbers outside count in the outermost bin. The weight of what was seen falls by 1/e in `time_constant_s`.
    """

    def __init__(
        self, low: FloatArray, high: FloatArray, quantile: FloatArray, bins: int, time_constant_s: float
    ) -> None:
        if not (bins > 0 and time_constant_s > 0 and np.all(high > low) and np.all((quantile >= 0) & (quantile < 1))):
            raise ValueError("expected bins and time constant above 0, low < high, and quantiles in [0, 1)")
        self._low = low
        self._bin_width = (high - low) / bins
        self._quantile = quantile
        self._bins = bins
        self._time_constant_s = time_constant_s
        self.step(self.new_state(), low, np.ones_like(low), 0.0)  # compiles the kernel before the first frame

    def new_state(self) -> QuantileState:
        """Nothing seen yet."""
        return QuantileState(np.zeros((len(self._low), self._bins)), np.zeros(len(self._low)))

    def step(self, state: QuantileState, values: FloatArray, weights: FloatArray, step_s: float) -> None:
        """Take in `values` (n,), `step_s` after the ones before, each counting `weights` (n,) in [0, 1]."""
        fade = math.exp(-step_s / self._time_constant_s)
        # An empty histogram takes the first value whole, so that there always is an estimate.
        counted = weights if state.weight_s > 0 else np.ones_like(weights)
        state.weight_s += step_s if state.weight_s > 0 else max(step_s, 1e-9)
        _update(state.counts, state.estimate, values, counted, self._low, self._bin_width, self._quantile, fade)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _update(
    counts: FloatArray,
    estimate: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    low: FloatArray,
    bin_width: FloatArray,
    quantile: FloatArray,
    fade: float,
) -> None:
    """Fade the histograms, count `values` in, and read the quantiles, linear inside a bin."""
    numbers, bins = counts.shape
    for number in range(numbers):
        histogram = counts[number]
        place = (values[number] - low[number]) / bin_width[number]
        total = 0.0
        for index in range(bins):
            histogram[index] *= fade
            total += histogram[index]
        histogram[int(min(max(place, 0.0), bins - 1.0))] += weights[number]
        wanted = quantile[number] * (total + weights[number])
        before = 0.0
        index = 0
        while index < bins - 1 and (histogram[index] <= 0 or before + histogram[index] < wanted):
            before += histogram[index]
            index += 1
        inside = histogram[index]
        share = min(max((wanted - before) / inside, 0.0), 1.0) if inside > 0 else 0.5
        estimate[number] = low[number] + (index + share) * bin_width[number]
