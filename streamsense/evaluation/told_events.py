"""Which emotion when, as the pipeline tells it: the very segments of a live session, against labels with an end."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label, LabelTrack
from streamsense.evaluation.as_live import LAB
from streamsense.evaluation.contrast_figures import AMBIVALENCE
from streamsense.evaluation.emotion_events import BACKGROUND, WHICH_WHEN, Compared, event_figures
from streamsense.evaluation.events import COLLAR_S, Event, diarization, event_f1
from streamsense.evaluation.figure import Figure, measured
from streamsense.evaluation.fusing import Fused
from streamsense.evaluation.predictions import Protocol
from streamsense.evaluation.report import Topic
from streamsense.fusion.emotions import EMOTIONS
from streamsense.fusion.mixture import name_of
from streamsense.segments import AMBIVALENT
from streamsense.ticks import HOP_S
from streamsense.told_segments import ToldSegment

_ATTACHED_S = 1.5 * HOP_S


@dataclass(frozen=True)
class ToldRecording:
    """One recording, scored from `begin_s` to `end_s` in its own seconds: what is labelled there, and what was told.

    `labelled` are the emotions other than neutral, `ambivalence` the stretches so labelled; None where the recording
    has no label of the kind.
    """

    dataset: str
    person: str
    begin_s: float
    end_s: float
    labelled: tuple[Event, ...] | None
    ambivalence: tuple[Event, ...] | None
    segments: tuple[ToldSegment, ...]


def told_recording(recording: LabelledRecording, fused: Fused) -> ToldRecording | None:
    """What was told of a recording beside its labels; None where they have no beginning that could be found.

    So it is with clips, which have pauses between them: they were cut where the emotion is.
    """
    times = np.array([labelled.window.end_s for labelled, _ in fused.rows])
    if not len(times) or not (recording.dataset == LAB or (np.diff(times) < _ATTACHED_S).all()):
        return None
    begin_s, end_s = float(times[0]) - HOP_S, float(times[-1])
    track = LabelTrack(recording.labels)
    grid = begin_s + HOP_S * np.arange(round((end_s - begin_s) / HOP_S) + 1)
    labels = [track.at_end(start, end) for start, end in itertools.pairwise(grid.tolist())]
    named = {label.name for label in labels if label is not None}
    emotions = doubts = None
    if any(label is not None and label.shares(EMOTIONS) is not None for label in labels):
        emotions = _stretches(begin_s, map(_emotion, labels))
    if named & {AMBIVALENCE.low, AMBIVALENCE.high}:
        doubts = _stretches(begin_s, (AMBIVALENT if it and it.name == AMBIVALENCE.high else "" for it in labels))
    if (
        recording.dataset != LAB
        and sum(one.end_s - one.start_s for one in emotions or ()) > end_s - begin_s - HOP_S / 2
    ):
        emotions = None  # a clip of one emotion from end to end
    if emotions is None and doubts is None:
        return None
    return ToldRecording(recording.dataset, recording.person, begin_s, end_s, emotions, doubts, fused.segments)


def told_topics(recordings: Sequence[ToldRecording], protocol: Protocol, settle_s: float) -> list[Topic]:
    """How right the segments are that the pipeline tells; nothing where no recording has a beginning to be found.

    The first `settle_s` of each recording do not count; what began before ends or begins there.
    """
    own: list[Hashable] = [_own(one, at, protocol) for at, one in enumerate(recordings)]
    compared, doubts = [], []
    for who, one in zip(own, recordings, strict=True):
        begin_s, duration_s = one.begin_s + settle_s, one.end_s - one.begin_s - settle_s
        if duration_s <= 0:
            continue
        if one.labelled is not None:
            truth = _within(one.labelled, begin_s, one.end_s)
            found = _within(_events(one.segments, ambivalence=False), begin_s, one.end_s)
            errors, silent = (diarization(truth, said, duration_s) for said in (found, ()))
            compared.append(Compared(who, errors, silent, event_f1(truth, found)))
        if one.ambivalence is not None:
            truth = _within(one.ambivalence, begin_s, one.end_s)
            found = _within(_events(one.segments, ambivalence=True), begin_s, one.end_s)
            doubts.append((who, event_f1(truth, found)))
    figures = event_figures(compared) if any(one.silent.missed_s > 0 for one in compared) else []
    figures += [_of_ambivalence(doubts)] if doubts else []
    if not figures:
        return []
    text = (
        f"The very segments that a live session tells (segment_on, segment_off), in {len(recordings)} recordings: the "
        "share of time with a false alarm, a miss or the wrong emotion (EDER), and events whose onset and offset are "
        f"right within {COLLAR_S:g} s. Two emotions at once are another answer than one of them. "
        f"{BACKGROUND.capitalize()} is the background."
    )
    return [Topic(WHICH_WHEN, text, tuple(figures))]


def _of_ambivalence(doubts: Sequence[tuple[Hashable, float]]) -> Figure:
    f1 = np.array([value for _, value in doubts])
    name = f"ambivalence, event F1 (within {COLLAR_S:g} s)"
    return measured(name, lambda rows: float(f1[rows].mean()), [who for who, _ in doubts], {"never ambivalent": 0.0})


def _own(recording: ToldRecording, number: int, protocol: Protocol) -> Hashable:
    """Whose the recording is: what is drawn whole for intervals."""
    if protocol == "corpus":
        return recording.dataset
    return (recording.dataset, recording.person) if protocol == "person" else number


def _emotion(label: Label | None) -> str:
    """The labelled emotion under the name under which a segment would be told; "" for the background."""
    shares = None if label is None else label.shares(EMOTIONS)
    name = "" if shares is None else name_of(shares)
    return "" if name == BACKGROUND else name


def _stretches(begin_s: float, names: Iterable[str]) -> tuple[Event, ...]:
    """Ticks of one name in a row, from the beginning of the first to the end of the last; "" is none."""
    found, at = [], 0
    for name, group in itertools.groupby(names):
        start, at = at, at + len(list(group))
        if name:
            found.append(Event(begin_s + start * HOP_S, begin_s + at * HOP_S, name))
    return tuple(found)


def _events(segments: Sequence[ToldSegment], *, ambivalence: bool) -> list[Event]:
    return [Event(one.onset, one.offset, one.what) for one in segments if one.is_ambivalence == ambivalence]


def _within(events: Sequence[Event], begin_s: float, end_s: float) -> list[Event]:
    """What of the events lies in this stretch, in seconds from its beginning."""
    cut = ((max(0.0, one.start_s - begin_s), min(end_s, one.end_s) - begin_s, one.name) for one in events)
    return [Event(start_s, stop_s, name) for start_s, stop_s, name in cut if stop_s - start_s > 1e-9]
