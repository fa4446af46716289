"""The figures of a voice expert on clips of speakers whom it was not trained on, with intervals over the speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsense.arrays import BoolArray, IntArray
from streamsense.evaluation.floors import permutation_floor
from streamsense.evaluation.intervals import Interval, interval_over_people
from streamsense.evaluation.metrics import (
    calibration_error,
    concordance,
    negative_log_likelihood,
    recalls,
    unweighted_average_recall,
)
from streamsense.evaluation.told_spread import constant_of_others, inside, surprise
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.training.voice_clips import LABELS
from streamsense.training.voice_expert import SHARED, Opinions
from streamsense.training.voice_losses import PLACES
from streamsense.training.voice_tables import VoiceTable

SECONDS_HEARD = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
CLIPS_BEFORE = ((0, 5), (5, 10), (10, 15), (15, 25), (25, 100))

Measure = Callable[["Judged"], float]


@dataclass(frozen=True)
class Believable:
    """How far a dimension's variance can be believed, of all windows.

    `covered` is the share of targets within the told 90 % interval; `surprise` the negative log-likelihood, and that
    of the mean and SD of the other speakers' targets.
    """

    covered: Interval
    surprise: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.covered} within, {self.surprise[0]:.3f} against {self.surprise[1]:.3f}"


@dataclass(frozen=True, eq=False)
class Judged:
    """n clips by name: the `label` (n,) that was acted, by whom, at which `place` in the session, what was said."""

    name: npt.NDArray[np.str_]
    label: IntArray
    speaker: npt.NDArray[np.str_]
    place: IntArray
    opinions: Opinions

    @staticmethod
    def of(table: VoiceTable, opinions: Opinions, kept: BoolArray) -> Judged:
        """The windows (n,) of `table` that are `kept`, at most one of each clip; the same order for every seed."""
        windows = np.flatnonzero(kept)
        windows = windows[np.argsort(table.name[table.clip[windows]], kind="stable")]
        clip = table.clip[windows]
        return Judged(
            table.name[clip], table.label[clip], table.speaker[clip], table.place[clip], opinions.rows(windows)
        )

    def rows(self, rows: BoolArray | IntArray) -> Judged:
        """Those clips alone."""
        return Judged(self.name[rows], self.label[rows], self.speaker[rows], self.place[rows], self.opinions.rows(rows))

    @property
    def given(self) -> IntArray:
        """The emotion that was found likeliest (n,)."""
        return np.asarray(self.opinions.logits.argmax(axis=1))

    def uar(self) -> float:
        """Mean recall of the seven classes."""
        return unweighted_average_recall(self.label, self.given)

    def uar_of_six(self) -> float:
        """Mean recall of the six that are emotions of the mixture, among these alone."""
        shared = self.label < SHARED
        return unweighted_average_recall(self.label[shared], self.opinions.logits[shared, :SHARED].argmax(axis=1))

    def concordance(self, dimension: int) -> float:
        """With the places of the acted emotions in one dimension."""
        return concordance(PLACES[self.label, dimension], self.opinions.vad_mean[:, dimension])

    def surprise(self) -> float:
        """Mean negative log-likelihood of the label."""
        return negative_log_likelihood(self.label, self.opinions.probabilities)

    def calibration_error(self) -> float:
        """Expected calibration error."""
        return calibration_error(self.label, self.opinions.probabilities)


def figure(trials: Sequence[Judged], measure: Measure, resamples: int) -> Interval:
    """The mean of a measure over the seeds; for the interval all seeds are drawn the same speakers."""
    return interval_over_people(
        lambda rows: mean([one.rows(rows) for one in trials], measure), trials[0].speaker.tolist(), times=resamples
    )


def mean(trials: Sequence[Judged], measure: Measure) -> float:
    """The measure's mean over the seeds."""
    return float(np.mean([measure(one) for one in trials]))


def of_speakers(trials: Sequence[Judged]) -> dict[str, float]:
    """The UAR of each speaker."""
    speakers = sorted(set(trials[0].speaker.tolist()))
    return {name: mean([one.rows(one.speaker == name) for one in trials], Judged.uar) for name in speakers}


def of_classes(trials: Sequence[Judged]) -> dict[str, float]:
    """The recall of each emotion that is there."""
    found = [recalls(one.label, one.given) for one in trials]
    return {LABELS[place]: float(np.mean([one[place] for one in found])) for place in found[0]}


def of_dimensions(trials: Sequence[Judged], resamples: int) -> dict[str, Interval]:
    """Concordance with the places of the acted emotions in each dimension."""

    def in_dimension(place: int) -> Measure:
        return lambda one: one.concordance(place)

    return {name: figure(trials, in_dimension(place), resamples) for place, name in enumerate(DIMENSIONS)}


def believable(table: VoiceTable, opinions: Opinions) -> dict[str, Believable]:
    """How far the variance of each dimension can be believed."""
    speaker, targets = table.speaker[table.clip].tolist(), PLACES[table.label[table.clip]]
    found = {}
    for place, name in enumerate(DIMENSIONS):
        truth, mean = targets[:, place], opinions.vad_mean[:, place]
        sd = np.exp(opinions.vad_log_variance[:, place] / 2)
        covered = inside(truth, mean, sd)
        found[name] = Believable(
            interval_over_people(lambda rows, covered=covered: float(covered[rows].mean()), speaker, times=200),  # type: ignore[misc]
            (
                float(surprise(truth, mean, sd).mean()),
                float(surprise(truth, *constant_of_others(truth, speaker)).mean()),
            ),
        )
    return found


def by_clips_before(trials: Sequence[Judged]) -> dict[str, float]:
    """The UAR of clips before which so many were heard in the session."""
    found = {}
    for first, stop in CLIPS_BEFORE:
        parts = [one.rows((one.place >= first) & (one.place < stop)) for one in trials]
        name = f"{first}-{stop - 1}" if stop < CLIPS_BEFORE[-1][1] else f"{first} and more"
        if all(len(part.label) for part in parts):
            found[name] = mean(parts, Judged.uar)
    return found


def heard(table: VoiceTable, heard_s: float) -> BoolArray:
    """Of each clip the last window (n,) that heard no more than `heard_s` of it."""
    early = np.flatnonzero(table.heard_s <= heard_s + 1e-9)
    clip = table.clip[early]
    kept = np.zeros(len(table.clip), np.bool_)
    kept[early[np.append(clip[1:] != clip[:-1], True)]] = True
    return kept


def dealt_out(judged: Judged) -> tuple[float, float]:
    """The UAR when the labels are dealt out at random within each speaker: its mean, and what 95 % stay below."""
    floor = permutation_floor(
        lambda label: unweighted_average_recall(label, judged.given),
        judged.label, judged.name.tolist(), judged.speaker.tolist(),
    )  # fmt: skip
    return floor.mean, float(np.quantile(floor.permuted, 0.95))
