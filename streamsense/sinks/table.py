"""Scores and notices as two CSV files: `scores.csv`, one row per tick, and `events.csv`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import TracebackType

from streamsense.errors import SourceError
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Notice, Score


class CsvSink:
    """Writes into a folder, never over files that are there; every row is flushed so that a kill loses at most one.

    Files to which nothing was written are taken away again by `close`.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = folder / "scores.csv", folder / "events.csv"
        for path in self._paths:
            if path.exists():
                raise SourceError(f"{path} is there already and is not overwritten. Name another folder.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._scores, self._events = (path.open("x", newline="", encoding="utf-8") for path in self._paths)
        except OSError as error:
            raise SourceError(
                f"The folder {folder} cannot be written: {error.strerror}. Name another folder."
            ) from error
        self._score_rows = csv.writer(self._scores)
        self._event_rows = csv.writer(self._events)
        self._score_rows.writerow(["time", *SCORE_LABELS, *(f"expert_{label}" for label in EXPERT_LABELS)])
        self._event_rows.writerow(["time", "kind", "text", "details"])
        self._written = False

    def write_score(self, score: Score, compute_s: float = 0.0) -> None:  # noqa: ARG002  (the sinks' common shape)
        """Add one row; numbers are written so that they read back to the same bits."""
        self._score_rows.writerow([repr(float(value)) for value in (score.time, *score.values, *score.experts)])
        self._scores.flush()
        self._written = True

    def write_notice(self, notice: Notice) -> None:
        """Add one event."""
        self._event_rows.writerow([repr(notice.time), notice.kind, notice.text, json.dumps(notice.details)])
        self._events.flush()
        self._written = True

    def close(self) -> None:
        """Close both files; harmless a second time."""
        self._scores.close()
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
