"""The last frames of a film, one row of numbers each, read by time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray


@dataclass
class FrameRing:
    """`times` (2 × capacity,) and `rows` (2 × capacity, columns), of which the first `held` are filled, oldest first.

    When all are, the newer half moves to the front: what is read is one piece of memory, without a copy.
    """

    times: FloatArray
    rows: FloatArray
    held: int = 0

    @classmethod
    def empty(cls, capacity: int, columns: int) -> FrameRing:
        """A ring that keeps the newest `capacity` frames."""
        return cls(np.zeros(2 * capacity), np.zeros((2 * capacity, columns)))

    def append(self, time: float, row: FloatArray) -> None:
        """Add a frame. Times increase; one that does not begins the ring anew (the clock was set back)."""
        if self.held and time <= self.times[self.held - 1]:
            self.held = 0
        if self.held >= len(self.times):
            capacity = self._capacity
            self.times[:capacity] = self.times[capacity:]
            self.rows[:capacity] = self.rows[capacity:]
            self.held = capacity
        self.times[self.held] = time
        self.rows[self.held] = row
        self.held += 1

    def before(self, end: float) -> FloatArray | None:
        """The row of the newest frame before `end`, or None."""
        index = int(self.times[: self.held].searchsorted(end)) - 1
        return None if index < self._oldest else self.rows[index]

    def between(self, start: float, end: float) -> tuple[FloatArray, FloatArray]:
        """Times (n,) and rows (n, columns) of the frames in [start, end), oldest first: views, not to be kept."""
        times = self.times[: self.held]
        first = max(int(times.searchsorted(start)), self._oldest)
        last = max(int(times.searchsorted(end)), first)
        return times[first:last], self.rows[first:last]

    @property
    def _capacity(self) -> int:
        return len(self.times) // 2

    @property
    def _oldest(self) -> int:
        return max(0, self.held - self._capacity)
