"""The causal filters of band differential entropy, sample by sample, summed into cells of one tick each.

Compiled loops do everything that depends on the order of samples: high-pass and notch, re-reference, the five
band-passes, and the running sums from which a window's variance is read. They add one sample at a time in a fixed
order, so cutting the same samples into other blocks gives the same bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import signal

from streamsense.streams import FloatArray

IntArray = npt.NDArray[np.int64]
Int8Array = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]


def front_filter(
    rate_hz: float, highpass_hz: float, line_frequency_hz: float | None, notch_quality: float
) -> FloatArray:
    """High-pass (Butterworth, order 2) and line notch as second-order sections, shape (sections, 6)."""
    sections = [signal.butter(2, highpass_hz, "highpass", fs=rate_hz, output="sos")]
    if line_frequency_hz is not None and line_frequency_hz < 0.45 * rate_hz:
        sections.append(signal.tf2sos(*signal.iirnotch(line_frequency_hz, notch_quality, fs=rate_hz)))
    return np.vstack(sections)


def band_filters(rate_hz: float, bands: tuple[tuple[float, float], ...], orders: tuple[int, ...]) -> FloatArray:
    """Butterworth band-passes as second-order sections, shape (bands, most sections, 6).

    A shorter filter is filled up with sections that pass everything, so that one array holds all.
    """
    designs = [
        signal.butter(order, band, "bandpass", fs=rate_hz, output="sos")
        for band, order in zip(bands, orders, strict=True)
    ]
    filled = np.zeros((len(designs), max(map(len, designs)), 6))
    filled[:, :, 0] = filled[:, :, 3] = 1.0
    for row, design in zip(filled, designs, strict=True):
        row[: len(design)] = design
    return filled


def steady_state(front: FloatArray) -> FloatArray:
    """State (sections, 2) of the front filter that has seen a constant 1 for ever."""
    return np.asarray(signal.sosfilt_zi(front), dtype=np.float64)


def centre_delay_s(rate_hz: float, sections: FloatArray, band: tuple[float, float]) -> float:
    """Group delay (s) of one band-pass at the geometric middle of its band."""
    centre = 2 * np.pi * float(np.sqrt(band[0] * band[1])) / rate_hz
    step = centre * 1e-4
    _, response = signal.freqz_sos(sections, worN=np.array([centre - step, centre + step]))
    return float(-np.diff(np.unwrap(np.angle(response)))[0] / (2 * step) / rate_hz)


_MISSING, _BEGINS, _GOES_ON = 0, 1, 2
"""What a sample is to its channel: none, the first after none (or at all), one that follows another."""


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_into_cells(
    samples: FloatArray,
    slot: int,
    average_reference: bool,
    front: FloatArray,
    front_start: FloatArray,
    bands: FloatArray,
    front_state: FloatArray,
    band_state: FloatArray,
    warm_up_left: IntArray,
    warm_up: int,
    reference_weight: FloatArray,
    ramp: float,
    flat: BoolArray,
    sums: FloatArray,
    squares: FloatArray,
    counts: IntArray,
    own_squares: FloatArray,
    broad_squares: FloatArray,
    peaks: FloatArray,
    baseline_squares: FloatArray,
    baseline_counts: IntArray,
    baseline_limit: int,
    largest: float,
    artefact: float,
) -> None:
    """Filter `samples` (n, channels, µV), all of one cell, and add them to the cell at `slot`.

    State, changed in place: `front_state` (sections, 2, channels), `band_state` (bands, sections, 2, channels),
    `warm_up_left` (channels,; −1 before a channel's first sample), `reference_weight` (channels,; rises by `ramp` per
    sample, falls as fast where the channel is `flat`). Cells: `sums`, `squares` (slots, bands, channels), `counts`,
    `own_squares` (before the reference), `broad_squares`, `peaks` (slots, channels); the running baseline as it stood
    at the end of each cell: `baseline_squares` (slots, bands, channels), `baseline_counts`. A sample above `largest`
    is as good as missing; one above `artefact` after high-pass and reference begins the warm-up anew.
    """
    x = np.empty(samples.shape)
    kinds = np.empty(samples.shape, np.int8)
    warm = np.empty(samples.shape)
    learned = np.empty(samples.shape)
    begins = np.zeros(len(samples), np.bool_)
    _take_in(samples, warm_up_left, largest, x, kinds, begins)
    for s in range(front.shape[0]):
        _filter_section(front[s], front_state[s], x, begins, kinds, samples, front_start[s])
    counts_here, baseline_counts_here = counts[slot], baseline_counts[slot]
    own_squares_here, broad_squares_here, peaks_here = own_squares[slot], broad_squares[slot], peaks[slot]
    for i in range(len(x)):
        _weigh(i, kinds, reference_weight, ramp, flat)
        reference = common_reference(x[i], reference_weight, artefact) if average_reference else 0.0
        _count(
            i, x, kinds, reference, warm_up_left, warm_up, artefact, flat, baseline_limit, warm, learned,
            counts_here, own_squares_here, broad_squares_here, peaks_here, baseline_counts_here,
        )  # fmt: skip
    learning = learned.any()
    nothing = np.zeros(2)
    z = np.empty(x.shape)
    for b in range(bands.shape[0]):
        z[:] = x
        for s in range(bands.shape[1]):
            if bands[b, s, 2] == 0 and bands[b, s, 5] == 0:
                continue  # what fills up a shorter filter
            _filter_section(bands[b, s], band_state[b, s], z, begins, kinds, samples, nothing)
        _add_up(z, warm, sums[slot, b], squares[slot, b])
        if learning:
            _add_squares(z, learned, baseline_squares[slot, b])


# In what follows the channels are the innermost loop, without branches where it matters: so the compiler computes
# several channels with one instruction, each in the order of operations of scipy.signal.sosfilt.


@njit(cache=True)  # type: ignore[untyped-decorator]
def _take_in(
    samples: FloatArray, warm_up_left: IntArray, largest: float, x: FloatArray, kinds: Int8Array, begins: BoolArray
) -> None:
    """Copy `samples` to `x`, 0 in place of what is missing; say what `kinds` they are, and when any channel begins."""
    before = (warm_up_left >= 0).astype(np.int8)
    for i in range(samples.shape[0]):
        beginning = 0
        for c in range(samples.shape[1]):
            # False for NaN too. A filter that once held infinity would hold it for ever.
            usable = np.int8(abs(samples[i, c]) <= largest)
            x[i, c] = samples[i, c] if usable else 0.0
            kinds[i, c] = usable * (_BEGINS + before[c])
            beginning += usable * (1 - before[c])
            before[c] = usable
        begins[i] = beginning > 0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _filter_section(
    section: FloatArray,
    state: FloatArray,
    x: FloatArray,
    begins: BoolArray,
    kinds: Int8Array,
    first: FloatArray,
    start: FloatArray,
) -> None:
    """One second-order section over `x` (n, channels) in place, from `state` (2, channels).

    Where a channel begins, its state is `start` (2,) times its `first` value: as if that had always been there, so
    that an electrode's offset makes no step.
    """
    b0, b1, b2, a1, a2 = section[0], section[1], section[2], section[4], section[5]
    one, two = state[0], state[1]
    for i in range(x.shape[0]):
        if begins[i]:
            for c in range(x.shape[1]):
                if kinds[i, c] == _BEGINS:
                    one[c] = start[0] * first[i, c]
                    two[c] = start[1] * first[i, c]
        for c in range(x.shape[1]):
            value = x[i, c]
            y = b0 * value + one[c]
            one[c] = b1 * value - a1 * y + two[c]
            two[c] = b2 * value - a2 * y
            x[i, c] = y


@njit(cache=True)  # type: ignore[untyped-decorator]
def _weigh(i: int, kinds: Int8Array, weight: FloatArray, ramp: float, flat: BoolArray) -> None:
    """Move each channel's `weight` in the reference by one sample: from 0 where it begins, to 1."""
    for c in range(len(weight)):
        before = weight[c] if kinds[i, c] == _GOES_ON else 0.0
        after = before - ramp if flat[c] else before + ramp
        after = 0.0 if (after < 0.0) | (kinds[i, c] == _MISSING) else after
        weight[c] = 1.0 if after > 1.0 else after


@njit(cache=True)  # type: ignore[untyped-decorator]
def common_reference(x: FloatArray, weight: FloatArray, artefact: float) -> float:
    """Mean of `x` (channels,) by `weight`, without outliers: their weight becomes 0 at once; 0 where none is left.

    The farthest goes first, since one electrode that pops draws the mean towards itself and away from all others.
    """
    while True:
        total = share = 0.0
        for c in range(len(x)):
            total += weight[c] * x[c]
            share += weight[c]
        mean = total / share if share > 0 else 0.0
        outliers = 0
        for c in range(len(x)):
            outliers += (weight[c] > 0) & (abs(x[c] - mean) > artefact)
        if outliers == 0:
            return float(mean)
        weight[np.argmax(np.where(weight > 0, np.abs(x - mean), -1.0))] = 0.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count(
    i: int,
    x: FloatArray,
    kinds: Int8Array,
    reference: float,
    warm_up_left: IntArray,
    warm_up: int,
    artefact: float,
    flat: BoolArray,
    baseline_limit: int,
    warm: FloatArray,
    learned: FloatArray,
    counts: IntArray,
    own_squares: FloatArray,
    broad_squares: FloatArray,
    peaks: FloatArray,
    baseline_counts: IntArray,
) -> None:
    """Refer sample `i` of `x` (n, channels) to `reference`, and say where it counts: `warm`, `learned` (0 or 1).

    Several loops, because the compiler gives up on one over so many arrays that might overlap.
    """
    for c in range(x.shape[1]):
        left = warm_up_left[c] if kinds[i, c] == _GOES_ON else warm_up
        peak = abs(x[i, c] - reference) if left < warm_up else 0.0
        peaks[c] = peak if peak > peaks[c] else peaks[c]
    for c in range(x.shape[1]):
        left = warm_up_left[c] if kinds[i, c] == _GOES_ON else warm_up
        # The band-passes ring on after a pop: what they give is no brain signal for a while.
        left = warm_up if abs(x[i, c] - reference) > artefact else left
        usable = kinds[i, c] != _MISSING
        warm[i, c] = 1.0 if usable & (left == 0) else 0.0
        warm_up_left[c] = left - (left > 0) if usable else -1
    for c in range(x.shape[1]):
        own = warm[i, c] * x[i, c]
        x[i, c] -= reference
        referred = warm[i, c] * x[i, c]
        own_squares[c] += own * own
        broad_squares[c] += referred * referred
    for c in range(x.shape[1]):
        counts[c] += np.int64(warm[i, c])
    for c in range(x.shape[1]):
        learned[i, c] = 0.0 if flat[c] | (baseline_counts[c] >= baseline_limit) else warm[i, c]
        baseline_counts[c] += np.int64(learned[i, c])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_up(z: FloatArray, warm: FloatArray, sums: FloatArray, squares: FloatArray) -> None:
    """Add what is `warm` of one band's signal `z` (n, channels) to its sums (channels,), sample by sample."""
    for i in range(z.shape[0]):
        for c in range(z.shape[1]):
            counted = warm[i, c] * z[i, c]
            sums[c] += counted
            squares[c] += counted * counted


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_squares(z: FloatArray, learned: FloatArray, baseline_squares: FloatArray) -> None:
    """Add the squares of what the baseline is `learned` from, (n, channels), to its sum (channels,)."""
    for i in range(z.shape[0]):
        for c in range(z.shape[1]):
            counted = learned[i, c] * z[i, c]
            baseline_squares[c] += counted * counted


def compile_filters() -> None:
    """Compile the loop now, so that the first real block does not wait for it."""
    front, bands = front_filter(250.0, 0.5, None, 30.0), band_filters(250.0, ((8.0, 14.0),), (3,))
    by_band, by_channel, count = np.zeros((1, 1, 1)), np.zeros((1, 1)), np.zeros((1, 1), np.int64)
    filter_into_cells(
        np.zeros((1, 1)), 0, False, front, steady_state(front), bands,
        np.zeros((len(front), 2, 1)), np.zeros((1, bands.shape[1], 2, 1)), np.zeros(1, np.int64), 0,
        np.zeros(1), 1.0, np.zeros(1, np.bool_), by_band, by_band.copy(), count,
        by_channel, by_channel.copy(), by_channel.copy(), by_band.copy(), count.copy(), 1, 1e6, 500.0,
    )  # fmt: skip
