"""Which emotion when: the error rate over time where labels begin and end within a recording."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.evaluation.events import COLLAR_S, Diarization, Event, diarization, event_f1
from streamsense.evaluation.figure import Figure, measured
from streamsense.evaluation.predictions import Predictions, Protocol, groups_of
from streamsense.evaluation.report import Topic
from streamsense.fusion.emotions import EMOTIONS
from streamsense.ticks import HOP_S

WHICH_WHEN = "Which emotion when"
BACKGROUND = "neutral"
MEDIAN_TICKS = 3
LEAST_EVENT_S = 0.6
_ATTACHED_S = 1.5 * HOP_S


def event_topic(predictions: Predictions, protocol: Protocol) -> list[Topic]:
    """The emotion diarization error rate; nothing where no recording has both an emotion and time without one."""
    if len(predictions.emotions) < 2 or BACKGROUND not in predictions.emotions:
        return []
    people = groups_of(predictions, protocol)
    compared: list[Compared] = []
    for rows in _recordings(predictions):
        truth = _named(predictions.shares[rows])
        if len(set(truth)) < 2 or BACKGROUND not in truth or not _without_pauses(predictions, rows):
            continue
        said = _steadied(_named(predictions.probabilities[rows]))
        duration_s = len(rows) * HOP_S
        expected, found = _events(truth, 0.0), _events(said, LEAST_EVENT_S)
        errors, silent = diarization(expected, found, duration_s), diarization(expected, [], duration_s)
        compared.append(Compared(people[rows[0]], errors, silent, event_f1(expected, found)))
    if not compared:
        return []
    figures = event_figures(compared)
    text = (
        f"Which emotion when, in {len(compared)} recordings: the share of time with a false alarm, a miss or the wrong "
        f"emotion. {BACKGROUND.capitalize()} is the background; answers are steadied by a median of {MEDIAN_TICKS} "
        f"ticks, and events shorter than {LEAST_EVENT_S:g} s left out."
    )
    return [Topic(WHICH_WHEN, text, tuple(figures))]


@dataclass(frozen=True)
class Compared:
    """One recording: whose it is, its errors, those of saying nothing at all, and the F1 of its events."""

    own: Hashable
    errors: Diarization
    silent: Diarization
    f1: float


def event_figures(compared: Sequence[Compared]) -> list[Figure]:
    """The diarization error rate and the F1 of events over these recordings, each beside that of always neutral."""
    own = [one.own for one in compared]
    f1 = np.array([one.f1 for one in compared])
    return [
        measured(
            "EDER", lambda chosen: _rate([compared[at].errors for at in chosen.tolist()]), own,
            {f"always {BACKGROUND}": _rate([one.silent for one in compared])}, better="lower",
        ),
        measured(f"event F1 (within {COLLAR_S:g} s)", lambda rows: float(f1[rows].mean()), own,
                 {f"always {BACKGROUND}": 0.0}),
    ]  # fmt: skip


def _rate(errors: Sequence[Diarization]) -> float:
    """Of all the time of these recordings, the share with an error."""
    return sum(one.error_rate * one.duration_s for one in errors) / sum(one.duration_s for one in errors)


def _recordings(predictions: Predictions) -> list[list[int]]:
    rows_of: dict[tuple[str, str, str], list[int]] = {}
    for at, window in enumerate(predictions.windows):
        rows_of.setdefault((window.dataset, window.person, window.recording), []).append(at)
    return list(rows_of.values())


def _without_pauses(predictions: Predictions, rows: Sequence[int]) -> bool:
    """Whether the recording was judged at every tick: clips with pauses between them have no onsets to be found."""
    ends = np.array([predictions.windows[row].end_s for row in rows])
    return bool((np.diff(ends) < _ATTACHED_S).all())


def _named(shares: FloatArray) -> list[str]:
    """The likeliest emotion of each tick, the background where nothing is labelled."""
    return [EMOTIONS[int(row.argmax())] if row.any() else BACKGROUND for row in shares]


def _steadied(names: Sequence[str]) -> list[str]:
    """The commonest of three neighbours, the tick's own where all three differ."""
    padded = [names[0], *names, names[-1]]
    return [before if before == after else own for before, own, after in zip(padded, names, padded[2:], strict=False)]


def _events(names: Sequence[str], least_s: float) -> list[Event]:
    """Stretches of one emotion other than the background, from 0 s on."""
    found, start = [], 0
    for at in range(1, len(names) + 1):
        if at == len(names) or names[at] != names[start]:
            if names[start] != BACKGROUND and (at - start) * HOP_S >= least_s - 1e-9:
                found.append(Event(start * HOP_S, at * HOP_S, names[start]))
            start = at
    return found
