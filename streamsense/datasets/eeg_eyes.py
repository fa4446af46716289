"""EEG of one person with the eyes open, and then closed: what closing them alone does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.datasets.arrays import eeg_recording
from streamsense.datasets.files import found_files, number, table_rows
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.datasets.parts import RecordingInParts
from streamsense.errors import DatasetError

EYES_OPEN, EYES_CLOSED = "eyes_open", "eyes_closed"
_NAME = re.compile(r"(Open|Closed)_\d+sx\d+_(\d{6})-(\d{6})\.csv")
_ELECTRODES = ("AF3", "T7", "Pz", "T8", "AF4")
_RATE_HZ = 128.0
_FOLDER = "csv/Baseline"


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    inside = folder / _FOLDER
    layout = f"{_FOLDER}/Open_20sx1_201227-102620.csv and so on"
    files = found_files(inside if inside.is_dir() else folder, "*_*.csv", "the recordings of Brain-Download", layout)
    named = [(_NAME.fullmatch(path.name), path) for path in files]
    return iter(sorted((_recording(path, name) for name, path in named), key=lambda it: (it.session, it.order)))


def _recording(path: Path, named: re.Match[str] | None) -> LabelledRecording:
    if named is None:
        raise DatasetError(
            f"{path} is called otherwise than these recordings. Expected Open_20sx1_201227-102620.csv, with Open or "
            "Closed, date and time. Rename it, or take it out of the folder."
        )
    duration_s = len(_samples(path)) / _RATE_HZ
    return LabelledRecording(
        dataset="eeg_eyes",
        person="1",
        session=named[2],
        name=path.stem,
        order=int(named[3]),
        labels=(Label(0.0, duration_s, name=EYES_OPEN if named[1] == "Open" else EYES_CLOSED),),
        opens={"eeg": partial(_open, path)},
    )


def _open(path: Path) -> RecordingInParts:
    return eeg_recording(path, path.stem, [_samples(path)], _RATE_HZ, _ELECTRODES)


def _samples(path: Path) -> FloatArray:
    """The electrodes' values (samples, electrodes), in microvolts. In the files a blank stands before each name."""
    columns = [f" {name}" for name in _ELECTRODES]
    rows = [[number(row[name], path, name) for name in columns] for row in table_rows(path, columns)]
    if not rows:
        raise DatasetError(f"{path} has no samples. Get the file anew, or take it out of the folder.")
    return np.array(rows, np.float64)


EEG_EYES = Dataset(
    name="eeg_eyes",
    citation="LKbrilliant, Brain-Download-Datasets, github.com/LKbrilliant/Brain-Download-Datasets, csv/Baseline.",
    licence="MIT",
    missing=(
        "One person, an Emotiv Insight with five dry electrodes, and no ratings. The eyes are open in all of the first "
        "recordings and closed in all of the last, so what tells them apart may also be the time that has passed: the "
        "level of dry electrodes drifts."
    ),
    verified="Checked on the published files.",
    read=_recordings,
)
