"""The journal: everything that entered the core and every decision it took, in one total order.

It is the core's only input in a replay, which decides nothing again, so ticks that were late when they were live
come out the same. Recordings keep it in their file (`journal_lines.py` has its text).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from streamsense.pipeline import Pipeline
from streamsense.score import Notice, Plan, Score, Skip
from streamsense.streams import Event

Entry = Event | Plan | Skip


class Keeper(Protocol):
    """Keeps what enters the core and what it decides, for a recording."""

    def write_event(self, event: Event, at_fronts: list[Event]) -> None:
        """Keep an event; `at_fronts` is what the front ends made of it."""
        ...

    def write(self, item: Plan | Skip | Score | Notice) -> None:
        """Keep a decision, its score or a notice."""
        ...


class JournaledPipeline:
    """A pipeline whose every input and decision is kept: in a list where one is given, in a `recording` while it runs.

    A score is kept before its plan, so that wherever a recording breaks off no plan is without its score.
    """

    def __init__(self, pipeline: Pipeline, journal: list[Entry] | None = None) -> None:
        self.pipeline = pipeline
        self.journal = journal
        self.recording: Keeper | None = None

    def push(self, event: Event) -> None:
        """Keep and push one event."""
        if self.journal is not None:
            self.journal.append(event)
        self.pipeline.push(event)
        at_fronts = self.pipeline.take_front_events()  # by anyone: after a recording they must not pile up
        if self.recording is not None:
            self.recording.write_event(event, at_fronts)

    def advance(self, now: float) -> Iterator[Score]:
        """Keep and carry out what is due at `now`."""
        for decision in self.pipeline.due(now):
            if self.journal is not None:
                self.journal.append(decision)
            score = self.pipeline.carry_out(decision)
            if self.recording is not None:
                if score is not None:
                    self.recording.write(score)
                self.recording.write(decision)
            if score is not None:
                yield score


def replay_journal(journal: Iterable[Entry], pipeline: Pipeline) -> Iterator[tuple[Score | None, list[Notice]]]:
    """Feed a journal to a fresh pipeline; yields what each entry gave: a score or None, and its notices."""
    for entry in journal:
        score = None
        if isinstance(entry, Plan | Skip):
            score = pipeline.carry_out(entry)
        else:
            pipeline.push(entry)
        yield score, pipeline.take_notices()
