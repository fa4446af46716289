"""What the core asks of one modality's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamsense.features.feature_columns import FeatureColumn
from streamsense.profile import Part
from streamsense.streams import Feature, Modality, StreamInfo, TimedBlock


class FeatureOperator(Protocol):
    """One modality's features: takes blocks in, reads a window at a tick."""

    modality: Modality

    @property
    def state(self) -> object:
        """All that the operator carries, as a dataclass that can be serialised."""
        ...

    @property
    def delay_s(self) -> float:
        """How far the operator's own samples lie behind those that were pushed."""
        ...

    @property
    def effective_delay_s(self) -> float:
        """How long before its tick the instant lies that a window stands for."""
        ...

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        """Prepare for a stream; returns warnings, raises SourceError when it cannot be used."""
        ...

    def push(self, block: TimedBlock) -> None:
        """Take in the next samples."""
        ...

    def feature_at(self, tick: float) -> Feature:
        """The window that ends at `tick`; changes nothing."""
        ...

    def columns(self, infos: Sequence[StreamInfo]) -> tuple[FeatureColumn, ...]:
        """The feature's numbers as columns of a table, for a session in which these streams are opened in turn."""
        ...

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature."""
        ...

    @property
    def learned_s(self) -> float:
        """From how many seconds of the person what is known now was learned in this session."""
        ...

    def learned(self) -> dict[str, object] | None:
        """What this session learned of the person, for a profile; None where that is not enough yet."""
        ...

    def learn_anew(self) -> None:
        """Forget what was learned and any profile, and learn from the next sample on."""
        ...

    def freeze(self) -> None:
        """Keep what was learned until now, and learn no more."""
        ...

    def use_profile(self, part: Part | None) -> tuple[str, ...]:
        """Use what another session learned, frozen from the next sample on; None: learn (again). Returns warnings.

        Raises ConfigError, and changes nothing, when `part` is not what `learned` gives.
        """
        ...


class FrontEnd(Protocol):
    """What turns one modality's raw samples into the stream that its features are made of, and that is recorded."""

    @property
    def state(self) -> object:
        """All that the front end carries, as a dataclass that can be serialised."""
        ...

    def open(self, info: StreamInfo) -> tuple[StreamInfo, tuple[str, ...]]:
        """Prepare for a stream; returns what comes out, and warnings. Raises SourceError when it cannot be used."""
        ...

    def push(self, block: TimedBlock) -> TimedBlock:
        """Take in the next samples; returns what they complete, maybe nothing."""
        ...
