from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.frame_ring import FrameRing
from streamsense.features.running_quantile import RunningQuantile

STEP_S = 0.05


def running(*quantiles: float, time_constant_s: float = 1e6) -> RunningQuantile:
    n = len(quantiles)
    return RunningQuantile(np.full(n, -5.0), np.full(n, 5.0), np.array(quantiles), 500, time_constant_s)


def fed(quantiles: RunningQuantile, values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    state = quantiles.new_state()
    for index, value in enumerate(values):
        row = np.full(len(state.estimate), value)
        quantiles.step(state, row, np.full(len(row), 1.0 if weights is None else weights[index]), STEP_S)
    return state.estimate


def test_without_forgetting_it_is_the_quantile() -> None:
    values = np.random.default_rng(1).normal(0, 1, 4000)
    wanted = (0.0, 0.1, 0.5, 0.9)
    assert fed(running(*wanted), values) == pytest.approx(np.quantile(values, wanted), abs=0.03)


def test_the_first_value_is_the_first_estimate_whatever_its_weight() -> None:
    assert fed(running(0.1, 0.5), np.array([2.0]), np.array([0.0])) == pytest.approx([2, 2], abs=0.02)


def test_weights_count() -> None:
    values = np.tile([-1.0, 1.0], 500)
    assert fed(running(0.5), values, np.tile([1.0, 0.1], 500)) == pytest.approx([-1], abs=0.02)


def test_the_past_fades() -> None:
    values = np.repeat([-1.0, 1.0], [1200, 200])  # 60 s, then 10 s
    assert fed(running(0.5), values) == pytest.approx([-1], abs=0.02)
    assert fed(running(0.5, time_constant_s=10), values) == pytest.approx([1], abs=0.02)
    assert fed(running(0.5, time_constant_s=30), values) == pytest.approx([-1], abs=0.02)


def test_values_outside_count_in_the_outermost_bins() -> None:
    assert fed(running(0.5), np.array([-1e9, 1e9, 1e9])) == pytest.approx([5], abs=0.03)


def by_definition(
    values: np.ndarray, weights: np.ndarray, steps_s: np.ndarray, quantile: float, time_constant_s: float
) -> float:
    """The histogram with 500 bins from -5 to 5, faded and read whole at each step."""
    counts = np.zeros(500)
    for index, (value, weight, step_s) in enumerate(zip(values, weights, steps_s, strict=True)):
        counts *= math.exp(-step_s / time_constant_s)
        counts[int(np.clip((value + 5) / 0.02, 0, 499))] += weight if index else 1.0
    reached = np.flatnonzero((counts > 0) & (np.cumsum(counts) >= quantile * counts.sum() * (1 - 1e-12)))
    at = reached[0]
    return -5 + 0.02 * (at + np.clip((quantile * counts.sum() - counts[:at].sum()) / counts[at], 0, 1))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    quantile=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.97]),
    time_constant_s=st.sampled_from([0.3, 2.0, 90.0]),
)
def test_it_is_the_quantile_of_the_fading_histogram(seed: int, quantile: float, time_constant_s: float) -> None:
    """Also where the counts have been rescaled: after 21 time constants."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 300))
    values = rng.normal(0, 1, count).cumsum() * rng.choice([0.02, 0.3])
    weights, steps_s = rng.choice([0.1, 1.0], count), rng.choice([0.0, 0.033, 0.5], count)
    follower = running(quantile, time_constant_s=time_constant_s)
    state = follower.new_state()
    for index in range(count):
        follower.step(state, values[[index]], weights[[index]], steps_s[index])
    assert state.estimate[0] == pytest.approx(
        by_definition(values, weights, steps_s, quantile, time_constant_s), abs=1e-6
    )


def test_after_a_very_long_time_only_what_comes_counts() -> None:
    follower = running(0.5, time_constant_s=90)
    state = follower.new_state()
    follower.step(state, np.array([3.0]), np.ones(1), 0.0)
    follower.step(state, np.array([-3.0]), np.ones(1), 1e6)
    assert state.estimate[0] == pytest.approx(-3, abs=0.03)
    assert state.scale == 1.0


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="quantiles in"):
        running(1.0)
    with pytest.raises(ValueError, match="time constant above 0"):
        running(0.5, time_constant_s=0)


def test_ring_keeps_the_newest_and_reads_by_time() -> None:
    ring = FrameRing.empty(8, 1)
    for index in range(20):
        ring.append(index * 0.5, np.array([float(index)]))
    times, rows = ring.between(7.0, 9.0)
    assert times.tolist() == [7.0, 7.5, 8.0, 8.5]  # the end is not in the window
    assert rows[:, 0].tolist() == [14, 15, 16, 17]
    assert ring.between(0, 100)[0].tolist() == [6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5]
    assert len(ring.between(20, 30)[0]) == 0
    newest, oldest = ring.before(9.0), ring.before(6.0)
    assert newest is not None
    assert newest.tolist() == [17]
    assert oldest is None
    ring.append(3.0, np.array([1.0]))  # the clock was set back
    assert ring.between(0, 100)[0].tolist() == [3.0]


def test_a_ring_that_is_read_late_gives_no_more_than_its_capacity() -> None:
    ring = FrameRing.empty(8, 1)
    for index in range(100):
        ring.append(index * 0.5, np.array([float(index)]))
        times, rows = ring.between(-1, 1000)
        assert times.tolist() == [k * 0.5 for k in range(max(0, index - 7), index + 1)]
        assert rows[:, 0].tolist() == [2 * time for time in times]
