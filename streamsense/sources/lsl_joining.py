"""What comes before a stream's first stamp: joined in the middle of a delivery, an inlet knows no time for the rest.

Of a delivery only the first sample carries its time; liblsl counts the others on from it, and from 0 where it has not
seen that one. Taken for times, they put a stream hours into the past, and all that follows seems a clock that jumped.
"""

from __future__ import annotations

from streamsense.arrays import FloatArray

_LONGEST_S = 5.0
"""Longer is no delivery: a sender's clock that began at 0 when it was joined counts just like that."""
_ROUNDING_S = 1e-6


class Joining:
    """Finds the samples without a time in what an inlet gives after it was opened."""

    def __init__(self, nominal_rate_hz: float) -> None:
        self._period_s = 1 / nominal_rate_hz if nominal_rate_hz > 0 else 0.0
        self._most = max(1, round(_LONGEST_S * nominal_rate_hz))
        self._counted_s = 0.0
        self._count = 0
        self._is_over = False

    def without_time(self, stamps: FloatArray) -> int:
        """How many of the first of these stamps are none."""
        if self._is_over:
            return 0
        for place, stamp in enumerate(stamps.tolist()):
            self._counted_s += self._period_s
            if abs(stamp - self._counted_s) > _ROUNDING_S or self._count == self._most:
                self._is_over = True
                return place
            self._count += 1
        return len(stamps)
