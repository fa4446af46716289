"""Running normalisation of a speaker's spectrum, level and tilt, and the causal delta of the log-Mel spectrum.

A speaker's own mean and spread are learned from voiced frames alone, with an exponential memory, from a prior that
counts as many frames. `PRIOR_MEAN` and `PRIOR_SD` were measured on the voiced frames of EmoDB (Burkhardt 2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.errors import ConfigError
from streamsense.features.log_mel import FRAME_HOP_S, MELS
from streamsense.profile import Part, numbers
from streamsense.streams import FloatArray

COLUMNS = MELS + 2
"""What is normalised for each frame: the log-Mel bands, the level (dB), the tilt (dB)."""
DELTA_FRAMES = 4

# fmt: off
PRIOR_MEAN = (
    -5.48, -4.21, -3.64, -3.58, -3.59, -4.21, -4.07, -4.49, -4.63, -4.94, -5.36, -5.51, -6.19, -6.27, -6.82, -6.89,
    -7.03, -7.14, -6.99, -7.23, -6.97, -7.23, -7.08, -7.21, -7.17, -7.19, -7.20, -7.17, -7.12, -7.09, -7.14, -7.21,
    -7.41, -7.56, -7.68, -7.83, -7.92, -7.87, -7.75, -7.51, -7.28, -7.12, -7.14, -7.38, -7.73, -8.05, -8.23, -8.27,
    -8.21, -8.09, -8.03, -8.11, -8.34, -8.60, -8.79, -9.01, -9.26, -9.45, -9.59, -9.64, -9.64, -9.82, -10.26, -10.88,
    -25.49, -8.60,
)
PRIOR_SD = (
    4.44, 4.71, 4.71, 4.45, 4.23, 4.19, 4.10, 4.09, 4.12, 4.09, 4.06, 4.02, 4.00, 3.92, 3.84, 3.78,
    3.75, 3.72, 3.69, 3.70, 3.69, 3.69, 3.70, 3.73, 3.73, 3.73, 3.72, 3.72, 3.72, 3.71, 3.70, 3.67,
    3.63, 3.58, 3.53, 3.47, 3.39, 3.35, 3.37, 3.42, 3.49, 3.54, 3.57, 3.58, 3.55, 3.52, 3.52, 3.53,
    3.54, 3.56, 3.57, 3.54, 3.49, 3.46, 3.47, 3.49, 3.51, 3.46, 3.39, 3.37, 3.39, 3.42, 3.43, 3.45,
    13.75, 13.76,
)
# fmt: on


@dataclass(frozen=True)
class NormalisationSettings:
    """`memory_s` of speech are remembered; the prior counts as `prior_frames`; values end at ±`limit` SD."""

    memory_s: float = 45.0
    prior_frames: int = 300
    limit: float = 8.0
    smallest_sd: float = 0.2
    prior_mean: tuple[float, ...] = PRIOR_MEAN
    prior_sd: tuple[float, ...] = PRIOR_SD

    def __post_init__(self) -> None:
        if not (len(self.prior_mean) == len(self.prior_sd) == COLUMNS and min(self.prior_sd) > 0):
            raise ValueError(f"prior_mean and prior_sd must have {COLUMNS} numbers each, prior_sd above 0")
        if not self.memory_s >= self.prior_frames * FRAME_HOP_S > 0:
            raise ValueError(f"memory_s {self.memory_s} is shorter than the prior ({self.prior_frames} frames)")
        if not (self.limit > 0 and 0 < self.smallest_sd <= 1):
            raise ValueError(f"limit {self.limit} must be above 0, smallest_sd {self.smallest_sd} above 0, at most 1")


@dataclass
class NormalisationState:
    """Mean and variance (66,), voiced frames so far [1], and the last four log-Mel frames (NaN: none).

    `speaker_learning` is False while a profile is in use.
    """

    speaker_mean: FloatArray
    speaker_variance: FloatArray
    speaker_frames: npt.NDArray[np.int64]
    delta_history: FloatArray
    speaker_learning: bool


class VoiceNormalisation:
    """Frame by frame: z = (value - mean) / SD, with the statistics of the voiced frames before it."""

    def __init__(self, settings: NormalisationSettings | None = None) -> None:
        self.settings = settings or NormalisationSettings()
        self._smallest_variance = (self.settings.smallest_sd * np.array(self.settings.prior_sd)) ** 2

    def new_state(self) -> NormalisationState:
        """State before the first frame of a speaker."""
        s = self.settings
        return NormalisationState(
            speaker_mean=np.array(s.prior_mean),
            speaker_variance=np.array(s.prior_sd) ** 2,
            speaker_frames=np.zeros(1, np.int64),
            delta_history=np.full((DELTA_FRAMES, MELS), np.nan),
            speaker_learning=True,
        )

    def restart(self, state: NormalisationState) -> None:
        """After a gap the speaker is the same, but a delta must not reach across."""
        state.delta_history[:] = np.nan

    def step(
        self, state: NormalisationState, values: FloatArray, voiced: npt.NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """For `values` (n, 66) of consecutive frames: normalised (n, 66), and delta of the log-Mel bands (n, 64).

        The delta is the slope of the line through the last five frames (the usual regression over ±2 frames, 20 ms
        late), per frame and in units of the running SD; before the segment's first frame that frame is repeated.
        """
        counted = voiced & state.speaker_learning
        return _normalise(  # type: ignore[no-any-return]
            values, counted, state.speaker_mean, state.speaker_variance, state.speaker_frames, state.delta_history,
            self._smallest_variance, self.settings.prior_frames, self.settings.memory_s / FRAME_HOP_S,
            self.settings.limit,
        )  # fmt: skip

    def learned(self, state: NormalisationState) -> dict[str, object] | None:
        """The speaker's mean and spread, for a profile; None before they outweigh the prior."""
        if state.speaker_learning and state.speaker_frames[0] < self.settings.prior_frames:
            return None
        return {"mean": state.speaker_mean.tolist(), "variance": state.speaker_variance.tolist()}

    def use_profile(self, state: NormalisationState, part: Part | None) -> None:
        """Keep a profile's mean and variance from now on; None: go on learning. Raises ConfigError if unfit."""
        if part is not None:
            mean, variance = numbers(part, "mean", COLUMNS), numbers(part, "variance", COLUMNS)
            if not (variance > 0).all():
                raise ConfigError("The profile has a variance of the voice that is not above 0. Make a new profile.")
            state.speaker_mean, state.speaker_variance = mean, variance
        state.speaker_learning = part is None

    def contract(self) -> dict[str, object]:
        """The exact definition of the normalisation."""
        s = self.settings
        return {
            "columns": "64 log-Mel bands, level (dB), tilt (dB)",
            "memory_s": s.memory_s,
            "prior_frames": s.prior_frames,
            "prior_mean": list(s.prior_mean),
            "prior_sd": list(s.prior_sd),
            "smallest_sd": s.smallest_sd,
            "limit": s.limit,
            "statistics": "voiced frames before this one",
            "delta": "(2 c[t] + c[t-1] - c[t-3] - 2 c[t-4]) / 10, over the running SD",
        }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _normalise(
    values: FloatArray,
    counted: npt.NDArray[np.bool_],
    mean: FloatArray,
    variance: FloatArray,
    frames: npt.NDArray[np.int64],
    history: FloatArray,
    smallest_variance: FloatArray,
    prior_frames: int,
    memory_frames: float,
    limit: float,
) -> tuple[FloatArray, FloatArray]:
    count, mels = len(values), history.shape[1]
    normalised = np.empty(values.shape)
    delta = np.empty((count, mels))
    for i in range(count):
        if np.isnan(history[0, 0]):
            for k in range(len(history)):
                for j in range(mels):
                    history[k, j] = values[i, j]
        weight = 1 / min(memory_frames, prior_frames + frames[0] + 1.0)
        for j in range(values.shape[1]):
            scale = np.sqrt(max(variance[j], smallest_variance[j]))
            normalised[i, j] = max(-limit, min(limit, (values[i, j] - mean[j]) / scale))
            if j < mels:
                slope = 2 * (values[i, j] - history[0, j]) + (history[3, j] - history[1, j])
                delta[i, j] = slope / 10 / scale
            if counted[i]:
                # Exponentially weighted mean and variance (West 1979); at first the weight is that of a plain mean.
                distance = values[i, j] - mean[j]
                mean[j] += weight * distance
                variance[j] = (1 - weight) * (variance[j] + weight * distance * distance)
        if counted[i]:
            frames[0] += 1
        # Number by number: assignments of whole rows would take three seconds more to compile.
        for j in range(mels):
            for k in range(len(history) - 1):
                history[k, j] = history[k + 1, j]
            history[-1, j] = values[i, j]
    return normalised, delta
