"""Labels of a lab's own recordings: from a marker stream, from a rating stream, or from a table beside the file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.datasets.files import number, table_rows
from streamsense.datasets.lab_streams import channel_of, label_stream, marker_times, rating_times, signal_bounds
from streamsense.datasets.labels import Label, on_unit_scale
from streamsense.errors import DatasetError
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.sources.recorded import Recording
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

LONGEST_DELAY_S = 10.0
_TABLE_COLUMNS = ("start_s", "end_s")


class LabelSource(Protocol):
    """Where the labels of a recording are.

    `of_instants` says whether they change all the time, so that a window has the label of its last instant
    (`LabelTrack.at_end`) and not one that covers it all.
    """

    of_instants: ClassVar[bool]

    def labels(self, recording: Recording) -> tuple[Label, ...]:
        """The labels, in the seconds of a replay of the recording. Raises DatasetError where there are none."""
        ...


@dataclass(frozen=True)
class Meaning:
    """What a marker stands for (see `Label`)."""

    name: str
    emotion: str = ""
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None


@dataclass(frozen=True)
class MarkerLabels:
    """Labels from markers: one begins at each marker that `starts` names, and ends at the next marker.

    That is the next one in `starts` or `ends`; other markers are passed over. The last label may end with the
    recording. `stream` is the name of the marker stream.
    """

    stream: str
    starts: Mapping[str, Meaning]
    ends: tuple[str, ...] = ()
    of_instants: ClassVar[bool] = False

    def labels(self, recording: Recording) -> tuple[Label, ...]:
        """One label for each marker that begins one, each a trial of its own."""
        times, texts = marker_times(recording, label_stream(recording, self.stream, text=True))
        kept = [(t, text) for t, text in zip(times.tolist(), texts, strict=True) if text in {*self.starts, *self.ends}]
        last_s = signal_bounds(recording)[1]
        found: list[Label] = []
        for (start_s, text), (end_s, _) in itertools.pairwise([*kept, (last_s, "")]):
            if text in self.starts and end_s > start_s:
                found.append(Label(start_s, end_s, **vars(self.starts[text]), trial=f"{text} {len(found) + 1}"))
        if not found:
            seen = ", ".join(sorted(set(texts))[:10]) or "no marker at all"
            raise DatasetError(
                f"{recording.path}: of the markers in {self.stream!r} none begins a label. Found: {seen}. Expected "
                f"one of {', '.join(self.starts)}. Name those that are there."
            )
        return tuple(found)


@dataclass(frozen=True)
class RatingLabels:
    """Labels from a stream of ratings that change all the time: one for each stretch in which none changes.

    `channels` says by its label which channel rates which dimension; `low` and `high` are the ends of the scale. A
    rating holds until the next one, at most `longest_hold_s`. Ratings are taken on the grid of the ticks.
    People rate what was a while ago: labels come `delay_s` earlier than the ratings. None: the delay is not known and
    to be found on those who are trained on (`evaluation.label_delay`); then they come when they were given.
    """

    stream: str
    channels: Mapping[Literal["valence", "arousal", "dominance"], str]
    low: float = -1.0
    high: float = 1.0
    longest_hold_s: float = 2.0
    delay_s: float | None = 0.0
    of_instants: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.channels or not set(self.channels) <= set(DIMENSIONS):
            raise ValueError(f"channels are {dict(self.channels)}, expected some of {', '.join(DIMENSIONS)}")
        if not (self.low < self.high and self.longest_hold_s >= HOP_S):
            raise ValueError(f"a scale from {self.low} to {self.high} held {self.longest_hold_s} s cannot be")
        if not 0 <= (self.delay_s or 0.0) <= LONGEST_DELAY_S:
            raise ValueError(f"delay_s is {self.delay_s}, expected 0 to {LONGEST_DELAY_S:g}, or None")

    def labels(self, recording: Recording) -> tuple[Label, ...]:
        """One label for each stretch of equal ratings."""
        stream = label_stream(recording, self.stream, text=False)
        columns = [channel_of(recording, stream, label) for label in self.channels.values()]
        times, values = rating_times(recording, stream, columns)
        if not len(times):
            raise DatasetError(
                f"{recording.path}: the rating stream {self.stream!r} has no sample. Leave the file out."
            )
        # Of each 200 ms the rating at their end, just before the tick: the latest that its window can know.
        first, last = times[0] * TICKS_PER_SECOND, (times[-1] + self.longest_hold_s) * TICKS_PER_SECOND
        ends = np.arange(np.floor(first) + 1, np.floor(last) + 1) / TICKS_PER_SECOND
        held = np.maximum(0, np.searchsorted(times, ends, "left") - 1)
        known = (ends - times[held] <= self.longest_hold_s) & np.isfinite(values[held]).all(axis=1)
        return tuple(self._stretches(ends[known], values[held[known]]))

    def _stretches(self, ends: FloatArray, values: FloatArray) -> Iterator[Label]:
        if not len(ends):
            return
        breaks = (np.diff(ends) > 1.5 * HOP_S) | (np.diff(values, axis=0) != 0).any(axis=1)
        for part in np.split(np.arange(len(ends)), np.flatnonzero(breaks) + 1):
            rated = [on_unit_scale(value, self.low, self.high) for value in values[part[0]].tolist()]
            dimensions = dict(zip(map(str, self.channels), rated, strict=True))
            start_s, end_s = (float(end) - (self.delay_s or 0.0) for end in (ends[part[0]] - HOP_S, ends[part[-1]]))
            yield Label(start_s, end_s, name="rating", **dimensions)  # type: ignore[arg-type]


@dataclass(frozen=True)
class TableLabels:
    """Labels from a table beside each recording: `session.xdf` has its own in `session.labels.csv`.

    Columns: `start_s` and `end_s`, and any of `name`, `emotion`, `valence`, `arousal`, `dominance`, `trial`. Times
    count from the recording's first sample (`clock="recording"`) or are those of its own stamps (`clock="stamps"`).
    """

    ending: str = ".labels.csv"
    low: float = -1.0
    high: float = 1.0
    clock: Literal["recording", "stamps"] = "recording"
    columns: tuple[str, ...] = field(default=_TABLE_COLUMNS, repr=False)
    of_instants: ClassVar[bool] = False

    def labels(self, recording: Recording) -> tuple[Label, ...]:
        """One label for each row of the table."""
        path = recording.path.with_name(recording.path.stem + self.ending)
        if not path.is_file():
            raise DatasetError(
                f"{recording.path} has no labels beside it. Expected {path.name} with the columns start_s, end_s and "
                "name or valence and arousal. Write it, or take the recording out of the folder."
            )
        first_s, last_s = signal_bounds(recording)
        begin_s = first_s if self.clock == "recording" else 0.0
        found = tuple(self._label(path, row, begin_s) for row in table_rows(path, self.columns))
        if not found:
            raise DatasetError(f"{path} has no row. Expected one for each label. Write them, or take the file away.")
        for label in found:
            if not (first_s - 1 <= label.start_s and label.end_s <= last_s + 1):
                raise DatasetError(
                    f"{path} has a label from {label.start_s - begin_s:g} to {label.end_s - begin_s:g} s, but the "
                    f"signal lasts from {first_s - begin_s:g} to {last_s - begin_s:g} s. Labels must lie within it: "
                    "correct the times, or say on which clock they are."
                )
        return found

    def _label(self, path: Path, row: Mapping[str, str], begin_s: float) -> Label:
        start_s, end_s = (number(row[name], path, name) for name in self.columns)
        if not start_s < end_s:
            raise DatasetError(
                f"{path} has a label from {row['start_s']!r} to {row['end_s']!r} s. Expected a later end."
            )
        rated = {
            name: on_unit_scale(number(row.get(name) or "", path, name), self.low, self.high) for name in DIMENSIONS
        }
        words = {name: (row.get(name) or "").strip() for name in ("name", "emotion", "trial")}
        return Label(begin_s + start_s, begin_s + end_s, **words, **rated)  # type: ignore[arg-type]
