"""A small builder of ONNX graphs with deterministic bytes: what it makes is named in the order of making."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
BATCH = "batch"


class GraphBuilder:
    """Collects nodes; every value is known by its name. All numbers are float32."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, *shape: int) -> str:
        """An input [batch, *shape]."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape]))
        return name

    def output(self, name: str, value: str, *shape: int) -> None:
        """Give `value` out as [batch, *shape] under `name`."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"give_{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape]))

    def constant(self, value: npt.ArrayLike, dtype: type = np.float32) -> str:
        """A constant; numbers are float32 unless said otherwise."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def apply(self, operator: str, *values: str | float, **attributes: object) -> str:
        """The result of one operator; plain numbers become constants."""
        names = [value if isinstance(value, str) else self.constant(value) for value in values]
        result = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, names, [result], name=f"{result}_node", **attributes))
        return result

    def clip(self, value: str, low: float, high: float) -> str:
        """`value` limited to [low, high]."""
        return self.apply("Clip", value, low, high)

    def sum(self, value: str, axis: int, keep: bool = False) -> str:
        """Sum over one axis."""
        return self.apply("ReduceSum", value, self.constant([axis], np.int64), keepdims=int(keep))

    def take(self, value: str, indices: int | list[int], axis: int) -> str:
        """`value` at `indices` of `axis`; a single index removes the axis."""
        return self.apply("Gather", value, self.constant(indices, np.int64), axis=axis)

    def expand_dims(self, value: str, axis: int) -> str:
        """A new axis of length 1."""
        return self.apply("Unsqueeze", value, self.constant([axis], np.int64))

    def model(self, metadata: dict[str, str]) -> onnx.ModelProto:
        """The finished, checked model."""
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, self._constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="streamsense",
        )
        for key in sorted(metadata):
            model.metadata_props.add(key=key, value=metadata[key])
        onnx.checker.check_model(model, full_check=True)
        return model
