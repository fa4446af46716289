"""The causal filters of band differential entropy as second-order sections, and how far they lag behind."""

from __future__ import annotations

import numpy as np
import scipy  # loads its parts when they are first used: signal takes a second

from streamsense.arrays import FloatArray

LINE_FREQUENCIES_HZ = (50.0, 60.0)
"""The world's mains frequencies."""
NOTCH_BELOW = 0.45
"""Of the rate: a notch nearer to half the rate is no notch any more."""
_PASSES_ALL = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def front_filter(
    rate_hz: float, highpass_hz: float, line_frequency_hz: float | None, notch_quality: float
) -> FloatArray:
    """High-pass (Butterworth, order 2) and line notch as second-order sections, shape (1 or 2, 6)."""
    sections = [_high_pass(rate_hz, highpass_hz)]
    if line_frequency_hz is not None and line_frequency_hz < NOTCH_BELOW * rate_hz:
        sections.append(_notch(rate_hz, line_frequency_hz, notch_quality))
    return np.vstack(sections)


def front_filters(
    rate_hz: float, highpass_hz: float, line_frequency_hz: float | None, notch_quality: float
) -> FloatArray:
    """High-pass, notch at the line frequency, notch at the other one: shape (3, 6).

    What a notch takes away is the line noise, so the last one is there to measure. A notch that the rate cannot carry
    passes everything, and so measures nothing. Without a line frequency, both are there to measure.
    """
    first = line_frequency_hz or LINE_FREQUENCIES_HZ[0]
    other = next(hz for hz in LINE_FREQUENCIES_HZ if hz != first)
    notches = [
        _notch(rate_hz, hz, notch_quality) if hz < NOTCH_BELOW * rate_hz else np.array(_PASSES_ALL)
        for hz in (first, other)
    ]
    return np.vstack([_high_pass(rate_hz, highpass_hz), *notches])


def band_filters(rate_hz: float, bands: tuple[tuple[float, float], ...], orders: tuple[int, ...]) -> FloatArray:
    """Butterworth band-passes as second-order sections, shape (bands, most sections, 6).

    A shorter filter is filled up with sections that pass everything, so that one array holds all.
    """
    designs = [
        scipy.signal.butter(order, band, "bandpass", fs=rate_hz, output="sos")
        for band, order in zip(bands, orders, strict=True)
    ]
    filled = np.empty((len(designs), max(map(len, designs)), 6))
    filled[:] = _PASSES_ALL
    for row, design in zip(filled, designs, strict=True):
        row[: len(design)] = design
    return filled


def steady_state(front: FloatArray) -> FloatArray:
    """State (sections, 2) of the front filter that has seen a constant 1 for ever."""
    return np.asarray(scipy.signal.sosfilt_zi(front), dtype=np.float64)


def centre_delay_s(rate_hz: float, sections: FloatArray, band: tuple[float, float]) -> float:
    """Group delay (s) of one band-pass at the geometric middle of its band."""
    centre = 2 * np.pi * float(np.sqrt(band[0] * band[1])) / rate_hz
    step = centre * 1e-4
    _, response = scipy.signal.freqz_sos(sections, worN=np.array([centre - step, centre + step]))
    return float(-np.diff(np.unwrap(np.angle(response)))[0] / (2 * step) / rate_hz)


def _high_pass(rate_hz: float, highpass_hz: float) -> FloatArray:
    return np.asarray(scipy.signal.butter(2, highpass_hz, "highpass", fs=rate_hz, output="sos"))


def _notch(rate_hz: float, frequency_hz: float, quality: float) -> FloatArray:
    return np.asarray(scipy.signal.tf2sos(*scipy.signal.iirnotch(frequency_hz, quality, fs=rate_hz)))
