"""What tells that a stream does not come as it should: silence, a full buffer, pictures that were left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pylsl

from streamsense.streams import Control, Event, StreamInfo
from streamsense.ticks import Clock

FROZEN_AFTER_S = 2.0
REOPEN_AFTER_S = 5.0
LONGEST_REOPEN_S = 60.0
_LONGEST_TURN_S = 0.25
_TELL_EVERY_S = 1.0


@dataclass
class Silence:
    """How long a stream has sent nothing, over all its inlets, and when its inlet should be opened anew.

    Counted in turns of the reading thread, none longer than a quarter of a second: when this process was stopped
    for a while, it is not the sender that was silent.
    """

    seconds: float = 0.0
    is_frozen: bool = False
    reopen_at_s: float = REOPEN_AFTER_S

    def note(self, turn_s: float) -> bool:
        """Note a turn without a sample; whether the stream is frozen since just now."""
        self.seconds += min(turn_s, _LONGEST_TURN_S)
        begins = not self.is_frozen and self.seconds >= FROZEN_AFTER_S
        self.is_frozen = self.is_frozen or begins
        return begins

    def wants_reopening(self) -> bool:
        """Whether the inlet has been silent for so long that another one may hear more; each waits longer."""
        if self.seconds < self.reopen_at_s:
            return False
        self.reopen_at_s += min(self.reopen_at_s, LONGEST_REOPEN_S)
        return True


@dataclass
class Reporter:
    """Tells of what happens to a stream, of repeated things at most once a second with their number."""

    key: str
    clock: Clock
    emit: Callable[[Event], None]
    _waiting: dict[str, dict[str, int]] = field(default_factory=dict)
    _told_at: dict[str, float] = field(default_factory=dict)

    def tell(self, name: str, **what: object) -> None:
        """Tell at once."""
        self.emit(Control(name, json.dumps({"key": self.key, **what}), self.clock.now()))

    def tally(self, name: str, **how_many: int) -> None:
        """Count, and tell at once or after the last time's second; zeros only tell what waits."""
        waiting = self._waiting.setdefault(name, {})
        for what, number in how_many.items():
            waiting[what] = waiting.get(what, 0) + number
        now = self.clock.now()
        if any(waiting.values()) and now - self._told_at.get(name, float("-inf")) >= _TELL_EVERY_S:
            self._told_at[name] = now
            self.tell(name, **self._waiting.pop(name))


def buffer_samples(info: StreamInfo, buffer_s: int) -> int:
    """How many samples an inlet of `buffer_s` holds before it drops the oldest, as liblsl counts them."""
    return int(buffer_s * info.nominal_rate_hz) if info.nominal_rate_hz > 0 else 100 * buffer_s


def is_full(inlet: pylsl.StreamInlet, capacity: int) -> bool:
    """Whether the inlet's buffer is full: liblsl drops the oldest samples then, and says nothing."""
    return capacity > 1 and int(inlet.samples_available()) >= capacity
