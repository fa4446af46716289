"""EEGMAT: EEG of people at rest, and then doing sums in their heads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from streamsense.datasets.files import found_files
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.sources.eeg_file import open_eeg_file

_NAME = re.compile(r"(Subject\d\d)_([12])\.edf")
REST, ARITHMETIC = "rest", "mental_arithmetic"


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    files = found_files(folder, "Subject*.edf", "EEGMAT", "SubjectNN_1.edf (rest) and SubjectNN_2.edf (arithmetic)")
    return map(_recording, files)


def _recording(path: Path) -> LabelledRecording:
    named = _NAME.fullmatch(path.name)
    if named is None:
        raise DatasetError(
            f"{path} is called otherwise than EEGMAT's files. Expected SubjectNN_1.edf or SubjectNN_2.edf. Rename it, "
            "or take it out of the folder."
        )
    signals = open_eeg_file(path).streams[0]
    duration_s = signals.sample_count / signals.nominal_rate_hz
    number = int(named[2])
    return LabelledRecording(
        dataset="eegmat",
        person=named[1],
        session="1",
        name=path.stem,
        order=number - 1,
        labels=(Label(0.0, duration_s, name=(REST, ARITHMETIC)[number - 1]),),
        opens={"eeg": partial(open_eeg_file, path)},
    )


EEGMAT = Dataset(
    name="eegmat",
    citation=(
        "Zyma et al. (2019), Electroencephalograms during mental arithmetic task performance, Data 4(1), 14; PhysioNet "
        "EEGMAT 1.0.0, physionet.org/content/eegmat."
    ),
    licence="ODC-BY 1.0",
    missing=(
        "No ratings of valence or arousal: the only label is the task, and workload is not arousal. Rest always comes "
        "first and each condition is one file, cleaned by itself (the numerical ranks of a person's two files differ "
        "in most people), so what tells the files apart need not be the work. Independent components were removed and "
        "the band was limited by its authors: distrust γ."
    ),
    verified="Checked on the published files.",
    read=_recordings,
)
