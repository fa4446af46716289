"""The state of band entropy: filters per channel, and sums over cells of one tick each, in a ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray, IntArray
from streamsense.features.band_sums import BANDS, BORROWED, BROAD, OWN, WARM
from streamsense.features.eeg_samples import AT_LOWEST, HIGHEST, LOWEST
from streamsense.features.running_level import CELLS, RunningLevel, exchange, limit_above
from streamsense.ticks import tick_at_or_before, tick_time

CELLS_KEPT = 150
"""30 s: the longest window and the longest backlog, with room."""
FLAT_SD_UV = 0.5
"""An electrode that moves less measures nothing (SCIENCE 6.6)."""
_FADED_UV = 1e-30  # far below what changes a sum of microvolts
_FADE_EVERY = 50  # cells: a filter's memory does not fall from there to numbers that are slow to compute with in 10 s


@dataclass
class BandEntropyState:
    """Filter state per channel, and a ring of cells; cell k holds the samples of [k/5, (k+1)/5) s.

    The first four are told at `band_sums.filter_into_cell`, and the rows of `sums` and `extremes`, (slots, rows,
    channels), there and at `eeg_samples`. `donors` (channels,): what was good when the current cell was opened. Of each
    cell, as it was opened: `baseline` (slots, 1 + bands, channels), samples that the running baseline was learned from
    and each band's sum of squares; `muscle_limit` (slots, channels), the power (µV²) from which on its highest band is
    tense.
    """

    front: FloatArray
    bands: FloatArray
    warm_up_left: FloatArray
    reference_weight: FloatArray
    flat: BoolArray
    donors: BoolArray
    sums: FloatArray
    extremes: FloatArray
    baseline: FloatArray
    muscle_limit: FloatArray
    level: RunningLevel
    cell_index: IntArray
    cell_last_time: FloatArray
    current_cell: int = -1
    learn_from: int = -1
    segment: int = -1
    last_time: float = float("nan")

    @staticmethod
    def new(channels: int, bands: int, band_sections: int) -> BandEntropyState:
        """State before the first sample."""
        return BandEntropyState(
            front=np.zeros((3, 2, channels)),
            bands=np.zeros((bands, band_sections, 2, channels)),
            warm_up_left=np.full(channels, -1.0),
            reference_weight=np.zeros(channels),
            flat=np.zeros(channels, np.bool_),
            donors=np.zeros(channels, np.bool_),
            sums=np.zeros((CELLS_KEPT, BANDS + 2 * bands, channels)),
            extremes=np.zeros((CELLS_KEPT, AT_LOWEST + 1, channels)),
            baseline=np.zeros((CELLS_KEPT, 1 + bands, channels)),
            muscle_limit=np.full((CELLS_KEPT, channels), np.inf),
            level=RunningLevel.new(channels),
            cell_index=np.full(CELLS_KEPT, -1, np.int64),
            cell_last_time=np.full(CELLS_KEPT, np.nan),
        )

    def open_cell(
        self, index: int, learning: bool, baseline_samples: float, rest_power: FloatArray, muscle_spreads: float
    ) -> None:
        """Make cell `index` the current one, and learn from the one before it.

        If that was flat, the electrode is `flat` from here on. While `learning`, and from cell `learn_from` on, the
        running baseline is learned until it has `baseline_samples`. `rest_power` (channels,): the highest band's in a
        profile (µV²), NaN where there is none.
        """
        slot, before = index % CELLS_KEPT, self.current_cell % CELLS_KEPT
        if index % _FADE_EVERY == 0:
            self._forget_what_faded()
        learning = learning and self.current_cell >= self.learn_from
        _turn_over(
            slot, before, self.sums, self.extremes, self.baseline, self.flat, self.warm_up_left, self.donors,
            self.level.powers[self.current_cell % CELLS], self.level.ordered, self.muscle_limit[slot],
            learning, baseline_samples, rest_power, muscle_spreads,
        )  # fmt: skip
        self.cell_last_time[slot] = np.nan
        self.cell_index[slot] = index
        self.current_cell = index

    def _forget_what_faded(self) -> None:
        """Filters of a channel that stays at zero fade without end, and such tiny numbers are slow to compute with."""
        for memory in (self.front, self.bands):
            memory[np.abs(memory) < _FADED_UV] = 0.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _turn_over(
    slot: int,
    before: int,
    sums: FloatArray,
    extremes: FloatArray,
    baseline: FloatArray,
    flat: BoolArray,
    warm_up_left: FloatArray,
    donors: BoolArray,
    powers: FloatArray,
    ordered: FloatArray,
    muscle_limit: FloatArray,
    learning: bool,
    baseline_samples: float,
    rest_power: FloatArray,
    muscle_spreads: float,
) -> None:
    """Learn what the cell at `before` shows, and empty the one at `slot`. Arguments: see `open_cell` and the state.

    `powers` (channels,): those that the cell's take the place of. `muscle_limit` (channels,): that of the new cell.
    """
    bands, channels = baseline.shape[1] - 1, sums.shape[2]
    for c in range(channels):
        warm = sums[before, WARM, c]
        least, own = FLAT_SD_UV**2 * warm, sums[before, OWN, c]
        # Nothing is left of an electrode that is its own reference, the only good one: it measures nothing either.
        flat[c] = own < least
        still = min(own, sums[before, BROAD, c]) < least
        donors[c] = warm_up_left[c] == 0 and not still
        measured = warm > 0 and sums[before, BORROWED, c] == 0 and not still
        learned = 1.0 if learning and measured and baseline[before, 0, c] < baseline_samples else 0.0
        baseline[slot, 0, c] = baseline[before, 0, c] + learned * warm
        for b in range(bands):
            baseline[slot, 1 + b, c] = baseline[before, 1 + b, c] + learned * sums[before, BANDS + bands + b, c]
        rest = rest_power[c]
        if np.isnan(rest):
            whole = baseline[slot, 0, c] >= baseline_samples
            rest = baseline[slot, bands, c] / baseline[slot, 0, c] if whole else np.inf
        power = sums[before, BANDS + 2 * bands - 1, c] / warm if measured else np.inf
        exchange(ordered[c], powers[c], power)
        powers[c] = power
        muscle_limit[c] = limit_above(ordered[c], rest, muscle_spreads)
    sums[slot] = 0.0
    extremes[slot] = 0.0
    extremes[slot, HIGHEST], extremes[slot, LOWEST] = -np.inf, np.inf


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
