"""Feature contracts: the exact definition of a model's input as canonical JSON, its hash, and how two differ."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping

CONTRACT_KEY = "streamsense.contract"
"""Name of the contract in an ONNX file's metadata."""
_ABSENT = object()
_MOST_NAMED = 12
_MOST_OF_A_LIST = 3


def canonical_json(contract: Mapping[str, object]) -> str:
    """The one text of a contract: keys sorted, no spaces, shortest exact floats, 4.0 written as 4.

    Raises ValueError for a number that is not finite and TypeError for what JSON cannot hold.
    """
    return json.dumps(_plain(contract), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def contract_sha256(contract: Mapping[str, object]) -> str:
    """The sha256 (hexadecimal) of the contract's canonical text."""
    return hashlib.sha256(canonical_json(contract).encode()).hexdigest()


def differing_fields(model: Mapping[str, object], pipeline: Mapping[str, object]) -> list[str]:
    """Every field that differs, as a line such as `bands.alpha: model 8–13, pipeline 8–14`; empty when equal."""
    lines: list[str] = []
    _compare("", _plain(model), _plain(pipeline), lines)
    if len(lines) > _MOST_NAMED:
        lines[_MOST_NAMED:] = [f"and {len(lines) - _MOST_NAMED} more"]
    return lines


def _plain(value: object) -> object:
    """`value` with tuples as lists and whole floats as integers: what is equal must be written equally."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def _compare(path: str, model: object, pipeline: object, lines: list[str]) -> None:
    if isinstance(model, dict) and isinstance(pipeline, dict):
        for key in sorted(model.keys() | pipeline.keys()):
            inner = f"{path}.{key}" if path else str(key)
            _compare(inner, model.get(key, _ABSENT), pipeline.get(key, _ABSENT), lines)
    elif isinstance(model, list) and isinstance(pipeline, list) and len(model) == len(pipeline) > 2:
        inner_lines: list[str] = []
        for index, (one, other) in enumerate(zip(model, pipeline, strict=True)):
            _compare(f"{path}[{index}]", one, other, inner_lines)
        if len(inner_lines) > _MOST_OF_A_LIST:
            inner_lines = [f"{path}: {len(inner_lines)} differences, the first at {inner_lines[0]}"]
        lines += inner_lines
    elif isinstance(model, list) and isinstance(pipeline, list) and len(model) != len(pipeline):
        lines.append(f"{path}: model {_counted(model)}, pipeline {_counted(pipeline)}")
    elif model is _ABSENT or pipeline is _ABSENT or model != pipeline or type(model) is not type(pipeline):
        lines.append(f"{path}: model {_shown(model)}, pipeline {_shown(pipeline)}")


def _counted(values: list[object]) -> str:
    text = _shown(values)
    return f"{len(values)} values" if text.endswith("...") else text


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "absent"
    if isinstance(value, list) and len(value) == 2 and all(isinstance(item, (int, float)) for item in value):
        return f"{value[0]}–{value[1]}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
