"""An ONNX model ready to run: exact settings, the provider that was asked for or an error, checked inputs."""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streamsense.arrays import Float32Array
from streamsense.errors import DependencyError, ModelError
from streamsense.models.card import ModelMetadata, read_metadata
from streamsense.models.onnx_file import read_model
from streamsense.models.onnxruntime_check import check_onnxruntime

try:
    import onnxruntime
except ImportError as _error:
    check_onnxruntime()  # says which package to install, where that is the reason
    raise DependencyError(
        f"ONNX Runtime cannot be imported ({_error}). Uninstall it and install it again: pip install onnxruntime-gpu."
    ) from _error

Provider = Literal["auto", "cpu", "cuda"]

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
# Full float32 and an algorithm chosen by rule: the same bytes at every run on the same device.
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
_HOW_TO_GET_CUDA = (
    "A GPU needs an NVIDIA driver, onnxruntime-gpu instead of onnxruntime, and CUDA 13 with cuDNN 9: "
    "pip install 'onnxruntime-gpu[cuda,cudnn]'. With provider: auto the CPU is used instead."
)
_SILENT, _USUAL = 4, 2  # ONNX Runtime's log levels: fatal only, warnings


class NonFiniteOutputError(ModelError):
    """A model returned NaN or infinity for inputs that it accepted."""


class OnnxModel:
    """One ONNX model with one thread and deterministic computation, warmed up and ready.

    `provider` is cpu, cuda (an error where it cannot be had) or auto (cuda where it can be had, else cpu);
    `.provider` says what runs. `expected_sha256` is checked before the file is parsed. The inputs must be float32
    with a leading batch axis and otherwise fixed shapes. Raises ModelError, or DependencyError when two ONNX
    Runtimes are installed.
    """

    def __init__(self, path: Path, provider: Provider = "auto", expected_sha256: str | None = None) -> None:
        check_onnxruntime()
        if provider not in ("auto", "cpu", "cuda"):
            raise ModelError(f"The provider is {provider!r}, expected auto, cpu or cuda.")
        self.path = path
        content, self.sha256 = read_model(path, expected_sha256)
        self._session, self.provider = _open(path, content, provider)
        self.inputs = _input_shapes(path, self._session)
        self.outputs: tuple[str, ...] = tuple(output.name for output in self._session.get_outputs())
        # The first run allocates and compiles; it belongs before "ready", not into the first score.
        with contextlib.suppress(NonFiniteOutputError):
            self.run({name: np.zeros(shape, np.float32) for name, shape in self.inputs.items()})

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
        batch = {}
        for name, shape in self.inputs.items():
            value = np.asarray(inputs[name], dtype=np.float32)
            if value.shape != shape:
                raise ModelError(
                    f"Input {name} of {self.path.name} has shape {value.shape}, expected {shape}: "
                    "the features are not those that the model was made for."
                )
            batch[name] = value[np.newaxis]
        try:
            results = self._session.run(None, batch)
        except Exception as error:  # the runtime's exceptions have no common base but this
            raise ModelError(f"{self.path.name} failed on {self.provider}: {_first_line(error)}") from None
        outputs = {name: result[0] for name, result in zip(self.outputs, results, strict=True)}
        bad = [name for name, value in outputs.items() if not np.isfinite(value).all()]
        if bad:
            raise NonFiniteOutputError(f"{self.path.name} returned numbers that are not finite in {', '.join(bad)}.")
        return outputs


def cpu_session(path: Path, expected_sha256: str | None = None) -> tuple[onnxruntime.InferenceSession, str]:
    """A net that is no expert, on the CPU with the same exact settings; and the sha256 of its file."""
    check_onnxruntime()
    content, sha256 = read_model(path, expected_sha256)
    return _session(path, content, [_CPU]), sha256


def cuda_driver_present() -> bool:
    """Whether this computer has NVIDIA's driver library (a GPU that works is known only after a session opened)."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _open(path: Path, content: bytes, provider: Provider) -> tuple[onnxruntime.InferenceSession, str]:
    """A session on what was asked for, and the name (cpu or cuda) of what it got."""
    if provider != "cpu":
        why = "this ONNX Runtime was built without CUDA"
        if _CUDA in onnxruntime.get_available_providers():  # lists what was built in, not what this computer has
            why = "no NVIDIA driver was found"
            if cuda_driver_present():
                session, why = _try_cuda(path, content)
                if session is not None:
                    return session, "cuda"
        if provider == "cuda":
            raise ModelError(f"{path.name} was to run on the GPU, which could not be had: {why}. {_HOW_TO_GET_CUDA}")
    return _session(path, content, [_CPU]), "cpu"


def _try_cuda(path: Path, content: bytes) -> tuple[onnxruntime.InferenceSession | None, str]:
    with _quiet() as said:
        if hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()
        try:
            session = _session(path, content, [(_CUDA, _CUDA_OPTIONS), _CPU])
        except ModelError as error:
            return None, str(error)
    if session.get_providers()[0] == _CUDA:
        return session, ""
    lines = said.getvalue().strip().splitlines()
    return None, lines[-1].rstrip(".") if lines else "CUDA or cuDNN libraries could not be loaded"


def _session(path: Path, content: bytes, providers: list[Any]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    try:
        # Loaded from the bytes that were checked, so that the file cannot change in between.
        return onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=0)
    except Exception as error:  # the runtime's exceptions have no common base but this
        raise ModelError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load {path}: {_first_line(error)}. Expected a model of "
            "opset 20 and IR version 10 or below."
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """Keep what ONNX Runtime prints and logs about CUDA off the user's screen; what it printed is returned."""
    printed = io.StringIO()
    onnxruntime.set_default_logger_severity(_SILENT)
    try:
        with contextlib.redirect_stdout(printed):
            yield printed
    finally:
        onnxruntime.set_default_logger_severity(_USUAL)


def _input_shapes(path: Path, session: onnxruntime.InferenceSession) -> dict[str, tuple[int, ...]]:
    """Shape of every input without its batch axis."""
    shapes: dict[str, tuple[int, ...]] = {}
    for value in session.get_inputs():
        batch, *rest = value.shape or [None]
        if value.type != "tensor(float)" or isinstance(batch, int) or not all(isinstance(n, int) for n in rest):
            raise ModelError(
                f"Input {value.name} of {path.name} is {value.type} of shape {value.shape}, expected tensor(float) "
                "with a dynamic batch axis first and fixed sizes after it. Export the model again so."
            )
        shapes[value.name] = tuple(rest)
    return shapes


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
