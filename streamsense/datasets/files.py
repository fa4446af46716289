"""Files of data sets, read as hostile: tables as text, MATLAB files without ever running or unpickling anything."""

from __future__ import annotations

import csv
import functools
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamsense.errors import DatasetError
from streamsense.streams import FloatArray

_HEAD_BYTES: Final = 128
_COMPRESSED: Final = 15
_BLOCK_BYTES: Final = 1 << 20
_MOST_TIMES_LARGER: Final = 100
"""Signals shrink to a half at best; zlib itself could make a thousandfold of nothing."""
_MOST_TABLE_BYTES: Final = 256 << 20


def found_files(folder: Path, pattern: str, dataset: str, expected: str) -> list[Path]:
    """The files that `pattern` finds in `folder`, sorted by name. Raises DatasetError where there is none."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))
    if not files:
        raise DatasetError(
            f"{folder} has no file {pattern}: it holds {_listing(folder)}. Expected {dataset} as published: "
            f"{expected}. Give the folder in which these lie."
        )
    return files


def _listing(folder: Path) -> str:
    names = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown or "nothing"


def table_rows(path: Path, columns: Sequence[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a table with a head, as texts by column. Raises DatasetError where a column or a value is missing."""
    try:
        if path.stat().st_size > _MOST_TABLE_BYTES:
            raise DatasetError(
                f"{path} has {path.stat().st_size >> 20} MiB, expected up to {_MOST_TABLE_BYTES >> 20}. Is it a table?"
            )
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            found = [name or "" for name in reader.fieldnames or ()]
            if missing := [name for name in columns if name not in found]:
                raise DatasetError(
                    f"{path} has the columns {', '.join(found[:20]) or '(none)'}; expected {', '.join(columns)}. "
                    f"Missing: {', '.join(missing)}. Take the file as it was published."
                )
            for row in reader:
                if any(row[name] is None for name in columns):
                    raise DatasetError(f"{path}, line {reader.line_num}: fewer values than columns. Get the file anew.")
                yield row
    except (OSError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read as a table: {error}. Get the file anew.") from error


def number(text: str, path: Path, what: str) -> float:
    """A number from a table; NaN for an empty cell or one that says NaN. Raises DatasetError for anything else."""
    bare = text.strip()
    try:
        return float(bare) if bare else float("nan")
    except ValueError:
        raise DatasetError(f"{path} has {text!r} as {what}, expected a number. Correct the table.") from None


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


def numbers(value: Any, path: Path, name: str, dimensions: int) -> FloatArray:
    """A numeric array with so many dimensions. Raises DatasetError for anything else, and for complex numbers."""
    array = np.asarray(value)
    if array.ndim != dimensions or array.dtype.kind not in "fiu" or array.size == 0:
        raise DatasetError(
            f"{path} has {name} with shape {array.shape} of type {array.dtype}; expected numbers in {dimensions} "
            "dimensions. Take the file as it was published."
        )
    return array.astype(np.float64, copy=False)
