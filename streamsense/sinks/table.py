"""Scores and notices as two CSV files: `scores.csv`, one row per tick, and `events.csv`."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from streamsense.errors import SinkError, SourceError
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Notice, Score


class CsvSink:
    """Writes into a folder, never over files that are there; every row is flushed so that a kill loses at most one.

    Files to which nothing was written are taken away again by `close`. Raises SinkError when a row cannot be
    written: the disk is full, or the file was removed.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"the CSV output in {folder}"
        self._paths = folder / "scores.csv", folder / "events.csv"
        for path in self._paths:
            if path.exists():
                raise SourceError(f"{path} is there already and is not overwritten. Name another folder.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._scores, self._events = (CsvFile(path) for path in self._paths)
        except OSError as error:
            raise SourceError(
                f"The folder {folder} cannot be written: {error.strerror}. Name another folder."
            ) from error
        self._scores.begin(["time", *SCORE_LABELS, *(f"expert_{label}" for label in EXPERT_LABELS)])
        self._events.begin(["time", "kind", "text", "details"])
        self._written = False

    def write_score(self, score: Score, compute_s: float = 0.0) -> None:  # noqa: ARG002  (the sinks' common shape)
        """Add one row; numbers are written so that they read back to the same bits."""
        self._written = True
        self._scores.add(repr(float(value)) for value in (score.time, *score.values, *score.experts))

    def write_notice(self, notice: Notice) -> None:
        """Add one event."""
        self._written = True
        self._events.add([repr(notice.time), notice.kind, notice.text, json.dumps(notice.details)])

    def close(self) -> None:
        """Close both files; harmless a second time."""
        try:
            self._scores.close()
        finally:
            self._events.close()
        if not self._written:
            for path in self._paths:
                path.unlink(missing_ok=True)

    def __enter__(self) -> CsvSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class CsvFile:
    """One new file that is written row by row. Raises SinkError when a row cannot be written, OSError at the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("x", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file)

    def begin(self, header: Iterable[str]) -> None:
        """The header goes out with the first row."""
        self._rows.writerow(header)

    def add(self, row: Iterable[str]) -> None:
        """Write and flush one row."""
        try:
            self._rows.writerow(row)
            self._file.flush()
            removed = os.fstat(self._file.fileno()).st_nlink == 0
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error
        if removed:
            # What is written to a removed file goes nowhere, and no system says so.
            raise self._failed("it was removed")

    def close(self) -> None:
        """Close the file; harmless a second time."""
        try:
            self._file.close()
        except OSError as error:  # what could not be written is tried once more here
            raise self._failed(error.strerror or str(error)) from error

    def _failed(self, reason: str) -> SinkError:
        return SinkError(
            f"{self._path} cannot be written any more: {reason}. Make room or name another folder, and start anew."
        )
