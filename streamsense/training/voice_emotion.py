"""Trains, measures and writes the voice expert: `python -m streamsense.training.voice_emotion EMODB_FOLDER`.

EMODB_FOLDER holds `wav/` and `erkennung.txt`. The same folder on the same machine gives the same bytes.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import rich.progress
from rich.console import Console

from streamsense.errors import DependencyError, StreamsenseError
from streamsense.resources import shipped

COMMAND = "python -m streamsense.training.voice_emotion EMODB_FOLDER"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamsense.training.voice_emotion", description=__doc__)
    parser.add_argument("emodb", type=Path, help="the folder of the recordings")
    parser.add_argument("--out", type=Path, help="where the model is written (default: models_onnx of the checkout)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="the date in the card")
    given = parser.parse_args(arguments)
    console = Console()
    try:
        _train(given.emodb, given.out or shipped("models_onnx"), given.date, console)
    except StreamsenseError as error:
        console.print(f"Error: {error}", style="red", highlight=False, markup=False)
        return error.exit_code
    return 0


def _train(corpus: Path, folder: Path, date: str, console: Console) -> None:
    try:
        from streamsense.training import voice_study as study
        from streamsense.training.voice_clips import emodb_clips
        from streamsense.training.voice_tables import Take, play
    except ImportError as error:
        raise DependencyError(
            f"Training needs torch and onnx, of which one cannot be imported ({error}). "
            "Install them: pip install -c constraints.txt 'streamsense[train]'."
        ) from error
    plan, clips = study.Plan(), emodb_clips(corpus)
    columns = ("{task.description}", rich.progress.BarColumn(), "{task.completed}/{task.total}")
    with rich.progress.Progress(*columns, rich.progress.TimeElapsedColumn(), console=console) as bars:
        bar = bars.add_task("voice", total=plan.steps(len({clip.speaker for clip in clips})))
        expert, found = study.train(clips, plan, lambda text: bars.update(bar, advance=1, description=text))
    examples = study.examples(play(clips[:40], Take(0)))
    path = study.write(expert, found, examples, folder, date, COMMAND)
    for line in found.lines():
        console.print(f"- {line}", highlight=False, markup=False, soft_wrap=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    console.print(f"written: {path.name} ({path.stat().st_size} bytes), sha256 {sha256}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
