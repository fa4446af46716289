"""The data sets that can be read, by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streamsense.datasets.bah import BAH
from streamsense.datasets.cremad import CREMA_D
from streamsense.datasets.deap import DEAP
from streamsense.datasets.dreamer import DREAMER
from streamsense.datasets.eav import EAV
from streamsense.datasets.eeg_eyes import EEG_EYES
from streamsense.datasets.eegmat import EEGMAT
from streamsense.datasets.emodb import EMODB
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.ravdess import RAVDESS
from streamsense.datasets.seed import SEED
from streamsense.errors import DatasetError

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset for dataset in (EEGMAT, EMODB, RAVDESS, CREMA_D, DEAP, SEED, DREAMER, EAV, BAH, EEG_EYES)
}
"""The published sets. A lab's own recordings are read through `lab_sessions`, which asks where their labels are."""


def recordings_of(place: str) -> Iterator[LabelledRecording]:
    """The recordings at a place such as `eegmat:FOLDER`. Raises DatasetError for a set that is not known."""
    name, colon, folder = place.partition(":")
    if name not in DATASETS or not colon or not folder:
        raise DatasetError(
            f"{place!r} is no set of recordings. Expected NAME:FOLDER with one of {', '.join(DATASETS)}."
        )
    return DATASETS[name].recordings(Path(folder))
