"""How good a window of EEG is, and why not better."""

from __future__ import annotations

import numpy as np

from streamsense.features.band_filters import BoolArray, IntArray
from streamsense.streams import FloatArray

# Thresholds after the high-pass, in µV (SCIENCE: 100–150 µV peaks, 0.5 µV flat; recalled practice, not fitted).
FLAT_SD_UV = 0.5
NOISY_SD_UV = 60.0
POPPED_PEAK_UV = 500.0


def eeg_quality(
    counts: IntArray, squares: FloatArray, peaks: FloatArray, flat: BoolArray, present: BoolArray
) -> tuple[float, tuple[str, ...]]:
    """Quality in [0, 1]: the share of electrodes that are present and clean; and the reasons why not 1.

    `counts`, `squares` (channels,) are the window's samples and sum of squares of the signal after high-pass and
    reference; `peaks` (channels,) its largest magnitude; `flat`, `present` (channels,) what was made of them.
    """
    sd = np.sqrt(squares / np.maximum(counts, 1))
    noisy = present & (sd > NOISY_SD_UV)
    popped = peaks > POPPED_PEAK_UV
    clean = present & ~noisy & ~popped
    found = {"missing": ~present & ~popped & ~flat, "flat": flat, "noisy": noisy, "popped": popped}
    reasons = tuple(f"{int(bad.sum())} of {len(bad)} electrodes {name}" for name, bad in found.items() if bad.any())
    return float(clean.sum() / len(clean)), reasons
