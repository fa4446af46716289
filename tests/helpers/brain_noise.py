"""Noise with the slope of a brain's spectrum: white noise is no EEG, and its quality says so.

Nothing but numpy is imported: processes begin with it in the middle of a test.
"""

from __future__ import annotations

import numpy as np

CORNER_HZ = 2.0


class BrainNoise:
    """Seeded noise (n, channels) whose power falls as 1/f² above 2 Hz; what is asked for in pieces is one signal."""

    def __init__(self, random: np.random.Generator, sd: float, channels: int, rate_hz: float) -> None:
        self._random = random
        # The process x[k+1] = keeps · x[k] + fresh: of this SD from the first sample on.
        self._keeps = float(np.exp(-2 * np.pi * CORNER_HZ / rate_hz))
        self._fresh = sd * np.sqrt(1 - self._keeps**2)
        self._last = random.normal(0, sd, channels)

    def next(self, count: int) -> np.ndarray:
        """The next `count` samples, (count, channels)."""
        samples = self._random.normal(0, self._fresh, (count, len(self._last)))
        last = self._last
        for sample in samples:
            sample += self._keeps * last
            last = sample
        self._last = last.copy()
        return samples


def brain_noise(random: np.random.Generator, sd: float, shape: tuple[int, int], rate_hz: float) -> np.ndarray:
    """Such noise of `shape` (samples, channels)."""
    return BrainNoise(random, sd, shape[1], rate_hz).next(shape[0])
