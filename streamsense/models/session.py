"""An ONNX model ready to run: loaded from checked bytes, tried once within a time limit, checked inputs and outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streamsense.arrays import Float32Array
from streamsense.errors import ModelError
from streamsense.models.card import ModelMetadata, read_metadata
from streamsense.models.onnx_file import read_model
from streamsense.models.onnxruntime_check import check_onnxruntime
from streamsense.models.providers import Provider, ended_after, first_line, open_session

if TYPE_CHECKING:  # providers imports it, and says what to do where it is not there
    import onnxruntime

FIRST_RUN_S = 20.0
"""How long a model may take for its first answer; one that never ends must not hold a session up for ever."""
MOST_INPUT_VALUES = 1 << 24


class NonFiniteOutputError(ModelError):
    """A model returned NaN or infinity for inputs that it accepted."""


class OnnxModel:
    """One ONNX model with one thread and deterministic computation, warmed up and ready.

    `provider` is cpu, cuda (an error where it cannot be had) or auto (cuda where it can be had, else cpu);
    `.provider` says what runs. `expected_sha256` is checked before the file is parsed. Inputs and outputs must be
    float32 with a leading batch axis, dynamic or 1; the inputs' other sizes are fixed. `.inputs` and `.outputs` are
    their shapes by name, without that axis. Raises ModelError, or DependencyError when two ONNX Runtimes are installed.
    """

    def __init__(self, path: Path, provider: Provider = "auto", expected_sha256: str | None = None) -> None:
        check_onnxruntime()
        if provider not in ("auto", "cpu", "cuda"):
            raise ModelError(f"The provider is {provider!r}, expected auto, cpu or cuda.")
        self.path = path
        file = read_model(path, expected_sha256)
        self.sha256, self.size_bytes = file.sha256, file.size_bytes
        self.opset, self.ir_version = file.opset, file.ir_version
        self._session, self.provider = open_session(path, file.content, provider)
        self.inputs = _input_shapes(path, self._session)
        self._output_names = list(_output_names(path, self._session))
        # The first run allocates and compiles; it belongs before "ready", not into the first score.
        with ended_after(FIRST_RUN_S) as (options, is_late):
            first = self._run({name: np.zeros((1, *shape), np.float32) for name, shape in self.inputs.items()}, options)
            if is_late():
                raise ModelError(
                    f"{path.name} gave no answer within {FIRST_RUN_S:g} s, expected a fraction of one: a score is due "
                    "every 0.2 s. Use a smaller model, and one whose loops end."
                )
        self.outputs: dict[str, tuple[int, ...]] = {name: value.shape for name, value in first.items()}
        has_fixed_outputs = all(isinstance(n, int) for value in self._session.get_outputs() for n in value.shape[1:])
        self._in_place = (
            _InPlace(self._session, self.inputs, self.outputs) if self.provider == "cpu" and has_fixed_outputs else None
        )

    def metadata(self) -> ModelMetadata:
        """Card and contract of this model; raises ModelError where it has none."""
        return read_metadata(self.path, dict(self._session.get_modelmeta().custom_metadata_map))

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Float32Array]:
        """The outputs by name for one set of inputs, both without the batch axis.

        Raises ModelError when a name or a shape is wrong, NonFiniteOutputError when an output is not finite.
        """
        if inputs.keys() != self.inputs.keys():
            raise ModelError(
                f"{self.path.name} takes the inputs {', '.join(self.inputs)}, found {', '.join(inputs) or 'none'}."
            )
        values = {}
        for name, shape in self.inputs.items():
            value = values[name] = np.asarray(inputs[name])
            if value.shape != shape:
                raise ModelError(
                    f"Input {name} of {self.path.name} has shape {value.shape}, expected {shape}: "
                    "the features are not those that the model was made for."
                )
        outputs = self._run_batch(values) if self._in_place is None else self._run_in_place(self._in_place, values)
        if self._in_place is None or not self._in_place.is_finite():
            bad = [name for name, value in outputs.items() if not np.isfinite(value).all()]
            if bad:
                raise NonFiniteOutputError(
                    f"{self.path.name} returned numbers that are not finite in {', '.join(bad)}."
                )
        return outputs

    def _run_in_place(self, in_place: _InPlace, values: Mapping[str, npt.NDArray[Any]]) -> dict[str, Float32Array]:
        try:
            return in_place.run(values)
        except Exception as error:  # as in _run
            raise ModelError(f"{self.path.name} failed on {self.provider}: {first_line(error)}") from None

    def _run_batch(self, values: Mapping[str, npt.NDArray[Any]]) -> dict[str, Float32Array]:
        return self._run({name: value.astype(np.float32)[np.newaxis] for name, value in values.items()})

    def _run(
        self, batch: Mapping[str, Float32Array], options: onnxruntime.RunOptions | None = None
    ) -> dict[str, Float32Array]:
        try:
            results = self._session.run(self._output_names, batch, options)
        except Exception as error:  # the runtime's exceptions have no common base but this
            if options is not None and options.terminate:
                return {}
            raise ModelError(f"{self.path.name} failed on {self.provider}: {first_line(error)}") from None
        outputs: dict[str, Float32Array] = {}
        for name, result in zip(self._output_names, results, strict=True):
            if result.shape[:1] != (1,):
                raise ModelError(
                    f"Output {name} of {self.path.name} has shape {result.shape} for a batch of 1, expected (1, …)."
                )
            outputs[name] = result[0]
        return outputs


class _InPlace:
    """Inputs and outputs that stay where they are from run to run: a small graph takes a third less time so.

    For one thread, like the core.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        inputs: Mapping[str, tuple[int, ...]],
        outputs: Mapping[str, tuple[int, ...]],
    ) -> None:
        self._session = session
        self._inputs = {name: np.zeros(shape, np.float32) for name, shape in inputs.items()}
        sizes = [math.prod(shape) for shape in outputs.values()]
        self._whole = np.zeros(sum(sizes), np.float32)
        parts = np.split(self._whole, np.cumsum(sizes)[:-1])
        self._outputs = {name: part.reshape(shape) for (name, shape), part in zip(outputs.items(), parts, strict=True)}
        self._binding = session.io_binding()
        for name, array in self._inputs.items():
            self._binding.bind_input(name, "cpu", 0, np.float32, (1, *array.shape), array.ctypes.data)
        for name, array in self._outputs.items():
            self._binding.bind_output(name, "cpu", 0, np.float32, (1, *array.shape), array.ctypes.data)

    def run(self, values: Mapping[str, npt.NDArray[Any]]) -> dict[str, Float32Array]:
        """Outputs by name for inputs by name, of the right shapes and without the batch axis."""
        for name, array in self._inputs.items():
            array[...] = values[name]
        self._session.run_with_iobinding(self._binding)
        return {name: array.copy() for name, array in self._outputs.items()}

    def is_finite(self) -> bool:
        """Whether all outputs of the last run are: one look at all, because each costs as much as a look at one."""
        return bool(np.isfinite(self._whole).all())


def cpu_session(path: Path, expected_sha256: str | None = None) -> tuple[onnxruntime.InferenceSession, str]:
    """A net that is no expert, on the CPU with the same exact settings; and the sha256 of its file."""
    check_onnxruntime()
    file = read_model(path, expected_sha256)
    return open_session(path, file.content, "cpu")[0], file.sha256


def _input_shapes(path: Path, session: onnxruntime.InferenceSession) -> dict[str, tuple[int, ...]]:
    """Shape of every input without its batch axis."""
    shapes: dict[str, tuple[int, ...]] = {}
    for value in session.get_inputs():
        _check_name(path, value.name)
        batch, *rest = value.shape or [0]
        is_fixed = all(isinstance(n, int) for n in rest)
        if value.type != "tensor(float)" or (isinstance(batch, int) and batch != 1) or not is_fixed:
            raise ModelError(
                f"Input {value.name} of {path.name} is {value.type} of shape {value.shape}, expected tensor(float) "
                "with a batch axis first, dynamic or 1, and fixed sizes after it. Export the model again so."
            )
        if math.prod(rest) > MOST_INPUT_VALUES:
            raise ModelError(f"Input {value.name} of {path.name} has shape {value.shape}: no window is so large.")
        shapes[value.name] = tuple(rest)
    return shapes


def _output_names(path: Path, session: onnxruntime.InferenceSession) -> tuple[str, ...]:
    for value in session.get_outputs():
        _check_name(path, value.name)
        if value.type != "tensor(float)":
            raise ModelError(
                f"Output {value.name} of {path.name} is {value.type}, expected tensor(float). Leave it out, or cast it "
                "to float32, and export the model again."
            )
    return tuple(value.name for value in session.get_outputs())


def _check_name(path: Path, name: str) -> None:
    """Names are shown to people."""
    if not name.isprintable() or len(name) > 200:
        raise ModelError(f"{path.name} has the name {ascii(name)[:60]}, expected one that can be shown. Rename it.")
