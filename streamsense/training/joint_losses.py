"""What experts and their fusion learn from: ratings with a variance, every rater's vote, and balance between experts.

The loss of one opinion is Gaussian likelihood and concordance for valence, arousal and dominance (SCIENCE 3.1), and
soft-label cross-entropy with a penalty for mixing emotions that raters never mix (SCIENCE 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.training.joint_table import JointTable
from streamsense.training.voice_losses import concordance, penalties

LARGEST_CLASS_WEIGHT: Final = 5.0
"""Of an emotion that was hardly ever voted for: more would let single windows steer everything."""
_TINY = 1e-8
_NO_LOGIT = -1e4


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts beside likelihood and cross-entropy. The penalty is SCIENCE 3.4's; others are choices.

    `isolated` is that of each modality's own head beside the fused opinion; `importance` that of the gate's balance.
    """

    concordance: float = 1.0
    penalty: float = 0.1
    isolated: float = 1.0
    importance: float = 0.01

    def __post_init__(self) -> None:
        if min(self.concordance, self.penalty, self.isolated, self.importance) < 0:
            raise ValueError(f"expected weights of 0 or more, found {self}")


@dataclass(frozen=True, eq=False)
class Targets:
    """What n ticks are labelled with, as tensors: what there is no label for has weight 0.

    `vad` (n, 3) with `rated` (n, 3); `votes` (n, 8) with `voted` (n,), in which the class weights are; `penalty` (8, 8)
    and `known` (8,), which emotions anybody voted for.
    """

    vad: Tensor
    rated: Tensor
    votes: Tensor
    voted: Tensor
    penalty: Tensor
    known: Tensor

    @classmethod
    def of(cls, table: JointTable) -> Targets:
        """Of a table's labels."""
        there = np.isfinite(table.vad)
        weight = table.weight / max(float(table.weight.mean()), _TINY)
        votes = shares(table.emotions)
        voted = weight * (votes @ emotion_weights(votes, weight))
        return cls(
            _tensor(np.where(there, table.vad, 0.0)),
            _tensor(there * weight[:, None]),
            _tensor(votes),
            _tensor(voted),
            _tensor(penalties(votes)),
            _tensor(votes.max(axis=0, initial=0.0) > 0),
        )

    def take(self, rows: Tensor) -> Targets:
        """Those of these ticks."""
        return Targets(self.vad[rows], self.rated[rows], self.votes[rows], self.voted[rows], self.penalty, self.known)


def shares(emotions: FloatArray) -> FloatArray:
    """The raters' shares (n, 8), each row summing to 1, or to 0 where nobody voted: no vote is lost."""
    total = emotions.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(emotions, total, out=np.zeros_like(emotions), where=total > 0))


def emotion_weights(votes: FloatArray, weight: FloatArray) -> FloatArray:
    """Weights (8,) that make every emotion count alike that was voted for; 1 in the mean of the votes."""
    counts = weight @ votes
    there = counts > 0
    if not there.any():
        return np.zeros(len(counts))
    even = np.where(there, counts.sum() / (there.sum() * np.where(there, counts, 1.0)), 0.0)
    limited = np.minimum(even, LARGEST_CLASS_WEIGHT)
    return np.asarray(limited * counts.sum() / (limited @ counts))


def opinion_loss(
    mean: Tensor,
    log_variance: Tensor,
    log_probabilities: Tensor,
    targets: Targets,
    counts: Tensor,
    weights: LossWeights,
) -> Tensor:
    """The loss of one opinion (batch, 3), (batch, 3), (batch, 8) where `counts` (batch,) is above 0."""
    rated = targets.rated * counts[:, None]
    surprise = 0.5 * (log_variance + (targets.vad - mean) ** 2 * torch.exp(-log_variance))
    likelihood = (surprise * rated).sum() / rated.sum().clamp(min=_TINY)
    voted = targets.voted * counts
    entropy = -(targets.votes * log_probabilities).sum(1)
    given = log_probabilities.exp()
    mixed = ((given @ targets.penalty) * given).sum(1)
    emotions = ((entropy + weights.penalty * mixed) * voted).sum() / voted.sum().clamp(min=_TINY)
    return likelihood + weights.concordance * _discordance(mean, targets.vad, rated) + emotions


def _discordance(mean: Tensor, truth: Tensor, rated: Tensor) -> Tensor:
    """1 less concordance, mean of the dimensions that have two ratings or more."""
    parts = []
    for dimension in range(len(DIMENSIONS)):
        weight = rated[:, dimension]
        if int((weight > 0).sum()) >= 2:
            at = slice(dimension, dimension + 1)
            parts.append(1 - concordance(mean[:, at], truth[:, at], weight)[0])
    return torch.stack(parts).mean() if parts else mean.sum() * 0.0


def log_emotions(logits: Tensor, known: Tensor) -> Tensor:
    """Log-probabilities (batch, 8) of those emotions that anybody voted for; hardly any for the others."""
    return torch.log_softmax(logits + (1 - known) * _NO_LOGIT, dim=1)


def importance(gated: Tensor, usual: Tensor) -> Tensor:
    """Squared coefficient of variation of how much a gate gives each expert over a batch, against no gate.

    The importance loss of Shazeer et al. (2017, arXiv 1701.06538), eq. 7. `gated` and `usual` (batch, 3) are shares of
    each row; experts that are never there do not count. It keeps the gate from forgetting one for good.
    """
    there = usual.sum(0) > 0
    ratio = gated.sum(0)[there] / usual.sum(0)[there]
    if len(ratio) < 2:
        return gated.sum() * 0.0
    return ratio.var(correction=0) / (ratio.mean() ** 2 + _TINY)


def _tensor(values: FloatArray | npt.NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
