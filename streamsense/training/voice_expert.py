"""The voice expert as the runtime takes it: two networks together, calibrated, with the mixture's emotions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from streamsense.arrays import BoolArray, FloatArray, IntArray
from streamsense.fusion.emotions import EMOTIONS
from streamsense.training.voice_clips import LABELS
from streamsense.training.voice_losses import PLACES, class_weights
from streamsense.training.voice_networks import FramesNet, FunctionalsNet, Opinion
from streamsense.training.voice_tables import FRAMES, VoiceTable

FUNCTIONALS = ("log_mel_statistics", "prosody", "contours", "movement")
"""The inputs that make the functionals, in their order; each is flattened."""
INPUTS = (*FUNCTIONALS, *FRAMES)
FRAMES_SHARE = 0.2
"""Weight of the network on frames beside the functionals' 1; chosen on the speakers in CHOSEN_ON."""
OUTPUTS = ("vad_mean", "vad_log_variance", "emotion_logits", "boredom_logit")
SHARED = len(LABELS) - 1
"""So many LABELS, from the first on, are emotions of the mixture."""
ENOUGH_VOICE = 0.4
"""Share of the window's frames from which on it holds voice enough to be judged as surely as it ever is. A choice."""
BREVITY_LIMITS = (0.0, 3.0)
NO_VOICE_VARIANCE = 1.0
VOICED_FROM, VOICED_FULLY = 0.05, 0.30
"""Share of voiced frames at which a window begins to say something, and at which it counts fully. A choice."""
_VOICED = 2


@dataclass(frozen=True)
class Opinions:
    """What a network says of n windows: `logits` (n, 7), `vad_mean` and `vad_log_variance` (n, 3)."""

    logits: FloatArray
    vad_mean: FloatArray
    vad_log_variance: FloatArray

    @property
    def probabilities(self) -> FloatArray:
        """Softmax of the logits (n, 7)."""
        powers = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def rows(self, rows: BoolArray | IntArray) -> Opinions:
        """Those windows alone."""
        return Opinions(self.logits[rows], self.vad_mean[rows], self.vad_log_variance[rows])


Said = TypeVar("Said", Opinion, Opinions)


@dataclass(frozen=True)
class Calibration:
    """Fitted on people whom the network was not trained on: logits over `temperature`, variances times `spread`.

    Times e^(`brevity` × how much voice the window lacks) too, since what was said in half a second is less sure.
    """

    temperature: float = 1.0
    spread: tuple[float, float, float] = (1.0, 1.0, 1.0)
    brevity: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def apply(self, opinions: Opinions, table: VoiceTable) -> Opinions:
        """The calibrated opinions of the table's windows."""
        return replace(
            opinions,
            logits=opinions.logits / self.temperature,
            vad_log_variance=opinions.vad_log_variance + np.log(self.spread) + np.outer(lacking(table), self.brevity),
        )


def lacking(table: VoiceTable) -> FloatArray:
    """How much voice the windows (n,) lack: 1 without any, 0 from ENOUGH_VOICE on."""
    mask = table.log_mel(np.arange(len(table.clip)))[FRAMES[1]]
    return np.asarray(np.clip(1 - mask.mean(axis=1, dtype=np.float64) / ENOUGH_VOICE, 0.0, 1.0))


def calibrate(opinions: Opinions, table: VoiceTable) -> Calibration:
    """The temperature with the best likelihood of the labels, and the variances with that of the errors.

    The temperature is that of the clips' last windows, the variances are those of all windows; classes alike.
    """
    temperature = _temperature(opinions.rows(table.last), table.label[table.clip[table.last]])
    labels = table.label[table.clip]
    weights = class_weights(labels, np.ones(len(labels)))[labels]
    errors = (PLACES[labels] - opinions.vad_mean) ** 2 / np.exp(opinions.vad_log_variance)
    lacks, spread, brevity = lacking(table), [], []
    for squared in errors.T:

        def spread_by(slope: float, squared: FloatArray = squared) -> float:
            return float(np.average(squared * np.exp(-slope * lacks), weights=weights))

        def surprise(slope: float, spread_by: Callable[[float], float] = spread_by) -> float:
            return float(np.log(spread_by(slope)) + slope * np.average(lacks, weights=weights))

        brevity.append(min(np.linspace(*BREVITY_LIMITS, 61).tolist(), key=surprise))
        spread.append(spread_by(brevity[-1]))
    return Calibration(temperature, (spread[0], spread[1], spread[2]), (brevity[0], brevity[1], brevity[2]))


def _temperature(opinions: Opinions, labels: IntArray) -> float:
    weights = class_weights(labels, np.ones(len(labels)))[labels]

    def surprise(temperature: float) -> float:
        said = replace(opinions, logits=opinions.logits / temperature).probabilities
        return float(-(weights * np.log(said[np.arange(len(labels)), labels] + 1e-12)).sum())

    candidates: list[float] = np.geomspace(0.3, 6.0, 121).tolist()
    return min(candidates, key=surprise)


def mixed(one: Said, other: Said, share: float) -> Said:
    """Two networks' opinions: the sum of the logits, the means of the others, with weights 1 and `share`."""
    return type(one)(
        one.logits + share * other.logits,
        (one.vad_mean + share * other.vad_mean) / (1 + share),
        (one.vad_log_variance + share * other.vad_log_variance) / (1 + share),
    )


class VoiceExpert(nn.Module):
    """Inputs and outputs as the runtime's contract names them, for both networks and their calibration.

    `emotion_logits` are those of the six shared emotions less their mean, and 0 where nothing was learned;
    `boredom_logit` stands beside them, on the same scale. Without voice the logits and means go to 0, the variance up.
    """

    def __init__(self, functionals: FunctionalsNet, frames: FramesNet, calibration: Calibration) -> None:
        super().__init__()
        self.functionals, self.frames = functionals, frames
        self.placement: Tensor
        self.spread: Tensor
        placement = np.zeros((SHARED, len(EMOTIONS)), np.float32)
        placement[np.arange(SHARED), [EMOTIONS.index(name) for name in LABELS[:SHARED]]] = 1.0
        self.register_buffer("placement", torch.from_numpy(placement))
        self.brevity: Tensor
        self.register_buffer("spread", torch.tensor(calibration.spread, dtype=torch.float32))
        self.register_buffer("brevity", torch.tensor(calibration.brevity, dtype=torch.float32))
        self.temperature = calibration.temperature

    def forward(
        self,
        log_mel_statistics: Tensor,
        prosody: Tensor,
        contours: Tensor,
        movement: Tensor,
        log_mel_frames: Tensor,
        log_mel_mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """OUTPUTS of the inputs (batch, ...), with the shapes that the voice's operator gives."""
        opinion = mixed(
            self.functionals(torch.cat([log_mel_statistics.flatten(1), prosody, contours, movement], dim=1)),
            self.frames(log_mel_frames, log_mel_mask),
            FRAMES_SHARE,
        )
        voiced = prosody[:, _VOICED : _VOICED + 1]
        gate = torch.clamp((voiced - VOICED_FROM) / (VOICED_FULLY - VOICED_FROM), 0.0, 1.0)
        logits = opinion.logits / self.temperature
        level = logits[:, :SHARED].mean(dim=1, keepdim=True)
        lacks = torch.clamp(1.0 - log_mel_mask.mean(dim=1, keepdim=True) / ENOUGH_VOICE, 0.0, 1.0)
        variance = torch.exp(opinion.vad_log_variance + lacks * self.brevity) * self.spread
        variance = variance + (1.0 - gate) * NO_VOICE_VARIANCE
        return (
            gate * opinion.vad_mean,
            torch.log(variance),
            gate * ((logits[:, :SHARED] - level) @ self.placement),
            gate * (logits[:, SHARED:] - level),
        )
