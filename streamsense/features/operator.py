"""What the core asks of one modality's features."""

from __future__ import annotations

from typing import Protocol

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

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature."""
        ...
