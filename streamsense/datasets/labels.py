"""What a stretch of a recording is labelled with: every rater's vote, valence, arousal and dominance, its class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import DatasetError
from streamsense.streams import Modality

NOT_STATED = "not stated"
"""The vote of a rater of whom it is only known that the intended emotion was not heard."""
_SLACK_S = 1e-6
"""Rounding of a sample's own time must not exclude the window that begins with its label."""


@dataclass(frozen=True)
class Label:
    """One labelled stretch `[start_s, end_s)` of a recording, in the recording's own seconds.

    `name` is the set's own class name. `emotion` is what was acted, or meant to be felt, in the words of this package
    (`fusion.emotions.EMOTIONS` where one of them fits, else another word, such as "bored"), "" where there is none.
    `votes` is how many raters voted for which emotion, each vote kept; empty where nobody was asked. `valence`,
    `arousal` and `dominance` are ratings in [-1, 1], None where there is none. `trial` tells apart what was shown one
    after the other within one recording, "" where the recording is one trial. `judged_from` is what the raters were
    given, where the same stretch was also judged from something else (heard only, seen only, both).
    """

    start_s: float
    end_s: float
    name: str = ""
    emotion: str = ""
    votes: Mapping[str, float] = field(default_factory=dict)
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    trial: str = ""
    judged_from: tuple[Modality, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            raise ValueError(f"a label lasts from {self.start_s} to {self.end_s} s, expected a later end")
        if not all(math.isfinite(count) and count >= 0 for count in self.votes.values()):
            raise ValueError(f"votes are {dict(self.votes)}, expected counts of 0 or more")
        for rating in (self.valence, self.arousal, self.dominance):
            if rating is not None and not -1 <= rating <= 1:
                raise ValueError(f"a rating is {rating}, expected -1 to 1")

    def shares(self, emotions: Sequence[str]) -> FloatArray | None:
        """The raters' votes as shares over `emotions` (len(emotions),), which sum to 1: a soft label.

        Votes for other emotions are left out. Without votes the acted emotion has all. None where nothing is left.
        """
        votes = self.votes or ({self.emotion: 1.0} if self.emotion else {})
        counts = np.array([votes.get(emotion, 0.0) for emotion in emotions], np.float64)
        total = counts.sum()
        return counts / total if total > 0 else None

    def moved(self, later_s: float) -> Label:
        """The same label, so much later: a negative number undoes the delay with which people rate."""
        return replace(self, start_s=self.start_s + later_s, end_s=self.end_s + later_s)


class LabelTrack:
    """The labels of one recording, found by time."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._labels = sorted(labels, key=lambda label: label.start_s)
        self._starts = np.array([label.start_s for label in self._labels], np.float64)
        self._latest_ends = np.maximum.accumulate(np.array([label.end_s for label in self._labels], np.float64))

    def within(self, start_s: float, end_s: float, modality: Modality | None = None) -> Label | None:
        """The label that covers all of `[start_s, end_s)`; None where a part of it has none, or two labels meet.

        Of several, the one that was judged from `modality` alone; else the one that was judged from most.
        """
        covering = []
        for index in range(int(np.searchsorted(self._starts, start_s + _SLACK_S, "right")) - 1, -1, -1):
            if self._latest_ends[index] < end_s - _SLACK_S:
                break
            if self._labels[index].end_s >= end_s - _SLACK_S:
                covering.append(self._labels[index])
        covering.sort(key=lambda label: (label.judged_from != (modality,), -len(label.judged_from)))
        return covering[0] if covering else None

    def at_end(self, start_s: float, end_s: float, modality: Modality | None = None) -> Label | None:
        """The label of the last instant of `[start_s, end_s)`: for ratings that change all the time, and for clips."""
        return self.within(max(start_s, end_s - 2 * _SLACK_S), end_s, modality)


def on_unit_scale(value: float, low: float, high: float) -> float | None:
    """A rating on a scale from `low` to `high`, in [-1, 1]; None for NaN, which stands for a missing one.

    Raises DatasetError for a rating beyond its scale.
    """
    if math.isnan(value):
        return None
    if not low <= value <= high:
        raise DatasetError(f"A rating is {value:g}, expected {low:g} to {high:g}. Check the scale of the ratings.")
    return min(1.0, max(-1.0, 2 * (value - low) / (high - low) - 1))


def rated(start_s: float, end_s: float, name: str, ratings: Sequence[float], low: float, high: float) -> Label:
    """A label with valence, arousal and dominance, rated in this order on a scale from `low` to `high`."""
    valence, arousal, dominance = (on_unit_scale(rating, low, high) for rating in ratings)
    return Label(start_s, end_s, name=name, valence=valence, arousal=arousal, dominance=dominance)
