"""The state of band entropy: filters per channel, and sums over cells of one tick each, in a ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.features.band_filters import BoolArray, IntArray
from streamsense.features.eeg_quality import FLAT_SD_UV
from streamsense.streams import FloatArray
from streamsense.ticks import tick_at_or_before, tick_time

CELLS_KEPT = 150
"""30 s: the longest window and the longest backlog, with room."""
_FADED_UV = 1e-30  # far below what changes a sum of microvolts
_FADE_EVERY = 50  # cells: a filter's memory does not fall from there to numbers that are slow to compute with in 10 s
VARIANCE_FLOOR = 1e-12
"""µV²; a flat channel has no logarithm."""


@dataclass(frozen=True, eq=False)
class Window:
    """What the cells of one window hold together: per channel, all (channels,) but for those told.

    `counts`: samples. `entropy` (channels, bands): nats of µV. `broad_squares`: sum of squares after high-pass and
    reference. `peaks`: largest magnitude of the same. `flat`: whether the channel's own signal, before the reference,
    is flat. `last_time` (s): newest sample; NaN where there is none. `newest_slot`: None without cells.
    """

    counts: IntArray
    entropy: FloatArray
    broad_squares: FloatArray
    peaks: FloatArray
    flat: BoolArray
    last_time: float
    newest_slot: int | None


@dataclass
class BandEntropyState:
    """Filter state per channel, and a ring of cells; cell k holds the samples of [k/5, (k+1)/5) s.

    The arrays' shapes are told at `band_filters.filter_into_cells`.
    """

    front: FloatArray
    bands: FloatArray
    warm_up_left: IntArray
    reference_weight: FloatArray
    flat: BoolArray
    sums: FloatArray
    squares: FloatArray
    counts: IntArray
    own_squares: FloatArray
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
        by_band = (CELLS_KEPT, bands, channels)
        by_channel = (CELLS_KEPT, channels)
        return BandEntropyState(
            front=np.zeros((front_sections, 2, channels)),
            bands=np.zeros((bands, band_sections, 2, channels)),
            warm_up_left=np.full(channels, -1, np.int64),
            reference_weight=np.zeros(channels),
            flat=np.zeros(channels, np.bool_),
            sums=np.zeros(by_band),
            squares=np.zeros(by_band),
            counts=np.zeros(by_channel, np.int64),
            own_squares=np.zeros(by_channel),
            broad_squares=np.zeros(by_channel),
            peaks=np.zeros(by_channel),
            baseline_squares=np.zeros(by_band),
            baseline_counts=np.zeros(by_channel, np.int64),
            cell_index=np.full(CELLS_KEPT, -1, np.int64),
            cell_last_time=np.full(CELLS_KEPT, np.nan),
        )

    def open_cell(self, index: int) -> None:
        """Make cell `index` the current one; the running baseline goes on from the cell before it.

        What that cell shows to be flat is `flat` from here on.
        """
        if index == self.current_cell:
            return
        slot, before = index % CELLS_KEPT, self.current_cell % CELLS_KEPT
        self.flat = self.own_squares[before] < FLAT_SD_UV**2 * self.counts[before]
        if index % _FADE_EVERY == 0:
            self._forget_what_faded()
        _begin_cell(
            slot, before, self.counts, self.sums, self.squares, self.own_squares, self.broad_squares, self.peaks,
            self.baseline_squares, self.baseline_counts,
        )  # fmt: skip
        self.cell_last_time[slot] = np.nan
        self.cell_index[slot] = index
        self.current_cell = index

    def window(self, tick: float, cells: int) -> Window:
        """The `cells` cells before `tick` (s, on the grid), as far as they were reached and are still kept."""
        last = tick_at_or_before(tick) - 1
        wanted = np.arange(last - cells + 1, last + 1)
        slots = wanted % CELLS_KEPT
        slots = slots[self.cell_index[slots] == wanted]
        counts, sums, squares, own_squares, broad_squares, peaks = _add_cells(
            slots, self.counts, self.sums, self.squares, self.own_squares, self.broad_squares, self.peaks
        )
        return Window(
            counts=counts,
            entropy=entropy_of(sums, squares, counts),
            broad_squares=broad_squares,
            peaks=peaks,
            flat=own_squares < FLAT_SD_UV**2 * counts,
            last_time=float(np.fmax.reduce(self.cell_last_time[slots], initial=np.nan)),
            newest_slot=int(slots[-1]) if len(slots) else None,
        )

    def _forget_what_faded(self) -> None:
        """Filters of a channel that stays at zero fade without end, and such tiny numbers are slow to compute with."""
        for memory in (self.front, self.bands):
            memory[np.abs(memory) < _FADED_UV] = 0.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _begin_cell(
    slot: int,
    before: int,
    counts: IntArray,
    sums: FloatArray,
    squares: FloatArray,
    own_squares: FloatArray,
    broad_squares: FloatArray,
    peaks: FloatArray,
    baseline_squares: FloatArray,
    baseline_counts: IntArray,
) -> None:
    """Empty the cell at `slot`; its baseline is that of the cell at `before`."""
    for c in range(counts.shape[1]):
        counts[slot, c] = 0
        own_squares[slot, c] = broad_squares[slot, c] = peaks[slot, c] = 0.0
        baseline_counts[slot, c] = baseline_counts[before, c]
    for b in range(sums.shape[1]):
        for c in range(sums.shape[2]):
            sums[slot, b, c] = squares[slot, b, c] = 0.0
            baseline_squares[slot, b, c] = baseline_squares[before, b, c]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_cells(
    slots: IntArray,
    counts: IntArray,
    sums: FloatArray,
    squares: FloatArray,
    own_squares: FloatArray,
    broad_squares: FloatArray,
    peaks: FloatArray,
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """The `slots` of every array together: the largest of `peaks`, the sum of the others."""
    shape = sums.shape[1:]
    all_counts, all_sums, all_squares = np.zeros(shape[1], np.int64), np.zeros(shape), np.zeros(shape)
    all_own, all_broad, all_peaks = np.zeros(shape[1]), np.zeros(shape[1]), np.zeros(shape[1])
    for slot in slots:
        for c in range(shape[1]):
            all_counts[c] += counts[slot, c]
            all_own[c] += own_squares[slot, c]
            all_broad[c] += broad_squares[slot, c]
            all_peaks[c] = max(all_peaks[c], peaks[slot, c])
        for b in range(shape[0]):
            for c in range(shape[1]):
                all_sums[b, c] += sums[slot, b, c]
            for c in range(shape[1]):
                all_squares[b, c] += squares[slot, b, c]
    return all_counts, all_sums, all_squares, all_own, all_broad, all_peaks


@njit(cache=True)  # type: ignore[untyped-decorator]
def entropy_of(sums: FloatArray, squares: FloatArray, counts: IntArray) -> FloatArray:
    """Differential entropy ½·ln(2πe·σ²) (channels, bands), of a Gaussian with the variance of the summed samples.

    `sums` and `squares` (bands, channels) of samples in µV, `counts` (channels,) of them. Duan, Zhu & Lu (2013).
    """
    bands, channels = sums.shape
    entropy = np.empty((channels, bands))
    for b in range(bands):
        for c in range(channels):
            n = max(counts[c], 1)
            variance = squares[b, c] / n - (sums[b, c] / n) ** 2
            entropy[c, b] = 0.5 * np.log(2 * np.pi * np.e * max(variance, VARIANCE_FLOOR))
    return entropy


def cells_of(times: FloatArray) -> list[tuple[int, int, int]]:
    """Cut rising times at the ticks: (start, stop, cell) where times[start:stop] lie in cell k = [k/5, (k+1)/5)."""
    first, last = tick_at_or_before(times[0]), tick_at_or_before(times[-1])
    if first == last:
        return [(0, len(times), first)]
    edges = np.searchsorted(times, [tick_time(k) for k in range(first, last + 2)])
    return [
        (int(start), int(stop), cell)
        for cell, start, stop in zip(range(first, last + 1), edges[:-1], edges[1:], strict=True)
        if start < stop
    ]
