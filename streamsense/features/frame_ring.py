"""The last frames of a film, one row of numbers each, read by time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsense.streams import FloatArray


@dataclass
class FrameRing:
    """`times` (capacity,) and `rows` (capacity, columns), written round and round; `written`: frames so far."""

    times: FloatArray
    rows: FloatArray
    written: int = 0

    @classmethod
    def empty(cls, capacity: int, columns: int) -> FrameRing:
        """A ring that keeps the newest `capacity` frames."""
        return cls(np.zeros(capacity), np.zeros((capacity, columns)))

    def append(self, time: float, row: FloatArray) -> None:
        """Add a frame. Times increase; one that does not begins the ring anew (the clock was set back)."""
        capacity = len(self.times)
        if self.written and time <= self.times[(self.written - 1) % capacity]:
            self.written = 0
        place = self.written % capacity
        self.times[place] = time
        self.rows[place] = row
        self.written += 1

    def before(self, end: float) -> FloatArray | None:
        """The row of the newest frame before `end`, or None."""
        times, order = self._in_order()
        index = int(np.searchsorted(times, end)) - 1
        row: FloatArray | None = None if index < 0 else self.rows[order[index]]
        return row

    def between(self, start: float, end: float) -> tuple[FloatArray, FloatArray]:
        """Times (n,) and rows (n, columns) of the frames in [start, end), oldest first."""
        times, order = self._in_order()
        first, last = np.searchsorted(times, (start, end))
        return times[first:last], self.rows[order[first:last]]

    def _in_order(self) -> tuple[FloatArray, npt.NDArray[np.intp]]:
        """The times that are held, oldest first, and where they are."""
        capacity = len(self.times)
        order = np.arange(max(0, self.written - capacity), self.written) % capacity
        return self.times[order], order
