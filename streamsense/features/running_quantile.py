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
    """`counts` (bins, numbers): the weight in each bin; `estimate` (numbers,); `weight_s`: time gathered."""

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
        return QuantileState(np.zeros((self._bins, len(self._low))), np.zeros(len(self._low)))

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
    """Fade the histograms, count `values` in, and read the quantiles, linear inside a bin.

    The numbers are the innermost loop, so that several are computed with one instruction.
    """
    bins, numbers = counts.shape
    total = np.zeros(numbers)
    for b in range(bins):
        for n in range(numbers):
            counts[b, n] *= fade
            total[n] += counts[b, n]
    for n in range(numbers):
        place = (values[n] - low[n]) / bin_width[n]
        counts[int(min(max(place, 0.0), bins - 1.0)), n] += weights[n]
    wanted = quantile * (total + weights)
    # The first bin that is not empty and reaches `wanted`: how many are before it, and their weight.
    before, index, searching = np.zeros(numbers), np.zeros(numbers), np.ones(numbers)
    for b in range(bins - 1):
        for n in range(numbers):
            inside = counts[b, n]
            passed = before[n] + inside
            goes_on = searching[n] if (inside <= 0) | (passed < wanted[n]) else 0.0
            before[n] = passed if goes_on > 0 else before[n]
            index[n] += goes_on
            searching[n] = goes_on
    for n in range(numbers):
        inside = counts[int(index[n]), n]
        share = min(max((wanted[n] - before[n]) / inside, 0.0), 1.0) if inside > 0 else 0.5
        estimate[n] = low[n] + (index[n] + share) * bin_width[n]
