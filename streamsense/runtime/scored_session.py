"""The scores of any recording: as they were live where it has a journal, else those of its complete data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamsense.config import Config
from streamsense.pipeline import Pipeline
from streamsense.runtime.recorded_journal import was_scored
from streamsense.runtime.recorded_session import open_replay
from streamsense.runtime.verify import RecordedSession
from streamsense.score import Notice, Score
from streamsense.streams import Modality


@dataclass(frozen=True)
class ScoredSession:
    """A recording that is ready to be scored, once.

    `items` are its scores and notices in order, `ticks` how many scores there are at most (None where that is not
    known). `warnings` say what a user should know.
    """

    pipeline: Pipeline
    items: Iterator[Score | Notice]
    ticks: int | None
    warnings: tuple[str, ...]


def open_scored(file: Path, named: Mapping[Modality, str], settings: Config | None = None) -> ScoredSession:
    """Open any recording. One that was scored live is scored as it was, unless settings or streams are named.

    Raises StreamsenseError where the recording cannot be read or used.
    """
    if not named and settings is None and was_scored(file):
        recorded = RecordedSession(file)
        because = "; ".join(recorded.differences)
        items = (item if isinstance(item, Notice) else item[1] for item in recorded.run())
        return ScoredSession(
            recorded.pipeline, items, None, (f"the last bits may differ, because {because}",) if because else ()
        )
    session, warnings = open_replay(file, named, settings)
    return ScoredSession(session.pipeline, session.run(), session.last_tick - session.first_tick + 1, warnings)
