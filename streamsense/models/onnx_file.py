"""Reads an ONNX file as untrusted bytes: bounded size, checked hash, known operators, no references to other files.

An ONNX file may say that a tensor's values lie in another file or, for ONNX Runtime, at an address in memory, and that
operators come from a library of native code. A model from elsewhere could so reach what it should not, therefore such
a file is refused before it is loaded. The structure is walked as plain protocol buffers, without the `onnx` package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamsense.errors import ModelError
from streamsense.models.protobuf import bytes_field, fields, integer_field

MAX_MODEL_BYTES = 512 * 1024 * 1024
LARGEST_OPSET = 20
"""What every supported ONNX Runtime computes, on the CPU and on CUDA."""
LARGEST_IR_VERSION = 10
_MAX_DEPTH = 64
_MOST_FIELDS = 5_000_000

# Field numbers of onnx.proto (ONNX 1.19) that lead to a tensor or an operator, by message.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "opset": {},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_IR_VERSION, _METADATA = 1, 14
_NODE_OPERATOR, _NODE_DOMAIN, _FUNCTION_DOMAIN = 4, 7, 10


@dataclass(frozen=True)
class ModelFile:
    """A model's bytes as they are run, sha256 and size of the file, and its versions (`opset` 0: it names none)."""

    content: bytes
    sha256: str
    size_bytes: int
    opset: int
    ir_version: int


def read_model(path: Path, expected_sha256: str | None = None) -> ModelFile:
    """The model at `path`.

    The version of the file's format (IR) above 10 is lowered to that in what is run: newer libraries write it by
    default, and an opset up to 20 needs nothing of it. Raises ModelError for a missing, oversized or damaged file, one
    with external data, custom operators or a later opset, or another hash.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise ModelError(f"The model {path} cannot be read ({error.strerror or error}). Check the path.") from None
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(f"The model {path} is larger than {MAX_MODEL_BYTES >> 20} MiB, the most that is loaded.")
    sha256 = hashlib.sha256(content).hexdigest()
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise ModelError(
            f"The model {path} has sha256 {sha256}, expected {expected_sha256}: it was changed or is another version. "
            "Restore the right file, or change the expected hash if the new model is meant."
        )
    walk = _Walk()
    try:
        walk.visit("model", memoryview(content), 0)
    except _ExternalDataError:
        raise ModelError(
            f"The model {path} keeps values outside its own file, which is not allowed. Save it again as one file "
            "(onnx.save with save_as_external_data=False)."
        ) from None
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} is not a whole ONNX file ({error}). Copy or export it again.") from None
    walk.check(path)
    size_bytes = len(content)
    if walk.ir_version > LARGEST_IR_VERSION:
        content = _replaced(content, {_IR_VERSION}, integer_field(_IR_VERSION, LARGEST_IR_VERSION))
    return ModelFile(content, sha256, size_bytes, walk.opset, walk.ir_version)


def with_metadata(content: bytes, entries: Mapping[str, str]) -> bytes:
    """A model's bytes with these entries of metadata in place of those with the same keys; all else stays.

    `content` must be what `read_model` accepted.
    """
    kept, position = b"", 0
    view = memoryview(content)
    for field in fields(view):
        if field.number == _METADATA and isinstance(field.value, memoryview) and _key_of(field.value) in entries:
            kept += content[position : field.start]
            position = field.end
    new = (bytes_field(1, key.encode()) + bytes_field(2, entries[key].encode()) for key in sorted(entries))
    return kept + content[position:] + b"".join(bytes_field(_METADATA, entry) for entry in new)


def _key_of(entry: memoryview) -> str:
    key = next((field.value for field in fields(entry) if field.number == 1), None)
    return _text(key)


def _replaced(content: bytes, numbers: set[int], new: bytes) -> bytes:
    """The message without its fields of these numbers, and with the new one."""
    left = (content[field.start : field.end] for field in fields(memoryview(content)) if field.number not in numbers)
    return new + b"".join(left)


def _text(value: int | memoryview | None) -> str:
    return bytes(value[:200]).decode("utf-8", "replace") if isinstance(value, memoryview) else ""


class _ExternalDataError(Exception):
    """A tensor's values lie outside the file."""


class _Walk:
    """What a walk over the whole model found."""

    def __init__(self) -> None:
        self.ir_version = self.opset = 0
        self._fields = 0
        self._operators: dict[str, str] = {}  # by domain, the first operator found
        self._own_domains: set[str] = set()

    def visit(self, message: str, content: memoryview, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ValueError(f"nested deeper than {_MAX_DEPTH}")
        children = _CHILDREN[message]
        seen: dict[int, int | memoryview | None] = {}
        for number, value, _, _ in fields(content):
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                raise ValueError(f"more than {_MOST_FIELDS} parts")
            if message == "tensor" and (
                number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value not in (0, None))
            ):
                raise _ExternalDataError
            if number in children and isinstance(value, memoryview):
                self.visit(children[number], value, depth + 1)
            elif number <= _METADATA:
                seen[number] = value
        self._note(message, seen)

    def _note(self, message: str, seen: Mapping[int, int | memoryview | None]) -> None:
        if message == "node":
            self._operators.setdefault(_text(seen.get(_NODE_DOMAIN)), _text(seen.get(_NODE_OPERATOR)))
        elif message == "function":
            self._own_domains.add(_text(seen.get(_FUNCTION_DOMAIN)))
        elif message == "opset" and _text(seen.get(1)) in ("", "ai.onnx"):
            version = seen.get(2)
            self.opset = max(self.opset, version) if isinstance(version, int) else self.opset
        elif message == "model":
            version = seen.get(_IR_VERSION)
            self.ir_version = version if isinstance(version, int) else 0

    def check(self, path: Path) -> None:
        """Raises ModelError for operators that are not ONNX Runtime's own, and for a later opset."""
        for domain, operator in self._operators.items():
            own = domain in ("", "ai.onnx", "ai.onnx.ml") or domain.split(".")[:2] == ["com", "microsoft"]
            if not own and domain not in self._own_domains:
                raise ModelError(
                    f"The model {path} has the custom operator {operator} of {domain!r}, which needs a library of "
                    "native code; such a library is never loaded. Expected operators of ONNX alone. Export the model "
                    "without it."
                )
        if self.opset > LARGEST_OPSET:
            raise ModelError(
                f"The model {path} is of opset {self.opset}, expected {LARGEST_OPSET} at most. Export it again with "
                f"opset_version={LARGEST_OPSET}, or convert it with onnx.version_converter.convert_version."
            )
