"""Makes every shipped model again: `python -m streamsense.training.shipped_models DATA_FOLDER` (`make models`).

First the graphs that are built from published knowledge, which need no recordings, then the trained ones, which need
those in DATA_FOLDER. A run that was stopped goes on where it was. What could not be made is named, with exit status 2.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from streamsense.models.ways import cache_folder
from streamsense.resources import shipped


@dataclass(frozen=True)
class Step:
    """One command that makes models; `file` is what it writes last, "" where making it again takes no time.

    `needs` are folders of recordings, each with where they come from.
    """

    name: str
    arguments: tuple[str, ...]
    file: str = ""
    needs: tuple[tuple[Path, str], ...] = ()

    def missing(self) -> list[str]:
        """The folders that are not there, as text."""
        return [f"{folder} ({source})" for folder, source in self.needs if not folder.is_dir()]


def steps(data: Path) -> tuple[Step, ...]:
    """What makes the shipped models, in order."""
    eegmat = (data / "eegmat", "EEGMAT 1.0.0, physionet.org/content/eegmat")
    eyes = (data / "eeg_eyes" / "csv" / "Baseline", "EEG with open and closed eyes")
    emodb = (data / "emodb", "EmoDB, as published by audEERING")
    trainers = (("eeg_workload", data, (eegmat, eyes)), ("voice_emotion", data / "emodb", (emodb,)))
    return (
        Step("knowledge", (str(shipped("models_onnx/build.py")),)),
        *(
            Step(name, ("-m", f"streamsense.training.{name}", str(folder)), f"{name}.onnx", needs)
            for name, folder, needs in trainers
        ),
    )


def make(planned: Sequence[Step], folder: Path, notes: Path, console: Console) -> int:
    """Carry the steps out; the exit status is the first failed command's, or 2 where something was left out.

    `folder` is where the models are written. `notes` remembers what an unfinished run has made.
    """
    made: dict[str, str] = json.loads(notes.read_text()) if notes.is_file() else {}
    left_out = False
    for step in planned:
        if missing := step.missing():
            left_out = True
            text = f"{step.name} was left out: there is no {', no '.join(missing)}. Give their folder as DATA=FOLDER."
            console.print(text, style="yellow", highlight=False, soft_wrap=True)
            continue
        target = folder / step.file
        if step.file and target.is_file() and made.get(step.name) == _sha256(target):
            console.print(f"{step.name}: made by the run that was stopped", highlight=False)
            continue
        console.print(f"{step.name}: python {' '.join(step.arguments)}", highlight=False, soft_wrap=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if status := subprocess.run([sys.executable, *step.arguments], env=environment, check=False).returncode:  # noqa: S603
            return status
        if step.file:
            made[step.name] = _sha256(target)
            notes.parent.mkdir(parents=True, exist_ok=True)
            notes.write_text(json.dumps(made))
    notes.unlink(missing_ok=True)
    return 2 if left_out else 0


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamsense.training.shipped_models", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the recordings")
    given = parser.parse_args(arguments)
    notes = cache_folder() / "training" / "shipped_models.json"
    return make(steps(given.data), shipped("models_onnx"), notes, Console(stderr=True))


if __name__ == "__main__":
    sys.exit(main())
