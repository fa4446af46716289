"""EAV: EEG, sound and film of 42 people in played conversations, listening and speaking, in five emotions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from streamsense.datasets.arrays import eeg_recording
from streamsense.datasets.clips import open_clip, open_film
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.datasets.matlab import mat_shapes, read_numbers
from streamsense.datasets.parts import RecordingInParts
from streamsense.errors import DatasetError
from streamsense.sources.recorded import Recording
from streamsense.streams import Modality

# fmt: off
_ELECTRODES = (
    "FP1", "FP2", "F7", "F3", "FZ", "F4", "F8", "FC5", "FC1", "FC2", "FC6", "T7", "C3", "CZ", "C4", "T8",
    "CP5", "CP1", "CP2", "CP6", "P7", "P3", "PZ", "P4", "P8", "PO9", "O1", "OZ", "O2", "PO10",
)
# fmt: on
_RATE_HZ = 500.0
_CLASSES = ("Neutral", "Sadness", "Anger", "Happiness", "Calmness")
_EMOTIONS = {"Neutral": "neutral", "Sadness": "sad", "Anger": "angry", "Happiness": "happy", "Calmness": "calm"}
_TASKS = ("Listening", "Speaking")
_PERSON = re.compile(r"subject0*([1-9]\d*)", re.IGNORECASE)
_MEDIA = re.compile(r"(\d+)_Trial_\d+_(Listening|Speaking)_(\w+?)(?:_aud)?\.(?:wav|mp4)", re.IGNORECASE)


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    found = [(int(named[1]), path) for path in folder.iterdir() if (named := _PERSON.fullmatch(path.name))]
    if not found:
        raise DatasetError(
            f"{folder} has no folder subject1 and so on. Expected EAV as published: subject1/EEG, subject1/Audio and "
            "subject1/Video. Give the folder in which these lie."
        )
    return _people(sorted(found))


def _people(found: list[tuple[int, Path]]) -> Iterator[LabelledRecording]:
    for number, folder in found:
        yield from _person(number, folder)


def _person(number: int, folder: Path) -> Iterator[LabelledRecording]:
    path = _one_of(folder, [folder / "EEG" / f"{folder.name}_eeg.mat", folder / "EEG" / f"subject{number}_eeg.mat"])
    variable, samples, trials = _signals(path)
    tasks = _tasks(path.with_name(f"{path.stem}_label.mat"), trials)
    media = _media(folder)
    for trial, (task, name) in enumerate(tasks):
        opens: dict[Modality, Callable[[], Recording]] = {"eeg": partial(_open_trial, path, variable, trial)}
        for file, said_task, said_name in media.get(trial + 1, ()):
            if (said_task, said_name) != (task.lower(), name.lower()):
                raise DatasetError(
                    f"{file} says {said_task}, {said_name} by its name, but {path.stem}_label.mat says {task}, {name} "
                    f"for trial {trial + 1}. Take the files as they were published."
                )
            if file.suffix.lower() == ".wav":
                opens["voice"] = partial(open_clip, file)
            else:
                opens["face"] = partial(open_film, file)
        label = Label(0.0, samples / _RATE_HZ, name=f"{task} {name}", emotion=_EMOTIONS[name])
        yield LabelledRecording(
            "eav", f"subject{number:02d}", "1", f"subject{number:02d} trial {trial + 1:03d}", trial, (label,), opens
        )


def _one_of(folder: Path, candidates: list[Path]) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise DatasetError(
        f"{folder} has no {candidates[0].relative_to(folder)}. Expected it in EAV as published. Get it anew."
    )


def _signals(path: Path) -> tuple[str, int, int]:
    """The name of the EEG's variable, its samples and its trials."""
    shapes = mat_shapes(path)
    for name in ("seg", "seg1"):
        shape = shapes.get(name, ())
        if len(shape) == 3 and shape[1] == len(_ELECTRODES) and shape[0] > 0:
            return name, shape[0], shape[2]
    raise DatasetError(
        f"{path} has {shapes}; expected seg or seg1 of shape (10000 samples, 30 electrodes, 200 trials). Get it anew."
    )


def _tasks(path: Path, trials: int) -> list[tuple[str, str]]:
    """Task and class of each trial, from a matrix (10, trials) with one 1 for each trial."""
    matrix = read_numbers(path, "label", 2)
    if matrix.shape == (trials, 10) and trials != 10:
        matrix = matrix.T
    if matrix.shape != (10, trials) or not ((matrix != 0).sum(axis=0) == 1).all():
        raise DatasetError(
            f"{path} has a matrix {matrix.shape}; expected (10, {trials}) with one class for each trial. Get it anew."
        )
    rows = np.argmax(matrix != 0, axis=0)
    return [(_TASKS[row % 2], _CLASSES[row // 2]) for row in rows.tolist()]


def _media(folder: Path) -> dict[int, list[tuple[Path, str, str]]]:
    """By the number of the trial, from 1: its sound and film, and what their names say (in small letters)."""
    found: dict[int, list[tuple[Path, str, str]]] = {}
    for path in sorted([*(folder / "Audio").glob("*.wav"), *(folder / "Video").glob("*.mp4")]):
        if named := _MEDIA.fullmatch(path.name):
            found.setdefault(int(named[1]), []).append((path, named[2].lower(), named[3].lower()))
    return found


def _open_trial(path: Path, variable: str, trial: int) -> RecordingInParts:
    values = read_numbers(path, variable, 3)[:, :, trial]
    return eeg_recording(path, f"{path.stem} trial {trial + 1:03d}", [values], _RATE_HZ, _ELECTRODES)


EAV = Dataset(
    name="eav",
    citation=(
        "Lee et al. (2024), EAV: EEG-Audio-Video dataset for emotion recognition in conversational contexts, "
        "Scientific Data 11, 1026; zenodo.org/records/10205702."
    ),
    licence="as stated on its Zenodo page (not verified here)",
    missing=(
        "The emotion is the one that the conversation was written for; nobody rated it. No rest is recorded before a "
        "trial. Listening trials have film and EEG but no sound of the person."
    ),
    verified="Layout, row order and electrodes as read by other programs; units taken as microvolts, unverified.",
    read=_recordings,
)
