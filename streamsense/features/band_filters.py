"""The causal filters of band differential entropy, sample by sample, summed into cells of one tick each.

One compiled loop does everything that depends on the order of samples: re-reference, high-pass and notch, the
five band-passes, and the running sums from which a window's variance is read. It adds one sample at a time in
a fixed order, so cutting the same samples into other blocks gives the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import signal

from streamsense.streams import FloatArray

IntArray = npt.NDArray[np.int64]


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


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_into_cells(  # noqa: C901  (one loop, kept whole for the compiler)
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
    sums: FloatArray,
    squares: FloatArray,
    counts: IntArray,
    broad_squares: FloatArray,
    peaks: FloatArray,
    baseline_squares: FloatArray,
    baseline_counts: IntArray,
    baseline_limit: int,
    largest: float,
    artefact: float,
) -> None:
    """Filter `samples` (n, channels, µV), all of one cell, and add them to the cell at `slot`.

    State, changed in place: `front_state` (channels, sections, 2), `band_state` (channels, bands, sections, 2),
    `warm_up_left` (channels,; −1 before a channel's first sample). Cells: `sums`, `squares`
    (slots, channels, bands), `counts`, `broad_squares`, `peaks` (slots, channels); the running baseline as it
    stood at the end of each cell: `baseline_squares` (slots, channels, bands), `baseline_counts`. A sample above
    `largest` is as good as missing; one above `artefact` after the high-pass begins the warm-up anew.
    """
    channels = samples.shape[1]
    for i in range(samples.shape[0]):
        reference = 0.0
        if average_reference:
            finite = 0
            for c in range(channels):
                if abs(samples[i, c]) <= largest:
                    reference += samples[i, c]
                    finite += 1
            if finite > 0:
                reference /= finite
        for c in range(channels):
            x = samples[i, c] - reference
            # Also false for NaN. A filter that once held infinity would hold it for ever.
            if not abs(samples[i, c]) <= largest:
                warm_up_left[c] = -1
                continue
            if warm_up_left[c] < 0:
                # As if the first value had always been there: an electrode's offset makes no step.
                warm_up_left[c] = warm_up
                front_state[c] = front_start * x
                band_state[c] = 0.0
            for s in range(front.shape[0]):
                y = front[s, 0] * x + front_state[c, s, 0]
                front_state[c, s, 0] = front[s, 1] * x - front[s, 4] * y + front_state[c, s, 1]
                front_state[c, s, 1] = front[s, 2] * x - front[s, 5] * y
                x = y
            if warm_up_left[c] < warm_up:
                peaks[slot, c] = max(peaks[slot, c], abs(x))
            if abs(x) > artefact:
                # The band-passes ring on after a pop: what they give is no brain signal for a while.
                warm_up_left[c] = warm_up
            warm = warm_up_left[c] == 0
            if warm:
                counts[slot, c] += 1
                broad_squares[slot, c] += x * x
            else:
                warm_up_left[c] -= 1
            in_baseline = warm and baseline_counts[slot, c] < baseline_limit
            if in_baseline:
                baseline_counts[slot, c] += 1
            for b in range(bands.shape[0]):
                z = x
                for s in range(bands.shape[1]):
                    y = bands[b, s, 0] * z + band_state[c, b, s, 0]
                    band_state[c, b, s, 0] = bands[b, s, 1] * z - bands[b, s, 4] * y + band_state[c, b, s, 1]
                    band_state[c, b, s, 1] = bands[b, s, 2] * z - bands[b, s, 5] * y
                    z = y
                if warm:
                    sums[slot, c, b] += z
                    squares[slot, c, b] += z * z
                if in_baseline:
                    baseline_squares[slot, c, b] += z * z


def compile_filters() -> None:
    """Compile the loop now, so that the first real block does not wait for it."""
    front, bands = front_filter(250.0, 0.5, None, 30.0), band_filters(250.0, ((8.0, 14.0),), (3,))
    by_band, by_channel = np.zeros((1, 1, 1)), np.zeros((1, 1))
    cells: Any = [by_band, by_band.copy(), np.zeros((1, 1), np.int64), by_channel, by_channel.copy()]
    filter_into_cells(
        np.zeros((1, 1)), 0, False, front, steady_state(front), bands,
        np.zeros((1, len(front), 2)), np.zeros((1, 1, bands.shape[1], 2)), np.zeros(1, np.int64), 0,
        *cells, np.zeros((1, 1, 1)), np.zeros((1, 1), np.int64), 1, 1e6, 500.0,
    )  # fmt: skip
