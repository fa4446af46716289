"""Writes a fitted network as the files that a session runs: one expert for each modality, and the fusion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch

from streamsense.errors import ModelError
from streamsense.fusion.emotions import fusion_contract
from streamsense.models.card import Card
from streamsense.training.export import export_expert
from streamsense.training.gated_fusion import OUTPUTS
from streamsense.training.joint_network import JointNetwork, JointTensors
from streamsense.training.joint_table import JointTable

FUSION: Final = "fusion"
EXPERT_OUTPUTS: Final = ("vad_mean", "vad_log_variance", "emotion_logits")
_MOST_EXAMPLES = 16


def export(
    network: JointNetwork,
    examples: JointTable,
    cards: Mapping[str, Card],
    contracts: Mapping[str, Mapping[str, object]],
    folder: Path,
) -> dict[str, Path]:
    """Write a file for each of `cards`, by modality and "fusion"; returns their paths.

    `examples` are ticks by which each file is compared with the network (1e-5, see `export_expert`). `contracts` are
    those of the operators that made the table's features; the fusion's is its own. The evidence that a card names is
    what the network was shown labels of, whatever the card said. Raises ModelError for a card without an expert.
    """
    net = network.net
    if unknown := [name for name in cards if name != FUSION and name not in network.modalities]:
        has = ", ".join(network.modalities)
        raise ModelError(f"There is a card for {', '.join(unknown)}, but the network has experts for {has}.")
    chosen = torch.linspace(0, len(examples) - 1, min(_MOST_EXAMPLES, len(examples))).round().long()
    ticks = JointTensors.of(examples).take(chosen)
    evidence = {
        "evidence_dimensions": network.evidence_dimensions,
        "evidence_emotions": network.evidence_emotions,
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for name, card in cards.items():
        card = card.model_copy(update=evidence)
        if name == FUSION:
            with torch.no_grad():
                given = net.fusion_inputs(net.opinions(ticks), ticks)
            paths[name] = export_expert(net.fusion, given._asdict(), OUTPUTS, card, fusion_contract(), folder)
            continue
        modality = next(one for one in network.modalities if one == name)
        inputs = {key: ticks.inputs[modality][key] for key in net.inputs_of(modality)}
        paths[name] = export_expert(net.experts[modality], inputs, EXPERT_OUTPUTS, card, contracts[modality], folder)
    return paths
