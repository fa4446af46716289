"""Causal running quantiles of several numbers at once, by histograms with fixed bins that forget exponentially.

The idea is OpenFace's (Baltrušaitis et al. 2015: person-specific neutral by running histograms). A frame costs the
same however many bins there are: instead of fading what is in the bins, what comes in counts more, and the quantile
is looked for from where it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray, IntArray

_LEAST_SCALE = 1e-9


@dataclass
class QuantileState:
    """`counts` (numbers, bins): the weight in each bin, over `scale`; `estimate` (numbers,); `weight_s`: time gathered.

    For each number: `total` in all bins, `place` of the bin that holds the quantile, and what is `before` that bin.
    """

    counts: FloatArray
    estimate: FloatArray
    total: FloatArray
    before: FloatArray
    place: IntArray
    scale: float = 1.0
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
        for step_s in (0.0, 1e9 * time_constant_s):  # compiles both loops before the first frame
            self.step(self.new_state(), low, np.ones_like(low), step_s)

    def new_state(self) -> QuantileState:
        """Nothing seen yet."""
        n = len(self._low)
        return QuantileState(np.zeros((n, self._bins)), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, np.int64))

    def step(self, state: QuantileState, values: FloatArray, weights: FloatArray, step_s: float) -> None:
        """Take in `values` (n,), `step_s` after the ones before, each counting `weights` (n,) in [0, 1]."""
        # An empty histogram takes the first value whole, so that there always is an estimate.
        least = 0.0 if state.weight_s > 0 else 1.0
        state.weight_s += step_s if state.weight_s > 0 else max(step_s, 1e-9)
        state.scale *= math.exp(-step_s / self._time_constant_s)
        if state.scale < _LEAST_SCALE:
            _rescale(state.counts, state.total, state.before, state.place, state.scale)
            state.scale = 1.0
        _count(
            state.counts, state.total, state.before, state.place, state.estimate,
            values, weights, least, state.scale, self._low, self._bin_width, self._quantile,
        )  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def _rescale(counts: FloatArray, total: FloatArray, before: FloatArray, place: IntArray, scale: float) -> None:
    """Let the counts have scale 1, and add up anew what rounding may have moved."""
    counts *= scale
    for n in range(len(counts)):
        total[n] = counts[n].sum()
        before[n] = counts[n, : place[n]].sum()


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count(
    counts: FloatArray,
    total: FloatArray,
    before: FloatArray,
    place: IntArray,
    estimate: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    least: float,
    scale: float,
    low: FloatArray,
    bin_width: FloatArray,
    quantile: FloatArray,
) -> None:
    """Count `values` in, and read the quantiles: the first bin that is not empty and reaches it, linear inside."""
    last = counts.shape[1] - 1
    for n in range(len(values)):
        held = counts[n]
        weight = max(weights[n], least) / scale
        bin_of_value = int(min(max((values[n] - low[n]) / bin_width[n], 0.0), float(last)))
        held[bin_of_value] += weight
        total[n] += weight
        at = min(max(place[n], 0), last)  # a snapshot may say anything
        below = before[n] + (weight if bin_of_value < at else 0.0)
        wanted = quantile[n] * total[n]
        while at > 0 and below > 0 and below >= wanted:
            at -= 1
            below -= held[at]
        if at == 0:
            below = 0.0
        while at < last and (held[at] <= 0 or below + held[at] < wanted):
            below += held[at]
            at += 1
        place[n], before[n] = at, below
        inside = held[at]
        share = min(max((wanted - below) / inside, 0.0), 1.0) if inside > 0 else 0.5
        estimate[n] = low[n] + (at + share) * bin_width[n]
