"""Writes a network as an ONNX expert with its contract and card, and proves that both compute the same."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from streamsense.errors import ModelError
from streamsense.models.card import CARD_KEY, Card
from streamsense.models.code_version import code_version
from streamsense.models.contract import CONTRACT_KEY, canonical_json
from streamsense.models.fetch import write_whole
from streamsense.models.session import OnnxModel

OPSET = 17
IR_VERSION = 8
LARGEST_BYTES = 5_000_000
CLOSE = 1e-5
"""How far the outputs of torch and of ONNX Runtime may be apart."""


def export_expert(
    network: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    card: Card,
    contract: Mapping[str, object],
    folder: Path,
) -> Path:
    """Write `folder`/NAME.onnx and NAME.card.md, NAME being the card's; returns the path of the former.

    The network returns a tuple. `inputs` are examples by name (batch, …) in the order of its arguments, by which the
    written model is compared with it; only the batch axis stays free. Raises ModelError, and writes nothing, where the
    two differ by more than 1e-5 or the file would be 5 MB or more. A card that names no commit gets the present one.
    """
    if not card.commit:
        card = card.model_copy(update={"commit": code_version()})
    network = network.eval()
    model = onnx.load_from_string(_traced(network, inputs, outputs))
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "streamsense", ""
    metadata = {CARD_KEY: canonical_json(card.model_dump(mode="json")), CONTRACT_KEY: canonical_json(contract)}
    for key in sorted(metadata):
        model.metadata_props.add(key=key, value=metadata[key])
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString(deterministic=True)
    if len(content) >= LARGEST_BYTES:
        raise ModelError(f"{card.name} would be {len(content)} bytes, expected less than {LARGEST_BYTES}.")
    target = folder / f"{card.name}.onnx"
    unproved = target.with_suffix(".unproved.onnx")
    write_whole(unproved, content)
    try:
        apart = difference(network, unproved, inputs)
        if apart > CLOSE:
            raise ModelError(f"{card.name} computes {apart:.2g} away from the network, expected {CLOSE:g} at most.")
        unproved.replace(target)
    finally:
        unproved.unlink(missing_ok=True)
    write_whole(target.with_suffix(".card.md"), card.markdown(contract).encode())
    return target


def difference(network: nn.Module, path: Path, inputs: Mapping[str, Tensor]) -> float:
    """The largest difference of any output of the network and of the model at `path`, over these inputs."""
    model = OnnxModel(path, provider="cpu")
    with torch.no_grad():
        expected = [output.numpy() for output in network(*inputs.values())]
    largest = 0.0
    for row in range(len(next(iter(inputs.values())))):
        found = model.run({name: value[row].numpy() for name, value in inputs.items()})
        pairs = zip(found.values(), expected, strict=True)
        largest = max(largest, *(float(np.abs(one - other[row]).max()) for one, other in pairs))
    return largest


def _traced(network: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="streamsense-") as folder, warnings.catch_warnings():
        written = Path(folder) / "traced.onnx"
        # The tracing exporter is called old; the new one needs a further package and writes other bytes every time.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            written,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
        return written.read_bytes()
