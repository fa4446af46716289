"""The state of band entropy: filters per channel, and sums over cells of one tick each, in a ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsense.features.band_filters import IntArray
from streamsense.streams import FloatArray
from streamsense.ticks import tick_at_or_before, tick_time

CELLS_KEPT = 150
"""30 s: the longest window and the longest backlog, with room."""


@dataclass
class BandEntropyState:
    """Filter state per channel, and a ring of cells; cell k holds the samples of [k/5, (k+1)/5) s."""

    front: FloatArray
    bands: FloatArray
    warm_up_left: IntArray
    sums: FloatArray
    squares: FloatArray
    counts: IntArray
    broad_squares: FloatArray
    peaks: FloatArray
    baseline_squares: FloatArray
    baseline_counts: IntArray
    cell_index: IntArray
    cell_last_time: FloatArray
    current_cell: int = -1
    segment: int = -1
    last_time: float = float("nan")

    @staticmethod
    def new(channels: int, bands: int, front_sections: int, band_sections: int) -> BandEntropyState:
        """State before the first sample."""
        by_band = (CELLS_KEPT, channels, bands)
        by_channel = (CELLS_KEPT, channels)
        return BandEntropyState(
            front=np.zeros((channels, front_sections, 2)),
            bands=np.zeros((channels, bands, band_sections, 2)),
            warm_up_left=np.full(channels, -1, np.int64),
            sums=np.zeros(by_band),
            squares=np.zeros(by_band),
            counts=np.zeros(by_channel, np.int64),
            broad_squares=np.zeros(by_channel),
            peaks=np.zeros(by_channel),
            baseline_squares=np.zeros(by_band),
            baseline_counts=np.zeros(by_channel, np.int64),
            cell_index=np.full(CELLS_KEPT, -1, np.int64),
            cell_last_time=np.full(CELLS_KEPT, np.nan),
        )

    def open_cell(self, index: int) -> None:
        """Make cell `index` the current one; the running baseline goes on from the cell before it."""
        if index == self.current_cell:
            return
        slot, before = index % CELLS_KEPT, self.current_cell % CELLS_KEPT
        kept = (self.baseline_squares[before].copy(), self.baseline_counts[before].copy())
        for cells in (self.sums, self.squares, self.counts, self.broad_squares, self.peaks):
            cells[slot] = 0
        self.cell_last_time[slot] = np.nan
        self.baseline_squares[slot], self.baseline_counts[slot] = kept
        self.cell_index[slot] = index
        self.current_cell = index


def cells_of(times: FloatArray) -> list[tuple[int, int, int]]:
    """Cut rising times at the ticks: (start, stop, cell) where times[start:stop] lie in cell k = [k/5, (k+1)/5)."""
    first, last = tick_at_or_before(times[0]), tick_at_or_before(times[-1])
    edges = np.searchsorted(times, [tick_time(k) for k in range(first, last + 2)])
    return [
        (int(start), int(stop), cell)
        for cell, start, stop in zip(range(first, last + 1), edges[:-1], edges[1:], strict=True)
        if start < stop
    ]
