"""Trains, measures and writes the EEG expert: `python -m streamsense.training.eeg_workload DATA_FOLDER`.

DATA_FOLDER holds `eegmat/` (PhysioNet EEGMAT 1.0.0) and `eeg_eyes/csv/Baseline/`. The same seed on the same machine
gives the same bytes. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import rich.progress
from rich.console import Console

from streamsense.errors import StreamsenseError
from streamsense.features.band_entropy import BandEntropy
from streamsense.models.ways import cache_folder
from streamsense.resources import shipped
from streamsense.training import lacking
from streamsense.training.eeg_tables import eegmat_people, eegmat_table, eyes_table

COMMAND = "python -m streamsense.training.eeg_workload DATA_FOLDER"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamsense.training.eeg_workload", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the recordings")
    parser.add_argument("--out", type=Path, help="where the model is written (default: models_onnx of the checkout)")
    parser.add_argument("--seed", type=_seed, help="another seed (default: that of the shipped model)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="the date in the card")
    given = parser.parse_args(arguments)
    console = Console()
    try:
        lines = _made(given.data, given.out or shipped("models_onnx"), given.seed, given.date, console)
    except StreamsenseError as error:
        console.print(f"Error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return error.exit_code
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**31:
        raise argparse.ArgumentTypeError(f"seed is {seed}, expected 0 to 2³¹ − 1")
    return seed


def _made(data: Path, folder: Path, seed: int | None, date: str, console: Console) -> list[str]:
    """What is to be told once the model is written."""
    try:
        from streamsense.training import eeg_training as training
        from streamsense.training.eeg_card import card
        from streamsense.training.export import export_expert
    except ImportError as error:
        raise lacking(error) from error
    settings = training.SETTINGS
    if seed is not None:
        settings = replace(settings, fitting=replace(settings.fitting, seed=seed))
    workspace = cache_folder() / "training" / f"eeg_workload-{training.run_key(settings)}"
    with _progress(console) as bars:
        people = eegmat_people(data / "eegmat")
        bar = bars.add_task("windows", total=len(people), note="")
        table = eegmat_table(data / "eegmat", people, lambda name: bars.update(bar, advance=1, note=name))
        eyes = eyes_table(data / "eeg_eyes")
        expert, found = training.train(table, eyes, settings, workspace=workspace, watch=_watch(bars))
    path = export_expert(
        expert,
        training.examples(table),
        training.OUTPUTS,
        card(found, COMMAND, date),
        BandEntropy().contract(),
        folder,
    )
    shutil.rmtree(workspace, ignore_errors=True)
    written = path.read_bytes()
    return [
        *(f"- {line}" for line in found.lines()),
        f"written: {path} ({len(written)} bytes), sha256 {hashlib.sha256(written).hexdigest()}",
    ]


def _progress(console: Console) -> rich.progress.Progress:
    columns = ("{task.description}", rich.progress.BarColumn(), "{task.completed}/{task.total}", "{task.fields[note]}")
    return rich.progress.Progress(*columns, rich.progress.TimeElapsedColumn(), console=console)


def _watch(bars: rich.progress.Progress) -> Callable[[str, int], Callable[[int, float], None]]:
    def watch(name: str, epochs: int) -> Callable[[int, float], None]:
        bar = bars.add_task(name, total=epochs, note="")
        return lambda epoch, loss: bars.update(bar, completed=epoch, note=f"loss {loss:.3f}", visible=epoch < epochs)

    return watch


if __name__ == "__main__":
    sys.exit(main())
