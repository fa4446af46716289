"""`streamsense features`: the features of a recording as a table."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from streamsense.cli.recording_options import (
    EegOption,
    ElectrodesOption,
    FaceOption,
    VoiceOption,
    chosen_settings,
    named_streams,
)
from streamsense.cli.replay import tell
from streamsense.features.language_cues import SAID, SPAN_S
from streamsense.score import Notice, Score
from streamsense.streams import Modality

if TYPE_CHECKING:
    from streamsense.runtime.feature_export import FeatureSession


def features(
    file: Annotated[Path, typer.Argument(help="XDF, EDF, BDF, FIF, BrainVision (.vhdr), WAV or a film.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table, .csv or .parquet; never overwritten.")],
    config: Annotated[
        str | None, typer.Option(help="A YAML file or the name of a shipped one; its sources and models are not used.")
    ] = None,
    eeg: EegOption = None,
    electrodes: ElectrodesOption = None,
    face: FaceOption = None,
    voice: VoiceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Write all features of a recording into a table: one row every 200 ms.

    They are the very numbers that the models are given. Of a recording made by `live --record` they are those of the
    live session, to the bit; of any other file, and where settings or streams are named here, those of its complete
    data. The columns are listed in the reference.

    Example: `streamsense features session_01.xdf -o session_01.csv`
    """
    from streamsense.runtime.feature_export import open_features
    from streamsense.sinks.feature_file import check_feature_path, feature_file

    check_feature_path(output)
    settings = chosen_settings(config, electrodes)
    console = Console(stderr=as_json)
    session = open_features(file, named_streams(eeg, face, voice), settings)
    for warning in session.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)
    units = session.table.units
    summary = Summary(session)
    started = time.perf_counter()
    with feature_file(output, units) as table, Progress(console=console, transient=True) as progress:
        task = progress.add_task("features", total=session.ticks)
        for item in session.items:
            if isinstance(item, Notice):
                tell(console, item)
                continue
            table.write(session.table.row(item.time, item.windows, item.language))
            summary.add(item)
            progress.update(task, completed=summary.rows)
    if as_json:
        typer.echo(json.dumps({"output": str(output), "columns": len(units), **summary.as_dict()}))
        return
    elapsed = time.perf_counter() - started
    for line in summary.lines():
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    text = f"{summary.rows} rows of {len(units)} columns, {summary.rows / 5:.1f} s, in {elapsed:.1f} s: {output}"
    console.print(text, highlight=False, markup=False, soft_wrap=True)


class Summary:
    """How many rows there are, from when to when, and how much of each modality and of recognised words."""

    def __init__(self, session: FeatureSession) -> None:
        self.rows = 0
        self._first = self._last = 0.0
        self._sums: dict[Modality, list[float]] = {modality: [0, 0.0, 0.0] for modality in session.table.columns}
        self._has_words = bool(session.table.language)
        self._worded, self._words, self._said = 0, 0.0, 0.0

    def add(self, score: Score) -> None:
        """Count one tick."""
        self._first = score.time if self.rows == 0 else self._first
        self._last = score.time
        self.rows += 1
        for modality, sums in self._sums.items():
            if (window := score.windows.get(modality)) is not None:
                sums[0] += 1
                sums[1] += window.validity
                sums[2] += window.quality
        if score.language:
            self._worded += 1
            self._words += score.language["words"]
            self._said += score.language[SAID]

    def as_dict(self) -> dict[str, object]:
        """The summary for a program; means are over the rows in which the modality, or the words, are there."""
        modalities = {
            modality: {
                "rows": int(rows),
                "mean_validity": validity / max(1, rows),
                "mean_quality": quality / max(1, rows),
            }
            for modality, (rows, validity, quality) in self._sums.items()
        }
        rows = max(1, self._worded)
        words = {"rows": self._worded, "mean_words": self._words / rows, "mean_said": self._said / rows}
        found = {"rows": self.rows, "first_time": self._first, "last_time": self._last, "modalities": modalities}
        return found | ({"text": words} if self._has_words else {})

    def lines(self) -> list[str]:
        """The summary for a reader."""
        lines = [
            f"{modality}: in {int(rows)} rows; mean validity {validity / max(1, rows):.2f}, "
            f"mean quality {quality / max(1, rows):.2f}"
            for modality, (rows, validity, quality) in self._sums.items()
        ]
        if self._has_words:
            rows = max(1, self._worded)
            lines.append(
                f"text: in {self._worded} rows; mean words in {SPAN_S:g} s {self._words / rows:.1f}, "
                f"mean said {self._said / rows:.2f}"
            )
        return lines
