"""A YAML file that says where the labels of a lab's sessions are, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from streamsense.datasets.lab_labels import (
    LONGEST_DELAY_S,
    LabelSource,
    MarkerLabels,
    Meaning,
    RatingLabels,
    TableLabels,
)
from streamsense.fusion.emotions import EMOTIONS
from streamsense.settings_file import Section, load_settings
from streamsense.ticks import HOP_S

FIND = "find"
_Scaled = TypeVar("_Scaled", "Ratings", "Table")
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Rating = Annotated[float, Field(ge=-1.0, le=1.0)]
_Emotion = Annotated[str, Field(pattern="^(" + "|".join(EMOTIONS) + ")?$")]


class MarkerMeaning(Section):
    """What one marker stands for; ratings in [-1, 1], an emotion of the mixture. Left out: nothing is said of it."""

    name: str | None = Field(default=None, max_length=200)
    emotion: _Emotion = ""
    valence: _Rating | None = None
    arousal: _Rating | None = None
    dominance: _Rating | None = None


class Markers(Section):
    """A stream of markers: at each of `starts` a labelled stretch begins, which the next of them or of `ends` ends."""

    stream: _Name
    starts: Annotated[dict[_Name, MarkerMeaning], Field(min_length=1, max_length=1000)]
    ends: tuple[_Name, ...] = ()


class Ratings(Section):
    """A stream of ratings that change all the time: which channel is which dimension, and the ends of the scale.

    `delay` is how late people rated, in s; "find" has it found on those who are trained on.
    """

    stream: _Name
    channels: Annotated[dict[Literal["valence", "arousal", "dominance"], _Name], Field(min_length=1)]
    low: float = -1.0
    high: float = 1.0
    hold: float = Field(default=2.0, ge=HOP_S, le=3600.0)
    delay: Annotated[float, Field(ge=0.0, le=LONGEST_DELAY_S)] | Literal["find"] = 0.0

    @model_validator(mode="after")
    def _scale(self) -> Ratings:
        return _rising(self)


class Table(Section):
    """A table beside each recording: `session.xdf` has its own in `session.labels.csv`."""

    ending: str = Field(default=".labels.csv", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    low: float = -1.0
    high: float = 1.0
    clock: Literal["recording", "stamps"] = "recording"

    @model_validator(mode="after")
    def _scale(self) -> Table:
        return _rising(self)


class LabelFile(Section):
    """Where the labels are: exactly one of the three."""

    markers: Markers | None = None
    ratings: Ratings | None = None
    table: Table | None = None

    @model_validator(mode="after")
    def _one(self) -> LabelFile:
        given = [name for name in ("markers", "ratings", "table") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of markers, ratings, table; found {', '.join(given) or 'none'}")
        return self

    def source(self) -> LabelSource:
        """What reads these labels."""
        if self.markers is not None:
            starts = {
                text: Meaning(**{**meaning.model_dump(), "name": text if meaning.name is None else meaning.name})
                for text, meaning in self.markers.starts.items()
            }
            return MarkerLabels(self.markers.stream, starts, self.markers.ends)
        if self.ratings is not None:
            r = self.ratings
            delay_s = None if r.delay == FIND else float(r.delay)
            return RatingLabels(r.stream, r.channels, r.low, r.high, longest_hold_s=r.hold, delay_s=delay_s)
        table = self.table or Table()
        return TableLabels(table.ending, table.low, table.high, table.clock)


def read_label_source(path: Path) -> LabelSource:
    """What reads the labels that the file at `path` describes. Raises ConfigError saying what is wrong."""
    return load_settings(LabelFile, path, "The description of labels").source()


def _rising(section: _Scaled) -> _Scaled:
    if not section.low < section.high:
        raise ValueError(f"low is {section.low:g} and high {section.high:g}, expected a higher high")
    return section
