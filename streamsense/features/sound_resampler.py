"""Sound at any rate to 16 kHz: a causal polyphase filter whose state is the last input samples.

soxr does the same, but its stream keeps its state in a C object that cannot be saved; this one can be saved,
and its delay is known to the sample.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.signal import firwin, kaiser_beta, kaiserord

from streamsense.state import LENGTH_VARIES
from streamsense.streams import FloatArray

SOUND_RATE_HZ = 16_000
LOWEST_RATE_HZ = 8_000
HIGHEST_RATE_HZ = 192_000
STOPBAND_DB = 80.0
TRANSITION_HZ = 800.0
"""Width of the step from pass band to stop band, centred on the lower of the two Nyquist frequencies: what
folds back lies in its upper half, above 7.6 kHz for sound sampled faster than 16 kHz."""

_LARGEST_TABLE = 1_000_000
_LANES = 8
IntArray = npt.NDArray[np.int64]


@dataclass
class ResamplerState:
    """The newest input samples, and how far the next output lies beyond them, in units of 1 / (up · rate)."""

    resampler_tail: FloatArray = field(metadata=LENGTH_VARIES)
    resampler_phase: int


@dataclass(frozen=True)
class Resampler:
    """Conversion by up / down; `table[phase]` holds the filter's taps, oldest input sample first.

    An output needs the `half` input samples after its own instant, which is the filter's delay, `delay_s`.
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
        # kaiserord falls a little short of what it is asked for; 3 dB more makes up for it.
        taps, _ = kaiserord(STOPBAND_DB + 3, TRANSITION_HZ / (rate_hz / 2))
        half = math.ceil(taps / 2)
        length = -(-(2 * half + 1) // _LANES) * _LANES
        if up * length > _LARGEST_TABLE:
            raise ValueError(f"{rate_hz} Hz has no small ratio to {SOUND_RATE_HZ} Hz")
        prototype = np.zeros(up * length)
        prototype[: 2 * half * up + 1] = up * firwin(
            2 * half * up + 1,
            min(rate_hz, SOUND_RATE_HZ) / 2,
            window=("kaiser", kaiser_beta(STOPBAND_DB + 3)),
            fs=float(rate_hz * up),
        )
        table = np.ascontiguousarray(prototype.reshape(length, up).T[:, ::-1])
        table.flags.writeable = False
        return Resampler(up, down, half, table, half / rate_hz)

    def new_state(self) -> ResamplerState:
        """State before the first sample: silence, with the first output centred on the first sample."""
        return ResamplerState(np.zeros(self.table.shape[1] - 1 - self.half), 0)

    def restart(self, state: ResamplerState) -> None:
        """Begin a new segment: forget the samples before it."""
        fresh = self.new_state()
        state.resampler_tail, state.resampler_phase = fresh.resampler_tail, fresh.resampler_phase

    def step(self, state: ResamplerState, samples: FloatArray) -> tuple[FloatArray, IntArray]:
        """Take in `samples` (n,); returns the samples at 16 kHz and, for each, the newest of `samples` that it used.

        An output comes as soon as the last input sample that it needs has come, `delay_s` after its own instant.
        """
        if self.up == self.down:
            return samples, np.arange(len(samples))
        tail, phase, taps = state.resampler_tail, state.resampler_phase, self.table.shape[1]
        held = np.concatenate([tail, samples])
        count = max(0, -(-((len(held) - taps + 1) * self.up - phase) // self.down))
        positions = phase + np.arange(count + 1) * self.down
        newest = positions // self.up + taps - 1
        out = _polyphase(held, self.table, newest[:count] - taps + 1, positions[:count] % self.up)
        state.resampler_tail = held[newest[count] - taps + 1 :].copy()
        state.resampler_phase = int(positions[count] % self.up)
        return out, newest[:count] - len(tail)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _polyphase(held: FloatArray, table: FloatArray, oldest: IntArray, phases: IntArray) -> FloatArray:
    # Eight sums of a fixed order: quicker than one, and the same bytes however many outputs a call makes.
    out = np.empty(len(oldest))
    for i in range(len(oldest)):
        taps = table[phases[i]]
        x = held[oldest[i] : oldest[i] + len(taps)]
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
