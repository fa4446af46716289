"""MATLAB files, read as hostile: nothing in them is run or unpickled, and none unpacks to an absurd size."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import DatasetError

_HEAD_BYTES: Final = 128
_COMPRESSED: Final = 15
_BLOCK_BYTES: Final = 1 << 20
_MOST_TIMES_LARGER: Final = 100
"""Signals shrink to a half at best; zlib itself could make a thousandfold of nothing."""


def mat_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The names of a MATLAB file's variables and their shapes, without reading them. Raises what `read_mat` raises."""
    from scipy.io import whosmat

    return {name: tuple(shape) for name, shape, _ in _from_mat(path, lambda: whosmat(str(path)))}


def read_mat(path: Path, name: str) -> Any:
    """One variable of a MATLAB file (version 4 to 7.2). Objects in it are not run. The last one read is remembered.

    Raises DatasetError where it is not there, cannot be read, or the file would unpack to an absurd size.
    """
    status = _from_mat(path, path.stat)
    return _read_mat(path, name, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1)
def _read_mat(path: Path, name: str, modified_ns: int, size: int) -> Any:
    # A file that was changed is read anew, because its time and size are part of what is remembered.
    from scipy.io import loadmat

    _checked(path, modified_ns, size)
    found = _from_mat(path, lambda: loadmat(str(path), variable_names=[name]))
    if name not in found:
        raise DatasetError(
            f"{path} has no variable {name}. Found: {', '.join(mat_shapes(path)) or 'none'}. Take the file as "
            "published."
        )
    return found[name]


def _from_mat(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except NotImplementedError as error:
        raise DatasetError(
            f"{path} is a MATLAB file of version 7.3 (HDF5), which is not read here. Load it in MATLAB or Octave and "
            "save it with -v7."
        ) from error
    except Exception as error:  # SciPy's errors for a damaged file have no common type
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"{path} cannot be read as a MATLAB file: {reason}. Get the file anew.") from error


@functools.lru_cache(maxsize=64)
def _checked(path: Path, modified_ns: int, size: int) -> None:
    del modified_ns, size
    _check_unpacked_size(path)


def _check_unpacked_size(path: Path) -> None:
    """Walk over the file's elements and unpack each in pieces, so that none can fill the memory unseen."""
    size = path.stat().st_size
    limit = _MOST_TIMES_LARGER * (size + _BLOCK_BYTES)
    total = 0
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if len(head) < _HEAD_BYTES or head[126:128] not in (b"IM", b"MI"):
            return  # version 4 holds its arrays as they are
        order = "<" if head[126:128] == b"IM" else ">"
        while len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f"{order}II", tag)
            end = file.tell() + length
            if kind != _COMPRESSED:
                if end > size:
                    raise DatasetError(
                        f"{path} declares an element of {length} bytes, but ends before. Get the file anew."
                    )
                file.seek(end)
                continue
            unpacker = zlib.decompressobj()
            while file.tell() < end and (block := file.read(min(_BLOCK_BYTES, end - file.tell()))):
                while block:
                    total += len(unpacker.decompress(block, _BLOCK_BYTES))
                    block = unpacker.unconsumed_tail
                    if total > limit:
                        raise DatasetError(
                            f"{path} unpacks to more than {_MOST_TIMES_LARGER} times its size, which no recording "
                            "does. Get the file anew from whom you trust."
                        )


def read_numbers(path: Path, name: str, dimensions: int) -> FloatArray:
    """One variable, which must be numbers in so many dimensions. Raises what `read_mat` and `numbers` raise."""
    return numbers(read_mat(path, name), path, name, dimensions)


def numbers(value: Any, path: Path, name: str, dimensions: int) -> FloatArray:
    """A numeric array with so many dimensions. Raises DatasetError for anything else, and for complex numbers."""
    array = np.asarray(value)
    if array.ndim != dimensions or array.dtype.kind not in "fiu" or array.size == 0:
        raise DatasetError(
            f"{path} has {name} with shape {array.shape} of type {array.dtype}; expected numbers in {dimensions} "
            "dimensions. Take the file as it was published."
        )
    return array.astype(np.float64, copy=False)
