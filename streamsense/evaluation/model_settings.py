"""The settings with which a model is evaluated: those whose features it was made for, or the nearest there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import ValidationError

from streamsense.config import Config, FaceSection, VoiceSection
from streamsense.errors import ModelError
from streamsense.models.contract import differing_fields
from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.runtime.assembly import feature_operators, load_model
from streamsense.streams import MODALITIES, Modality


def open_expert_model(name: str) -> tuple[OnnxModel, Modality]:
    """A model by the name of a shipped one or its path, on the processor, and its modality.

    On the processor because figures must not depend on what the computer has beside. Raises ModelError where there is
    none, or where it is no expert.
    """
    model = load_model(name, "cpu")
    modality = model.metadata().card.modality
    if modality not in MODALITIES:
        raise ModelError(f"{name} is a model for {modality}. Expected an expert for {', '.join(MODALITIES)}.")
    return model, modality


def settings_for(model: OnnxModel, modality: Modality) -> Config:
    """The configuration of one modality whose features are those of the model's contract, or the nearest."""
    contract = model.metadata().contract
    nearest: list[tuple[int, Config]] = []
    for config in _candidates(modality, contract):
        differing = len(differing_fields(contract, feature_operators(config)[modality].contract()))
        nearest.append((differing, config))
        if not differing:
            break
    return min(nearest, key=lambda pair: pair[0])[1]


def expert_for(model: OnnxModel, modality: Modality, config: Config) -> Expert:
    """The expert that a pipeline with this configuration would have; refused where its features are others."""
    operators = feature_operators(config)
    if modality not in operators:
        raise ModelError(
            f"{model.path.name} is a model for {modality}, which the configuration has no section for. Add one, or "
            "leave --config out."
        )
    return Expert(model, modality, operators[modality].contract())


def _candidates(modality: Modality, contract: Mapping[str, object]) -> Iterator[Config]:
    """Every choice of settings that a contract can name, the usual ones first."""
    choices: dict[str, tuple[object, ...]]
    if modality == "eeg":
        choices = {
            "line_frequency_hz": (50, 60, None), "reference": ("average", "none"), "interpolate": (False, True),
        }  # fmt: skip
    elif modality == "face":
        choices = {"front_end": get_args(FaceSection.model_fields["front_end"].annotation)}
    else:
        choices = {name: get_args(VoiceSection.model_fields[name].annotation) for name in ("voice_activity", "mels")}
    window = contract.get("window_s")
    lengths: list[dict[str, object]] = [{}, {"window_s": window}] if window is not None else [{}]
    for length in lengths:
        for values in itertools.product(*choices.values()):
            try:
                yield Config.model_validate({modality: {**dict(zip(choices, values, strict=True)), **length}})
            except ValidationError:
                continue  # a length that the pipeline does not have
