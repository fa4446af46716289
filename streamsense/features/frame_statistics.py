"""Which frames of a ring lie in a window, and the mean and spread of their columns."""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import Float32Array, FloatArray, IntArray


@njit(cache=True)  # type: ignore[untyped-decorator]
def slots_between(ring_times: FloatArray, frames: int, start: float, end: float) -> IntArray:
    """The ring's slots with a time in [start, end), oldest first; frame k of `frames` lies in slot k modulo length."""
    size = len(ring_times)
    held = min(frames, size)
    found, count = np.empty(held, np.int64), 0
    slot = (frames - held) % size
    for _ in range(held):
        if start <= ring_times[slot] < end:
            found[count] = slot
            count += 1
        slot = slot + 1 if slot + 1 < size else 0
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
