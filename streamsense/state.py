"""State as bytes and back, without pickle: a snapshot holds every operator's state exactly.

A snapshot is an uncompressed NumPy archive: one JSON text, and beside it the arrays, under numbers that the JSON
names. In the JSON what is not a plain value or a list is an object with one name, which says what it is.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from streamsense.errors import RecordingError

Arrays = list[np.ndarray[Any, Any]]
LENGTH_VARIES = {"length_varies": True}
"""Metadata of a state's field: an array whose shape is not the same all the time."""
_ARRAY, _TUPLE, _DICT, _FIELDS = "__array__", "__tuple__", "__dict__", "__fields__"


def pack(state: object) -> bytes:
    """Serialise nested dataclasses, dicts with text keys, lists, tuples, numbers, texts, None and arrays.

    Dataclasses come back into those that are there, so they may stand in dataclasses and dicts, not in lists.
    """
    arrays: Arrays = []
    tree = _describe(state, arrays)
    stream = io.BytesIO()
    named = {f"a{index}": array for index, array in enumerate(arrays)}
    np.savez(stream, allow_pickle=False, tree=np.array(json.dumps(tree)), **named)
    return stream.getvalue()


def unpack_into(data: bytes, state: object) -> None:
    """Fill `state`, a dataclass or dict of the same shape as was packed, with what `data` holds.

    Raises RecordingError for anything but a snapshot of such a state; `state` is then of no more use.
    """
    try:
        tree, arrays = _read(data)
        _restored(state, tree, arrays)
    except Exception as error:  # hostile archives fail in many ways, within zipfile, NumPy and json
        raise RecordingError(
            f"A snapshot cannot be read ({error or type(error).__name__}). Replay the recording from its beginning."
        ) from error


def _read(data: bytes) -> tuple[Any, Arrays]:
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream) as archive:
        # Not compressed, so that what it takes in memory is no more than what was read.
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("it is compressed")
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        tree = json.loads(str(archive["tree"]))
        return tree, [archive[f"a{index}"] for index in range(len(archive.files) - 1)]


def _describe(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_ARRAY: len(arrays) - 1}
    if is_dataclass(value):
        return {_FIELDS: {field.name: _describe(getattr(value, field.name), arrays) for field in fields(value)}}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("state holds a dict whose keys are not all text, which cannot be serialised")
        return {_DICT: {key: _describe(item, arrays) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        items = [_describe(item, arrays) for item in value]
        for item in value:
            if is_dataclass(item):
                raise TypeError(f"state holds a {type(item).__name__} in a list, which cannot be serialised")
        return {_TUPLE: items} if isinstance(value, tuple) else items
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"state holds a {type(value).__name__}, which cannot be serialised")


def _restored(present: Any, tree: Any, arrays: Arrays) -> Any:
    """What `tree` describes; dataclasses and dicts are filled where they are. `present` is what stands there now."""
    if isinstance(tree, list):
        _expect(present, list)
        return [_restored(None, item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return _plain(present, tree)
    ((tag, content),) = tree.items()
    if tag == _ARRAY:
        if _content(content, int) not in range(len(arrays)):
            raise ValueError(f"it names the array {content}")
        return _array(present, arrays[content])
    if tag == _TUPLE:
        _expect(present, tuple)
        return tuple(_restored(None, item, arrays) for item in _content(content, list))
    content = _content(content, dict)
    if tag == _DICT:
        _expect(present, dict)
        filled = {} if present is None else present
        for key, item in content.items():
            filled[key] = _restored(filled.get(key), item, arrays)
        return filled
    if tag != _FIELDS or not is_dataclass(present) or [field.name for field in fields(present)] != list(content):
        raise ValueError(f"it has {tag} where {type(present).__name__} is")
    for field in fields(present):
        before = getattr(present, field.name)
        after = _restored(before, content[field.name], arrays)
        if isinstance(before, np.ndarray) and before.shape != after.shape and field.metadata != LENGTH_VARIES:
            # Compiled loops trust the shapes of their state.
            raise ValueError(f"{field.name} has shape {after.shape} where {before.shape} is expected")
        setattr(present, field.name, after)
    return present


def _array(present: Any, found: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    _expect(present, np.ndarray)
    if present is not None and (present.dtype != found.dtype or present.ndim != found.ndim):
        raise ValueError(f"it has {found.dtype} {found.shape} where {present.dtype} {present.shape} is")
    return found.copy()


def _plain(present: Any, found: Any) -> Any:
    """A number, a text or None; where one of them stands, None may come: it means that there is no value."""
    may_be_none = present is None or isinstance(present, int | float | str)
    kinds = (float, int) if type(present) is float else (type(present),)
    if present is None or (found is None and may_be_none) or type(found) in kinds:
        return found
    raise ValueError(f"it has {found!r} where {type(present).__name__} is")


def _expect(present: Any, kind: type) -> None:
    if present is not None and type(present) is not kind:
        raise ValueError(f"it has a {kind.__name__} where {type(present).__name__} is")


def _content(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"it has {type(value).__name__} where {kind.__name__} is expected")
    return value
