"""One window of band entropy: what its cells hold together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray, IntArray
from streamsense.features.band_sums import BANDS, BORROWED, BROAD, OWN, REPLACED, WARM
from streamsense.features.eeg_samples import AT_HIGHEST, AT_LOWEST, HIGHEST, LOWEST, PEAK
from streamsense.features.entropy_cells import FLAT_SD_UV, BandEntropyState
from streamsense.ticks import tick_at_or_before

VARIANCE_FLOOR = 1e-12
"""µV²; a flat channel has no logarithm."""


@dataclass(frozen=True, eq=False)
class Window:
    """What the cells of one window hold together, per channel.

    `sums` and `extremes` (rows, channels): the rows of `band_sums` and of `eeg_samples`. `tense`, `still` (channels,):
    in how many cells the highest band was far above its running level, and in how many the electrode was flat, before
    or behind the reference. `entropy` (channels, bands): nats of µV. `last_time` (s): newest sample; NaN where there is
    none. `newest_slot`: of its newest cell in the ring; −1 without cells.
    """

    sums: FloatArray
    extremes: FloatArray
    tense: FloatArray
    still: FloatArray
    entropy: FloatArray
    last_time: float
    newest_slot: int


def read_window(state: BandEntropyState, tick: float, cells: int) -> Window:
    """The `cells` cells before `tick` (s, on the grid), as far as they were reached and are still kept."""
    return Window(
        *_add_cells(
            tick_at_or_before(tick) - 1, cells, state.cell_index, state.cell_last_time, state.sums, state.extremes,
            state.muscle_limit,
        )
    )  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_cells(
    last: int,
    cells: int,
    cell_index: IntArray,
    last_times: FloatArray,
    sums: FloatArray,
    extremes: FloatArray,
    muscle_limit: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, float, int]:
    """The `cells` cells up to the one of index `last`, as the fields of a `Window`."""
    rows, channels = sums.shape[1:]
    total, tense, still = np.zeros((rows, channels)), np.zeros(channels), np.zeros(channels)
    farthest = np.zeros((AT_LOWEST + 1, channels))
    farthest[HIGHEST], farthest[LOWEST] = -np.inf, np.inf
    last_time, newest = np.nan, -1
    for index in range(last - cells + 1, last + 1):
        slot = index % len(sums)
        if cell_index[slot] != index:
            continue
        newest = slot
        last_time = last_time if np.isnan(last_times[slot]) else last_times[slot]
        for row in range(rows):
            for c in range(channels):
                total[row, c] += sums[slot, row, c]
        power, warm, limit = sums[slot, rows - 1], sums[slot, WARM], muscle_limit[slot]
        own, broad = sums[slot, OWN], sums[slot, BROAD]
        for c in range(channels):
            # What is interpolated is not the electrode's own muscle.
            tense[c] += 1.0 if (power[c] > limit[c] * warm[c]) & (sums[slot, BORROWED, c] == 0.0) else 0.0
            still[c] += 1.0 if min(own[c], broad[c]) < FLAT_SD_UV**2 * warm[c] else 0.0
        _add_extremes(extremes[slot], farthest)
    return total, farthest, tense, still, _entropy_of(total), last_time, newest


def entropy_of_window(state: BandEntropyState, tick: float, cells: int) -> FloatArray:
    """Only the entropy of what `read_window` reads: (channels, bands), nats of µV."""
    entropy: FloatArray = _add_bands(tick_at_or_before(tick) - 1, cells, state.cell_index, state.sums)
    return entropy


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_bands(last: int, cells: int, cell_index: IntArray, sums: FloatArray) -> FloatArray:
    total = np.zeros(sums.shape[1:])
    for index in range(last - cells + 1, last + 1):
        slot = index % len(sums)
        if cell_index[slot] == index:
            for row in range(WARM, sums.shape[1]):
                if row <= BORROWED or row >= BANDS:
                    for c in range(sums.shape[2]):
                        total[row, c] += sums[slot, row, c]
    entropy: FloatArray = _entropy_of(total)
    return entropy


@njit(cache=True)  # type: ignore[untyped-decorator]
def _entropy_of(sums: FloatArray) -> FloatArray:
    """Differential entropy ½·ln(2πe·σ²) (channels, bands), of a Gaussian with the variance of the summed samples.

    `sums` (rows, channels) as those of a cell. Duan, Zhu & Lu (2013).
    """
    bands, channels = (len(sums) - BANDS) // 2, sums.shape[1]
    entropy = np.empty((channels, bands))
    for b in range(bands):
        for c in range(channels):
            n = max(sums[WARM, c] - sums[REPLACED, c] + sums[BORROWED, c], 1.0)
            variance = sums[BANDS + bands + b, c] / n - (sums[BANDS + b, c] / n) ** 2
            entropy[c, b] = 0.5 * np.log(2 * np.pi * np.e * max(variance, VARIANCE_FLOOR))
    return entropy


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_extremes(extremes: FloatArray, farthest: FloatArray) -> None:
    """Of both: the larger peak, the higher and the lower value, and how many samples were there."""
    for c in range(extremes.shape[1]):
        farthest[PEAK, c] = max(farthest[PEAK, c], extremes[PEAK, c])
        high, low = extremes[HIGHEST, c], extremes[LOWEST, c]
        again = farthest[AT_HIGHEST, c] if high == farthest[HIGHEST, c] else 0.0
        if high >= farthest[HIGHEST, c]:
            farthest[HIGHEST, c], farthest[AT_HIGHEST, c] = high, again + extremes[AT_HIGHEST, c]
        again = farthest[AT_LOWEST, c] if low == farthest[LOWEST, c] else 0.0
        if low <= farthest[LOWEST, c]:
            farthest[LOWEST, c], farthest[AT_LOWEST, c] = low, again + extremes[AT_LOWEST, c]
