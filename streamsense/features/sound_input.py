"""Sound as streams send it: checked, brought to one channel within full scale, and what was clipped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray, IntArray
from streamsense.errors import SourceError
from streamsense.features.sound_resampler import HIGHEST_RATE_HZ, LOWEST_RATE_HZ
from streamsense.streams import StreamInfo

_DTYPES = ("int16", "float32", "float64", "double64")
INT16_FULL_SCALE = 32768.0
CLIPPED_LEVEL = 0.999
"""Of full scale: a converter that is overdriven stays just below it."""


def checked_rate(info: StreamInfo) -> int:
    """The rate (Hz) of a stream of sound; SourceError when it cannot be one."""
    rate = round(info.nominal_rate_hz)
    if not (LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ and rate == info.nominal_rate_hz):
        raise SourceError(
            f"The voice stream {info.name!r} has a rate of {info.nominal_rate_hz:g} Hz, expected a whole number from "
            f"{LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz. Choose the stream that carries the sound itself."
        )
    if info.dtype not in _DTYPES:
        raise SourceError(
            f"The voice stream {info.name!r} sends {info.dtype}, expected one of {', '.join(_DTYPES)}. "
            "Choose the stream that carries the sound itself, or record it as int16 or float32."
        )
    return rate


def to_mono(values: npt.NDArray[np.generic], chosen: int | None) -> FloatArray:
    """Samples (n,) of the channel `chosen`, or of the mean of all, of `values` (n, channels); full scale becomes 1."""
    if values.dtype != np.int16 and values.dtype.kind != "f":
        raise SourceError(f"The voice stream sent {values.dtype}, expected int16 or float. Record sound as either.")
    full_scale = INT16_FULL_SCALE if values.dtype == np.int16 else 1.0
    if chosen is not None:
        return values[:, chosen].astype(np.float64) / full_scale
    total = values[:, 0].astype(np.float64)
    for channel in range(1, values.shape[1]):
        total += values[:, channel].astype(np.float64)
    scale = full_scale * values.shape[1]
    return total if scale == 1.0 else np.asarray(total / scale)


@njit(cache=True)  # type: ignore[untyped-decorator]
def cleaned(sound: FloatArray, clipped_level: float, clipped: int) -> tuple[FloatArray, IntArray]:
    """`sound` (n,) within full scale, silence where it is no number; and how many were `clipped` up to each sample."""
    clean = np.empty(len(sound))
    so_far = np.empty(len(sound), np.int64)
    for i in range(len(sound)):
        value = sound[i]
        if not abs(value) < clipped_level:
            clipped += 1
            value = 0.0 if np.isnan(value) else min(1.0, max(-1.0, value))
        clean[i], so_far[i] = value, clipped
    return clean, so_far


@njit(cache=True)  # type: ignore[untyped-decorator]
def clipped_shares(clipped_so_far: IntArray, newest: IntArray, before: int, previous: int) -> tuple[FloatArray, int]:
    """The share of clipped samples among those that each frame brought, and how many were clipped up to the last.

    `newest` (n,) is each frame's newest sample, `previous` that of the frame before; `before` samples came before
    those of `clipped_so_far`.
    """
    share, counted = np.empty(len(newest)), 0
    for i in range(len(newest)):
        # Within the block and above 0, whatever a snapshot said.
        so_far = clipped_so_far[min(max(newest[i] - before, 0), len(clipped_so_far) - 1)]
        share[i] = (so_far - counted) / max(newest[i] - previous, 1)
        counted, previous = so_far, newest[i]
    return share, counted
