"""Metrics of emotion over time: which emotion when (EDER), and events found within a collar."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.errors import EvaluationError

COLLAR_S = 0.5


@dataclass(frozen=True, order=True)
class Event:
    """Something from `start_s` to `end_s`, such as an emotion other than the background's."""

    start_s: float
    end_s: float
    name: str

    def __post_init__(self) -> None:
        if not (np.isfinite(self.start_s) and np.isfinite(self.end_s) and self.start_s < self.end_s):
            raise ValueError(f"an event lasts from {self.start_s} to {self.end_s} s, expected a later end")


@dataclass(frozen=True)
class Diarization:
    """Seconds of each error, and of the whole: background taken for an event, the reverse, one event for another."""

    false_alarm_s: float
    missed_s: float
    confused_s: float
    duration_s: float

    @property
    def error_rate(self) -> float:
        """EDER (Wang et al. 2023): the share of the time with any of the errors, in [0, 1]."""
        return (self.false_alarm_s + self.missed_s + self.confused_s) / self.duration_s


def diarization(truth: Sequence[Event], found: Sequence[Event], duration_s: float) -> Diarization:
    """Compare events over `[0, duration_s)`. Whatever lies between events is background.

    Raises EvaluationError where events of one side overlap or lie beyond the duration.
    """
    if not duration_s > 0:
        raise EvaluationError(f"The duration is {duration_s} s. Expected more than 0: there is nothing to compare.")
    truth, found = (_in_order(events, duration_s) for events in (truth, found))
    edges = {0.0, duration_s, *(edge for event in (*truth, *found) for edge in (event.start_s, event.end_s))}
    seconds = {"false_alarm_s": 0.0, "missed_s": 0.0, "confused_s": 0.0}
    for start_s, end_s in itertools.pairwise(sorted(edges)):
        expected, heard = _at(truth, start_s), _at(found, start_s)
        if expected != heard:
            error = "false_alarm_s" if not expected else "confused_s" if heard else "missed_s"
            seconds[error] += end_s - start_s
    return Diarization(**seconds, duration_s=duration_s)


def event_f1(truth: Sequence[Event], found: Sequence[Event], collar_s: float = COLLAR_S) -> float:
    """F1 of events: one is right whose name is, and whose start and end lie within the collar of one not yet matched.

    As many as possible are matched. Without any event on either side there is nothing wrong: 1.
    """
    if not truth and not found:
        return 1.0
    return 2 * _matches(truth, found, collar_s) / (len(truth) + len(found))


def _matches(truth: Sequence[Event], found: Sequence[Event], collar_s: float) -> int:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not truth or not found:
        return 0
    fits = np.array(
        [
            [
                a.name == b.name and abs(a.start_s - b.start_s) <= collar_s and abs(a.end_s - b.end_s) <= collar_s
                for b in found
            ]
            for a in truth
        ]
    )
    return int((maximum_bipartite_matching(csr_array(fits.astype(np.int8)), perm_type="column") >= 0).sum())


def _in_order(events: Sequence[Event], duration_s: float) -> list[Event]:
    ordered = sorted(events)
    for before, after in itertools.pairwise(ordered):
        if after.start_s < before.end_s:
            raise EvaluationError(f"Events overlap: {before} and {after}. Expected one emotion at a time. Part them.")
    if ordered and not (ordered[0].start_s >= 0 and ordered[-1].end_s <= duration_s + 1e-9):
        raise EvaluationError(
            f"Events last from {ordered[0].start_s:g} to {ordered[-1].end_s:g} s, expected 0 to {duration_s:g} s."
        )
    return ordered


def _at(events: Sequence[Event], time_s: float) -> str:
    return next((event.name for event in events if event.start_s <= time_s < event.end_s), "")
