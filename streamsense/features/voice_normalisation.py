"""Running normalisation of a speaker's spectrum, level and tilt, and the causal delta of the log-Mel spectrum.

A speaker's own mean and spread are learned from voiced frames alone, with an exponential memory, from a prior that
counts as many frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray, IntArray
from streamsense.errors import ConfigError
from streamsense.features.log_mel import FRAME_HOP_S
from streamsense.features.voice_priors import PRIOR_MEAN, PRIOR_SD
from streamsense.profile import Part, numbers

BESIDE_BANDS = 2
"""What is normalised for each frame beside the log-Mel bands: the level (dB), the tilt (dB)."""
DELTA_FRAMES = 4


@dataclass(frozen=True)
class NormalisationSettings:
    """`memory_s` of speech are remembered; the prior counts as `prior_frames`; values end at ±`limit` SD.

    The prior has one mean and one SD for each log-Mel band, then for level and tilt: `for_mels` has both.
    """

    memory_s: float = 45.0
    prior_frames: int = 300
    limit: float = 8.0
    smallest_sd: float = 0.2
    prior_mean: tuple[float, ...] = PRIOR_MEAN[64]
    prior_sd: tuple[float, ...] = PRIOR_SD[64]

    @staticmethod
    def for_mels(mels: int) -> NormalisationSettings:
        """The usual settings for so many log-Mel bands."""
        return NormalisationSettings(prior_mean=PRIOR_MEAN[mels], prior_sd=PRIOR_SD[mels])

    @property
    def mels(self) -> int:
        """How many log-Mel bands are normalised."""
        return len(self.prior_mean) - BESIDE_BANDS

    def __post_init__(self) -> None:
        if not (self.mels > 0 and len(self.prior_mean) == len(self.prior_sd) and min(self.prior_sd) > 0):
            raise ValueError("prior_mean and prior_sd must have as many numbers each, prior_sd above 0")
        if not self.memory_s >= self.prior_frames * FRAME_HOP_S > 0:
            raise ValueError(f"memory_s {self.memory_s} is shorter than the prior ({self.prior_frames} frames)")
        if not (self.limit > 0 and 0 < self.smallest_sd <= 1):
            raise ValueError(f"limit {self.limit} must be above 0, smallest_sd {self.smallest_sd} above 0, at most 1")


@dataclass
class NormalisationState:
    """Mean and variance (mels + 2,), voiced frames so far [1], and the last four log-Mel frames (NaN: none).

    `speaker_learning` is False while a profile is in use.
    """

    speaker_mean: FloatArray
    speaker_variance: FloatArray
    speaker_frames: IntArray
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
            delta_history=np.full((DELTA_FRAMES, s.mels), np.nan),
            speaker_learning=True,
        )

    def restart(self, state: NormalisationState) -> None:
        """After a gap the speaker is the same, but a delta must not reach across."""
        state.delta_history[:] = np.nan

    def step(self, state: NormalisationState, values: FloatArray, voiced: BoolArray) -> tuple[FloatArray, FloatArray]:
        """For `values` (n, mels + 2) of consecutive frames: normalised, likewise, and delta of the bands (n, mels).

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
        if state.speaker_frames[0] < self.settings.prior_frames:
            return None
        return {"mean": state.speaker_mean.tolist(), "variance": state.speaker_variance.tolist()}

    def forget(self, state: NormalisationState) -> None:
        """Begin with the prior again, and learn."""
        fresh = self.new_state()
        state.speaker_mean, state.speaker_variance = fresh.speaker_mean, fresh.speaker_variance
        state.speaker_frames, state.speaker_learning = fresh.speaker_frames, True

    def use_profile(self, state: NormalisationState, part: Part | None) -> None:
        """Keep a profile's mean and variance from now on; None: go on learning. Raises ConfigError if unfit."""
        if part is not None:
            count = len(self.settings.prior_mean)
            mean, variance = numbers(part, "mean", count), numbers(part, "variance", count)
            if not (variance > 0).all():
                raise ConfigError("The profile has a variance of the voice that is not above 0. Make a new profile.")
            state.speaker_mean, state.speaker_variance = mean, variance
        state.speaker_learning = part is None

    def contract(self) -> dict[str, object]:
        """The exact definition of the normalisation."""
        s = self.settings
        return {
            "columns": f"{s.mels} log-Mel bands, level (dB), tilt (dB)",
            "memory_s": s.memory_s,
            "prior_frames": s.prior_frames,
            "prior_mean": list(s.prior_mean),
            "prior_sd": list(s.prior_sd),
            "smallest_sd": s.smallest_sd,
            "limit": s.limit,
            "statistics": "voiced frames before this one",
            "delta": "(2 c[t] + c[t-1] - c[t-3] - 2 c[t-4]) / 10, over the running SD",
        }


# Numpy's rule of division, and loops without branches: so several columns are computed with one instruction.
@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _normalise(
    values: FloatArray,
    counted: BoolArray,
    mean: FloatArray,
    variance: FloatArray,
    frames: IntArray,
    history: FloatArray,
    smallest_variance: FloatArray,
    prior_frames: int,
    memory_frames: float,
    limit: float,
) -> tuple[FloatArray, FloatArray]:
    count, columns, mels = len(values), values.shape[1], history.shape[1]
    normalised, delta, scale = np.empty(values.shape), np.empty((count, mels)), np.empty(columns)
    for i in range(count):
        row = values[i]
        if np.isnan(history[0, 0]):
            for k in range(len(history)):
                for j in range(mels):
                    history[k, j] = row[j]
        for j in range(columns):
            least = smallest_variance[j]
            scale[j] = np.sqrt(variance[j] if variance[j] > least else least)
        for j in range(columns):
            z = (row[j] - mean[j]) / scale[j]
            z = z if z < limit else limit
            normalised[i, j] = z if z > -limit else -limit
        for j in range(mels):
            slope = 2 * (row[j] - history[0, j]) + (history[3, j] - history[1, j])
            delta[i, j] = slope / 10 / scale[j]
        if counted[i]:
            # Exponentially weighted mean and variance (West 1979); at first the weight is that of a plain mean.
            weight = 1 / min(memory_frames, prior_frames + frames[0] + 1.0)
            for j in range(columns):
                distance = row[j] - mean[j]
                mean[j] += weight * distance
                variance[j] = (1 - weight) * (variance[j] + weight * distance * distance)
            frames[0] += 1
        for j in range(mels):
            history[0, j], history[1, j], history[2, j] = history[1, j], history[2, j], history[3, j]
            history[3, j] = row[j]
    return normalised, delta
