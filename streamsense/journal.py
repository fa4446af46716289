"""The journal: everything that entered the core and every decision it took, in one total order.

It is the core's only input in a replay. Here it lives in memory; replaying it decides nothing again, so ticks
that were late when they were live come out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streamsense.pipeline import Pipeline
from streamsense.score import Notice, Plan, Score, Skip
from streamsense.streams import Event

Entry = Event | Plan | Skip


class JournaledPipeline:
    """A pipeline whose every input and decision is kept, where a list to keep them in is given."""

    def __init__(self, pipeline: Pipeline, journal: list[Entry] | None = None) -> None:
        self.pipeline = pipeline
        self.journal = journal

    def push(self, event: Event) -> None:
        """Record and push one event."""
        if self.journal is not None:
            self.journal.append(event)
        self.pipeline.push(event)

    def advance(self, now: float) -> Iterator[Score]:
        """Record and carry out what is due at `now`."""
        for decision in self.pipeline.due(now):
            if self.journal is not None:
                self.journal.append(decision)
            score = self.pipeline.carry_out(decision)
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
