"""`streamsense train`: experts of one's own, from labelled sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from streamsense.cli.live import find_config


def train(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped one such as train_lab.")],
    out: Annotated[Path | None, typer.Option(help="Folder for all of it (default: runs/NAME).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the first figure of each part as JSON.")] = False,
) -> None:
    """Train experts and their fusion on labelled recordings, and judge them on people they were not shown.

    The features are those of the live pipeline. Each fold's network is fitted without those whom it is judged by;
    then one is fitted to everybody. The folder has a report (`report.html`, `report.md`, `report.json`). Stopped at
    any moment and begun again with the same folder, it goes on; the same data gives the same bytes.

    Example: `streamsense train train_lab --out runs/my_lab`, then `streamsense export runs/my_lab -o my_models`
    """
    from streamsense.training.train_settings import load_training

    settings = load_training(find_config(config, of_training=True))
    console = Console(stderr=as_json)
    # Here and not above: everything else works without torch.
    from streamsense.training.joint_training import read_data
    from streamsense.training.joint_training import train as train_all
    from streamsense.training.run_folder import RunFolder
    from streamsense.training.trained_report import headlines, write

    run = RunFolder.begin(out or Path("runs") / settings.name, settings)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}")
    with Progress(*columns, TimeElapsedColumn(), TextColumn("{task.fields[note]}"), console=console) as bars:
        watcher = Bars(bars)
        table = read_data(run, watcher)
        trained = train_all(run, table, watcher)
        bar = bars.add_task("report", total=1, note="")
        report = write(run, trained)
        bars.update(bar, completed=1)
    if as_json:
        typer.echo(json.dumps({"run": str(run.path), "figures": headlines(report)}, ensure_ascii=False))
        return
    for warning in report.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)
    for source, figure in headlines(report).items():
        console.print(f"{source}: {figure}", highlight=False, markup=False, soft_wrap=True)
    text = f"Report: {run.path / 'report.html'}. To use the models: streamsense export {run.path} -o FOLDER"
    console.print(text, highlight=False, markup=False, soft_wrap=True)


class Bars:
    """Progress bars, as `joint_training.Watcher`."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._reading: TaskID | None = None
        self._fits: dict[str, TaskID] = {}
        self._epochs: dict[str, int] = {}

    def note(self, text: str) -> None:
        """Print what a user should know, above the bars."""
        self._bars.console.print(f"note: {text}", highlight=False, markup=False, soft_wrap=True)

    def read(self, name: str, done: int, total: int) -> None:
        """Move the bar of the recordings."""
        if self._reading is None:
            self._reading = self._bars.add_task("recordings", total=total, note="")
        self._bars.update(self._reading, completed=done, note=name if done < total else "")

    def fitting(self, name: str, epochs: int) -> Callable[[int, float], None]:
        """A bar for one fit."""
        self._fits[name] = bar = self._bars.add_task(name, total=epochs, note="")
        self._epochs[name] = epochs
        return lambda epoch, loss: self._bars.update(bar, completed=epoch, note=f"loss {loss:.3f}")

    def fitted(self, name: str) -> None:
        """Its bar is full, also where all was done before."""
        self._bars.update(self._fits[name], completed=self._epochs[name])
