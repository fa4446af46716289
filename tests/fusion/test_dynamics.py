"""The smoothed state against its closed form (s ← s + (1 − e^(−Δt/τ))·(u − s)), at any spacing of the ticks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.fusion.dynamics import DynamicsState, step_first_order

spacings = st.lists(st.floats(0.01, 20.0), min_size=1, max_size=40)
time_constants = st.floats(0.05, 30.0)


def run(inputs: np.ndarray, times: np.ndarray, time_constant_s: float, sds: np.ndarray | None = None):
    state = DynamicsState.new()
    means, variances = [], []
    for row, time in enumerate(times):
        sd = np.full(3, 0.5) if sds is None else sds[row]
        step_first_order(state, inputs[row], sd, float(time), time_constant_s)
        means.append(state.mean)
        variances.append(state.variance)
    return np.array(means), np.array(variances)


def ticks(steps: list[float]) -> np.ndarray:
    return 1000.0 + np.cumsum([0.0, *steps])


@given(spacings, time_constants)
def test_a_step_is_followed_along_its_exponential(steps: list[float], time_constant_s: float) -> None:
    times = ticks(steps)
    inputs = np.full((len(times), 3), [0.8, -0.4, 1.0])
    inputs[0] = 0.0  # the state begins where the first tick is; the step comes after it
    means, _ = run(inputs, times, time_constant_s)
    expected = inputs[-1] * (1 - np.exp(-(times - times[0]) / time_constant_s))[:, None]
    expected[0] = 0.0
    np.testing.assert_allclose(means, expected, atol=1e-9)


@given(spacings, time_constants)
def test_an_impulse_dies_away_along_its_exponential(steps: list[float], time_constant_s: float) -> None:
    times = ticks([0.2, *steps])
    inputs = np.zeros((len(times), 3))
    inputs[1] = [1.0, -1.0, 0.3]
    means, _ = run(inputs, times, time_constant_s)
    height = inputs[1] * (1 - math.exp(-(times[1] - times[0]) / time_constant_s))
    np.testing.assert_allclose(
        means[1:], height * np.exp(-(times[1:] - times[1]) / time_constant_s)[:, None], atol=1e-9
    )


def test_the_gains_at_the_ticks_of_a_session_are_those_of_the_table() -> None:
    # SCIENCE: at Δt = 0.2 s, τ 0.5 → α .330, 1 → .181, 2 → .095, 4 → .049, 8 → .025.
    for time_constant_s, gain in [(0.5, 0.330), (1.0, 0.181), (2.0, 0.095), (4.0, 0.049), (8.0, 0.025)]:
        means, _ = run(np.array([[0.0] * 3, [1.0] * 3]), np.array([0.0, 0.2]), time_constant_s)
        assert means[1, 0] == pytest.approx(gain, abs=5e-4)


@given(
    st.lists(st.tuples(st.floats(0.01, 20), st.floats(-1, 1), st.floats(0.05, 1)), min_size=1, max_size=40),
    time_constants,
)
def test_the_state_never_leaves_what_it_has_seen(
    rows: list[tuple[float, float, float]], time_constant_s: float
) -> None:
    """No overshoot: mean and variance stay between the least and the most of their inputs so far."""
    steps, values, sds = zip(*rows, strict=True)
    inputs = np.repeat(np.array(values)[:, None], 3, axis=1)
    spreads = np.repeat(np.array(sds)[:, None], 3, axis=1)
    means, variances = run(inputs, ticks(list(steps))[1:], time_constant_s, spreads)
    for seen, kept in [(inputs, means), (spreads**2, variances)]:
        assert (kept >= np.minimum.accumulate(seen) - 1e-12).all()
        assert (kept <= np.maximum.accumulate(seen) + 1e-12).all()


@given(spacings, time_constants)
def test_a_constant_input_needs_no_more_ticks_to_be_followed(steps: list[float], time_constant_s: float) -> None:
    """However a stretch of time is cut into ticks, a constant input leads to the same state."""
    ends = np.array([0.0, 0.2, sum(steps) + 0.2])
    many = np.array(list(itertools.accumulate([0.0, 0.2, *steps])))
    inputs = lambda n: np.vstack([np.zeros((1, 3)), np.ones((n - 1, 3))])  # noqa: E731
    few, _ = run(inputs(3), ends, time_constant_s)
    fine, _ = run(inputs(len(many)), many, time_constant_s)
    np.testing.assert_allclose(few[-1], fine[-1], atol=1e-9)


def test_the_first_tick_is_taken_as_it_is_and_inputs_are_not_kept() -> None:
    mean, sd = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.4, 0.3])
    state = DynamicsState.new()
    step_first_order(state, mean, sd, 7.0, 1.0)
    mean[:] = 9.0
    sd[:] = 9.0
    np.testing.assert_array_equal(state.mean, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(state.variance, [0.25, 0.16, 0.09])
    assert state.tick_time == 7.0
