"""Neural nets in TFLite files, run by LiteRT on one CPU thread."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from streamsense.arrays import Float32Array
from streamsense.errors import DependencyError, ModelError

MAX_NET_BYTES = 32 * 1024 * 1024


class Net:
    """One net with one input. `run` takes the input and gives the outputs, both with the batch axis.

    `source` is the file, or its content. `input_shape` and `output_sizes` (elements per output, in the net's
    order) are what this program expects of it; another net is refused with ModelError.
    """

    def __init__(
        self, source: Path | bytes, name: str, input_shape: tuple[int, ...], output_sizes: tuple[int, ...]
    ) -> None:
        content = source if isinstance(source, bytes) else _read(source, name)
        interpreter = _interpreter_class()
        try:
            with _quiet():
                self._interpreter = interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{name} is not a net that LiteRT can run: {error}. Fetch the file again.") from error
        (self._input,) = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        found = tuple(int(n) for n in self._input["shape"]), tuple(int(np.prod(o["shape"])) for o in self._outputs)
        if found != (input_shape, output_sizes):
            raise ModelError(
                f"{name} takes {found[0]} and gives {found[1]} numbers, expected {input_shape} and {output_sizes}. "
                "It is another net under this name: fetch the file again."
            )

    def run(self, values: Float32Array) -> list[Float32Array]:
        """Run the net once; the outputs are flat copies."""
        self._interpreter.set_tensor(self._input["index"], values)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(output["index"]).ravel() for output in self._outputs]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what LiteRT writes to standard error while a net is loaded: notes about delegates, not failures.

    It writes from compiled code and has no setting for it, so the file descriptor itself is led away.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _read(path: Path, name: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_NET_BYTES:
            raise ModelError(f"{name} in {path} has {size} bytes, expected at most {MAX_NET_BYTES}.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error}. Run `streamsense models pull` for it.") from error


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise DependencyError(
            f"The face nets need LiteRT, which cannot be imported ({error}). `pip install streamsense[face]`."
        ) from error
    return Interpreter
