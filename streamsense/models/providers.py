"""Opens ONNX Runtime sessions: exact settings, bounded memory, the provider that was asked for or an error."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from streamsense.errors import DependencyError, ModelError
from streamsense.models.onnxruntime_check import check_onnxruntime

try:
    import onnxruntime
except ImportError as _error:
    check_onnxruntime()  # says which package to install, where that is the reason
    raise DependencyError(
        f"ONNX Runtime cannot be imported ({_error}). Uninstall it and install it again: pip install onnxruntime-gpu."
    ) from _error

Provider = Literal["auto", "cpu", "cuda"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
"""Full float32 and an algorithm chosen by rule: the same bytes at every run on the same device."""
MOST_MEMORY_BYTES = 2 << 30
"""Of all models together, on the CPU. A small file can ask for any amount."""
_HOW_TO_GET_CUDA = (
    "A GPU needs an NVIDIA driver, onnxruntime-gpu instead of onnxruntime, and CUDA 13 with cuDNN 9: "
    "pip install 'onnxruntime-gpu[cuda,cudnn]'. With provider: auto the CPU is used instead."
)
_SILENT, _USUAL = 4, 2  # ONNX Runtime's log levels: fatal only, warnings


def cuda_driver_present() -> bool:
    """Whether this computer has NVIDIA's driver library (a GPU that works is known only after a session opened)."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def open_session(path: Path, content: bytes, provider: Provider) -> tuple[onnxruntime.InferenceSession, str]:
    """A session on what was asked for, and the name (cpu or cuda) of what it got.

    `content` is what was read from `path` and checked, so that the file cannot change in between. Raises ModelError.
    """
    if provider != "cpu":
        why = "this ONNX Runtime was built without CUDA"
        if CUDA in onnxruntime.get_available_providers():  # lists what was built in, not what this computer has
            why = "no NVIDIA driver was found"
            if cuda_driver_present():
                session, why = _try_cuda(path, content)
                if session is not None:
                    return session, "cuda"
        if provider == "cuda":
            raise ModelError(f"{path.name} was to run on the GPU, which could not be had: {why}. {_HOW_TO_GET_CUDA}")
    return _session(path, content, [CPU]), "cpu"


def session_options() -> onnxruntime.SessionOptions:
    """The settings of every session: one thread, deterministic, within the memory that all models share."""
    _bound_memory()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = _SILENT  # what is logged as an error is raised, too
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[tuple[onnxruntime.RunOptions, Callable[[], bool]]]:
    """Options of a run that is ended after so many seconds, and what tells whether it was."""
    options = onnxruntime.RunOptions()
    timer = threading.Timer(seconds, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options, lambda: options.terminate
    finally:
        timer.cancel()


def first_line(error: Exception) -> str:
    """What ONNX Runtime says was wrong, in one line, without the place in its own source."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : |Non-zero status code returned while ", "", line)
    return re.sub(r"/onnxruntime_src/\S+ .*?\) (?=[A-Z])", "", line)[:300].rstrip(". ")


@functools.cache
def _bound_memory() -> None:
    where = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    usual = -1
    onnxruntime.create_and_register_allocator(where, onnxruntime.OrtArenaCfg(MOST_MEMORY_BYTES, usual, usual, usual))


def _try_cuda(path: Path, content: bytes) -> tuple[onnxruntime.InferenceSession | None, str]:
    with _quiet() as said:
        if hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()
        try:
            session = _session(path, content, [(CUDA, CUDA_OPTIONS), CPU])
        except ModelError as error:
            return None, str(error)
    if session.get_providers()[0] == CUDA:
        return session, ""
    lines = said.getvalue().strip().splitlines()
    return None, lines[-1].rstrip(".") if lines else "CUDA or cuDNN libraries could not be loaded"


def _session(path: Path, content: bytes, providers: list[Any]) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(content, session_options(), providers=providers, enable_fallback=0)
    except Exception as error:  # the runtime's exceptions have no common base but this
        raise ModelError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load {path}: {first_line(error)}. Expected a model of "
            "opset 7 to 20. Export it again."
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
