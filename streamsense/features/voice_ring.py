"""The ring of the voice's latest frames: what of each is kept until no tick can ask for it any more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsense.arrays import BoolArray, Float32Array, FloatArray, IntArray
from streamsense.features.contours import CONTOURS
from streamsense.features.voice_normalisation import BESIDE_BANDS


@dataclass(frozen=True)
class RingFrames:
    """What is kept of n consecutive frames, in the names and units of `VoiceRingState`; each (n, ...)."""

    times: FloatArray
    normalised: FloatArray
    delta: FloatArray
    voiced: BoolArray
    level_db: FloatArray
    above_noise_db: FloatArray
    clipped: FloatArray
    contours: FloatArray


@dataclass
class VoiceRingState:
    """`frames` so far, and the latest of them: frame k lies in slot k modulo the ring's length.

    Time (s, NaN: none yet), bands, level and tilt in SD of the speaker's running norm (slots, mels + 2), delta of the
    bands (slots, mels), whether voiced, level (dB), level above the noise (dB), clipped share, contours (slots, 7).
    """

    frames: int
    ring_times: FloatArray
    ring_normalised: Float32Array
    ring_delta: Float32Array
    ring_voiced: BoolArray
    ring_level_db: Float32Array
    ring_above_noise_db: Float32Array
    ring_clipped: Float32Array
    ring_contours: Float32Array


def new_ring(slots: int, mels: int) -> VoiceRingState:
    """A ring before the first frame."""
    return VoiceRingState(
        frames=0,
        ring_times=np.full(slots, np.nan),
        ring_normalised=np.zeros((slots, mels + BESIDE_BANDS), np.float32),
        ring_delta=np.zeros((slots, mels), np.float32),
        ring_voiced=np.zeros(slots, np.bool_),
        ring_level_db=np.zeros(slots, np.float32),
        ring_above_noise_db=np.zeros(slots, np.float32),
        ring_clipped=np.zeros(slots, np.float32),
        ring_contours=np.zeros((slots, CONTOURS), np.float32),
    )


def keep(state: VoiceRingState, frames: RingFrames) -> None:
    """Put consecutive frames into the ring."""
    count, size = len(frames.times), len(state.ring_times)
    kept = slice(max(0, count - size), None)
    slots = ring_slots(state.frames + kept.start, count - kept.start, size)
    state.ring_times[slots] = frames.times[kept]
    state.ring_normalised[slots] = frames.normalised[kept]
    state.ring_delta[slots] = frames.delta[kept]
    state.ring_voiced[slots] = frames.voiced[kept]
    state.ring_level_db[slots] = frames.level_db[kept]
    state.ring_above_noise_db[slots] = frames.above_noise_db[kept]
    state.ring_clipped[slots] = frames.clipped[kept]
    state.ring_contours[slots] = frames.contours[kept]
    state.frames += count


def ring_slots(first_frame: int, count: int, size: int) -> slice | IntArray:
    """The slots of `count` frames from `first_frame` on in a ring of `size`: a slice, which is quick, if it can be."""
    begin = first_frame % size
    if begin + count <= size:
        return slice(begin, begin + count)
    return np.arange(first_frame, first_frame + count) % size
