"""EEG samples as they come: into microvolts, what is missing, how high and low they go, and where a channel begins.

Compiled loops, the channels innermost, as in `section_filters`. Whole numbers that they touch are kept as floats, which
are as wide as the samples.
"""

from __future__ import annotations

from numba import njit

from streamsense.arrays import BoolArray, FloatArray

PEAK, HIGHEST, AT_HIGHEST, LOWEST, AT_LOWEST = range(5)
"""Rows of a cell's extremes, per channel: largest magnitude after high-pass and reference (µV); the highest and the
lowest sample as it came (µV), and how many samples were at either."""


@njit(cache=True)  # type: ignore[untyped-decorator]
def to_microvolts(samples: FloatArray, scale: FloatArray, largest: float) -> bool:
    """Scale them in place; returns whether all are there."""
    missing = 0
    for i in range(samples.shape[0]):
        for c in range(samples.shape[1]):
            value = samples[i, c] * scale[c]
            samples[i, c] = value
            missing += not abs(value) <= largest
    return missing == 0


@njit(cache=True)  # type: ignore[untyped-decorator]
def find_extremes(samples: FloatArray, extremes: FloatArray) -> None:
    """How high and how low the samples go, and how many are there. NaN is neither."""
    highest, at_highest = extremes[HIGHEST], extremes[AT_HIGHEST]
    lowest, at_lowest = extremes[LOWEST], extremes[AT_LOWEST]
    for i in range(samples.shape[0]):
        for c in range(samples.shape[1]):
            value, before, count = samples[i, c], highest[c], at_highest[c]
            again = count + 1.0 if value == before else count
            at_highest[c] = 1.0 if value > before else again
            highest[c] = value if value > before else before
        for c in range(samples.shape[1]):
            value, before, count = samples[i, c], lowest[c], at_lowest[c]
            again = count + 1.0 if value == before else count
            at_lowest[c] = 1.0 if value < before else again
            lowest[c] = value if value < before else before


@njit(cache=True)  # type: ignore[untyped-decorator]
def stretch_end(samples: FloatArray, start: int, end: int, largest: float) -> int:
    """Up to where no channel begins but with the sample at `start`; `end` at most."""
    for i in range(start + 1, end):
        for c in range(samples.shape[1]):
            if abs(samples[i, c]) <= largest and not abs(samples[i - 1, c]) <= largest:
                return i
    return end


@njit(cache=True)  # type: ignore[untyped-decorator]
def take_in(samples: FloatArray, largest: float, x: FloatArray, usable: BoolArray, seen: FloatArray) -> None:
    """Copy `samples` to `x`, 0 in place of what is missing; say which are `usable`, and count them."""
    for i in range(samples.shape[0]):
        for c in range(samples.shape[1]):
            # False for NaN too. A filter that once held infinity would hold it for ever.
            here = abs(samples[i, c]) <= largest
            x[i, c] = samples[i, c] if here else 0.0
            usable[i, c] = here
            seen[c] += 1.0 if here else 0.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def begin(
    first: FloatArray,
    usable: BoolArray,
    warm_up_left: FloatArray,
    warm_up: int,
    front_start: FloatArray,
    front_state: FloatArray,
    band_state: FloatArray,
    reference_weight: FloatArray,
) -> None:
    """Channels that begin with this sample: their filters stand as if its value had always been there.

    So an electrode's offset makes no step.
    """
    for c in range(len(first)):
        if usable[c] and warm_up_left[c] < 0:
            warm_up_left[c] = warm_up
            reference_weight[c] = 0.0
            front_state[:, :, c] = 0.0
            front_state[0, :, c] = front_start * first[c]
            band_state[:, :, :, c] = 0.0
