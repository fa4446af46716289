"""Tables of EEG windows to train and test on, from the timeline and the operator that the live pipeline uses."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.features.band_entropy import BandEntropy
from streamsense.models.contract import canonical_json
from streamsense.models.fetch import write_whole
from streamsense.models.ways import cache_folder
from streamsense.streams import Block, Feature, StreamInfo
from streamsense.timeline.timeline import Timeline
from streamsense.training.eeg_recordings import EegSession, eegmat_people, eegmat_session

Float32Array = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

WINDOW_HOP_S = 1
_SETTLED_S = 6.0
"""After a part begins: 1 s of warm-up and 1 s for what still rings, then a whole window of 4 s."""
_VERSION = 1


@dataclass(frozen=True, eq=False)
class EegTable:
    """One row for each window: what the EEG expert is given, whose it is, and its label.

    `person` (n,) names; `label` (n,); `time_s` (n,) where the window ends, from the session's beginning; `entropy` and
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


def session_table(
    session: EegSession, operator: BandEntropy | None = None, baseline_s: float | None = None
) -> EegTable:
    """The windows of one session, one a second; those that hold a second of the baseline are left out.

    `operator` is a fresh one (default: as the shipped models want it). `baseline_s` is how much of the beginning is
    left out, the operator's own baseline unless said otherwise.
    """
    operator = operator or BandEntropy()
    kept_from = operator.settings.baseline_s if baseline_s is None else baseline_s
    kept_from += operator.settings.window_s
    rows = [row for row in _windows(session, operator) if row[1] >= kept_from]
    inputs = [feature.inputs for _, _, feature in rows]
    return EegTable(
        np.full(len(rows), session.person),
        np.array([session.labels[part] for part, _, _ in rows], bool),
        np.array([time_s for _, time_s, _ in rows], float),
        *(
            np.array([given[name] for given in inputs], np.float32)
            for name in ("band_entropy", "band_entropy_baseline", "electrode_mask", "baseline_weight")
        ),
    )


def _windows(session: EegSession, operator: BandEntropy) -> Iterator[tuple[int, float, Feature]]:
    """Part, end (s) and feature of every settled window; the parts follow each other with a gap of 1 to 2 s.

    Through the timeline, as live: the time that it gives a sample decides which window the sample is in.
    """
    labels, rate = session.channel_labels, session.rate_hz
    units = ("microvolts",) * len(labels)
    info = StreamInfo("eeg", "eeg", "EEG", "EEG", "", labels, units, rate, "float32")
    operator.open(info)
    timeline = Timeline(info)
    start, count = 0.0, 0
    for part, samples in enumerate(session.parts):
        stamps = start + np.arange(len(samples)) / rate
        tick = start + _SETTLED_S
        for cut in np.array_split(np.arange(len(samples)), max(1, round(len(samples) / rate))):
            block = Block("eeg", count, stamps[cut], samples[cut], float(stamps[cut][-1]))
            count += len(cut)
            for timed in timeline.push(block)[0]:
                operator.push(timed)
            while tick <= timeline.horizon:
                yield part, tick, operator.feature_at(tick)
                tick += WINDOW_HOP_S
        start = float(np.ceil(stamps[-1])) + 1.0


def joined(tables: Sequence[EegTable]) -> EegTable:
    """Several tables as one, in their order."""
    return EegTable(*(np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(EegTable)))


def eegmat_table(
    folder: Path, people: Sequence[str] | None = None, progress: Callable[[str], None] | None = None
) -> EegTable:
    """The windows of EEGMAT's people, all of them or those named; kept in the cache, by the features' contract.

    `progress` is told each person whose windows are there. Raises RecordingError where the files are not EEGMAT's.
    """
    people = eegmat_people(folder) if people is None else tuple(people)
    kept = cache_folder() / "training" / f"eegmat-{_key(folder, people)}.npz"
    if (table := _read(kept)) is not None:
        for person in people if progress else ():
            progress(person)  # type: ignore[misc]
        return table
    tables = []
    for person in people:
        tables.append(session_table(eegmat_session(folder, person)))
        if progress is not None:
            progress(person)
    table = joined(tables)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **{field.name: getattr(table, field.name) for field in fields(table)})
    write_whole(kept, packed.getvalue())
    return table


def _key(folder: Path, people: Sequence[str]) -> str:
    """What the table depends on: the features' definition, how the windows lie, and the files."""
    files = [folder / f"{person}_{part}.edf" for person in people for part in (1, 2)]
    depends_on = {
        "contract": BandEntropy().contract(),
        "version": _VERSION,
        "files": [[file.name, file.stat().st_size if file.is_file() else -1] for file in files],
    }
    return hashlib.sha256(canonical_json(depends_on).encode()).hexdigest()[:32]


def _read(kept: Path) -> EegTable | None:
    """A table from the cache; None where it is not there or not whole, for then it is made again."""
    try:
        with np.load(io.BytesIO(kept.read_bytes()), allow_pickle=False) as arrays:
            return EegTable(*(arrays[field.name] for field in fields(EegTable)))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
