"""The smoothed state against the closed forms of its equations, at any spacing of the ticks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.fusion.dynamics import LEAST_TIME_CONSTANT_S, DynamicsSettings, DynamicsState, step_dynamics
from streamsense.fusion.emotions import PRIOR_SD
from streamsense.ticks import HOP_S

spacings = st.lists(st.integers(1, 100), min_size=1, max_size=40)
time_constants = st.floats(0.05, 20.0)
orders = st.sampled_from([1, 2])
SURE = 1e-9
"""An SD at which the input is known wholly."""


def run(
    inputs: np.ndarray, ticks: np.ndarray, settings: DynamicsSettings, sds: np.ndarray | float = SURE
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances (n, 3) of the state at each tick."""
    state = DynamicsState.new()
    means, variances = [], []
    spread = np.broadcast_to(np.asarray(sds), inputs.shape)
    for row, tick in enumerate(ticks):
        step_dynamics(state, settings, inputs[row], spread[row], float(tick) * HOP_S)
        means.append(state.mean)
        variances.append(state.variance)
    return np.array(means), np.array(variances)


def at(spaces: list[int], first: int = 5000) -> np.ndarray:
    return first + np.cumsum([0, *spaces])


def response(order: int, count: np.ndarray, time_constant_s: float) -> np.ndarray:
    """The closed form of the step response, `count` ticks after it."""
    ratio = math.exp(-HOP_S / time_constant_s)
    if order == 1:
        return 1 - ratio**count
    return 1 - ratio**count * (1 + count * (1 - ratio))  # both poles of z² − (1 + μ − a)z + μ at √μ


@given(orders, spacings, time_constants)
def test_a_step_is_followed_along_its_closed_form(order: int, spaces: list[int], time_constant_s: float) -> None:
    ticks = at(spaces)
    inputs = np.full((len(ticks), 3), [0.8, -0.4, 1.0])
    inputs[0] = 0.0  # the state begins where the first tick is; the step comes after it
    means, _ = run(inputs, ticks, DynamicsSettings(order, time_constant_s))
    expected = inputs[-1] * response(order, ticks - ticks[0], time_constant_s)[:, None]
    np.testing.assert_allclose(means, expected, atol=1e-7)


@given(orders, spacings, time_constants)
def test_an_impulse_dies_away_along_its_closed_form(order: int, spaces: list[int], time_constant_s: float) -> None:
    ticks = at([1, *spaces])
    inputs = np.zeros((len(ticks), 3))
    inputs[1] = [1.0, -1.0, 0.3]
    means, _ = run(inputs, ticks, DynamicsSettings(order, time_constant_s))
    count = ticks[1:] - ticks[0]
    expected = response(order, count, time_constant_s) - response(order, count - 1, time_constant_s)
    np.testing.assert_allclose(means[1:], inputs[1] * expected[:, None], atol=1e-7)


def test_the_gains_at_the_ticks_of_a_session_are_those_of_the_table() -> None:
    # At Δt = 0.2 s, τ 0.5 → α .330, 1 → .181, 2 → .095, 4 → .049, 8 → .025.
    for time_constant_s, gain in [(0.5, 0.330), (1.0, 0.181), (2.0, 0.095), (4.0, 0.049), (8.0, 0.025)]:
        means, _ = run(np.array([[0.0] * 3, [1.0] * 3]), at([1]), DynamicsSettings(1, time_constant_s))
        assert means[1, 0] == pytest.approx(gain, abs=5e-4)


def test_critical_damping_has_the_gains_and_settling_times_of_the_table() -> None:
    # μ .5 → a .0858, settled to 2 % after 17 steps; .7 → .0267, 33; .8 → .0111, 52; .9 → .0026, 111.
    for damping, gain, settled in [(0.5, 0.0858, 17), (0.7, 0.0267, 33), (0.8, 0.0111, 52), (0.9, 0.0026, 111)]:
        settings = DynamicsSettings(2, -2 * HOP_S / math.log(damping))
        inputs = np.ones((200, 3))
        inputs[0] = 0.0
        means, _ = run(inputs, np.arange(200), settings)
        assert means[1, 0] == pytest.approx(gain, abs=5e-5)
        assert int(np.argmax(means[:, 0] >= 0.98)) == pytest.approx(settled, abs=1)
        assert (np.diff(means[:, 0]) >= 0).all()
        assert (means <= 1.0).all()


@given(orders, st.floats(0.0, 1.0), st.floats(-1, 1), st.floats(-1, 1), time_constants, st.floats(1.0, 20.0))
def test_a_constant_input_is_never_overshot_however_much_of_it_is_known(
    order: int, known: float, start: float, value: float, time_constant_s: float, slower: float
) -> None:
    inputs = np.full((300, 3), value)
    inputs[0] = start
    sd = PRIOR_SD * math.sqrt(1 - known)
    settings = DynamicsSettings(order, time_constant_s, slower * time_constant_s)
    means, _ = run(inputs, np.arange(300), settings, sd)
    steps = np.diff(means[:, 0])
    assert (steps >= -1e-12).all() or (steps <= 1e-12).all()


@given(
    orders,
    st.lists(st.tuples(st.integers(1, 100), st.floats(-1, 1), st.floats(0.001, 1)), min_size=1, max_size=40),
    st.floats(LEAST_TIME_CONSTANT_S, 20.0),
)
def test_the_state_is_finite_and_on_the_scale_for_any_input(
    order: int, rows: list[tuple[int, float, float]], time_constant_s: float
) -> None:
    spaces, values, sds = zip(*rows, strict=True)
    inputs = np.repeat(np.array(values)[:, None], 3, axis=1)
    spreads = np.repeat(np.array(sds)[:, None], 3, axis=1)
    means, variances = run(inputs, at(list(spaces))[1:], DynamicsSettings(order, time_constant_s), spreads)
    assert (np.abs(means) <= 1.0).all()
    assert (variances >= np.minimum.accumulate(spreads**2) - 1e-12).all()
    assert (variances <= np.maximum.accumulate(spreads**2) + 1e-12).all()


@given(orders, spacings, time_constants, st.floats(0.0, 1.0))
def test_a_constant_input_needs_no_more_ticks_to_be_followed(
    order: int, spaces: list[int], time_constant_s: float, known: float
) -> None:
    """However a stretch of time is cut into ticks, a constant input leads to the same state."""
    many = np.array(list(itertools.accumulate([0, 1, *spaces])))
    ends = np.array([0, 1, many[-1]])
    settings, sd = DynamicsSettings(order, time_constant_s), PRIOR_SD * math.sqrt(1 - known)

    def after_a_step(ticks: np.ndarray) -> np.ndarray:
        inputs = np.vstack([np.zeros((1, 3)), np.ones((len(ticks) - 1, 3))])
        return run(inputs, ticks, settings, sd)[0][-1]

    np.testing.assert_allclose(after_a_step(many), after_a_step(ends), atol=1e-9)


@given(orders)
def test_without_evidence_the_state_goes_back_to_the_baseline_and_the_spread_to_the_priors(order: int) -> None:
    settings = DynamicsSettings(order, 1.0, 10.0, baseline=(0.2, -0.1, 0.0))
    inputs, sds = np.full((700, 3), 0.9), np.full((700, 3), PRIOR_SD)
    sds[:100] = SURE
    means, variances = run(inputs, np.arange(700), settings, sds)
    np.testing.assert_allclose(means[99], 0.9, atol=1e-6)
    np.testing.assert_allclose(means[-1], settings.baseline, atol=1e-3)
    np.testing.assert_allclose(variances[-1], PRIOR_SD**2, atol=1e-3)
    # Ten seconds later e^−1 of the way is left; at second order the velocity takes a moment to build up.
    left = (means[99 + 50] - settings.baseline) / (0.9 - np.array(settings.baseline))
    np.testing.assert_allclose(left, math.exp(-1), atol=0.05)


@given(orders, st.floats(0.05, 0.95))
def test_what_is_known_less_moves_the_state_less(order: int, known: float) -> None:
    inputs = np.array([[0.0] * 3, [1.0] * 3])
    moved = [
        run(inputs, at([1]), DynamicsSettings(order, 1.0), PRIOR_SD * math.sqrt(1 - share))[0][1, 0]
        for share in (known, 1.0)
    ]
    assert 0 < moved[0] < moved[1]


def test_the_first_tick_is_taken_as_it_is_and_inputs_are_not_kept() -> None:
    mean, sd = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.4, 0.3])
    state = DynamicsState.new()
    step_dynamics(state, DynamicsSettings(), mean, sd, 7.0)
    mean[:] = 9.0
    sd[:] = 9.0
    np.testing.assert_array_equal(state.mean, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(state.variance, [0.25, 0.16, 0.09])
    assert state.tick_time == 7.0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"order": 3}, "order is 3"),
        ({"time_constant_s": 0.0}, "time_constant_s is 0.0"),
        ({"time_constant_s": 1e-4, "order": 2}, "time_constant_s is 0.0001"),
        ({"time_constant_s": 30.0}, "return_s 20.0"),
        ({"baseline": (2.0, 0.0, 0.0)}, "baseline"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        DynamicsSettings(**settings)  # type: ignore[arg-type]
