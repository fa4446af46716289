"""Each electrode's running level of muscle activity: the power of its highest band over the last 25 s.

Muscles lie tens of decibels above the brain there, and tense in speech and in smiles (SCIENCE 6.6; Goncharova et al.
2003). They come and go, so what an electrode shows is compared with its own level, by a robust spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray

CELLS = 125
"""25 s: with a window of 4 s behind it, what a feature says depends on the last half minute."""
LEAST_CELLS = 25
"""5 s: fewer cells are no level."""


@dataclass
class RunningLevel:
    """Powers (µV²) of the last cells, infinite where there was none.

    `powers` (cells, channels): by the cells' index, round and round. `ordered` (channels, cells): the same, rising.
    """

    powers: FloatArray
    ordered: FloatArray

    @classmethod
    def new(cls, channels: int) -> RunningLevel:
        """Nothing measured yet."""
        return cls(np.full((CELLS, channels), np.inf), np.full((channels, CELLS), np.inf))


@njit(cache=True)  # type: ignore[untyped-decorator]
def exchange(ordered: FloatArray, old: float, new: float) -> None:
    """In rising numbers (n,), put `new` where it belongs, instead of one that equals `old`."""
    k = min(int(np.searchsorted(ordered, old)), len(ordered) - 1)  # a snapshot may say anything
    while k + 1 < len(ordered) and ordered[k + 1] < new:
        ordered[k] = ordered[k + 1]
        k += 1
    while k > 0 and ordered[k - 1] > new:
        ordered[k] = ordered[k - 1]
        k -= 1
    ordered[k] = new


@njit(cache=True)  # type: ignore[untyped-decorator]
def limit_above(ordered: FloatArray, rest: float, spreads: float) -> float:
    """The power that is `spreads` spreads above the level of rising powers (n,); infinite below `LEAST_CELLS` of them.

    The level is the median, or the power at `rest` (infinite where it is not known) if that is less, so that someone
    who talks for long does not become the measure. The spread is that of the logarithms, from the lower quartile to the
    median: the median absolute deviation where they are symmetric, and not widened by the bursts that are looked for.
    Where a quarter of the powers is 0 there is no spread, and the limit is infinite.
    """
    count = np.searchsorted(ordered, np.inf)
    median, quartile = ordered[(count - 1) // 2], ordered[(count - 1) // 4]
    if count < LEAST_CELLS or not quartile > 0:
        return np.inf
    return float(min(median, rest) * (median / quartile) ** spreads)
