"""Reads an ONNX file as untrusted bytes: bounded size, checked hash, no references to other files.

An ONNX file may say that a tensor's values lie in another file or, for ONNX Runtime, at an address in memory.
A model from elsewhere could so reach what it should not, therefore such a file is refused before it is loaded.
The structure is walked here as plain protocol buffers, without the `onnx` package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from streamsense.errors import ModelError

MAX_MODEL_BYTES = 512 * 1024 * 1024
_MAX_DEPTH = 64

# Field numbers of onnx.proto (ONNX 1.19) that lead to a tensor, by message.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14


def read_model(path: Path, expected_sha256: str | None = None) -> tuple[bytes, str]:
    """The bytes of the model at `path` and their sha256.

    Raises ModelError for a missing, oversized or damaged file, one with external data, or another hash.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise ModelError(f"The model {path} cannot be read ({error.strerror or error}). Check the path.") from None
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(f"The model {path} is larger than {MAX_MODEL_BYTES >> 20} MiB, the most that is loaded.")
    found = hashlib.sha256(content).hexdigest()
    if expected_sha256 is not None and found != expected_sha256:
        raise ModelError(
            f"The model {path} has sha256 {found}, expected {expected_sha256}: it was changed or is another version. "
            "Restore the right file, or change the expected hash if the new model is meant."
        )
    try:
        _refuse_external("model", memoryview(content), 0)
    except _ExternalDataError:
        raise ModelError(
            f"The model {path} keeps values outside its own file, which is not allowed. Save it again as one file "
            "(onnx.save with save_as_external_data=False)."
        ) from None
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} is not a whole ONNX file ({error}). Copy or export it again.") from None
    return content, found


class _ExternalDataError(Exception):
    """A tensor's values lie outside the file."""


def _refuse_external(message: str, content: memoryview, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested deeper than {_MAX_DEPTH}")
    children = _CHILDREN[message]
    for number, value in _fields(content):
        if message == "tensor" and (
            number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value not in (0, None))
        ):
            raise _ExternalDataError
        if number in children and isinstance(value, memoryview):
            _refuse_external(children[number], value, depth + 1)


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview | None]]:
    """The fields of one message: number and value (an integer, bytes, or None for a fixed-size number)."""
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        number, wire = key >> 3, key & 7
        value: int | memoryview | None = None
        if wire == 0:
            value, position = _varint(content, position)
        elif wire == 2:
            length, position = _varint(content, position)
            value = content[position : position + length]
            position += length
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {position}")
        if position > len(content):
            raise ValueError("it ends too early")
        yield number, value


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f"a number longer than 10 bytes at byte {position}")
