"""Networks as somebody else would make them: by hand at any opset, or by torch's exporter, without card or contract."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from streamsense.features.band_entropy import BandEntropy

ELECTRODES, BANDS = BandEntropy().contract()["electrodes"], 5
SHAPE = (len(ELECTRODES), BANDS)
SIZES = {"vad_mean": 3, "vad_log_variance": 3, "emotion_logits": 8}
CARD = {
    "name": "mine",
    "version": "0.1",
    "modality": "eeg",
    "description": "Arousal is always 0.25.",
    "data": "none",
    "attribution": "nobody",
    "licence": "CC0-1.0",
    "evaluation": "none",
    "evidence_dimensions": ["arousal"],
    "made_by": "by hand",
    "date": "2026-11-21",
}


def by_hand(opset: int = 17, ir_version: int = 8, batch: str | int = "batch", weight: float = 0.0) -> ModelProto:
    """Mean over the electrodes, a linear layer and a limit, in the words of that opset; arousal 0.25 for weight 0.

    Files of format 3 name their constants among the inputs, as all did then.
    """
    constants: dict[str, np.ndarray] = {"low": np.array(-9, np.float32), "high": np.array(9, np.float32)}
    constants["axes"] = np.array([1], np.int64)
    if opset >= 18:
        nodes = [helper.make_node("ReduceMean", ["band_entropy", "axes"], ["mean"], keepdims=0)]
    else:
        nodes = [helper.make_node("ReduceMean", ["band_entropy"], ["mean"], axes=[1], keepdims=0)]
    for name, size in SIZES.items():
        constants |= {f"{name}_w": np.full((BANDS, size), weight, np.float32), f"{name}_b": np.full(size, 0.25, "f4")}
        nodes.append(helper.make_node("Gemm", ["mean", f"{name}_w", f"{name}_b"], [f"{name}_free"]))
        if opset >= 11:
            nodes.append(helper.make_node("Clip", [f"{name}_free", "low", "high"], [name]))
        else:
            nodes.append(helper.make_node("Clip", [f"{name}_free"], [name], min=-9.0, max=9.0))
    used = {name: value for name, value in constants.items() if any(name in node.input for node in nodes)}
    inputs = [helper.make_tensor_value_info("band_entropy", TensorProto.FLOAT, [batch, *SHAPE])]
    if ir_version < 4:
        for name, value in used.items():
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            inputs.append(helper.make_tensor_value_info(name, kind, value.shape))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, size]) for name, size in SIZES.items()]
    tensors = [numpy_helper.from_array(value, name) for name, value in used.items()]
    graph = helper.make_graph(nodes, "theirs", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def by_torch(path: Path, opset: int, dynamic: bool = True, names: Sequence[str] = ("band_entropy",)) -> Path:
    """A small torch network, exported to `path`: it takes these inputs, each of one shape with band_entropy."""
    import torch

    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.hidden = torch.nn.Linear(BANDS, 16)
            self.heads = torch.nn.ModuleList(torch.nn.Linear(16, size) for size in SIZES.values())

        def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            hidden = torch.tanh(self.hidden(sum(given).mean(dim=1)))
            return tuple(head(hidden) for head in self.heads)

    axes = {name: {0: "batch"} for name in (*names, *SIZES)} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter says that there is a newer one
        torch.onnx.export(
            Theirs(), tuple(torch.zeros(1, *SHAPE) for _ in names), path, input_names=list(names),
            output_names=list(SIZES), opset_version=opset, dynamo=False, dynamic_axes=axes,
        )  # fmt: skip
    return path


def write_card(path: Path, **changed: object) -> Path:
    """A card file; what is changed to None is left out."""
    card = {key: value for key, value in {**CARD, **changed}.items() if value is not None}
    path.write_text(json.dumps(card))
    return path
