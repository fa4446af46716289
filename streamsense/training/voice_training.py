"""Fits the voice expert's networks to tables of windows: seeded, the same weights twice on one machine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from streamsense.training.fitting import FittingSettings, exactly, fit
from streamsense.training.voice_expert import INPUTS, Opinions
from streamsense.training.voice_losses import PLACES, class_weights, loss, penalties, soft_labels
from streamsense.training.voice_networks import FunctionalsNet, LogMelNet, Opinion
from streamsense.training.voice_tables import VoiceTable

L2 = 0.2
"""Half of it times the squared weights is added to the loss of the functionals."""
LEARNED_FROM_S = 1.6
"""Windows that heard less of their clip are not learned from: what they lack would blur the rest."""
LOG_MEL_FITTING = FittingSettings(
    epochs=15, batch_size=64, learning_rate=3e-3, last_learning_rate=1e-5, weight_decay=0.05
)
_STEPS = 60
_SAID_AT_ONCE = 512
_MOST_HIDDEN_BANDS = 8

Float32Array = npt.NDArray[np.float32]


def functionals(table: VoiceTable) -> Float32Array:
    """The functionals (n, numbers) of the windows: every number that the pipeline hands to the voice's expert."""
    return np.concatenate([table.inputs[name].reshape(len(table.clip), -1) for name in INPUTS], axis=1)


def fit_functionals(table: VoiceTable) -> FunctionalsNet:
    """A network on the functionals of the table's later windows; the loss is nearly convex, so no seed matters."""
    table = table.windows(table.last | (table.heard_s >= LEARNED_FROM_S - 1e-9))
    values, targets = torch.from_numpy(functionals(table)), _Targets(table)
    rows = torch.arange(len(values))
    with exactly(0):
        net = FunctionalsNet(values.mean(dim=0), values.std(dim=0) + 1e-3)
        heads = (net.heads.emotions.weight, net.heads.vad.weight, net.heads.spread.weight)
        optimiser = torch.optim.LBFGS(net.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimiser.zero_grad()
            squares = torch.stack([weight.square().sum() for weight in heads]).sum()
            total = targets.loss(net(values), rows) + 0.5 * L2 * squares
            total.backward()  # type: ignore[no-untyped-call]
            return total

        optimiser.step(closure)  # type: ignore[no-untyped-call]
    return net.eval()


def fit_log_mel(table: VoiceTable, seed: int, settings: FittingSettings = LOG_MEL_FITTING) -> LogMelNet:
    """A network on the log-Mel frames of each clip's last window."""
    table = table.windows(table.last)
    frames, targets = _Frames(table), _Targets(table)

    def loss_of(net: LogMelNet, rows: Tensor) -> Tensor:
        return targets.loss(net(*_with_hidden_bands(*frames.of(rows))), rows)

    settings = FittingSettings(**{**vars(settings), "seed": seed})
    return fit(lambda: LogMelNet(table.frames.shape[2]), len(table.clip), loss_of, settings)


def say_functionals(net: FunctionalsNet, table: VoiceTable) -> Opinions:
    """What the network says of every window."""
    values = torch.from_numpy(functionals(table))
    return _said(lambda rows: net(values[rows]), len(values))


def say_log_mel(net: LogMelNet, table: VoiceTable) -> Opinions:
    """What the network says of every window."""
    frames = _Frames(table)
    return _said(lambda rows: net(*frames.of(rows)), len(table.clip))


def mixed(one: Opinions, other: Opinions, share: float) -> Opinions:
    """Two networks' opinions: the sums of logits, the means of the others, with weights 1 and `share`."""
    return Opinions(
        one.logits + share * other.logits,
        (one.vad_mean + share * other.vad_mean) / (1 + share),
        (one.vad_log_variance + share * other.vad_log_variance) / (1 + share),
    )


class _Targets:
    """What is learned of each window; every clip counts alike in its class, every class alike."""

    def __init__(self, table: VoiceTable) -> None:
        labels = table.label[table.clip]
        votes = soft_labels(table.label, table.recognised)
        of_clip = 1 / np.bincount(table.clip, minlength=len(table.label))[table.clip]
        weights = of_clip * class_weights(labels, of_clip)[labels]
        penalty = penalties(votes[np.unique(table.clip)])  # the voices of others must not be counted
        self.votes = torch.from_numpy(votes[table.clip].astype(np.float32))
        self.places = torch.from_numpy(PLACES[labels].astype(np.float32))
        self.weights = torch.from_numpy((weights / weights.mean()).astype(np.float32))
        self.penalty = torch.from_numpy(penalty.astype(np.float32))

    def loss(self, opinion: Opinion, rows: Tensor) -> Tensor:
        return loss(opinion, self.votes[rows], self.places[rows], self.weights[rows], self.penalty)


class _Frames:
    """Batches of log-Mel frames and their masks: the voiced frames before the tick."""

    def __init__(self, table: VoiceTable) -> None:
        self._frames = torch.from_numpy(table.frames)
        self._voiced = torch.from_numpy(table.voiced)
        self._clip = torch.from_numpy(table.clip)
        self._before = torch.from_numpy(table.frames_before)
        self._places = torch.arange(table.frames.shape[1])

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        clip = self._clip[rows]
        there = self._voiced[clip] & (self._places < self._before[rows].unsqueeze(1))
        return self._frames[clip], there.float()


def _with_hidden_bands(frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Two stretches of neighbouring bands of each window are left out, at random (Park et al. 2019)."""
    bands = torch.arange(frames.shape[2])
    for _ in range(2):
        width = torch.randint(0, _MOST_HIDDEN_BANDS + 1, (len(frames), 1))
        first = (torch.rand(len(frames), 1) * (len(bands) - width)).long()
        frames = frames.masked_fill(((bands >= first) & (bands < first + width)).unsqueeze(1), 0.0)
    return frames, mask


def _said(say: Callable[[Tensor], Opinion], count: int) -> Opinions:
    with torch.no_grad(), exactly(0):
        parts = [say(rows) for rows in torch.split(torch.arange(count), _SAID_AT_ONCE)]
    logits, mean, log_variance = (
        torch.cat([part[place] for part in parts]).numpy().astype(np.float64) for place in range(3)
    )
    return Opinions(logits, mean, log_variance)
