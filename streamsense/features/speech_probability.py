"""How probable it is that somebody speaks, by Silero's net, which is run as its authors run it: window by window.

The net sees 512 samples at 16 kHz (32 ms) and the 64 before them, and carries a memory from window to window, which
begins anew with each segment (`OnnxWrapper` of silero-vad 6.2.3). Windows follow each other from the sample that the
frames are counted from, so that they do not depend on how the sound was cut; the last one before an anchor may overlap
the next one or leave a hole of less than a window. The sound is the front end's, without rumble and hum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamsense.arrays import Float32Array, FloatArray, IntArray
from streamsense.features.sound_resampler import SOUND_RATE_HZ

WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
MEMORY_SHAPE = (2, 1, 128)
SILERO_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
"""The one file whose numbers these are: silero_vad.onnx of silero-vad 6.2."""


class SpeechNet(Protocol):
    """The net, as a function: `sound` (576,) within ±1 and `memory` (2, 1, 128) in, probability and new memory out."""

    def __call__(self, sound: Float32Array, memory: Float32Array) -> tuple[float, Float32Array]:
        """Run one window; nothing is kept from call to call."""
        ...


@dataclass
class SpeechState:
    """The net's memory, the number of the next window, and the probability that the newest one gave (0: none yet)."""

    speech_memory: Float32Array
    speech_window: int
    speech_probability: float


def new_speech_state() -> SpeechState:
    """State before the first sample of a segment."""
    return SpeechState(np.zeros(MEMORY_SHAPE, np.float32), 0, 0.0)


class SpeechProbability:
    """Windows of sound in, one probability for each frame out."""

    def __init__(self, net: SpeechNet) -> None:
        self._net = net

    def step(self, state: SpeechState, ends: IntArray, outputs: Callable[[int, int], FloatArray]) -> Float32Array:
        """For frames that end before the samples `ends` (n,): the newest window's that ended with or before each.

        `outputs(first, count)` gives the sound at 16 kHz, from 64 samples before the next window on; samples and
        windows are counted from the frames' anchor.
        """
        whole = ends // WINDOW_SAMPLES
        given = [state.speech_probability]
        first, stop = state.speech_window, int(whole[-1]) if len(whole) else 0
        if stop > first:
            begin = first * WINDOW_SAMPLES - CONTEXT_SAMPLES
            sound = outputs(begin, stop * WINDOW_SAMPLES - begin).astype(np.float32)
            for start in range(0, (stop - first) * WINDOW_SAMPLES, WINDOW_SAMPLES):
                window = sound[start : start + CONTEXT_SAMPLES + WINDOW_SAMPLES]
                probability, state.speech_memory = self._net(window, state.speech_memory)
                given.append(probability)
            state.speech_window, state.speech_probability = stop, given[-1]
        return np.array(given, np.float32)[np.maximum(whole - first, 0)]

    def needs_from(self, state: SpeechState) -> int:
        """The oldest sample that the next window needs."""
        return state.speech_window * WINDOW_SAMPLES - CONTEXT_SAMPLES


def speech_contract() -> dict[str, object]:
    """The exact definition of the probability."""
    return {
        "net_sha256": SILERO_SHA256,
        "rate_hz": SOUND_RATE_HZ,
        "window_samples": WINDOW_SAMPLES,
        "context_samples": CONTEXT_SAMPLES,
        "sound": "after the high-pass",
        "windows": "from the first sample of a segment, and of each 10 s of stamps",
        "memory": "begins anew with each segment",
        "frame": "the newest window that ended with it or before",
    }
