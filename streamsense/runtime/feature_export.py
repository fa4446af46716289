"""The features of a recording, tick by tick: of one with a journal those that the live session had, to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamsense.config import Config
from streamsense.features.feature_columns import FeatureTable
from streamsense.journal_lines import Snapshot
from streamsense.runtime.assembly import build_feature_pipeline
from streamsense.runtime.recorded_journal import JournalReader, RecordedPlan, was_scored
from streamsense.runtime.recorded_session import replay_of
from streamsense.runtime.verify import RecordedSession
from streamsense.score import Notice, Score
from streamsense.sources.recorded import Recording
from streamsense.sources.recordings import open_any
from streamsense.streams import Modality, StreamInfo, StreamOpened


@dataclass(frozen=True)
class FeatureSession:
    """A recording whose features are ready to be computed, once.

    `items` are its scored ticks, whose `windows` make the rows of `table`, and its notices; `ticks` is how many there
    are at most. `warnings` say what a user should know.
    """

    table: FeatureTable
    items: Iterator[Score | Notice]
    ticks: int
    warnings: tuple[str, ...]


def open_features(file: Path, named: Mapping[Modality, str | None], config: Config | None = None) -> FeatureSession:
    """Open any recording. One of ours that was scored is computed as it was live, unless settings or streams are named.

    `named` and `config` are those of a replay; no model is asked for but the recording's own. Raises StreamsenseError
    where the recording cannot be read or used.
    """
    if not any(named.values()) and config is None and was_scored(file):
        return _as_it_was_live(file)
    return features_of(open_any(file), named, config)


def features_of(
    recording: Recording, named: Mapping[Modality, str | None], config: Config | None = None
) -> FeatureSession:
    """The features of a recording's complete data."""
    session, warnings = replay_of(recording, named, config, build_feature_pipeline)
    table = session.pipeline.feature_table(session.streams)
    return FeatureSession(table, session.run(), session.last_tick - session.first_tick + 1, warnings)


def _as_it_was_live(file: Path) -> FeatureSession:
    session = RecordedSession(file)
    streams, ticks = _streams_and_ticks(file)
    differences = session.differences
    warnings = (f"The last bits may differ, because {'; '.join(differences)}",) if differences else ()
    items = (item if isinstance(item, Notice) else item[1] for item in session.run())
    return FeatureSession(session.pipeline.feature_table(streams), items, ticks, warnings)


def _streams_and_ticks(file: Path) -> tuple[list[StreamInfo], int]:
    """Every stream that was open at some time of one of our recordings, and how many ticks were scored."""
    streams: list[StreamInfo] = []
    ticks = 0
    for entry in JournalReader(file).entries():
        match entry:
            case Snapshot():
                streams += entry.streams
            case StreamOpened():
                streams.append(entry.info)
            case RecordedPlan():
                ticks += 1
    return streams, ticks
