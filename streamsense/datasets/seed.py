"""SEED: EEG of 15 people who watched 15 film scenes on three days, positive, neutral and negative ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from streamsense.datasets.arrays import eeg_recording
from streamsense.datasets.files import found_files
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.datasets.matlab import mat_shapes, read_numbers
from streamsense.datasets.parts import RecordingInParts
from streamsense.errors import DatasetError

# fmt: off
_ELECTRODES = (
    "FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8",
    "FT7", "FC5", "FC3", "FC1", "FCZ", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6", "T8",
    "TP7", "CP5", "CP3", "CP1", "CPZ", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "PZ", "P2", "P4", "P6", "P8",
    "PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8", "CB1", "O1", "OZ", "O2", "CB2",
)
# fmt: on
_RATE_HZ = 200.0
_NAME = re.compile(r"(\d+)_(\d{8})\.mat")
_TRIAL = re.compile(r"\w*_eeg(\d+)")
_CLASSES = {-1: ("negative", ""), 0: ("neutral", "neutral"), 1: ("positive", "")}
_FOLDER = "Preprocessed_EEG"


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    arrays = folder / _FOLDER if (folder / _FOLDER).is_dir() else folder
    files = found_files(arrays, "*_*.mat", "SEED", f"{_FOLDER}/1_20131027.mat and so on, and label.mat beside them")
    listed = arrays / "label.mat"
    if not listed.is_file():
        raise DatasetError(f"{arrays} has no label.mat. Expected it beside SEED's recordings. Take it from {_FOLDER}.")
    classes = read_numbers(listed, "label", 2).ravel()
    if not set(classes.tolist()) <= set(_CLASSES):
        raise DatasetError(
            f"{listed} has the labels {sorted(set(classes.tolist()))}; expected -1, 0 and 1. Get it anew."
        )
    return _trials(files, [_CLASSES[int(code)] for code in classes])


def _trials(files: list[Path], classes: list[tuple[str, str]]) -> Iterator[LabelledRecording]:
    visits: dict[int, list[Path]] = defaultdict(list)
    for path in files:
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise DatasetError(
                f"{path} is called otherwise than SEED's files. Expected person and date, as in 1_20131027.mat. "
                "Rename it."
            )
        visits[int(named[1])].append(path)  # by date, as files are sorted by name
    for person, days in sorted(visits.items()):
        for session, path in enumerate(days):
            yield from _session(path, f"{person:02d}", session, classes)


def _session(path: Path, person: str, session: int, classes: list[tuple[str, str]]) -> Iterator[LabelledRecording]:
    shapes = {
        int(found[1]): (name, shape) for name, shape in mat_shapes(path).items() if (found := _TRIAL.fullmatch(name))
    }
    if sorted(shapes) != list(range(1, len(classes) + 1)):
        raise DatasetError(
            f"{path} has trials {sorted(shapes) or 'none'}; expected NAME_eeg1 to NAME_eeg{len(classes)}, as many as "
            "label.mat has labels. Take the files as they were published."
        )
    for trial, (variable, shape) in sorted(shapes.items()):
        if len(shape) != 2 or shape[0] != len(_ELECTRODES) or shape[1] == 0:
            raise DatasetError(f"{path}, {variable} has shape {shape}; expected (62 electrodes, samples). Get it anew.")
        name, emotion = classes[trial - 1]
        yield LabelledRecording(
            dataset="seed",
            person=person,
            session=str(session + 1),
            name=f"{path.stem} trial {trial:02d}",
            order=session * len(classes) + trial - 1,
            labels=(Label(0.0, shape[1] / _RATE_HZ, name=name, emotion=emotion),),
            opens={"eeg": partial(_open_trial, path, variable)},
        )


def _open_trial(path: Path, variable: str) -> RecordingInParts:
    values = read_numbers(path, variable, 2)
    return eeg_recording(path, f"{path.stem} {variable}", [values.T], _RATE_HZ, _ELECTRODES)


SEED = Dataset(
    name="seed",
    citation=(
        "Zheng & Lu (2015), Investigating critical frequency bands and channels for EEG-based emotion recognition with "
        "deep neural networks, IEEE Trans. Autonomous Mental Development 7(3), 162-175; bcmi.sjtu.edu.cn/home/seed."
    ),
    licence="signed licence agreement; no redistribution",
    missing=(
        "The class is what a scene was chosen for, the same for everybody; what each person felt is not in these "
        "files. No rest is recorded before a scene, so there is no baseline. 200 Hz, 0 to 75 Hz. The same 15 scenes "
        "are seen on three days: hold out a person's days together. Eye movements are not read."
    ),
    verified="Layout as read by several other programs; units taken as microvolts, which was not verified.",
    read=_recordings,
)
