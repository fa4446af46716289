"""What a voice's expert is given of a window: numbers with a name each, and the log-Mel frames that they come from."""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, Float32Array, IntArray
from streamsense.features import prosody, voice_movement
from streamsense.features.feature_columns import FeatureColumn
from streamsense.features.frame_statistics import mean_and_sd
from streamsense.features.voice_ring import VoiceRingState

_STATISTICS = {
    "mean": "mean",
    "sd": "sd",
    "delta_mean": "mean of delta",
    "delta_sd": "sd of delta",
}
TILT = 1
"""Place of the spectral tilt behind the bands of a normalised frame."""


def window_inputs(
    state: VoiceRingState, slots: IntArray, frames: int, voiced_fraction: float, pause_fraction: float
) -> dict[str, Float32Array]:
    """The inputs of a window whose frames lie in `slots`, the oldest first.

    `log_mel_statistics` (mels, 4), `prosody` (4,), `contours` (10,) and `movement` (34,) are over the voiced frames.
    `log_mel_frames` (frames, mels) are the newest frames, the newest last, in SD of the speaker's running norm, and
    `log_mel_mask` (frames,) is 1 where one is voiced; where there is no frame, or none that is voiced, both are 0.
    """
    mels = state.ring_delta.shape[1]
    is_voiced, times = state.ring_voiced.take(slots), state.ring_times.take(slots)
    contours = state.ring_contours.take(slots, axis=0)
    voiced = slots[is_voiced]
    mean, sd = mean_and_sd(state.ring_normalised, voiced)
    statistics = np.stack((mean[:mels], sd[:mels], *mean_and_sd(state.ring_delta, voiced)), axis=1)
    tilt = state.ring_normalised[slots, mels + TILT]
    log_mel, mask = _newest(state.ring_normalised, slots, is_voiced, frames, mels)
    return {
        "log_mel_statistics": statistics.astype(np.float32),
        "prosody": np.array([*mean[mels:], voiced_fraction, pause_fraction], np.float32),
        "contours": prosody.prosody(times, contours, is_voiced).astype(np.float32),
        "movement": voice_movement.voice_movement(times, contours, tilt, is_voiced).astype(np.float32),
        "log_mel_frames": log_mel,
        "log_mel_mask": mask,
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _newest(
    normalised: Float32Array, slots: IntArray, voiced: BoolArray, frames: int, mels: int
) -> tuple[Float32Array, Float32Array]:
    """The bands (frames, mels) of the newest frames that are voiced, each in its place; 1 where one is."""
    log_mel, mask = np.zeros((frames, mels), np.float32), np.zeros(frames, np.float32)
    count = min(frames, len(slots))
    for place in range(count):
        at = len(slots) - count + place
        if voiced[at]:
            mask[frames - count + place] = 1.0
            for band in range(mels):
                log_mel[frames - count + place, band] = normalised[slots[at], band]
    return log_mel, mask


def window_columns(mels: int) -> tuple[FeatureColumn, ...]:
    """Statistics of the log-Mel bands over voiced frames, in SD of the speaker's running norm; prosody; movement.

    The frames themselves are no columns: a recording of the front end's frames has them.
    """
    bands = [
        FeatureColumn(
            f"logmel_{statistic}_{band:02d}",
            "SD/frame" if statistic.startswith("delta") else "SD",
            "log_mel_statistics", (band, column),
        )
        for column, statistic in enumerate(_STATISTICS)
        for band in range(mels)
    ]  # fmt: skip
    # The other two of the prosody are the cues of the same names, rounded to float32.
    voice = [FeatureColumn(name, "SD", "prosody", (place,)) for place, name in enumerate(("voice_level", "voice_tilt"))]
    named = [
        FeatureColumn(name, unit, tensor, (place,))
        for tensor, numbers in (("contours", prosody.PROSODY), ("movement", voice_movement.MOVEMENT))
        for place, (name, unit) in enumerate(numbers.items())
    ]
    return (*bands, *voice, *named)


def contract() -> dict[str, object]:
    """The exact definition of the inputs, beside that of the contours."""
    return {
        "log_mel_statistics": list(_STATISTICS.values()),
        "contours": {"numbers": list(prosody.PROSODY), **prosody.contract()},
        "movement": voice_movement.contract(),
        "prosody": ["level", "tilt", "voiced_fraction", "pause_fraction"],
        "frames": "voiced frames of the window",
        "log_mel_frames": "normalised, the newest last; 0 where not voiced",
    }
