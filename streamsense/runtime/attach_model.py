"""Makes somebody's own network an expert: checks that it fits the features, and puts card and contract into a copy."""

from __future__ import annotations

from pathlib import Path

from streamsense.config import Config, parse_config
from streamsense.errors import ModelError
from streamsense.models.card import CARD_KEY, Card, ModelMetadata
from streamsense.models.contract import CONTRACT_KEY, canonical_json
from streamsense.models.expert import Expert
from streamsense.models.fetch import write_whole
from streamsense.models.onnx_file import read_model, with_metadata
from streamsense.models.session import OnnxModel
from streamsense.runtime.assembly import build_feature_pipeline, feature_operators
from streamsense.runtime.warm_up import warm_up
from streamsense.streams import MODALITIES, Feature


def attach(source: Path, card: Card, target: Path, config: Config | None = None) -> Expert:
    """Write the model at `source` to `target` with the card and the contract of the features that it will be given.

    These are the features of `config`, by default those of a configuration that says nothing about them. Before the
    file is there, the model has answered for windows of invented samples. The graph and its weights stay as they are.
    Raises ModelError, and writes nothing, where the model cannot be used so or `target` is there already.
    """
    if card.modality == "fusion":
        raise ModelError("The card is of a fusion, expected an expert's: modality eeg, face or voice.")
    modality = card.modality
    if target.suffix != ".onnx" or target.exists():
        raise ModelError(
            f"{target} is no name of a new .onnx file; one that is there is not overwritten. Name another."
        )
    config = config or parse_config({modality: {}}, "default")
    if getattr(config, modality) is None:
        raise ModelError(f"The configuration has no section {modality}, which the card names. Give another one.")
    only = config.model_copy(update={other: None for other in MODALITIES if other != modality})
    contract = feature_operators(only)[modality].contract()
    examples = [score.windows[modality] for score in warm_up(build_feature_pipeline(only), only)]
    model = OnnxModel(source, "cpu")
    _check_inputs(model, examples[-1])
    expert = Expert(model, modality, contract, ModelMetadata(card, contract))
    for example in examples:
        if failure := expert.evaluate(example).failure:
            raise ModelError(f"{failure} That was for a window of ordinary noise: look for NaN in its weights.")
    metadata = {CARD_KEY: canonical_json(card.model_dump(mode="json")), CONTRACT_KEY: canonical_json(contract)}
    write_whole(target, with_metadata(read_model(source, model.sha256).content, metadata))
    return expert


def _check_inputs(model: OnnxModel, example: Feature) -> None:
    given = {name: value.shape for name, value in example.inputs.items()}
    for name, shape in model.inputs.items():
        if given.get(name) != shape:
            names = ", ".join(f"{one} {size}" for one, size in given.items())
            raise ModelError(
                f"{model.path.name} takes {name} {shape}; expected some of what the {example.modality} features with "
                f"these settings are: {names}, each behind the batch axis. Export it again with these."
            )
