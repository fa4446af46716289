"""Folders and tables of data sets, read as hostile."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from streamsense.errors import DatasetError

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
