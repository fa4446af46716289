"""The state that emotion keeps between ticks: valence, arousal and dominance with inertia, first or second order.

After Explicit State Dynamics (arXiv 2601.16087), whose coefficients are not published; the equations are written down
here in seconds. What is sure of itself moves the state fast, what is unsure moves it slowly, and without evidence the
state goes back to the baseline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import DIMENSIONS, PRIOR_SD
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

LEAST_TIME_CONSTANT_S = 0.001
"""Between ticks of 200 ms this is none; with much less, e^(−Δt/τ) is 0 and cannot be divided by."""
_LONGEST_GAP_STEPS = 4096
"""Of a gap no more ticks are gone through: at 14 minutes, and the longest time constants, nothing is left of before."""


@dataclass(frozen=True)
class DynamicsSettings:
    """`order` 1: s follows with `time_constant_s`. Order 2: with a velocity, critically damped, so never beyond.

    `return_s` is the time constant with which the state goes back to `baseline` while nothing is known.
    """

    order: Literal[1, 2] = 1
    time_constant_s: float = 1.0
    return_s: float = 20.0
    baseline: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if self.order not in (1, 2):
            raise ValueError(f"order is {self.order}, expected 1 or 2")
        if not LEAST_TIME_CONSTANT_S <= self.time_constant_s <= self.return_s < math.inf:
            raise ValueError(
                f"time_constant_s is {self.time_constant_s} and return_s {self.return_s}, expected times of "
                f"{LEAST_TIME_CONSTANT_S:g} s or more and a return that is not faster"
            )
        if not all(-1 <= value <= 1 for value in self.baseline):
            raise ValueError(f"the baseline is {self.baseline}, expected values of -1 to 1")


@dataclass
class DynamicsState:
    """Mean, variance and velocity (per tick) of each dimension, and the tick they stand at (NaN: none yet)."""

    mean: FloatArray
    variance: FloatArray
    velocity: FloatArray
    tick_time: float = float("nan")

    @staticmethod
    def new() -> DynamicsState:
        """State before the first tick."""
        zeros = np.zeros(len(DIMENSIONS))
        return DynamicsState(zeros, zeros.copy(), zeros.copy())


def step_dynamics(
    state: DynamicsState, settings: DynamicsSettings, mean: FloatArray, sd: FloatArray, tick_time: float
) -> None:
    """Move the state to `tick_time`, towards `mean` (3,) in [-1, 1] as far as its `sd` (3,) says that it is known.

    A dimension is known by c = 1 − sd²/PRIOR_SD², limited to [0, 1]: it is drawn to the input at the rate c/τ, and back
    to the baseline at (1 − c)/τ_return. Inputs are held between ticks, so that any spacing of ticks is stable.
    """
    if math.isnan(state.tick_time):
        state.mean, state.variance, state.velocity = mean.copy(), sd**2, np.zeros_like(mean)
    else:
        elapsed_s = max(0.0, tick_time - state.tick_time)
        # Neighbouring windows overlap almost wholly, so smoothing adds no independent evidence and must not narrow the
        # spread; and doubt comes as fast as knowledge, also where the mean moves slowly for it.
        share = -math.expm1(-elapsed_s / settings.time_constant_s)
        moved = np.empty((3, len(mean)))
        _move(
            state.mean, state.variance, state.velocity, mean, sd, settings.baseline, settings.order,
            settings.time_constant_s, settings.return_s, elapsed_s, share, moved,
        )  # fmt: skip
        state.mean, state.variance, state.velocity = moved
    state.tick_time = tick_time


@njit(cache=True)  # type: ignore[untyped-decorator]
def _move(
    means: FloatArray,
    variances: FloatArray,
    velocities: FloatArray,
    input_means: FloatArray,
    input_sds: FloatArray,
    baseline: tuple[float, float, float],
    order: int,
    time_constant_s: float,
    return_s: float,
    elapsed_s: float,
    share: float,
    moved: FloatArray,
) -> None:
    """Where mean, variance and velocity are afterwards, in the rows of `moved` (3, dimensions)."""
    for dimension in range(len(means)):
        at, velocity, mean, sd = means[dimension], velocities[dimension], input_means[dimension], input_sds[dimension]
        known = min(1.0, max(0.0, 1 - (sd / PRIOR_SD) ** 2))
        inward, back = known / time_constant_s, (1 - known) / return_s
        rate = inward + back
        target = (inward * mean + back * baseline[dimension]) / rate
        if order == 1:
            at -= math.expm1(-rate * elapsed_s) * (target - at)
        else:
            ticks = round(elapsed_s * TICKS_PER_SECOND)
            at, velocity = _second_order(at, velocity, time_constant_s, rate, target, ticks)
        moved[0, dimension], moved[2, dimension] = at, velocity
        moved[1, dimension] = variances[dimension] + share * (sd * sd - variances[dimension])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _second_order(
    at: float, velocity: float, time_constant_s: float, rate: float, target: float, ticks: int
) -> tuple[float, float]:
    """Each tick of 200 ms: v ← μv + a(u − s), s ← s + v, with μ = e^(−2Δt/τ).

    With a = (1 − r)(1 − μ/r) and r = e^(−rate·Δt) the poles are r and μ/r: real, so nothing overshoots. Where all is
    known r is √μ and a = (1 − √μ)², the critical damping of the paper; where less is, r is the slower pole.
    """
    damping = math.exp(-2 * HOP_S / time_constant_s)
    pole = math.exp(-rate * HOP_S)
    pull = (1 - pole) * (1 - damping / pole)
    for _ in range(min(ticks, _LONGEST_GAP_STEPS)):
        velocity = damping * velocity + pull * (target - at)
        at += velocity
    # An input that comes less and less surely can carry the velocity past the end of the scale.
    limited = min(1.0, max(-1.0, at))
    return limited, velocity if limited == at else 0.0
