"""Fits the voice expert's networks to tables of windows: seeded, the same weights twice on one machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from streamsense.arrays import Float32Array
from streamsense.training.fitting import FittingSettings, exactly, fit
from streamsense.training.voice_expert import FUNCTIONALS, Opinions
from streamsense.training.voice_losses import PLACES, class_weights, loss, penalties, soft_labels
from streamsense.training.voice_networks import FramesNet, FunctionalsNet, Opinion
from streamsense.training.voice_tables import VoiceTable

L2_OF_BANDS, L2_OF_OTHERS = 0.15, 0.03
"""Half of them times the squared weights of the standardised functionals is added to the loss: of the many numbers
that neighbouring bands share, and of the few that stand for themselves. Chosen on the speakers in CHOSEN_ON."""
LEARNED_FROM_S = 1.6
"""Windows that heard less of their clip are not learned from: what they lack would blur the rest."""
FRAMES_FITTING = FittingSettings(
    epochs=15, batch_size=64, learning_rate=3e-3, last_learning_rate=1e-5, weight_decay=0.05
)
_STEPS = 60
_SAID_AT_ONCE = 512
_MOST_HIDDEN_BANDS = 8


def functionals(table: VoiceTable, names: Sequence[str] = FUNCTIONALS) -> Float32Array:
    """The functionals (n, numbers) of the windows: every number in the inputs of these names."""
    return np.concatenate([table.inputs[name].reshape(len(table.clip), -1) for name in names], axis=1)


def fit_functionals(table: VoiceTable, names: Sequence[str] = FUNCTIONALS) -> FunctionalsNet:
    """A network on the functionals of the table's later windows; the loss is nearly convex, so no seed matters."""
    table = table.windows(table.last | (table.heard_s >= LEARNED_FROM_S - 1e-9))
    values, targets = torch.from_numpy(functionals(table, names)), _Targets(table)
    shrink = [
        np.full(table.inputs[name][0].size, L2_OF_BANDS if name == "log_mel_statistics" else L2_OF_OTHERS, np.float32)
        for name in names
    ]
    rows, l2 = torch.arange(len(values)), torch.from_numpy(np.concatenate(shrink))
    with exactly(0):
        net = FunctionalsNet(values.mean(dim=0), values.std(dim=0) + 1e-3)
        heads = (net.heads.emotions.weight, net.heads.vad.weight, net.heads.spread.weight)
        optimiser = torch.optim.LBFGS(net.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimiser.zero_grad()
            squares = torch.stack([(l2 * weight.square()).sum() for weight in heads]).sum()
            total = targets.loss(net(values), rows) + 0.5 * squares
            total.backward()  # type: ignore[no-untyped-call]
            return total

        optimiser.step(closure)  # type: ignore[no-untyped-call]
    return net.eval()


def fit_frames(table: VoiceTable, seed: int, epochs: int = FRAMES_FITTING.epochs) -> FramesNet:
    """A network on the log-Mel frames of each clip's last window."""
    table = table.windows(table.last)
    frames, targets = _Frames(table), _Targets(table)

    def loss_of(net: FramesNet, rows: Tensor) -> Tensor:
        return targets.loss(net(*_with_hidden_bands(*frames.of(rows))), rows)

    settings = replace(FRAMES_FITTING, seed=seed, epochs=epochs)
    return fit(lambda: FramesNet(table.frames.shape[2]), len(table.clip), loss_of, settings)


def say_functionals(net: FunctionalsNet, table: VoiceTable, names: Sequence[str] = FUNCTIONALS) -> Opinions:
    """What the network says of every window."""
    values = torch.from_numpy(functionals(table, names))
    return _said(lambda rows: net(values[rows]), len(values))


def say_frames(net: FramesNet, table: VoiceTable) -> Opinions:
    """What the network says of every window."""
    frames = _Frames(table)
    return _said(lambda rows: net(*frames.of(rows)), len(table.clip))


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
    """Batches of log-Mel frames and their masks, as the pipeline hands them to the expert."""

    def __init__(self, table: VoiceTable) -> None:
        self._table = table

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        frames, mask = (torch.from_numpy(values) for values in self._table.log_mel(rows.numpy()).values())
        return frames, mask


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
