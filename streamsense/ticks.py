"""The 200 ms grid on which everything is scored, and the clocks that can be injected."""

from __future__ import annotations

import math
from typing import Protocol

TICKS_PER_SECOND = 5
HOP_S = 1 / TICKS_PER_SECOND


def tick_time(index: int) -> float:
    """Time (s) of tick `index`. Division, because `index * 0.2` is another number for a third of all indices."""
    return index / TICKS_PER_SECOND


def tick_at_or_before(time: float) -> int:
    """Index of the last tick whose time is not after `time` (s)."""
    index = math.floor(time * TICKS_PER_SECOND)
    # The product is rounded, so the floor can be off by one next to a tick.
    if tick_time(index) > time:
        return index - 1
    return index + 1 if tick_time(index + 1) <= time else index


class Clock(Protocol):
    """A source of `now` on the LSL clock, in seconds."""

    def now(self) -> float:
        """The present time."""
        ...


class ManualClock:
    """A clock that stands where it was set: for replay and tests."""

    def __init__(self, time: float = 0.0) -> None:
        self.time = time

    def now(self) -> float:
        """The time that was set last."""
        return self.time
