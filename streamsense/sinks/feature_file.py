"""A table of features as one new file, CSV or Parquet: whole when it is closed, and none at all after a failure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from streamsense.errors import ConfigError, DependencyError, SinkError
from streamsense.sinks.table import CsvFile

_ENDINGS = (".csv", ".parquet")
_ROWS_AT_ONCE = 300  # a minute


class FeatureFile(Protocol):
    """Takes rows as they come."""

    def write(self, row: Sequence[float]) -> None:
        """Add one row; NaN is an empty cell."""
        ...

    def close(self) -> None:
        """Write what is left; nothing is written afterwards."""
        ...


def check_feature_path(path: Path) -> None:
    """Raise a StreamsenseError where a table cannot be written to `path`, before anything is computed."""
    if path.suffix.lower() not in _ENDINGS:
        raise ConfigError(f"The output was {str(path)!r}, expected a file that ends in {' or '.join(_ENDINGS)}.")
    if path.exists():
        raise SinkError(f"{path} is there already and is not overwritten. Name another file.")
    if path.suffix.lower() == ".parquet":
        _pyarrow()


@contextmanager
def feature_file(path: Path, units: Mapping[str, str]) -> Iterator[FeatureFile]:
    """A new file for rows with these columns (name to unit). If what is done with it fails, the file is removed.

    Raises SinkError when it cannot be written.
    """
    check_feature_path(path)
    file: FeatureFile
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _Csv(path, units) if path.suffix.lower() == ".csv" else _Parquet(path, units)
    except OSError as error:
        raise _failed(path, error) from error
    try:
        yield file
        file.close()
    except BaseException:
        with suppress(SinkError):
            file.close()
        path.unlink(missing_ok=True)
        raise


class _Csv:
    """Numbers are written so that they read back to the same bits."""

    def __init__(self, path: Path, units: Mapping[str, str]) -> None:
        self._file = CsvFile(path)
        self._file.begin(units)

    def write(self, row: Sequence[float]) -> None:
        self._file.add("" if math.isnan(value) else repr(value) for value in row)

    def close(self) -> None:
        self._file.close()


class _Parquet:
    """Float64 columns, whose units are in their metadata; an empty cell is null."""

    def __init__(self, path: Path, units: Mapping[str, str]) -> None:
        self._arrow, parquet = _pyarrow()
        fields = [
            self._arrow.field(name, self._arrow.float64(), metadata={"unit": unit}) for name, unit in units.items()
        ]
        self._schema = self._arrow.schema(fields)
        self._path = path
        self._file = path.open("xb")
        self._writer = parquet.ParquetWriter(self._file, self._schema)
        self._rows: list[Sequence[float]] = []

    def write(self, row: Sequence[float]) -> None:
        self._rows.append(row)
        if len(self._rows) == _ROWS_AT_ONCE:
            self._write_rows()

    def close(self) -> None:
        try:
            if self._rows:
                self._write_rows()
            self._writer.close()
            self._file.close()
        except OSError as error:
            raise _failed(self._path, error) from error

    def _write_rows(self) -> None:
        rows, self._rows = np.array(self._rows, np.float64), []
        columns = [self._arrow.array(column, mask=np.isnan(column)) for column in rows.T]
        try:
            self._writer.write_table(self._arrow.table(columns, schema=self._schema))
        except OSError as error:
            raise _failed(self._path, error) from error


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DependencyError(
            f"Parquet files are written by pyarrow, which cannot be imported ({error}). Install it with "
            "`pip install 'streamsense[parquet]'`, or name an output that ends in .csv."
        ) from error
    return pyarrow, pyarrow.parquet


def _failed(path: Path, error: OSError) -> SinkError:
    return SinkError(f"{path} cannot be written: {error.strerror or error}. Make room or name another file.")
