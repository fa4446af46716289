"""Reads the fenced blocks of the documentation, and makes the files that its commands expect."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from streamsense.models.catalogue import model_files
from streamsense.resources import shipped
from tests.helpers.brain_noise import brain_noise
from tests.helpers.edf_writer import write_edf
from tests.helpers.xdf_writer import XdfWriter

ROOT = Path(__file__).parents[2]
OWN_MODEL = "docs/tutorial-own-model.md"
DOCUMENTS = (
    OWN_MODEL, "README.md", "docs/tutorial.md", "docs/how-to.md", "docs/reference.md",
    "docs/explanation.md", "docs/recording-format.md", "docs/action-units.md", "docs/evaluation.md",
)  # fmt: skip

_BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*) -->\n+)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block; `note` is the HTML comment before it, such as `file: lab.yaml` or `test: skip because …`."""

    language: str
    note: str
    body: str

    @property
    def file(self) -> str:
        """Name of the file that the block is the content of, "" for none."""
        return self.note.removeprefix("file: ") if self.note.startswith("file: ") else ""

    @property
    def skipped(self) -> bool:
        """The block cannot run here; its note says why."""
        return self.note.startswith("test: skip because ")

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of a console block, without their prompt; lines without one are output."""
        if self.language not in ("console", "bash"):
            return ()
        lines = self.body.splitlines()
        return tuple(line.removeprefix("$ ") for line in lines if self.language == "bash" or line.startswith("$ "))


def blocks(document: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    for found in _BLOCK.finditer((ROOT / document).read_text(encoding="utf-8")):
        yield Block(found["language"], found["note"] or "", found["body"])


def make_recordings(folder: Path) -> None:
    """The recordings that the documentation speaks of, 10 s each, under its names; seeded noise."""
    random = np.random.default_rng(0)
    seconds, rate, sound_rate = 10, 250, 16_000
    names = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2"]
    times = 100 + np.arange(seconds * rate) / rate
    sound_times = 100 + np.arange(seconds * sound_rate) / sound_rate
    writer = XdfWriter()
    writer.header(1, "float32", len(names), rate, "Amp", "EEG", names)
    writer.header(2, "float32", 1, sound_rate, "Microphone", "Audio", ["mono"], "normalized")
    writer.header(3, "string", 1, 0.0, "Task", "Markers")
    writer.stamped(1, times, brain_noise(random, 10, (len(times), len(names)), rate).astype("f4"))
    writer.stamped(2, sound_times, random.normal(0, 0.05, (len(sound_times), 1)).astype("f4"))
    writer.samples(3, [102.0, 107.0], [["start"], ["stop"]])
    for stream, count in ((1, len(times)), (2, len(sound_times)), (3, 2)):
        writer.footer(stream, count)
    (folder / "session.xdf").write_bytes(writer.data)
    counts = brain_noise(random, 20, (seconds * rate, 3), rate).T.astype(int)
    write_edf(folder / "raw.edf", ["ExG1", "ExG2", "ExG3"], ["uV"] * 3, counts, rate)


def make_model_folders(folder: Path) -> None:
    """A USB stick with models by others, and the shipped models as a checkout has them."""
    for model in ("mesh468_iris", "silero_vad"):
        stick = folder / "usb_stick" / model
        stick.mkdir(parents=True)
        for name, path in model_files(model).items():
            shutil.copy(path, stick / name)
    shutil.copytree(shipped("models_onnx"), folder / "models_onnx")


def make_short_training(folder: Path) -> None:
    """Short windows for a participant in a hurry (short.yaml), and `train_lab` with these (short_train.yaml).

    What it learns is worth nothing; that all goes together is what is shown.
    """
    short = {"eeg": {"window_s": 1.0}, "face": {"window_s": 1.0}, "voice": {"window_s": 1.0}}
    training = yaml.safe_load(shipped("configs/train_lab.yaml").read_text(encoding="utf-8"))
    training |= {"features": "short.yaml", "fitting": {"epochs": 2}}
    (folder / "short.yaml").write_text(yaml.safe_dump(short), encoding="utf-8")
    (folder / "short_train.yaml").write_text(yaml.safe_dump(training), encoding="utf-8")
