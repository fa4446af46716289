"""What the voice expert learns from: listeners' votes, the emotions' places, and a penalty for mixing what never mixes.

Soft labels keep every vote (Chou et al.); concordance and the penalty are the forms of SCIENCE 3.1 and 3.4.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from streamsense.arrays import FloatArray, IntArray
from streamsense.fusion.emotions import EMOTIONS, VAD_CENTROIDS
from streamsense.training.voice_clips import LABELS
from streamsense.training.voice_networks import Opinion

BORED_VAD = (-0.65, -0.62, -0.33)
"""Boredom's place by Russell & Mehrabian (1977), as recalled, not checked: it is no emotion of the mixture."""
PLACES: FloatArray = np.array([*(VAD_CENTROIDS[EMOTIONS.index(name)] for name in LABELS[:-1]), BORED_VAD])
"""Valence, arousal and dominance (7, 3) of each acted emotion."""
PENALTY, CONCORDANCE, LIKELIHOOD = 0.1, 0.3, 0.1
"""Weights of the three losses beside the cross-entropy; choices."""


def soft_labels(labels: IntArray, recognised: FloatArray) -> FloatArray:
    """The listeners' votes (n, 7): the acted emotion has the share that recognised it, the others share the rest.

    The corpus does not say what the others heard, so the rest is even. At least half is left to what was acted.
    """
    share = np.maximum(recognised, 0.5)
    votes = np.repeat(((1 - share) / (len(LABELS) - 1))[:, None], len(LABELS), axis=1)
    votes[np.arange(len(labels)), labels] = share
    return votes


def penalties(votes: FloatArray) -> FloatArray:
    """P (7, 7) with P_ij = 1 - C_ij / √(C_ii C_jj) from how often two emotions were voted for together; P_ii = 0."""
    together = votes.T @ votes
    usual = np.sqrt(np.diag(together))
    result = 1 - together / np.maximum(np.outer(usual, usual), 1e-12)
    np.fill_diagonal(result, 0.0)
    return np.asarray(result)


def class_weights(labels: IntArray, weights: FloatArray) -> FloatArray:
    """Weights (7,) that make every class that occurs count alike, mean 1 over the windows."""
    counts = np.bincount(labels, weights, len(LABELS))
    there = counts > 0
    result = np.zeros(len(LABELS))
    result[there] = weights.sum() / (counts[there] * there.sum())
    return result


def loss(opinion: Opinion, votes: Tensor, places: Tensor, weights: Tensor, penalty: Tensor) -> Tensor:
    """The loss of a batch: `votes` (batch, 7), `places` (batch, 3), `weights` (batch,), `penalty` (7, 7)."""
    log_given = functional.log_softmax(opinion.logits, dim=1)
    given = log_given.exp()
    entropy = -(votes * log_given).sum(dim=1)
    mixed = ((given @ penalty) * given).sum(dim=1)
    error = (places - opinion.vad_mean.detach()) ** 2
    likelihood = 0.5 * (opinion.vad_log_variance + error * torch.exp(-opinion.vad_log_variance)).sum(dim=1)
    each = (entropy + PENALTY * mixed + LIKELIHOOD * likelihood) * weights
    discord = 1 - concordance(opinion.vad_mean, places, weights)
    return each.sum() / weights.sum() + CONCORDANCE * discord.sum()


def concordance(given: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Lin's concordance (dimensions,) of `given` and `truth` (batch, dimensions) with weights (batch,)."""
    share = (weights / weights.sum()).unsqueeze(1)
    mean_given, mean_truth = (given * share).sum(dim=0), (truth * share).sum(dim=0)
    common = ((given - mean_given) * (truth - mean_truth) * share).sum(dim=0)
    spread = (((given - mean_given) ** 2 + (truth - mean_truth) ** 2) * share).sum(dim=0)
    return 2 * common / (spread + (mean_given - mean_truth) ** 2 + 1e-8)
