"""What a report holds, whoever made the predictions: figures, tables and charts as data, written by other modules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from streamsense.evaluation.figure import Figure

Style = Literal["line", "points", "bars"]


@dataclass(frozen=True)
class Series:
    """One line, cloud of points or row of bars; `low` and `high` are intervals, empty for none."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    style: Style = "line"


@dataclass(frozen=True)
class Chart:
    """A plot as data. `ticks` name the whole numbers 0, 1, … on the x axis where it has names; `levels` are dashed."""

    title: str
    caption: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    levels: tuple[tuple[str, float], ...] = ()
    ticks: tuple[str, ...] = ()
    y_range: tuple[float, float] | None = None
    diagonal: bool = False


@dataclass(frozen=True)
class Table:
    """A small table; cells are texts. `shares` says that its numbers are shares in [0, 1], to be shaded."""

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: bool = False


@dataclass(frozen=True)
class Topic:
    """One question and its answer, such as "Arousal" or "Emotions"."""

    title: str
    text: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Part:
    """One source of answers on one set of recordings. `headline` is its first figure, None where it has none."""

    title: str
    source: str
    data: str
    counts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    topics: tuple[Topic, ...]

    @property
    def headline(self) -> Figure | None:
        """The first figure of the first topic that has one."""
        return next((figure for topic in self.topics for figure in topic.figures), None)


@dataclass(frozen=True)
class Report:
    """All of it. `warnings` stand above everything else; `facts` say what was evaluated, with what, on what and how."""

    title: str
    protocol: str
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    def as_dict(self) -> dict[str, object]:
        """The report for programs; what is no number is null."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def named_numbers(values: Sequence[float]) -> tuple[float, ...]:
    """The places 0, 1, … of that many values, for an axis with names."""
    return tuple(float(at) for at in range(len(values)))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
