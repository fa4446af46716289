"""The EEG expert measured on people it has not seen, with what scores as much without having learned anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.evaluation.intervals import Interval, interval_over_people
from streamsense.evaluation.metrics import calibration_error, roc_auc
from streamsense.evaluation.told_spread import inside, surprise
from streamsense.features.electrodes import ELECTRODES
from streamsense.training.eeg_committee import AROUSAL_OF_WORK, Committee
from streamsense.training.eeg_expert import (
    Calibration,
    WorkloadSettings,
    balance,
    calibrate,
    fit_workload,
    predict,
)
from streamsense.training.eeg_tables import BoolArray, EegTable
from streamsense.training.fitting import Progress

IntArray = npt.NDArray[np.intp]

FOLDS = 6
EPOCHS = (10, 20)
"""Among these the number of epochs is chosen, on people of the training part alone."""
_INNER = 5
FEW_ELECTRODES = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
"""Those of a usual cap with 8 channels."""


Watch = Callable[[str, int], Progress]
"""Shows how fits go on: called with a fit's name and its number of epochs; what it returns is told every epoch."""


def unwatched(_name: str, _epochs: int) -> Progress:
    """Shows nothing."""
    return lambda _epoch, _loss: None


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What was said of each row (n,) by networks that had not seen its person.

    `few` is the logit from FEW_ELECTRODES alone; `epochs` how many each fold's networks were fitted for.
    """

    logit: FloatArray
    log_variance: FloatArray
    few: FloatArray
    fold: IntArray
    epochs: tuple[int, ...]


def cross_validate(
    table: EegTable,
    settings: WorkloadSettings,
    candidates: Sequence[int] = EPOCHS,
    folds: int = FOLDS,
    workspace: Path | None = None,
    watch: Watch = unwatched,
) -> HeldOut:
    """Fit on five sixths of the people and predict the rest, six times.

    In each fold the number of epochs is chosen among `candidates` on a fifth of the training people, then all of them
    are trained on; the fold's own people are looked at once, to be predicted. `workspace` keeps what is done, so
    that a run that was stopped goes on.
    """
    people = np.unique(table.person)
    rows = len(table)
    logit, log_variance, few, fold_of = np.zeros(rows), np.zeros(rows), np.zeros(rows), np.zeros(rows, np.intp)
    epochs = []
    for fold in range(folds):
        held_out = np.isin(table.person, people[fold::folds])
        training = table.take(~held_out)
        chosen = choose_epochs(training, settings, candidates, workspace, f"fold {fold + 1}", watch)
        network = _fit(training, settings, chosen, workspace, f"fold {fold + 1}", watch)
        logit[held_out], log_variance[held_out] = predict(network, table.take(held_out))
        few[held_out], _ = predict(network, _with_few_electrodes(table.take(held_out)))
        fold_of[held_out] = fold
        epochs.append(chosen)
    return HeldOut(logit, log_variance, few, fold_of, tuple(epochs))


def choose_epochs(
    table: EegTable,
    settings: WorkloadSettings,
    candidates: Sequence[int],
    workspace: Path | None = None,
    name: str = "all",
    watch: Watch = unwatched,
) -> int:
    """The number of epochs after which every fifth person is told best by one network fitted on the others."""
    if len(candidates) == 1:
        return candidates[0]
    settings = replace(settings, members=1)
    people = np.unique(table.person)
    held_out = np.isin(table.person, people[::_INNER])
    inner, judged = table.take(~held_out), table.take(held_out)
    found = {}
    for epochs in candidates:
        network = _fit(inner, settings, epochs, workspace, f"{name}, choosing", watch)
        found[epochs] = area(judged.label, predict(network, judged)[0])
    return max(sorted(found), key=lambda epochs: found[epochs])


def _fit(
    table: EegTable, settings: WorkloadSettings, epochs: int, workspace: Path | None, name: str, watch: Watch
) -> Committee:
    kept = None if workspace is None else workspace / f"{name.replace(', ', '-').replace(' ', '-')}-{epochs}.npz"
    settings = replace(settings, fitting=replace(settings.fitting, epochs=epochs))
    return fit_workload(table, settings, kept, watch(name, settings.epochs))


def _with_few_electrodes(table: EegTable) -> EegTable:
    kept = np.isin(ELECTRODES, FEW_ELECTRODES).astype(np.float32)
    return replace(table, mask=table.mask * kept)


def without_baseline(table: EegTable) -> EegTable:
    """The entropies themselves in place of their change from the person's rest."""
    return replace(table, baseline=np.zeros_like(table.baseline))


def with_flipped_labels(table: EegTable, seed: int, folds: int = FOLDS) -> EegTable:
    """For half of the people, drawn by `seed`, rest is called work and work rest: nothing is left to be learned.

    Half of each fold's, for otherwise those who are held out are outvoted by their opposites in the training part, and
    the floor falls far below 0.5 (to 0.32 in one draw).
    """
    people, random = np.unique(table.person), np.random.default_rng(seed)
    parts = [random.permutation(people[fold::folds]) for fold in range(folds)]
    flipped = np.concatenate([part[: len(part) // 2] for part in parts])
    return replace(table, label=table.label ^ np.isin(table.person, flipped))


def mean_change(table: EegTable, bands: Sequence[int]) -> FloatArray:
    """The score that nothing was learned for: the mean distance from the baseline, whatever its sign."""
    distance = np.abs(table.entropy - table.baseline)[:, :, list(bands)].mean(axis=2).astype(np.float64)
    return np.asarray((distance * table.mask).sum(axis=1) / np.maximum(table.mask.sum(axis=1), 1))


def late_against_early_rest(table: EegTable, score: FloatArray) -> Figure:
    """How much the score tells the second half of each person's rest from the first: drift alone, 0.5 for none."""
    rest = ~table.label
    middle = {name: np.median(table.time_s[rest & (table.person == name)]) for name in np.unique(table.person)}
    late = table.time_s > np.array([middle[name] for name in table.person])
    return figure(replace(table, label=late).take(rest), score[rest])


@dataclass(frozen=True)
class Figure:
    """An area under the curve: of all windows together, and the mean over people with their SD and the least one."""

    pooled: Interval
    mean: Interval
    sd: float
    least: float

    def __str__(self) -> str:
        mean, _, interval = str(self.mean).partition(" ")
        return f"pooled {self.pooled}, per person {mean} ± {self.sd:.3f} {interval}, least {self.least:.2f}"


def area(label: BoolArray, score: FloatArray) -> float:
    """The area under the curve: how often a window with the label has the larger score."""
    return roc_auc(label.astype(np.intp), score)


def figure(table: EegTable, score: FloatArray) -> Figure:
    """How well the score (n,) tells the windows with a label from those without."""
    people = np.unique(table.person)
    rows_of = [np.flatnonzero(table.person == name) for name in people]
    own = np.array([area(table.label[rows], score[rows]) for rows in rows_of])
    return Figure(
        interval_over_people(lambda rows: area(table.label[rows], score[rows]), table.person.tolist()),
        interval_over_people(lambda rows: float(own[rows].mean()), people.tolist()),
        float(own.std(ddof=1)),
        float(own.min()),
    )


def gain(table: EegTable, ours: FloatArray, theirs: FloatArray) -> Interval:
    """By how much our score's pooled area is larger than theirs, over the same draws of people."""

    def difference(rows: IntArray) -> float:
        return area(table.label[rows], ours[rows]) - area(table.label[rows], theirs[rows])

    return interval_over_people(difference, table.person.tolist())


@dataclass(frozen=True)
class Believable:
    """How far probabilities and variances can be believed, each calibrated on the people of the other folds.

    `errors` before and after: expected calibration error, of as many windows of work as of rest. `surprise` is the mean
    squared error over the variance that was told, 1 where that is right; `within` how many targets lie within 1.64 SD
    of the arousal; `unlikely` is the negative log-likelihood, and that of the targets' own mean and SD.
    """

    temperature: float
    errors: tuple[float, float]
    surprise: float
    within: float
    unlikely: tuple[float, float]


def believable(table: EegTable, held_out: HeldOut) -> Believable:
    """Calibrate on five folds, judge on the sixth, six times."""
    n = len(table)
    after, variance, arousal = np.zeros(n), np.zeros(n), np.zeros(n)
    for fold in np.unique(held_out.fold):
        here = held_out.fold == fold
        learned = calibrate(held_out.logit[~here], held_out.log_variance[~here], table.label[~here])
        after[here] = learned.probability(held_out.logit[here])
        variance[here] = learned.variance(held_out.log_variance[here])
        arousal[here] = learned.arousal(held_out.logit[here])
    weight = balance(table.label)
    error = AROUSAL_OF_WORK * np.where(table.label, 1, -1) - arousal
    even = _as_many_of_both(table.label)

    def miscalibrated(work: FloatArray) -> float:
        return calibration_error(table.label[even].astype(np.intp), np.stack([1 - work, work], axis=1)[even])

    return Believable(
        calibrate(held_out.logit, held_out.log_variance, table.label).temperature,
        (miscalibrated(Calibration().probability(held_out.logit)), miscalibrated(after)),
        float(np.mean(weight * error**2 / variance)),
        float(np.mean(weight * inside(error, np.zeros(n), np.sqrt(variance)))),
        (
            float(np.mean(weight * surprise(error, np.zeros(n), np.sqrt(variance)))),
            float(surprise(np.array([AROUSAL_OF_WORK]), np.zeros(1), np.array([AROUSAL_OF_WORK]))[0]),
        ),
    )


def _as_many_of_both(label: BoolArray) -> IntArray:
    """Rows of which half have the label, evenly taken from all."""
    both = np.flatnonzero(label), np.flatnonzero(~label)
    count = min(map(len, both))
    return np.concatenate([rows[np.linspace(0, len(rows) - 1, count).astype(np.intp)] for rows in both])
