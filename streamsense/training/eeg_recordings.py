"""Reads the public EEG recordings that the EEG expert is trained and tested on, in their own layouts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.errors import RecordingError
from streamsense.sources.eeg_file import SIGNALS_ID, open_eeg_file
from streamsense.streams import Block

Float32Array = npt.NDArray[np.float32]

_EYES_CHANNELS = ("AF3", "T7", "Pz", "T8", "AF4")
_EYES_RATE_HZ = 128.0


@dataclass(frozen=True, eq=False)
class EegSession:
    """One person's recordings in the order of time, each with a label for all of it.

    `parts` are (samples, channels) in µV; between two of them the signal is interrupted.
    """

    person: str
    parts: tuple[Float32Array, ...]
    labels: tuple[bool, ...]
    channel_labels: tuple[str, ...]
    rate_hz: float


def eegmat_people(folder: Path) -> tuple[str, ...]:
    """The people of EEGMAT (PhysioNet, Zyma et al. 2019) in `folder`. Raises RecordingError where there are none."""
    people = tuple(sorted(path.name.removesuffix("_1.edf") for path in folder.glob("Subject*_1.edf")))
    if not people:
        raise RecordingError(
            f"{folder} has no Subject00_1.edf, Subject00_2.edf and so on. Expected the files of EEGMAT "
            "(https://physionet.org/content/eegmat/1.0.0/)."
        )
    return people


def eegmat_session(folder: Path, person: str) -> EegSession:
    """One person's rest and then mental arithmetic (label true). Raises RecordingError where a file is missing."""
    parts, found = [], []
    for file in (folder / f"{person}_1.edf", folder / f"{person}_2.edf"):
        recording = open_eeg_file(file)
        (signals,) = (stream for stream in recording.streams if stream.stream_id == SIGNALS_ID)
        blocks = (event for event in recording.events({SIGNALS_ID: ("eeg", "eeg")}) if isinstance(event, Block))
        parts.append(np.concatenate([block.values for block in blocks]).astype(np.float32))
        found.append((signals.channel_labels, signals.nominal_rate_hz))
    if found[0] != found[1]:
        raise RecordingError(f"The two files of {person} in {folder} have other channels or rates: {found}.")
    return EegSession(person, tuple(parts), (False, True), *found[0])


def eyes_session(folder: Path) -> EegSession:
    """An Emotiv Insight's recordings with the eyes open and then closed (label true), of one person.

    `folder` holds Open*.csv and Closed*.csv. Raises RecordingError where it does not.
    """
    files = [(path, closed) for closed, name in enumerate(("Open", "Closed")) for path in _csv_files(folder, name)]
    columns = slice(1, 1 + len(_EYES_CHANNELS))
    parts = tuple(np.genfromtxt(path, np.float32, delimiter=",", skip_header=1)[:, columns] for path, _ in files)
    return EegSession("Insight", parts, tuple(bool(closed) for _, closed in files), _EYES_CHANNELS, _EYES_RATE_HZ)


def _csv_files(folder: Path, name: str) -> Iterator[Path]:
    files = sorted(folder.glob(f"{name}*.csv"))
    if not files:
        raise RecordingError(f"{folder} has no {name}*.csv, expected the recordings with the eyes open and closed.")
    yield from files
