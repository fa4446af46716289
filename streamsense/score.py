"""What comes out: the score of one tick, each expert's own opinion, and notices about the session.

The channels of the published streams are defined here once, with unit and range, for every sink.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.streams import MODALITIES, Feature, Modality

SCORE_SCHEMA = 1
DECLARED_RATE_HZ = 5


@dataclass(frozen=True)
class Channel:
    """One channel of a published stream; `low` and `high` bound its values."""

    label: str
    unit: str
    low: float
    high: float


def _dimension_channels(suffix: str) -> list[Channel]:
    channels = []
    for name in DIMENSIONS:
        channels.append(Channel(f"{name}{suffix}", "normalized", -1.0, 1.0))
        channels.append(Channel(f"{name}{suffix}_sd", "normalized", 0.0, float("inf")))
    return channels


SCORE_CHANNELS: tuple[Channel, ...] = (
    *_dimension_channels(""),
    *_dimension_channels("_smoothed"),
    *(Channel(f"emotion_{name}", "probability", 0.0, 1.0) for name in EMOTIONS),
    *(Channel(name, "normalized", 0.0, 1.0) for name in ("ambivalence", "discord", "bivalence", "hesitancy")),
    Channel("confidence", "normalized", 0.0, 1.0),
    *(
        channel
        for modality in MODALITIES
        for channel in (
            Channel(f"{modality}_presence", "boolean", 0.0, 1.0),
            Channel(f"{modality}_quality", "normalized", 0.0, 1.0),
            Channel(f"{modality}_weight", "normalized", 0.0, 1.0),
            Channel(f"{modality}_age", "seconds", 0.0, float("inf")),
        )
    ),
    Channel("tick", "count", float("-inf"), float("inf")),
)
"""The channels of the score stream, in order."""

EXPERT_CHANNELS: tuple[Channel, ...] = tuple(
    Channel(f"{modality}_{channel.label}", channel.unit, channel.low, channel.high)
    for modality in MODALITIES
    for channel in (*_dimension_channels(""), Channel("presence", "boolean", 0.0, 1.0))
)
"""The channels of the stream of each expert's own opinion, in order."""

SCORE_LABELS = tuple(channel.label for channel in SCORE_CHANNELS)
EXPERT_LABELS = tuple(channel.label for channel in EXPERT_CHANNELS)
AGE_UNKNOWN_S = 1e6
"""The age of a modality that has never been there: finite, because NaN and infinity never leave."""


@dataclass(frozen=True)
class StreamPlan:
    """How one modality stood when its tick was decided; `shift_s` moves the window of one that is late by design."""

    modality: Modality
    horizon: float
    state: str  # live, stale, late, absent
    shift_s: float = 0.0


@dataclass(frozen=True)
class Plan:
    """The decision to score one tick: why now, and how each stream stood."""

    tick: int
    now: float
    reason: str  # complete, deadline, backlog
    streams: tuple[StreamPlan, ...]


@dataclass(frozen=True)
class Skip:
    """The decision to leave out the ticks `first` to `last`, because scoring them would only add delay."""

    first: int
    last: int
    now: float


@dataclass(frozen=True)
class Notice:
    """Something that a user should know about the session, published as a JSON event."""

    time: float
    kind: str
    text: str
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Score:
    """The scored tick: `values` follow SCORE_LABELS, `experts` EXPERT_LABELS; both float64, always finite.

    `features` are what the experts are given, where there are any; a modality that was absent is left out. `windows`
    are all that were read, also those that did not count, because too little of them was there or it was too old.
    `cues` says how far each cue of hesitancy counted, 0 to 1. `language` are the cues of recognised words, per word;
    none where no words came.
    """

    tick: int
    time: float
    values: FloatArray
    experts: FloatArray
    plan: Plan
    features: Mapping[Modality, Feature] = field(default_factory=dict)
    windows: Mapping[Modality, Feature] = field(default_factory=dict)
    cues: Mapping[str, float] = field(default_factory=dict)
    language: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, label: str) -> float:
        """The value of one score channel by its label."""
        return float(self.values[SCORE_LABELS.index(label)])
