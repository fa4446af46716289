"""Tables of EEG windows to train and test on, from the timeline and the operator that the live pipeline uses."""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.datasets.catalogue import recordings_of
from streamsense.datasets.eeg_eyes import EYES_CLOSED
from streamsense.datasets.eegmat import ARITHMETIC, REST
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label, LabelTrack
from streamsense.datasets.sittings import sittings
from streamsense.errors import DatasetError
from streamsense.features.band_entropy import BandEntropy
from streamsense.models.contract import canonical_json
from streamsense.models.fetch import write_whole
from streamsense.models.ways import cache_folder
from streamsense.sources.stream_kinds import choose_streams
from streamsense.streams import Block, Feature, StreamOpened
from streamsense.timeline.timeline import Timeline

Float32Array = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

WINDOW_HOP_S = 1
_SETTLED_S = 6.0
"""After a part begins: 1 s of warm-up and 1 s for what still rings, then a whole window of 4 s."""
_VERSION = 2


@dataclass(frozen=True, eq=False)
class EegTable:
    """One row for each window: what the EEG expert is given, whose it is, and its label.

    `person` (n,) names; `label` (n,); `time_s` (n,) where the window ends, from the sitting's beginning; `entropy` and
    `baseline` (n, electrodes, bands), nats of µV; `mask` (n, electrodes); `weight` (n, 1). Electrodes are those of
    `features.electrodes.ELECTRODES`.
    """

    person: npt.NDArray[np.str_]
    label: BoolArray
    time_s: npt.NDArray[np.float64]
    entropy: Float32Array
    baseline: Float32Array
    mask: Float32Array
    weight: Float32Array

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> EegTable:
        """These rows only."""
        return EegTable(*(getattr(self, field.name)[rows] for field in fields(self)))


def sitting_table(sitting: LabelledRecording, positive: str, operator: BandEntropy | None = None) -> EegTable:
    """The windows of one sitting, one a second; those that hold a second of the baseline are left out.

    `positive` names the label that counts as true, any other as false. `operator` is a fresh one (default: as the
    shipped models want it).
    """
    operator = operator or BandEntropy()
    kept_from = operator.settings.baseline_s + operator.settings.window_s
    rows = [row for row in labelled_windows(sitting, operator) if row[1] >= kept_from]
    inputs = [feature.inputs for _, _, feature in rows]
    return EegTable(
        np.full(len(rows), sitting.person),
        np.array([label.name == positive for label, _, _ in rows], bool),
        np.array([time_s for _, time_s, _ in rows], float),
        *(
            np.array([given[name] for given in inputs], np.float32)
            for name in ("band_entropy", "band_entropy_baseline", "electrode_mask", "baseline_weight")
        ),
    )


def labelled_windows(sitting: LabelledRecording, operator: BandEntropy) -> Iterator[tuple[Label, float, Feature]]:
    """Label, end (s) and feature of every settled window that lies within one label.

    Through the timeline, as live: the time that it gives a sample decides which window the sample is in.
    """
    recording, labels = sitting.open("eeg"), LabelTrack(sitting.labels)
    timeline, tick = None, WINDOW_HOP_S
    for event in recording.events(choose_streams(recording.streams).selection):
        if isinstance(event, StreamOpened):
            timeline = Timeline(event.info)
            operator.open(event.info)
        elif isinstance(event, Block) and timeline is not None:
            if event.stamps[0] >= tick + WINDOW_HOP_S:  # a pause: its ticks have no samples
                tick = math.ceil(event.stamps[0])
            for timed in timeline.push(event)[0]:
                operator.push(timed)
            while tick <= timeline.horizon:
                if (label := labels.within(tick - _SETTLED_S, tick)) is not None:
                    yield label, float(tick), operator.feature_at(tick)
                tick += WINDOW_HOP_S


def joined(tables: Sequence[EegTable]) -> EegTable:
    """Several tables as one, in their order."""
    return EegTable(*(np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(EegTable)))


def eegmat_people(folder: Path) -> tuple[str, ...]:
    """The people whose EEGMAT recordings are in `folder`. Raises DatasetError where there are none."""
    return tuple(sorted({recording.person for recording in recordings_of(f"eegmat:{folder}")}))


def eegmat_table(
    folder: Path, people: Sequence[str] | None = None, progress: Callable[[str], None] | None = None
) -> EegTable:
    """The windows of EEGMAT's people, all of them or those named; kept in the cache, by the features' contract.

    `progress` is told each person whose windows are there. Raises DatasetError where the files are not EEGMAT's.
    """
    recordings = [it for it in recordings_of(f"eegmat:{folder}") if people is None or it.person in people]
    kept = cache_folder() / "training" / f"eegmat-{_key(folder, recordings)}.npz"
    told = progress or (lambda _person: None)
    if (table := _read(kept)) is not None:
        for person in np.unique(table.person):
            told(str(person))
        return table
    tables = []
    for sitting in sittings(recordings, "eeg"):
        if {label.name for label in sitting.labels} != {REST, ARITHMETIC}:
            raise DatasetError(
                f"{sitting.person} has only {sitting.labels[0].name} in {folder}. Expected {sitting.person}_1.edf "
                f"(rest) and {sitting.person}_2.edf (arithmetic): get both, or take the one out of the folder."
            )
        tables.append(sitting_table(sitting, ARITHMETIC))
        told(sitting.person)
    table = joined(tables)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **{field.name: getattr(table, field.name) for field in fields(table)})
    write_whole(kept, packed.getvalue())
    return table


def eyes_table(folder: Path) -> EegTable:
    """The windows of a person with the eyes open and then closed (label true). Raises DatasetError for other files."""
    return joined(
        [sitting_table(sitting, EYES_CLOSED) for sitting in sittings(recordings_of(f"eeg_eyes:{folder}"), "eeg")]
    )


def _key(folder: Path, recordings: Sequence[LabelledRecording]) -> str:
    """What the table depends on: the features' definition, how the windows lie, and the files."""
    files = [folder / f"{recording.name}.edf" for recording in recordings]
    depends_on = {
        "contract": BandEntropy().contract(),
        "version": _VERSION,
        "files": [[file.name, file.stat().st_size] for file in files],
    }
    return hashlib.sha256(canonical_json(depends_on).encode()).hexdigest()[:32]


def _read(kept: Path) -> EegTable | None:
    """A table from the cache; None where it is not there or not whole, for then it is made again."""
    try:
        with np.load(io.BytesIO(kept.read_bytes()), allow_pickle=False) as arrays:
            return EegTable(*(arrays[field.name] for field in fields(EegTable)))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
