"""The voice expert's networks: one on the numbers of a window, one on its log-Mel frames, with the same heads.

Both give logits of the acted emotions, and mean and log-variance of valence, arousal and dominance. Masks and pooling
are written out, so that a window of any length has the same meaning and the graph exports as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from streamsense.training.voice_clips import LABELS

CLASSES = len(LABELS)
DIMENSIONS = 3
LOG_VARIANCE_LIMITS = (-5.0, 1.0)


class Opinion(NamedTuple):
    """`logits` (batch, 7), `vad_mean` (batch, 3) in (-1, 1), `vad_log_variance` (batch, 3)."""

    logits: Tensor
    vad_mean: Tensor
    vad_log_variance: Tensor


class Heads(nn.Module):
    """The three outputs of one hidden vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.emotions = nn.Linear(width, CLASSES)
        self.vad = nn.Linear(width, DIMENSIONS)
        self.spread = nn.Linear(width, DIMENSIONS)
        nn.init.zeros_(self.spread.weight)
        nn.init.constant_(self.spread.bias, -1.5)

    def forward(self, hidden: Tensor) -> Opinion:
        """Of `hidden` (batch, width)."""
        log_variance = torch.clamp(self.spread(hidden.detach()), *LOG_VARIANCE_LIMITS)
        return Opinion(self.emotions(hidden), torch.tanh(self.vad(hidden)), log_variance)


class FunctionalsNet(nn.Module):
    """The heads on standardised functionals of a window, without a hidden layer: 400 clips do not carry one.

    `mean` and `scale` (numbers,) standardise; what lies beyond ±`limit` of that is cut, so that a strange microphone
    cannot carry the network away.
    """

    def __init__(self, mean: Tensor, scale: Tensor, limit: float = 4.0) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.limit = limit
        self.heads = Heads(len(mean))
        for head in (self.heads.emotions, self.heads.vad):
            nn.init.zeros_(head.weight)

    def forward(self, functionals: Tensor) -> Opinion:
        """Of `functionals` (batch, numbers)."""
        opinion: Opinion = self.heads(torch.clamp((functionals - self.mean) / self.scale, -self.limit, self.limit))
        return opinion


class FramesNet(nn.Module):
    """Two convolutions over time on normalised log-Mel frames of 20 ms, then mean and spread over the voiced ones."""

    def __init__(self, mels: int = 64, width: int = 64, dropout: float = 0.4) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv1d(inputs, width, 5, padding=2, bias=False) for inputs in (mels, width)]
        )
        self.norms = nn.ModuleList([nn.BatchNorm1d(width) for _ in self.convolutions])
        self.kept = nn.Dropout(dropout)
        self.score = nn.Linear(width, 1)
        self.heads = Heads(3 * width)

    def forward(self, frames: Tensor, mask: Tensor) -> Opinion:
        """Of `frames` (batch, time, mels) and `mask` (batch, time): 1 where a frame counts, 0 where it does not."""
        values, mask = halved(frames, mask)
        values, there = values.transpose(1, 2), mask.unsqueeze(1)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            values = self.kept(torch.relu(norm(convolution(values))) * there)
        values = values.transpose(1, 2)
        opinion: Opinion = self.heads(self.kept(pooled(values, mask, self.score(values).squeeze(2))))
        return opinion


def halved(frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of each two neighbouring frames (batch, time / 2, bands), of those that count, and the mask of it."""
    batch, time, bands = frames.shape
    counted = mask.reshape(batch, time // 2, 2)
    count = counted.sum(dim=2)
    total = (frames.reshape(batch, time // 2, 2, bands) * counted.unsqueeze(3)).sum(dim=2)
    return total / torch.clamp(count, min=1.0).unsqueeze(2), torch.clamp(count, max=1.0)


def pooled(values: Tensor, mask: Tensor, score: Tensor) -> Tensor:
    """Mean, spread and attended mean (batch, 3 width) of `values` (batch, time, width) where `mask` (batch, time) is 1.

    `score` (batch, time) are the attention's logits. Without a frame all three are 0.
    """
    count = torch.clamp(mask.sum(dim=1, keepdim=True), min=1.0)
    weighed = mask.unsqueeze(2)
    mean = (values * weighed).sum(dim=1) / count
    square = ((values - mean.unsqueeze(1)) ** 2 * weighed).sum(dim=1) / count
    attention = torch.exp(torch.clamp(score, -10.0, 10.0)) * mask
    attention = attention / torch.clamp(attention.sum(dim=1, keepdim=True), min=1e-6)
    attended = (values * attention.unsqueeze(2)).sum(dim=1)
    return torch.cat([mean, torch.sqrt(square + 1e-6), attended], dim=1)
