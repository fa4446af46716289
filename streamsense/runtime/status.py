"""How a live session stands: written by the core's thread, read by displays, which may see it between two updates."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamsense.score import Score
from streamsense.streams import Block, Event, StreamInfo, StreamOpened

_RATE_OVER_S = 2.0


@dataclass
class StreamMeter:
    """What arrived of one stream: for the status line."""

    info: StreamInfo
    samples: int = 0
    since: float = math.nan
    rate_hz: float = 0.0
    newest: float = math.nan

    def note(self, count: int, now: float, newest: float) -> None:
        """Count one block."""
        self.newest = newest
        if math.isnan(self.since):
            self.since = now
        self.samples += count
        if now - self.since >= _RATE_OVER_S:
            self.rate_hz, self.samples, self.since = self.samples / (now - self.since), 0, now


@dataclass
class SessionStatus:
    """What there is to show of the session."""

    score: Score | None = None
    scored: int = 0
    skipped: int = 0
    meters: dict[str, StreamMeter] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        """Count what arrived."""
        if isinstance(event, StreamOpened):
            self.meters[event.info.key] = StreamMeter(event.info)
        elif isinstance(event, Block) and len(event) and event.key in self.meters:
            self.meters[event.key].note(len(event), event.received, float(event.stamps[-1]))
