"""`streamsense evaluate`: trained models on recordings of a known layout."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from streamsense.cli.recording_options import chosen_settings

if TYPE_CHECKING:
    from streamsense.config import Config
    from streamsense.evaluation.chosen_windows import Reading
    from streamsense.evaluation.evaluating import Evaluated, Models, Place
    from streamsense.evaluation.report import Report, Topic


def evaluate(
    models: Annotated[
        list[str], typer.Argument(help="An .onnx expert or the name of a shipped one; of each modality one.")
    ],
    data: Annotated[list[str], typer.Option(help="NAME:FOLDER, such as eegmat:FOLDER; lab:FOLDER for your own.")],
    labels: Annotated[Path | None, typer.Option(help="Of lab: a YAML file that says where the labels are.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for report and predictions.")] = None,
    protocol: Annotated[
        Literal["person", "trial", "corpus"], typer.Option(help="Whose figures they are, and what intervals are over.")
    ] = "person",
    contrast: Annotated[
        str | None, typer.Option(help="LOW,HIGH[,DIMENSION]: two classes, of which the second should score higher.")
    ] = None,
    settle: Annotated[
        float | None, typer.Option(min=0, help="Seconds of each recording that are left out; default: the EEG's rest.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="Settings for the features; by default those that the model was made for.")
    ] = None,
    curves: Annotated[bool, typer.Option("--curves", help="Also with electrodes, signal or samples missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Measure trained models on recordings: the very outputs of the live pipeline against the labels.

    Every figure stands beside its interval over people and what it would be without knowledge. Sets: eegmat, emodb,
    ravdess, crema-d, deap, seed, dreamer, eav, bah, each in the layout in which its publishers give it; nothing is
    downloaded. A live session of `live --record` is computed from its journal, so that the outputs are those that
    were recorded, to the bit. Several models are also evaluated together, as the fusion combines them.

    Example: `streamsense evaluate eeg_workload --data eegmat:FOLDER --out results`
    """
    from streamsense.evaluation.chosen_windows import Reading
    from streamsense.evaluation.contrast_figures import parse_contrast
    from streamsense.evaluation.model_reports import report_on
    from streamsense.evaluation.report_files import check_out_folder, write_predictions, write_report

    if out is not None:
        check_out_folder(out)
    reading = Reading(protocol, contrast=None if contrast is None else parse_contrast(contrast))
    opened, places, settings = _models(models), _places(data, labels), chosen_settings(config, None)
    console = Console(stderr=as_json)
    found, more = [], []
    with _progress(console) as bar:
        for place in places:
            found.append(_evaluated(bar, place, opened, settings, reading, settle))
            more.append(_curves(bar, found[-1], opened, settings, reading, settle) if curves else [])
    report = report_on(opened, found, protocol, more, shlex.join(["streamsense", *sys.argv[1:]]))
    if out is not None:
        write_predictions([table for one in found for table in one.predictions.values()], out)
        write_report(report, out)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        _show(console, report)
    if out is not None:
        text = f"Written to {out}: report.html, report.md, report.json, predictions.csv"
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def _models(names: Sequence[str]) -> Models:
    from streamsense.errors import ModelError
    from streamsense.evaluation.model_settings import open_expert_model

    found: Models = {}
    for name in names:
        model, modality = open_expert_model(name)
        if modality in found:
            raise ModelError(
                f"{found[modality][0]} and {name} are both models for {modality}. Expected one of each modality: "
                "evaluate them one after the other."
            )
        found = {**found, modality: (Path(name).stem, model)}
    return found


def _places(data: Sequence[str], labels: Path | None) -> list[Place]:
    from streamsense.evaluation.places import place_of

    return [place_of(text, labels) for text in data]


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


def _evaluated(
    bar: Progress, place: Place, models: Models, settings: Config | None, reading: Reading, settle_s: float | None,
) -> Evaluated:  # fmt: skip
    from streamsense.evaluation.evaluating import evaluate_on

    task = bar.add_task(place.dataset.name, total=None)

    def progress(_what: str, done: int, count: int) -> None:
        bar.update(task, completed=done, total=count)

    return evaluate_on(place, models, settings, reading, settle_s, progress)


def _curves(
    bar: Progress, whole: Evaluated, models: Models, settings: Config | None, reading: Reading, settle_s: float | None,
) -> list[Topic]:  # fmt: skip
    from streamsense.evaluation.curves import curve_topics, modality_topic
    from streamsense.evaluation.evaluating import Change, evaluate_on

    def again(what: str, change: Change) -> Evaluated:
        task = bar.add_task(f"{whole.place.dataset.name}: {what}", total=None)

        def progress(_what: str, done: int, count: int) -> None:
            bar.update(task, completed=done, total=count)

        return evaluate_on(whole.place, models, settings, reading, settle_s, progress, change)

    topics = modality_topic(whole)
    for modality, (name, _) in models.items():
        topics += curve_topics(modality, name, whole, again)
    return topics


def _show(console: Console, report: Report) -> None:
    for warning in report.warnings:
        console.print(warning, style="bold red", highlight=False, markup=False, soft_wrap=True)
    console.print(report.protocol, highlight=False, markup=False, soft_wrap=True)
    for part in report.parts:
        console.rule(part.title)
        for text in (*part.warnings, *(f"{name}: {value}" for name, value in part.counts)):
            console.print(text, highlight=False, markup=False, soft_wrap=True)
        for topic in part.topics:
            if not topic.figures:
                continue
            table = Table(
                "figure", "value [95 % interval]", "without knowledge", title=topic.title, title_justify="left"
            )
            for figure in topic.figures:
                floors = ", ".join(f"{name} {value:.3f}" for name, value in figure.floors.items())
                table.add_row(figure.name, str(figure).replace("[", "\\["), floors)
            console.print(table)
