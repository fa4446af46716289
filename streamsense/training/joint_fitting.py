"""Fits the experts and their gate together: the loss is that of the fused opinion and of every head alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from streamsense.errors import ModelError
from streamsense.training.fitting import FittingSettings, Progress
from streamsense.training.fitting import fit as fit_network
from streamsense.training.joint_losses import LossWeights, Targets, importance, log_emotions, opinion_loss
from streamsense.training.joint_network import JointNet, JointNetwork, JointTensors
from streamsense.training.joint_table import JointTable
from streamsense.training.rbtransformer import RBTransformerSettings

FITTING = FittingSettings(epochs=30, batch_size=64, learning_rate=2e-3, last_learning_rate=1e-5, weight_decay=0.02)


@dataclass(frozen=True)
class JointSettings:
    """What the networks are and how they are fitted.

    Each modality of each tick is hidden from the fusion with probability `modality_dropout`, never all that are there
    (SCIENCE 3.3). `most_steps` bounds the time: of a table that is too large for `fitting.epochs` fewer are run.
    """

    fitting: FittingSettings = FITTING
    eeg: RBTransformerSettings = field(default_factory=lambda: RBTransformerSettings(width=32, depth=2))
    temporal_width: int = 16
    gate_width: int = 16
    modality_dropout: float = 0.25
    losses: LossWeights = field(default_factory=LossWeights)
    most_steps: int = 6000

    def __post_init__(self) -> None:
        if not (1 <= self.temporal_width <= 512 and 1 <= self.gate_width <= 512 and self.most_steps >= 1):
            raise ValueError(f"expected widths of 1 to 512 and most_steps of 1 or more, found {self}")
        if not 0 <= self.modality_dropout < 1:
            raise ValueError(f"modality_dropout is {self.modality_dropout}, expected 0 or more and less than 1")


def fit(
    table: JointTable,
    settings: JointSettings | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> JointNetwork:
    """A network fitted to a table: the same bytes twice, and after a stop, where `checkpoint` is given, too.

    Raises ModelError for what cannot be learned from (the message names it) and for a checkpoint that does not fit.
    """
    settings = settings or JointSettings()
    check(table)
    ticks, targets = JointTensors.of(table), Targets.of(table)

    def build() -> JointNet:
        return JointNet(table, settings.eeg, settings.temporal_width, settings.gate_width)

    def loss_of(net: JointNet, rows: Tensor) -> Tensor:
        return joint_loss(net, ticks.take(rows), targets.take(rows), settings)

    described = hashlib.sha256(repr(asdict(settings)).encode() + _digest(table)).hexdigest()
    net = fit_network(
        build, len(table), loss_of, bounded(settings, len(table)), checkpoint, progress, described=described
    )
    return JointNetwork(net.for_all(), frozenset((window.dataset, window.person) for window in table.windows))


def bounded(settings: JointSettings, rows: int) -> FittingSettings:
    """The fitting with as many epochs as `most_steps` allows for this number of rows, one at least."""
    steps = -(-rows // settings.fitting.batch_size)
    return replace(settings.fitting, epochs=max(1, min(settings.fitting.epochs, settings.most_steps // steps)))


def joint_loss(net: JointNet, ticks: JointTensors, targets: Targets, settings: JointSettings) -> Tensor:
    """The loss of a batch: of the fused opinion with some modalities hidden, of each head alone, of the gate."""
    weights = settings.losses
    opinions = net.opinions(ticks)
    shown = replace(ticks, presence=some_modalities(ticks.presence, settings.modality_dropout))
    inputs = net.fusion_inputs(opinions, shown)
    fused = net.fusion(*inputs)
    there = (ticks.presence > 0).float()
    log_probabilities = torch.log(fused.emotion_probabilities.clamp(min=1e-9))
    total = opinion_loss(fused.vad, 2 * torch.log(fused.vad_sd), log_probabilities, targets, there.amax(1), weights)
    for name, said in opinions.items():
        alone = log_emotions(said.emotion_logits, targets.known)
        counts = there[:, net.place(name)]
        total = total + weights.isolated * opinion_loss(
            said.vad_mean, said.vad_log_variance, alone, targets, counts, weights
        )
    return total + weights.importance * importance(*net.fusion.shares(inputs))


def some_modalities(presence: Tensor, dropout: float) -> Tensor:
    """The presence (batch, 3) with each modality hidden at random, and left as it was where all would be."""
    shown = presence * (torch.rand(presence.shape) >= dropout)
    return torch.where(shown.amax(1, keepdim=True) > 0, shown, presence)


def check(table: JointTable) -> None:
    """Raise ModelError, which names it, for what nothing can be learned from."""
    if not len(table) or not table.modalities:
        raise ModelError("The training table has no ticks. Expected windows that labels cover; look at the labels.")
    for modality, part in table.modalities.items():
        if not (part.presence > 0).any():
            raise ModelError(f"The training table's {modality} is nowhere present. Leave the modality out.")
        beside = {"presence": part.presence, "quality": part.quality, "age_s": part.age_s}
        for name, values in {**part.inputs, **beside}.items():
            if not np.isfinite(values).all():
                raise ModelError(_not_finite(f"{modality}.{name}", np.asarray(values), table))
    if not np.isfinite(table.weight).all() or (table.weight < 0).any() or not table.weight.any():
        raise ModelError("The weights of the training table's ticks are not all 0 or above, with one above 0.")
    if np.isinf(table.vad).any() or np.nanmax(np.abs(table.vad), initial=0.0) > 1:
        raise ModelError("The ratings of the training table are not within -1 to 1. Scale them; NaN is no rating.")
    if not np.isfinite(table.emotions).all() or (table.emotions < 0).any():
        raise ModelError("The votes for emotions in the training table are not all 0 or above.")
    if not np.isfinite(table.vad).any() and not table.emotions.any():
        raise ModelError("The training table has neither a rating nor a vote. Expected labels of one kind or both.")


def _not_finite(name: str, values: Sequence[object] | np.ndarray, table: JointTable) -> str:
    """What to say of an input with NaN or infinity: its first place, and how many there are."""
    bad = np.argwhere(~np.isfinite(np.asarray(values, np.float64)))
    place = ", ".join(map(str, bad[0][1:].tolist()))
    of_rows = len(np.unique(bad[:, 0]))
    return (
        f"The feature {name}{f'[{place}]' if place else ''} is not finite at {table.windows[int(bad[0, 0])]}, and in "
        f"{of_rows} of {len(table)} ticks in all. Features of the pipeline are always finite: make the table from "
        "them, or set such a modality absent (presence 0, inputs 0)."
    )


def _digest(table: JointTable) -> bytes:
    """What tells this table from another."""
    digest = hashlib.sha256()
    for modality, part in sorted(table.modalities.items()):
        digest.update(modality.encode())
        for name, values in sorted(part.inputs.items()):
            digest.update(name.encode() + str(values.shape).encode() + np.ascontiguousarray(values).tobytes())
        for values in (part.presence, part.quality, part.age_s):
            digest.update(np.ascontiguousarray(values).tobytes())
    for labels in (table.vad, table.emotions, table.weight):
        digest.update(np.ascontiguousarray(labels).tobytes())
    return digest.digest()
