"""Which frames of a ring lie in a window, and the mean and spread of their columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.streams import FloatArray

IntArray = npt.NDArray[np.int64]
Float32Array = npt.NDArray[np.float32]


@njit(cache=True)  # type: ignore[untyped-decorator]
def slots_between(ring_times: FloatArray, frames: int, start: float, end: float) -> IntArray:
    """The ring's slots with a time in [start, end), oldest first; frame k of `frames` lies in slot k modulo length."""
    size = len(ring_times)
    found = np.empty(size, np.int64)
    count = 0
    for frame in range(max(0, frames - size), frames):
        slot = frame % size
        if start <= ring_times[slot] < end:
            found[count] = slot
            count += 1
    return found[:count]


@njit(cache=True)  # type: ignore[untyped-decorator]
def mean_and_sd(rows: Float32Array, slots: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (columns,) over the rows `slots`, in double precision; 0 where there are none.

    The columns are the innermost loop, so that several are computed with one instruction.
    """
    columns = rows.shape[1]
    mean, square = np.zeros(columns), np.zeros(columns)
    if len(slots) == 0:
        return mean, square
    for slot in slots:
        row = rows[slot]
        for k in range(columns):
            mean[k] += row[k]
    for k in range(columns):
        mean[k] /= len(slots)
    for slot in slots:
        row = rows[slot]
        for k in range(columns):
            step = row[k] - mean[k]
            square[k] += step * step
    for k in range(columns):
        square[k] = np.sqrt(square[k] / len(slots))
    return mean, square
