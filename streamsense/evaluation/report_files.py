"""Writes a report and its predictions into a folder: JSON, Markdown with its charts, one HTML page, tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from streamsense.errors import SinkError
from streamsense.evaluation.charts import draw
from streamsense.evaluation.predictions import Predictions
from streamsense.evaluation.report import Chart, Report
from streamsense.evaluation.report_html import page
from streamsense.evaluation.report_markdown import markdown
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.sinks.table import CsvFile

REPORT = "report"
PREDICTIONS = "predictions.csv"


def check_out_folder(folder: Path) -> None:
    """Raise SinkError where a report is there already, or the place is no folder: before anything is computed."""
    if folder.exists() and not folder.is_dir():
        raise SinkError(f"{folder} is a file. Expected a folder, or a name that is not taken.")
    taken = [name for name in (f"{REPORT}.json", f"{REPORT}.html", PREDICTIONS) if (folder / name).exists()]
    if taken:
        raise SinkError(f"{folder / taken[0]} is there already and is not overwritten. Name another folder.")


def write_report(report: Report, folder: Path) -> dict[str, Path]:
    """Write `report.json`, `report.md` with `report-N.svg`, and `report.html`; returns the first three by ending.

    Raises SinkError where they cannot be written.
    """
    charts = [chart for part in report.parts for topic in part.topics for chart in topic.charts]
    drawn: dict[Chart, str] = {chart: draw(chart) for chart in charts}
    names = {chart: f"{REPORT}-{number + 1}.svg" for number, chart in enumerate(drawn)}
    texts = {
        f"{REPORT}.json": json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n",
        f"{REPORT}.md": markdown(report, names),
        f"{REPORT}.html": page(report, drawn),
        **{names[chart]: svg + "\n" for chart, svg in drawn.items()},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SinkError(f"The report cannot be written to {folder}: {error.strerror or error}.") from error
    return {ending: folder / f"{REPORT}.{ending}" for ending in ("json", "md", "html")}


COLUMNS = (
    "source", "dataset", "person", "recording", "trial", "start_s", "end_s", "label",
    *(f"target_{name}" for name in DIMENSIONS), *(f"share_{name}" for name in EMOTIONS), "presence",
    *(f"{name}{suffix}" for name in DIMENSIONS for suffix in ("", "_sd")),
    *(f"emotion_{name}" for name in EMOTIONS), "ambivalence",
)  # fmt: skip
"""The columns of `predictions.csv`. Numbers read back to the same bits; what is not there is an empty cell."""


def write_predictions(tables: Sequence[Predictions], folder: Path) -> Path:
    """Write every window of every source into `predictions.csv`. Raises SinkError where that cannot be done."""
    path = folder / PREDICTIONS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = CsvFile(path)
        try:
            file.begin(COLUMNS)
            for table in tables:
                for row in range(len(table)):
                    file.add(_cells(table, row))
        finally:
            file.close()
    except OSError as error:
        raise SinkError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def _cells(table: Predictions, row: int) -> list[str]:
    window = table.windows[row]
    said = [value for pair in zip(table.vad_mean[row], table.vad_sd[row], strict=True) for value in pair]
    return [
        table.source, window.dataset, window.person, window.recording, window.trial,
        _number(window.start_s), _number(window.end_s), table.names[row],
        *map(_number, table.targets[row].tolist()), *map(_number, table.shares[row].tolist()),
        str(int(table.present[row])), *(_number(float(value)) for value in said),
        *map(_number, table.probabilities[row].tolist()), _number(float(table.ambivalence[row])),
    ]  # fmt: skip


def _number(value: float) -> str:
    return repr(value) if value == value else ""  # NaN alone is not itself
