"""The tick grid."""

from hypothesis import given
from hypothesis import strategies as st

from streamsense.ticks import tick_at_or_before, tick_time

indices = st.integers(min_value=-(10**10), max_value=10**10)


@given(indices)
def test_a_tick_is_at_its_own_time(index: int) -> None:
    assert tick_at_or_before(tick_time(index)) == index


@given(st.floats(min_value=-1e9, max_value=1e9))
def test_every_time_lies_between_its_tick_and_the_next(time: float) -> None:
    index = tick_at_or_before(time)
    assert tick_time(index) <= time < tick_time(index + 1)


def test_division_differs_from_the_product() -> None:
    # The reason why a tick's time is a quotient.
    assert sum(k * 0.2 != tick_time(k) for k in range(3000)) > 900
