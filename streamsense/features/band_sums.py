"""Samples through the filters of band entropy, into the sums of one cell, in compiled loops.

They add one sample at a time in a fixed order, so cutting the same samples into other blocks gives the same bytes. As
in `section_filters` the channels are the innermost loop. Whole numbers that the loops touch are kept as floats, which
are as wide as the samples.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray, IntArray
from streamsense.features.common_reference import refer
from streamsense.features.eeg_samples import PEAK, begin, find_extremes, stretch_end, take_in, to_microvolts
from streamsense.features.section_filters import filter_front, filter_one, filter_two

SEEN, WARM, REPLACED, BORROWED, OWN, BROAD, LINE, OTHER_LINE, BANDS = range(9)
"""Rows of a cell's sums, per channel. Samples that came; those fit for use; those of them that are not in the bands'
sums, because the channel is interpolated; and the interpolated ones that are. Sums of squares (µV²) after high-pass and
notch: before the reference; after it; of what the notch took away; of what a notch at the other line frequency would
take away. From BANDS on each band's sum (µV), then each band's sum of squares."""
_ROWS = 16
"""Samples at a time: what is made of them stays in the processor's first cache."""


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_into_cell(
    samples: FloatArray,
    scale: FloatArray,
    sums: FloatArray,
    extremes: FloatArray,
    front: FloatArray,
    front_start: FloatArray,
    notch: bool,
    bands: FloatArray,
    front_state: FloatArray,
    band_state: FloatArray,
    warm_up_left: FloatArray,
    warm_up: int,
    average_reference: bool,
    reference_weight: FloatArray,
    ramp: float,
    flat: BoolArray,
    filled: IntArray,
    weights: FloatArray,
    largest: float,
    artefact: float,
) -> bool:
    """Filter `samples` (n, channels), all of one cell, and add them to its `sums` and `extremes` (rows, channels).

    They become microvolts, in place, by `scale` (channels,).
    Filters: `front` (3, 6), the first notch of which counts if `notch`, with `front_start` (2,), the high-pass's state
    after a constant 1; `bands` (bands, sections, 6). State, changed in place: `front_state` (3, 2, channels),
    `band_state` (bands, sections, 2, channels), `warm_up_left` (channels,; in samples, −1 before a channel's first
    one) and `reference_weight` (see `common_reference.refer`). `filled` (k,): the channels that are interpolated in
    this cell, by `weights` (k, channels). A sample above `largest` is as good as missing; one above `artefact` after
    high-pass and reference begins the warm-up anew. Returns whether the cell has a sample that is fit
    for use.
    """
    channels = samples.shape[1]
    signals = np.empty((6, _ROWS, channels))
    usable_rows = np.empty((_ROWS, channels), np.bool_)
    whole = to_microvolts(samples, scale, largest)
    find_extremes(samples, extremes)
    start = 0
    while start < len(samples):
        end = min(len(samples), start + _ROWS)
        stop = end if whole else stretch_end(samples, start, end, largest)
        n = stop - start
        x, own, line, other_line = signals[0, :n], signals[1, :n], signals[2, :n], signals[3, :n]
        warm, z, usable = signals[4, :n], signals[5, :n], usable_rows[:n]
        take_in(samples[start:stop], largest, x, usable, sums[SEEN])
        begin(x[0], usable[0], warm_up_left, warm_up, front_start, front_state, band_state, reference_weight)
        filter_front(front, notch, front_state, x, own, line, other_line)
        if average_reference:
            refer(own, usable, reference_weight, ramp, flat, artefact, x)
        else:
            x[:] = own
        _find_warm(x, usable, warm_up_left, warm_up, artefact, warm, extremes[PEAK])
        _add_squares(own, x, line, other_line, warm, sums)
        taken = _find_taken(warm, filled, weights, sums)
        _filter_bands(bands, band_state, x, taken, filled, weights, z, sums)
        start = stop
    return bool((sums[WARM] > 0.0).any())


@njit(cache=True)  # type: ignore[untyped-decorator]
def _find_warm(
    x: FloatArray,
    usable: BoolArray,
    warm_up_left: FloatArray,
    warm_up: int,
    artefact: float,
    warm: FloatArray,
    peaks: FloatArray,
) -> None:
    """`warm`: 1 where a sample of `x` is fit for use, else 0; `peaks` (channels,) rises to the largest."""
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            peak = abs(x[i, c]) if usable[i, c] & (warm_up_left[c] < warm_up) else 0.0
            peaks[c] = peak if peak > peaks[c] else peaks[c]
        for c in range(x.shape[1]):
            # The band-passes ring on after a pop: what they give is no brain signal for a while.
            left = float(warm_up) if abs(x[i, c]) > artefact else warm_up_left[c]
            after = left - 1.0 if left > 0.0 else left
            warm[i, c] = 1.0 if usable[i, c] & (left == 0.0) else 0.0
            warm_up_left[c] = after if usable[i, c] else -1.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _find_taken(warm: FloatArray, filled: IntArray, weights: FloatArray, sums: FloatArray) -> FloatArray:
    """1 where a channel's sample goes into the bands' sums: where it is `warm`, or all that it is made of are."""
    if len(filled) == 0:
        return warm
    taken = warm.copy()
    for k in range(len(filled)):
        c = filled[k]
        for i in range(len(taken)):
            whole = ((weights[k] == 0.0) | (warm[i] > 0.0)).all()
            taken[i, c] = 1.0 if whole else 0.0
            sums[REPLACED, c] += warm[i, c]
            sums[BORROWED, c] += taken[i, c]
    return taken


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_squares(
    own: FloatArray, broad: FloatArray, line: FloatArray, other_line: FloatArray, warm: FloatArray, sums: FloatArray
) -> None:
    """Count what is `warm`, and add its squares in each signal (n, channels)."""
    fit, first, second, third, fourth = sums[WARM], sums[OWN], sums[BROAD], sums[LINE], sums[OTHER_LINE]
    for i in range(warm.shape[0]):
        for c in range(warm.shape[1]):
            counts = warm[i, c]
            fit[c] += counts
            first[c] += counts * own[i, c] * own[i, c]
            second[c] += counts * broad[i, c] * broad[i, c]
            third[c] += counts * line[i, c] * line[i, c]
            fourth[c] += counts * other_line[i, c] * other_line[i, c]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _filter_bands(
    bands: FloatArray,
    state: FloatArray,
    x: FloatArray,
    taken: FloatArray,
    filled: IntArray,
    weights: FloatArray,
    z: FloatArray,
    sums: FloatArray,
) -> None:
    """Every band-pass over `x` (n, channels), and what is `taken` of it, or interpolated, into the bands' sums."""
    count = len(bands)
    for b in range(count):
        source = x
        for s in range(0, bands.shape[1], 2):
            if s + 1 < bands.shape[1]:
                filter_two(bands[b], state[b], s, source, z)
            elif bands[b, s, 2] != 0 or bands[b, s, 5] != 0:  # else it fills up a shorter filter
                filter_one(bands[b, s], state[b, s], source, z)
            source = z
        # The filters are linear, and the same for all channels: so interpolating behind them is the same as before
        # them, and what was good until now can change from one cell to the next without making a step.
        for k in range(len(filled)):
            for i in range(len(z)):
                z[i, filled[k]] = (weights[k] * z[i]).sum()
        _add_up(z, taken, sums[BANDS + b], sums[BANDS + count + b])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_up(z: FloatArray, taken: FloatArray, total: FloatArray, squares: FloatArray) -> None:
    """Add what is `taken` of one band's signal `z` (n, channels) to its sums (channels,), sample by sample."""
    for i in range(z.shape[0]):
        for c in range(z.shape[1]):
            counted = taken[i, c] * z[i, c]
            total[c] += counted
            squares[c] += counted * counted
