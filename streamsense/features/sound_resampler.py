"""Sound at any rate to 16 kHz: a polyphase filter that gives any stretch of its output from the input around it.

soxr filters as well, but as a stream that begins at its first sample and keeps its state in a C object; this one has
no state, and where its grid of outputs begins is said for each call.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are first used: signal takes a second
from numba import njit

from streamsense.arrays import FloatArray, IntArray

SOUND_RATE_HZ = 16_000
LOWEST_RATE_HZ = 8_000
HIGHEST_RATE_HZ = 192_000
STOPBAND_DB = 80.0
TRANSITION_HZ = 800.0
"""Width of the step from pass band to stop band, centred on the lower of the two Nyquist frequencies: what
folds back lies in its upper half, above 7.6 kHz for sound sampled faster than 16 kHz."""

_MARGIN_DB = 3.0  # kaiserord falls a little short of what it is asked for; this makes up for it
_LARGEST_TABLE = 1_000_000
_LANES = 8


@dataclass(frozen=True)
class Resampler:
    """Conversion by up / down; `table[phase]` holds the filter's taps, oldest input sample first.

    An output needs the `half` input samples after its own instant, which is the filter's delay, `delay_s`, and
    `history` before it.
    """

    up: int
    down: int
    half: int
    table: FloatArray
    delay_s: float

    @staticmethod
    @functools.lru_cache(maxsize=8)
    def design(rate_hz: int) -> Resampler:
        """The filter from `rate_hz` to 16 kHz. Raises ValueError for a rate that would need an enormous filter.

        A Kaiser-windowed sinc (Kaiser & Schafer 1980) of 80 dB stop band, linear phase.
        """
        divisor = math.gcd(rate_hz, SOUND_RATE_HZ)
        up, down = SOUND_RATE_HZ // divisor, rate_hz // divisor
        if up == down:
            return Resampler(1, 1, 0, np.ones((1, 1)), 0.0)
        taps, _ = scipy.signal.kaiserord(STOPBAND_DB + _MARGIN_DB, TRANSITION_HZ / (rate_hz / 2))
        half = math.ceil(taps / 2)
        length = -(-(2 * half + 1) // _LANES) * _LANES
        if up * length > _LARGEST_TABLE:
            raise ValueError(f"{rate_hz} Hz has no small ratio to {SOUND_RATE_HZ} Hz")
        prototype = np.zeros(up * length)
        prototype[: 2 * half * up + 1] = up * scipy.signal.firwin(
            2 * half * up + 1,
            min(rate_hz, SOUND_RATE_HZ) / 2,
            window=("kaiser", scipy.signal.kaiser_beta(STOPBAND_DB + _MARGIN_DB)),
            fs=float(rate_hz * up),
        )
        table = np.ascontiguousarray(prototype.reshape(length, up).T[:, ::-1])
        table.flags.writeable = False
        return Resampler(up, down, half, table, half / rate_hz)

    @property
    def history(self) -> int:
        """How many input samples before its own instant an output needs."""
        return int(self.table.shape[1]) - 1 - self.half

    def newest_input(self, output: IntArray) -> IntArray:
        """The newest input sample that each `output` needs, both counted from the sample that output 0 stands at."""
        return output * self.down // self.up + self.half

    def outputs(self, sound: FloatArray, origin: int, first: int, count: int) -> FloatArray:
        """The outputs `first` to `first + count` of the grid whose output 0 stands at `sound[origin]`.

        Raises IndexError when `sound` (n,) does not hold all that they need.
        """
        begin = origin - self.history
        if count:
            newest = origin + (first + count - 1) * self.down // self.up + self.half
            if not 0 <= begin + first * self.down // self.up <= newest < len(sound):
                raise IndexError(f"outputs {first} to {first + count} need more than the {len(sound)} samples given")
        if self.up == self.down:
            return sound[origin + first : origin + first + count]
        return _polyphase(  # type: ignore[no-any-return]
            sound, self.table, begin, first, count, self.up, self.down
        )


def contract() -> dict[str, object]:
    """The exact definition of the conversion."""
    return {
        "to_hz": SOUND_RATE_HZ,
        "filter": "sinc, Kaiser window, linear phase",
        "designed_for_db": STOPBAND_DB + _MARGIN_DB,
        "transition_hz": TRANSITION_HZ,
        "cutoff": "half the lower of the two rates",
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _polyphase(
    sound: FloatArray, table: FloatArray, begin: int, first: int, count: int, up: int, down: int
) -> FloatArray:
    # Eight sums of a fixed order: quicker than one, and the same bytes however many outputs a call makes.
    out = np.empty(count)
    for i in range(count):
        place = (first + i) * down
        taps = table[place % up]
        oldest = begin + place // up
        x = sound[oldest : oldest + len(taps)]
        a = b = c = d = e = f = g = h = 0.0
        for k in range(0, len(taps), _LANES):
            a += taps[k] * x[k]
            b += taps[k + 1] * x[k + 1]
            c += taps[k + 2] * x[k + 2]
            d += taps[k + 3] * x[k + 3]
            e += taps[k + 4] * x[k + 4]
            f += taps[k + 5] * x[k + 5]
            g += taps[k + 6] * x[k + 6]
            h += taps[k + 7] * x[k + 7]
        out[i] = ((a + b) + (c + d)) + ((e + f) + (g + h))
    return out
