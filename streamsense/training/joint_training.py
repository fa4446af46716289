"""The whole of a training: sessions read, held-out people judged by networks that never saw them, then all learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from streamsense.errors import EvaluationError
from streamsense.evaluation import splits
from streamsense.evaluation.splits import Split
from streamsense.evaluation.windows import Window
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.training.fitting import FittingSettings, Progress
from streamsense.training.joint_calibration import calibrated
from streamsense.training.joint_delay import find_delay, labelled, moved
from streamsense.training.joint_fitting import JointSettings, bounded, fit
from streamsense.training.joint_network import JointNetwork, JointOpinions, predict
from streamsense.training.joint_reading import with_present_only, with_targets
from streamsense.training.joint_table import Indices, JointTable
from streamsense.training.rbtransformer import RBTransformerSettings
from streamsense.training.run_folder import RunFolder
from streamsense.training.train_settings import TrainConfig

ALL = "all"
_CALIBRATED_ON = 6
"""Other folds: more would cost time, and the numbers are few."""
FEW_PEOPLE = 10
"""With fewer the interval over people is so wide that a figure says little of other people."""


class Watcher(Protocol):
    """Who is told how far a training is."""

    def note(self, text: str) -> None:
        """Something that a user should know."""
        ...

    def read(self, name: str, done: int, total: int) -> None:
        """A recording was read."""
        ...

    def fitting(self, name: str, epochs: int) -> Progress:
        """A fit of so many epochs begins; what it returns is told each of them."""
        ...

    def fitted(self, name: str) -> None:
        """It is done, or was done before."""
        ...


@dataclass(frozen=True, eq=False)
class Fold:
    """What was held out, the network that had not seen it, and the delay that was taken out of the labels."""

    name: str
    table: JointTable
    network: JointNetwork
    delay_s: float


@dataclass(frozen=True, eq=False)
class Trained:
    """The network of everybody, the table that it was fitted to, and by what it is judged.

    `opinions` are of each fold's held-out part, by its network, which was calibrated on parts that others had not seen.
    """

    network: JointNetwork
    table: JointTable
    folds: tuple[Fold, ...]
    opinions: tuple[JointOpinions, ...]
    delay_s: float
    warnings: tuple[str, ...]


def read_data(run: RunFolder, watcher: Watcher) -> JointTable:
    """All ticks of all sets, with the targets that are trained; labels of unknown delay where they were given."""
    sets = [(data, list(data.recordings(run.config.modalities))) for data in run.config.data]
    return targeted(run.config, run.read(sets, watcher.read, watcher.note))


def targeted(config: TrainConfig, table: JointTable) -> JointTable:
    """The table with those labels only that are to be learned."""
    return with_targets(table, config.targets.dimensions, config.targets.emotions)


def train(run: RunFolder, table: JointTable, watcher: Watcher) -> Trained:
    """Fit in folds and then on everybody; goes on where it was stopped. The same bytes twice on one computer.

    Nothing is chosen on those who are tested: the delay of ratings is found on each fold's training people, and the
    settings are those of the configuration. Raises EvaluationError for folds that cannot be, ModelError for a damaged
    checkpoint, which it names, and for what cannot be learned from.
    """
    config, settings = run.config, settings_of(run.config)
    unknown = tuple(data.called for data in config.data if _finds_delay(data.label_source()))
    check(config, table, labelled(table, config.hop_ticks))
    judged = tuple(splits_of(config, table.windows))
    folds = []
    for number, split in enumerate(judged):
        delay_s = find_delay(table, split.train, unknown) if unknown else 0.0
        own = moved(table, unknown, delay_s) if unknown else table
        learned = with_present_only(own.take(_both(split.train, labelled(own, config.hop_ticks))))
        held_out = own.take(_both(split.test, labelled(own, config.hop_ticks)))
        name = f"fold-{number + 1:03d}"
        network = _fitted(run, learned, settings, name, f"without {split.name}", watcher)
        folds.append(Fold(split.name, held_out, network, delay_s))
    everybody = np.arange(len(table))
    delay_s = find_delay(table, everybody, unknown) if unknown else 0.0
    own = moved(table, unknown, delay_s) if unknown else table
    own = with_present_only(own.take(labelled(own, config.hop_ticks)))
    network = _fitted(run, own, settings, ALL, "everybody", watcher)
    if config.protocol == "trial":  # nobody is held out on whom it could be learned how far it can be believed
        judges = [fold.network for fold in folds]
    else:
        judges = [calibrated(fold.network, _others(folds, at)) for at, fold in enumerate(folds)]
        network = calibrated(network, [(fold.network, fold.table) for fold in folds])
    opinions = tuple(predict(judge, fold.table) for judge, fold in zip(judges, folds, strict=True))
    return Trained(network, own, tuple(folds), opinions, delay_s, warnings_of(config, own))


def _others(folds: Sequence[Fold], at: int) -> list[tuple[JointNetwork, JointTable]]:
    """Folds that the one at `at` is calibrated on: some that come after it, in a circle."""
    count = min(len(folds) - 1, _CALIBRATED_ON)
    chosen = [folds[(at + 1 + step) % len(folds)] for step in range(count)]
    return [(fold.network, fold.table) for fold in chosen]


def splits_of(config: TrainConfig, windows: Sequence[Window]) -> Iterator[Split]:
    """The folds of the configuration's protocol; each checked (`splits.check_split`)."""
    if config.protocol == "corpus":
        return splits.cross_corpus(windows)
    if config.protocol == "trial":
        return splits.trial_wise(windows, config.folds or 2, config.seed)
    if config.folds is None:
        return splits.leave_one_person_out(windows)
    return splits.folds_by_person(windows, config.folds, config.seed)


def check(config: TrainConfig, table: JointTable, rows: Indices) -> None:
    """Raise EvaluationError for targets that nobody was labelled with, and for a class that one person alone has."""
    vad, emotions = table.vad[rows], table.emotions[rows]
    missing: list[str] = [
        name for name in config.targets.dimensions if not np.isfinite(vad[:, DIMENSIONS.index(name)]).any()
    ]
    missing += [name for name in config.targets.emotions if not emotions[:, EMOTIONS.index(name)].any()]
    if missing:
        raise EvaluationError(
            f"No window is labelled with {', '.join(missing)}. Expected labels of each target. Leave it out of the "
            "targets, or say in the description of the labels where it is."
        )
    if config.protocol != "trial":
        voted = np.flatnonzero(emotions.any(axis=1))
        names = [EMOTIONS[at] for at in emotions[voted].argmax(axis=1).tolist()]
        splits.check_classes([table.windows[at] for at in rows[voted].tolist()], names)


def settings_of(config: TrainConfig) -> JointSettings:
    """The configuration's settings as those of the networks."""
    given, sizes = config.fitting, config.network
    usual = JointSettings()
    return replace(
        usual,
        fitting=FittingSettings(
            epochs=given.epochs,
            batch_size=given.batch_size,
            learning_rate=given.learning_rate,
            last_learning_rate=usual.fitting.last_learning_rate,
            weight_decay=given.weight_decay,
            seed=config.seed,
        ),
        eeg=RBTransformerSettings(width=sizes.eeg_width, depth=sizes.eeg_depth),
        temporal_width=sizes.temporal_width,
        gate_width=sizes.gate_width,
        modality_dropout=given.modality_dropout,
        most_steps=given.most_steps,
    )


def warnings_of(config: TrainConfig, table: JointTable) -> tuple[str, ...]:
    """What must be said beside every figure."""
    people = {(window.dataset, window.person) for window in table.windows}
    found = []
    if config.protocol == "trial":
        found.append(
            "Tested on other trials of the same people: the figures say nothing of anybody else, and nobody was held "
            "out on whom temperatures and variances could be calibrated."
        )
    elif len(people) < FEW_PEOPLE:
        found.append(
            f"{len(people)} people: each figure comes from networks that had seen {len(people) - 1} at most, and an "
            "interval over so few is no estimate of how it would be with others. Read it as a test that all is "
            "connected, and record more people for a figure."
        )
    return tuple(found)


def _fitted(
    run: RunFolder, table: JointTable, settings: JointSettings, name: str, shown: str, watcher: Watcher
) -> JointNetwork:
    checkpoint = run.checkpoint(name)
    checkpoint.parent.mkdir(exist_ok=True)
    network = fit(table, settings, checkpoint, watcher.fitting(shown, bounded(settings, len(table)).epochs))
    watcher.fitted(shown)
    return network


def _both(rows: Indices, others: Indices) -> Indices:
    return np.intersect1d(rows, others)


def _finds_delay(source: object) -> bool:
    return getattr(source, "delay_s", 0.0) is None
