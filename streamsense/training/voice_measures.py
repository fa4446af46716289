"""The figures of a voice expert on clips of speakers whom it was not trained on, with intervals over the speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsense.fusion.emotions import DIMENSIONS
from streamsense.training._emodb import LABELS, IntArray, concordance, recalls, unweighted_recall
from streamsense.training.voice_expert import SHARED, Opinions
from streamsense.training.voice_losses import PLACES
from streamsense.training.voice_tables import VoiceTable

SECONDS_HEARD = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
CLIPS_BEFORE = ((0, 5), (5, 10), (10, 15), (15, 25), (25, 100))
_PERMUTED = 1000

BoolArray = npt.NDArray[np.bool_]
Measure = Callable[["Judged"], float]


@dataclass(frozen=True, eq=False)
class Judged:
    """n clips: the `label` (n,) that was acted, by whom, at which `place` in the session, and what was said of it."""

    label: IntArray
    speaker: npt.NDArray[np.str_]
    place: IntArray
    opinions: Opinions

    @staticmethod
    def of(table: VoiceTable, opinions: Opinions, kept: BoolArray) -> Judged:
        """The windows (n,) of `table` that are `kept`, at most one of each clip."""
        clip = table.clip[kept]
        return Judged(table.label[clip], table.speaker[clip], table.place[clip], opinions.rows(kept))

    def rows(self, rows: BoolArray | IntArray) -> Judged:
        """Those clips alone."""
        return Judged(self.label[rows], self.speaker[rows], self.place[rows], self.opinions.rows(rows))

    @property
    def given(self) -> IntArray:
        """The emotion that was found likeliest (n,)."""
        return np.asarray(self.opinions.logits.argmax(axis=1))

    def uar(self) -> float:
        """Mean recall of the seven classes."""
        return unweighted_recall(self.label, self.given, len(LABELS))

    def uar_of_six(self) -> float:
        """Mean recall of the six that are emotions of the mixture, among these alone."""
        shared = self.label < SHARED
        given = self.opinions.logits[shared, :SHARED].argmax(axis=1)
        return unweighted_recall(self.label[shared], given, SHARED)

    def concordance(self, dimension: int) -> float:
        """With the places of the acted emotions in one dimension."""
        return concordance(PLACES[self.label, dimension], self.opinions.vad_mean[:, dimension])

    def surprise(self) -> float:
        """Mean negative log-likelihood of the label."""
        said = self.opinions.probabilities[np.arange(len(self.label)), self.label]
        return float(-np.log(said + 1e-12).mean())

    def calibration_error(self, groups: int = 15) -> float:
        """Expected calibration error over groups of equal size."""
        sure, right = self.opinions.probabilities.max(axis=1), self.given == self.label
        parts = np.array_split(np.argsort(sure, kind="stable"), groups)
        return float(sum(len(part) * abs(sure[part].mean() - right[part].mean()) for part in parts) / len(sure))


@dataclass(frozen=True)
class Figure:
    """The mean over the seeds, and 95 % of what it is when the speakers are drawn again with replacement."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def figure(trials: Sequence[Judged], measure: Measure, resamples: int) -> Figure:
    """A measure of the clips for each seed; in each of the resamples all seeds are drawn the same speakers."""
    rng = np.random.default_rng(0)
    speakers = sorted(set(trials[0].speaker.tolist()))
    rows = [{speaker: np.flatnonzero(one.speaker == speaker) for speaker in speakers} for one in trials]
    found = []
    for _ in range(resamples):
        drawn = rng.choice(speakers, len(speakers))
        parts = (
            one.rows(np.concatenate([mine[name] for name in drawn])) for one, mine in zip(trials, rows, strict=True)
        )
        found.append(np.mean([measure(part) for part in parts]))
    low, high = np.quantile(found, [0.025, 0.975])
    return Figure(mean(trials, measure), float(low), float(high))


def mean(trials: Sequence[Judged], measure: Measure) -> float:
    """The measure's mean over the seeds."""
    return float(np.mean([measure(one) for one in trials]))


def of_speakers(trials: Sequence[Judged]) -> dict[str, float]:
    """The UAR of each speaker."""
    speakers = sorted(set(trials[0].speaker.tolist()))
    return {name: mean([one.rows(one.speaker == name) for one in trials], Judged.uar) for name in speakers}


def of_classes(trials: Sequence[Judged]) -> dict[str, float]:
    """The recall of each emotion."""
    found = np.mean([recalls(one.label, one.given, len(LABELS)) for one in trials], axis=0)
    return dict(zip(LABELS, found.tolist(), strict=True))


def of_dimensions(trials: Sequence[Judged], resamples: int) -> dict[str, Figure]:
    """Concordance with the places of the acted emotions in each dimension."""

    def in_dimension(place: int) -> Measure:
        return lambda one: one.concordance(place)

    return {name: figure(trials, in_dimension(place), resamples) for place, name in enumerate(DIMENSIONS)}


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
    """The UAR when the answers are dealt out at random within each speaker: its mean, and what 95 % stay below."""
    rng = np.random.default_rng(0)
    given, found = judged.given.copy(), []
    groups = [np.flatnonzero(judged.speaker == name) for name in sorted(set(judged.speaker.tolist()))]
    for _ in range(_PERMUTED):
        for group in groups:
            given[group] = given[rng.permutation(group)]
        found.append(unweighted_recall(judged.label, given, len(LABELS)))
    return float(np.mean(found)), float(np.quantile(found, 0.95))
