"""DEAP: EEG of 32 people who watched 40 music videos and rated each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from streamsense.arrays import FloatArray
from streamsense.datasets.arrays import eeg_recording
from streamsense.datasets.files import found_files, number, table_rows
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import rated
from streamsense.datasets.matlab import read_numbers
from streamsense.datasets.parts import RecordingInParts
from streamsense.errors import DatasetError

# fmt: off
_ELECTRODES = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz",
    "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
)
# fmt: on
_RATE_HZ = 128.0
_BASELINE_S = 3.0
_NAME = re.compile(r"(s\d\d)\.mat")
_FOLDER = "data_preprocessed_matlab"


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    inside = folder / _FOLDER
    arrays = inside if inside.is_dir() else folder
    if not any(arrays.glob("s*.mat")) and (pickles := [*folder.glob("s*.dat"), *folder.glob("*/s*.dat")]):
        raise DatasetError(
            f"{folder} has {pickles[0].name} and {len(pickles) - 1} more: pickles, which run whatever is in them when "
            f"they are opened, so they are never read here. Expected the same arrays from {_FOLDER}.zip (s01.mat and "
            "so on). Get that one from DEAP's page."
        )
    files = found_files(arrays, "s*.mat", "DEAP", f"{_FOLDER}/s01.mat to s32.mat")
    listed = next(iter(sorted(folder.glob("**/participant_ratings.csv"))), None)
    return _trials(files, {} if listed is None else presentation_order(listed))


def presentation_order(path: Path) -> dict[tuple[int, int], int]:
    """By participant and video, the place of the trial in the session, from `participant_ratings.csv`."""
    order = {}
    for row in table_rows(path, ("Participant_id", "Trial", "Experiment_id")):
        person, trial, video = (number(row[name], path, name) for name in ("Participant_id", "Trial", "Experiment_id"))
        order[int(person), int(video)] = int(trial) - 1
    return order


def _trials(files: list[Path], order: Mapping[tuple[int, int], int]) -> Iterator[LabelledRecording]:
    for path in files:
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise DatasetError(f"{path} is called otherwise than DEAP's files. Expected s01.mat to s32.mat. Rename it.")
        ratings = read_numbers(path, "labels", 2)
        data = _data(path)
        if ratings.shape[1] < 3 or len(ratings) != len(data):
            raise DatasetError(
                f"{path} has labels of shape {ratings.shape} for {len(data)} trials; expected valence, arousal, "
                "dominance and liking of each. Take the file as it was published."
            )
        end_s = data.shape[2] / _RATE_HZ
        for index, given in enumerate(ratings[:, :3].tolist()):
            label = rated(_BASELINE_S, end_s, f"video {index + 1:02d}", given, 1, 9)
            yield LabelledRecording(
                dataset="deap",
                person=named[1],
                session="1",
                name=f"{named[1]} video {index + 1:02d}",
                order=order.get((int(named[1][1:]), index + 1), index),
                labels=(label,),
                opens={"eeg": partial(_open_trial, path, index)},
            )


def _data(path: Path) -> FloatArray:
    data = read_numbers(path, "data", 3)
    if data.shape[1] < len(_ELECTRODES) or data.shape[2] <= _BASELINE_S * _RATE_HZ:
        raise DatasetError(
            f"{path} has data of shape {data.shape}; expected (40 trials, 40 channels, 8064 samples). Take the file "
            "as it was published."
        )
    return data


def _open_trial(path: Path, index: int) -> RecordingInParts:
    trial = _data(path)[index, : len(_ELECTRODES)].T
    return eeg_recording(path, f"{path.stem} video {index + 1:02d}", [trial], _RATE_HZ, _ELECTRODES)


DEAP = Dataset(
    name="deap",
    citation=(
        "Koelstra et al. (2012), DEAP: A database for emotion analysis using physiological signals, IEEE Trans. "
        "Affective Computing 3(1), 18-31; www.eecs.qmul.ac.uk/mmv/datasets/deap."
    ),
    licence="signed licence agreement; no redistribution",
    missing=(
        "The MATLAB version is read, which its authors brought to 128 Hz, 4 to 45 Hz and common average, without eye "
        "artefacts: there is no δ band in it. The original .bdf files are not read yet, and the .dat files never (they "
        "are pickles). Each trial has 3 s before the video and no longer rest. Faces are published for 22 people and "
        "are not read. Without participant_ratings.csv `order` counts videos, not the order of presentation."
    ),
    verified="Layout as described on DEAP's page and read by other programs; not checked on the files.",
    read=_recordings,
)
