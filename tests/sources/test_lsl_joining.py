"""Samples without a time at the beginning of a stream, told from those whose clock begins at 0."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsense.sources.lsl_joining import Joining


def counted(count: int, rate_hz: float) -> np.ndarray:
    """As liblsl counts: one period after the other, from 0."""
    return np.cumsum(np.full(count, 1 / rate_hz))


@given(
    st.sampled_from([50.0, 250.0, 1000.0, 16000.0]),
    st.floats(0.0, 4.9),
    st.floats(5.1, 1e6),
    st.lists(st.integers(1, 5000), max_size=8),
)
def test_however_it_is_cut_all_and_only_what_comes_before_the_first_stamp_is_left_out(
    rate_hz: float, midway_s: float, first_stamp: float, cuts: list[int]
) -> None:
    early = round(midway_s * rate_hz)
    stamps = np.concatenate([counted(early, rate_hz), first_stamp + counted(20, rate_hz)])
    joining, kept = Joining(rate_hz), []
    for part in np.split(stamps, np.minimum(np.cumsum(cuts), len(stamps)).astype(int)):
        kept.extend(part[joining.without_time(part) :])
    np.testing.assert_array_equal(kept, stamps[early:])


def test_a_clock_that_begins_at_0_is_used_after_a_while() -> None:
    joining = Joining(100.0)
    stamps = counted(2000, 100.0)
    assert joining.without_time(stamps) == 500
    assert joining.without_time(counted(5, 100.0)) == 0


def test_an_irregular_stream_has_one_sample_at_0_at_most() -> None:
    joining = Joining(0.0)
    assert joining.without_time(np.array([0.0, 5000.0])) == 1
    assert Joining(0.0).without_time(np.array([5000.0, 0.0])) == 0
