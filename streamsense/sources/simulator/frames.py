"""Signals made in frames of fixed length and read in any cutting, so that the cutting cannot change them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streamsense.arrays import Float32Array

Samples = Float32Array


class FrameMaker(Protocol):
    """Makes frame 0, 1, 2, … of a signal, each once and in order; all of one shape (samples, channels)."""

    def frame(self, index: int) -> Samples:
        """Frame `index`."""
        ...


class FrameReader:
    """The samples of a `FrameMaker`, read in order, any number at a time."""

    def __init__(self, maker: FrameMaker) -> None:
        self._maker = maker
        self._rest = maker.frame(0)
        self._made = 1
        self.next_sample = 0

    def read(self, count: int) -> Samples:
        """The next `count` samples, (count, channels)."""
        if count < 0:
            raise ValueError(f"count is {count}, expected 0 or above")
        pieces: list[npt.NDArray[Any]] = [self._rest]
        ready = len(self._rest)
        while ready < count:
            pieces.append(self._maker.frame(self._made))
            self._made += 1
            ready += len(pieces[-1])
        samples = np.concatenate(pieces)
        self._rest = samples[count:]
        self.next_sample += count
        return samples[:count]
