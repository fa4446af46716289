"""Heads and gate as one network, what it says of a table of ticks, and what it has evidence for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from streamsense.arrays import Float32Array, FloatArray
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.models.expert import LOG_VARIANCE_RANGE, PRIOR_LOG_VARIANCE
from streamsense.score import AGE_UNKNOWN_S
from streamsense.streams import MODALITIES, Modality
from streamsense.training.fitting import exactly
from streamsense.training.gated_fusion import Fused, FusionInputs, GatedFusion
from streamsense.training.heads import Head, HeadOutput, head_for
from streamsense.training.joint_table import JointTable
from streamsense.training.rbtransformer import RBTransformerSettings

_AT_ONCE = 256


class Expert(nn.Module):
    """A head as the runtime's expert: with evidence, and with the calibration that held-out people gave it.

    `temperature` (1,) divides the logits; the log-variance becomes `offset` + `slope` × itself, both (3,).
    """

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head
        self.temperature: Tensor
        self.offset: Tensor
        self.slope: Tensor
        self.register_buffer("temperature", torch.ones(1))
        self.register_buffer("offset", torch.zeros(len(DIMENSIONS)))
        self.register_buffer("slope", torch.ones(len(DIMENSIONS)))

    def forward(self, *inputs: Tensor) -> HeadOutput:
        """Of the head's inputs, in their order."""
        said: HeadOutput = self.head(*inputs)
        log_variance = (self.offset + self.slope * said.vad_log_variance).clamp(*LOG_VARIANCE_RANGE)
        return HeadOutput(said.vad_mean, log_variance, said.emotion_logits / self.temperature)


class JointNet(nn.Module):
    """An expert for each modality that a table has, and the gate over all three.

    `vad_evidence` (3,) and `emotion_evidence` (8,) are 1 for what the table has labels of.
    """

    def __init__(self, table: JointTable, eeg: RBTransformerSettings, temporal_width: int, gate_width: int) -> None:
        super().__init__()
        self.modalities = tuple(modality for modality in MODALITIES if modality in table.modalities)
        self.experts = nn.ModuleDict(
            {name: Expert(head_for(name, table.modalities[name], eeg, temporal_width)) for name in self.modalities}
        )
        self.fusion = GatedFusion(gate_width)
        self.vad_evidence: Tensor
        self.emotion_evidence: Tensor
        self.register_buffer("vad_evidence", torch.from_numpy(np.isfinite(table.vad).any(axis=0)).float())
        self.register_buffer("emotion_evidence", torch.from_numpy((table.emotions > 0).any(axis=0)).float())

    def inputs_of(self, modality: Modality) -> tuple[str, ...]:
        """What this modality's expert takes, in the order of its arguments."""
        return self.expert(modality).head.inputs

    def expert(self, modality: Modality) -> Expert:
        """The expert of one modality."""
        return cast("Expert", self.experts[modality])

    @staticmethod
    def place(modality: Modality) -> int:
        """The column of a modality in every array that has one for each."""
        return MODALITIES.index(modality)

    def for_all(self) -> JointNet:
        """The same network for whatever electrodes the runtime gives it."""
        for name in self.modalities:
            expert = self.expert(name)
            expert.head = expert.head.for_all()
        return self

    def opinions(self, ticks: JointTensors) -> dict[Modality, HeadOutput]:
        """What each expert says, as the runtime takes it: the prior where it is absent, or has no evidence."""
        said: dict[Modality, HeadOutput] = {}
        for name, inputs in ticks.inputs.items():
            if name not in self.experts:
                continue
            raw: HeadOutput = self.experts[name](*(inputs[key] for key in self.inputs_of(name)))
            there = ticks.presence[:, self.place(name), None] > 0
            rated, voted = (there & (evidence > 0) for evidence in (self.vad_evidence, self.emotion_evidence))
            said[name] = HeadOutput(
                torch.where(rated, raw.vad_mean, 0.0),
                torch.where(rated, raw.vad_log_variance, PRIOR_LOG_VARIANCE),
                torch.where(voted, raw.emotion_logits, 0.0),
            )
        return said

    def fusion_inputs(self, opinions: Mapping[Modality, HeadOutput], ticks: JointTensors) -> FusionInputs:
        """What the fusion is given; of a modality without an expert the prior."""
        shape = (len(ticks.presence), len(DIMENSIONS))
        zeros = self.vad_evidence.new_zeros
        nothing = HeadOutput(zeros(shape), zeros(shape) + PRIOR_LOG_VARIANCE, zeros(shape[0], len(EMOTIONS)))
        said = [opinions.get(name, nothing) for name in MODALITIES]
        mean, log_variance, logits = (torch.stack([one[part] for one in said], dim=1) for part in range(3))
        has = zeros(len(MODALITIES)) + torch.tensor([float(name in opinions) for name in MODALITIES])
        rated, voted = (
            (has[:, None] * known).expand(shape[0], -1, -1) for known in (self.vad_evidence, self.emotion_evidence)
        )
        return FusionInputs(
            mean, log_variance, logits, rated, voted, ticks.presence, ticks.quality, ticks.age_s,
            zeros(shape), zeros(shape) + 1.0,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class JointTensors:
    """Ticks as a network takes them: inputs by modality and name, presence, quality and age (n, 3)."""

    inputs: Mapping[Modality, Mapping[str, Tensor]]
    presence: Tensor
    quality: Tensor
    age_s: Tensor

    @classmethod
    def of(cls, table: JointTable) -> JointTensors:
        """Of a table."""
        inputs = {
            modality: {name: _tensor(value) for name, value in part.inputs.items()}
            for modality, part in table.modalities.items()
        }
        nothing = np.zeros(len(table))
        parts = [table.modalities.get(modality) for modality in MODALITIES]
        presence, quality, age_s = (
            _tensor(np.stack([of_none if part is None else getattr(part, name) for part in parts], axis=1))
            for name, of_none in (("presence", nothing), ("quality", nothing), ("age_s", nothing + AGE_UNKNOWN_S))
        )
        return cls(inputs, presence, quality, age_s)

    def take(self, rows: Tensor) -> JointTensors:
        """These ticks only."""
        inputs = {
            modality: {name: value[rows] for name, value in part.items()} for modality, part in self.inputs.items()
        }
        return JointTensors(inputs, self.presence[rows], self.quality[rows], self.age_s[rows])


@dataclass(frozen=True, eq=False)
class JointNetwork:
    """A fitted network, and the people whom it was fitted to: (set, person)."""

    net: JointNet
    people: frozenset[tuple[str, str]]

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Those that it has an expert for."""
        return self.net.modalities

    @property
    def evidence_dimensions(self) -> tuple[str, ...]:
        """The dimensions that it was shown ratings of: what a card may name."""
        return tuple(name for name, known in zip(DIMENSIONS, self.net.vad_evidence.tolist(), strict=True) if known)

    @property
    def evidence_emotions(self) -> tuple[str, ...]:
        """The emotions that it was shown votes for: what a card may name."""
        return tuple(name for name, known in zip(EMOTIONS, self.net.emotion_evidence.tolist(), strict=True) if known)


@dataclass(frozen=True, eq=False)
class ExpertOpinions:
    """What one expert says of n ticks, absent or not: (n, 3), (n, 3) and (n, 8)."""

    vad_mean: FloatArray
    vad_log_variance: FloatArray
    emotion_logits: FloatArray


@dataclass(frozen=True, eq=False)
class JointOpinions:
    """What a network says of n ticks: each modality alone, and fused as the outputs of a fusion model, each (n, …)."""

    experts: Mapping[Modality, ExpertOpinions]
    vad: FloatArray
    vad_sd: FloatArray
    emotion_probabilities: FloatArray
    weight: FloatArray
    confidence: FloatArray
    contradiction: FloatArray


def predict(network: JointNetwork, table: JointTable) -> JointOpinions:
    """What the network says of every tick. What stands in the rows of an absent modality makes no difference.

    A table may lack modalities that the network has an expert for: they are absent then.
    """
    net, ticks = network.net, JointTensors.of(table)
    experts: dict[Modality, list[HeadOutput]] = {name: [] for name in net.modalities if name in table.modalities}
    fused: list[Fused] = []
    with torch.no_grad(), exactly(0):
        for rows in torch.split(torch.arange(len(table)), _AT_ONCE):
            part = ticks.take(rows)
            opinions = net.opinions(part)
            for name, said in opinions.items():
                experts[name].append(said)
            fused.append(net.fusion(*net.fusion_inputs(opinions, part)))
    said_alone = {name: ExpertOpinions(*_joined(parts)) for name, parts in experts.items()}
    return JointOpinions(said_alone, *_joined(fused))


def _joined(parts: Sequence[HeadOutput] | Sequence[Fused]) -> list[FloatArray]:
    """The parts of a table one after the other, output by output."""
    return [torch.cat(values).numpy().astype(np.float64) for values in zip(*parts, strict=True)]


def _tensor(values: FloatArray | Float32Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
