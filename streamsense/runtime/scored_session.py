"""The scores of any recording: as they were live where it has a journal, else those of its complete data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamsense.config import Config
from streamsense.pipeline import Pipeline
from streamsense.runtime.recorded_journal import was_scored
from streamsense.runtime.recorded_session import open_replay
from streamsense.runtime.verify import RecordedSession
from streamsense.score import Notice, Score
from streamsense.sources.recorded import Recording, Selection
from streamsense.sources.recordings import open_any
from streamsense.sources.stream_kinds import choose_streams
from streamsense.streams import Modality


@dataclass(frozen=True)
class ScoredSession:
    """A recording that is ready to be scored, once.

    `items` are its scores and notices in order, `ticks` how many scores there are at most (None where that is not
    known). `warnings` say what a user should know. `opened` gives the recording, and which streams of it are scored.
    """

    pipeline: Pipeline
    items: Iterator[Score | Notice]
    ticks: int | None
    warnings: tuple[str, ...]
    opened: Callable[[], tuple[Recording, Selection]]


def open_scored(file: Path, named: Mapping[Modality, str], settings: Config | None = None) -> ScoredSession:
    """Open any recording. One that was scored live is scored as it was, unless settings or streams are named.

    Raises StreamsenseError where the recording cannot be read or used.
    """
    if not named and settings is None and was_scored(file):
        recorded = RecordedSession(file)
        because = "; ".join(recorded.differences)
        items = (item if isinstance(item, Notice) else item[1] for item in recorded.run())
        different = (f"the last bits may differ, because {because}",) if because else ()
        return ScoredSession(recorded.pipeline, items, None, different, lambda: _chosen(file))
    session, warnings = open_replay(file, named, settings)
    ticks = session.last_tick - session.first_tick + 1
    return ScoredSession(session.pipeline, session.run(), ticks, warnings, lambda: session.source)


def _chosen(file: Path) -> tuple[Recording, Selection]:
    recording = open_any(file)
    return recording, choose_streams(recording.streams).selection
