"""State as bytes and back, without pickle: a snapshot holds every operator's state exactly.

A snapshot is an uncompressed NumPy archive; numbers, texts and lists are one JSON text in it, arrays stand
beside it under numbers that the JSON names.
"""

from __future__ import annotations

import io
import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from streamsense.errors import RecordingError

_ARRAY = "__array__"


def pack(state: object) -> bytes:
    """Serialise nested dataclasses, dicts with text keys, lists, tuples, numbers, texts, None and arrays."""
    arrays: list[np.ndarray[Any, Any]] = []
    tree = _describe(state, arrays)
    stream = io.BytesIO()
    named = {f"a{index}": array for index, array in enumerate(arrays)}
    np.savez(stream, allow_pickle=False, tree=np.array(json.dumps(tree)), **named)
    return stream.getvalue()


def unpack_into(data: bytes, state: object) -> None:
    """Fill `state`, a dataclass or dict of the same shape as was packed, with what `data` holds."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            tree = json.loads(str(archive["tree"]))
            arrays = [archive[f"a{index}"] for index in range(len(archive.files) - 1)]
    except (ValueError, KeyError, OSError) as error:
        raise RecordingError(
            f"A snapshot cannot be read ({error}). Replay the recording from its beginning."
        ) from error
    _fill(state, tree, arrays)


def _describe(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_ARRAY: len(arrays) - 1}
    if is_dataclass(value):
        return {field.name: _describe(getattr(value, field.name), arrays) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _describe(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_describe(item, arrays) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"state holds a {type(value).__name__}, which cannot be serialised")


def _restored(template: Any, tree: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if isinstance(tree, dict) and _ARRAY in tree:
        return arrays[tree[_ARRAY]].copy()
    if is_dataclass(template) or isinstance(template, dict):
        _fill(template, tree, arrays)
        return template
    if isinstance(tree, list):
        items = [_restored(None, item, arrays) for item in tree]
        return tuple(items) if isinstance(template, tuple) else items
    return tree


def _fill(state: Any, tree: dict[str, Any], arrays: list[np.ndarray[Any, Any]]) -> None:
    if isinstance(state, dict):
        for key, item in tree.items():
            state[key] = _restored(state.get(key), item, arrays)
        return
    for field in fields(state):
        setattr(state, field.name, _restored(getattr(state, field.name), tree[field.name], arrays))
