"""The state that emotion keeps between ticks: first-order smoothing of valence, arousal and dominance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray


@dataclass
class DynamicsState:
    """Smoothed mean and variance of each dimension, and the tick they stand at (−1: none yet)."""

    mean: FloatArray
    variance: FloatArray
    tick_time: float = float("nan")

    @staticmethod
    def new(dimensions: int = 3) -> DynamicsState:
        """State before the first tick."""
        return DynamicsState(np.zeros(dimensions), np.zeros(dimensions))


def step_first_order(
    state: DynamicsState, mean: FloatArray, sd: FloatArray, tick_time: float, time_constant_s: float
) -> None:
    """Move the state towards `mean`: s ← s + α(u − s) with α = 1 − e^(−Δt/τ), for any tick spacing Δt.

    The variance is smoothed with the same α. Neighbouring windows overlap almost wholly, so smoothing adds no
    independent evidence and must not narrow the spread.
    """
    if math.isnan(state.tick_time):
        state.mean, state.variance = mean.copy(), sd**2
    else:
        alpha = -math.expm1(-(tick_time - state.tick_time) / time_constant_s)
        state.mean = state.mean + alpha * (mean - state.mean)
        state.variance = state.variance + alpha * (sd**2 - state.variance)
    state.tick_time = tick_time
