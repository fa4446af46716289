"""The folder of one training: what it is of, the sessions that were read, the checkpoints, and the report."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamsense.datasets.labelled import LabelledRecording
from streamsense.errors import ConfigError, ModelError
from streamsense.models.contract import canonical_json, differing_fields
from streamsense.models.fetch import write_whole
from streamsense.settings_file import parse_settings
from streamsense.streams import Modality
from streamsense.training.joint_reading import Reading, Tell, contracts, joined, read_recording
from streamsense.training.joint_table import JointTable
from streamsense.training.table_file import read_table, write_table
from streamsense.training.train_settings import DataSection, TrainConfig

_TRAINING, _TABLE, _READ = "training.json", "table.npz", "read"
_LARGEST = 1 << 22
Recordings = tuple[DataSection, Sequence[LabelledRecording]]
"""A set and what is in it."""
Done = Callable[[str, int, int], None]
"""Told which recording is there, how many are by now, and how many there will be."""


@dataclass(frozen=True)
class RunFolder:
    """Where one training keeps everything: begun anew, or gone on with where it was stopped."""

    path: Path
    config: TrainConfig
    contracts: Mapping[Modality, Mapping[str, object]]

    @staticmethod
    def begin(path: Path, config: TrainConfig) -> RunFolder:
        """Make the folder, or go on in it. Raises ConfigError where it holds another training, or anything else."""
        given = _described(config)
        if (path / _TRAINING).exists():
            if differences := differing_fields(_read(path), given):
                raise ConfigError(
                    f"{path} holds another training: {_worded(differences, 'there', 'now')}. Name another folder with "
                    "--out, or remove this one."
                )
        elif path.is_dir() and any(path.iterdir()):
            raise ConfigError(f"{path} is there and holds no training. Name a folder that is new or empty with --out.")
        else:
            path.mkdir(parents=True, exist_ok=True)
            write_whole(path / _TRAINING, canonical_json(given).encode())
        return RunFolder(path, config, contracts(config.live_config()))

    @staticmethod
    def open(path: Path) -> RunFolder:
        """The folder of a training that was begun. Raises ConfigError where there is none that can be gone on with."""
        kept = _read(path)
        config = parse_settings(TrainConfig, kept.get("config"), f"The training in {path}")
        if differences := differing_fields(kept, _described(config)):
            raise ConfigError(
                f"The features are no longer those of {path}: {_worded(differences, 'then', 'now')}. Use the version "
                "and the configuration of the features that it was trained with, or train anew."
            )
        return RunFolder(path, config, contracts(config.live_config()))

    def checkpoint(self, name: str) -> Path:
        """Where the state of one fit is kept."""
        return self.path / "checkpoints" / f"{name}.npz"

    def read(
        self, sets: Sequence[tuple[DataSection, Sequence[LabelledRecording]]], done: Done, tell: Tell
    ) -> JointTable:
        """The table of all sets' recordings; what was read before is not read again.

        `done` is told each recording that is there, `tell` what a user should know of one.
        """
        live = self.config.live_config()
        wanted: list[tuple[LabelledRecording, Reading, str]] = []
        for data, recordings in sets:
            reading = Reading(live, data.label_source(), self.config.hop_ticks)
            wanted += [(recording, reading, _key(recording, reading, self.contracts)) for recording in recordings]
        whole = hashlib.sha256(" ".join(key for _, _, key in wanted).encode()).hexdigest()
        table = read_table(self.path / _TABLE, whole)
        if table is not None:
            done("", len(wanted), len(wanted))
            return table
        tables = []
        for number, (recording, reading, key) in enumerate(wanted):
            kept = self.path / _READ / f"{key[:32]}.npz"
            one = read_table(kept, key)
            if one is None:
                one = read_recording(recording, reading, tell)
                write_table(kept, one, key)
            tables.append(one)
            done(f"{recording.dataset} {recording.name}", number + 1, len(wanted))
        table = joined(tables)
        write_table(self.path / _TABLE, table, whole)
        shutil.rmtree(self.path / _READ)  # all of it is in the one file now
        return table

    def kept_table(self) -> JointTable:
        """The table of a training that is finished. Raises ConfigError where it is not, or not whole."""
        table = read_table(self.path / _TABLE)
        if table is None or not self.report.is_file():
            raise ConfigError(
                f"{self.path} holds a training that is not finished, or not whole. Finish it: streamsense train with "
                f"the same configuration and --out {self.path}."
            )
        return table

    @property
    def report(self) -> Path:
        """The report, as data; what a training writes last."""
        return self.path / "report.json"


def _worded(differences: Sequence[str], one: str, other: str) -> str:
    """What two trainings differ in, with words for both."""
    return "; ".join(line.replace("model ", f"{one} ").replace("pipeline ", f"{other} ") for line in differences)


def _described(config: TrainConfig) -> dict[str, object]:
    """What a training is of: the same here and there, or it is another."""
    features = contracts(config.live_config())
    return {"config": config.model_dump(mode="json"), "contracts": dict(features)}


def _read(path: Path) -> dict[str, object]:
    file = path / _TRAINING
    try:
        with file.open(encoding="utf-8") as stream:
            kept = json.loads(stream.read(_LARGEST))
        if isinstance(kept, dict):
            return kept
        raise ValueError("no object")
    except OSError as error:
        raise ConfigError(
            f"{path} is no folder of a training: {file.name} cannot be read ({error.strerror}). Give the folder that "
            "`streamsense train` wrote."
        ) from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is damaged ({str(error)[:100]}). Train anew, into another folder.") from None


def _key(recording: LabelledRecording, reading: Reading, features: Mapping[Modality, Mapping[str, object]]) -> str:
    """What a table depends on: the files, the labels, the features, and which ticks are rows."""
    paths = sorted({recording.open(modality).path for modality in recording.modalities})
    files = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths if path.is_file()]
    depends_on = {
        "files": files,
        "labels": repr(recording.labels),
        "contracts": dict(features),
        "modalities": list(reading.modalities),
        "config": reading.config.model_dump(mode="json", include={"timing", "eeg", "face", "voice", "profile"}),
        "hop_ticks": 1 if reading.finds_delay else reading.hop_ticks,
        "whose": [recording.dataset, recording.person, recording.session, recording.name],
    }
    return hashlib.sha256(canonical_json(depends_on).encode()).hexdigest()
