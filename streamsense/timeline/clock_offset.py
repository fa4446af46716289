"""A sender's clock offset, estimated causally from probes: the probe with the least round trip wins."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamsense.streams import OffsetProbe

CLOCK_SET_S = 0.5
_AGREE_S = 0.1
_KEPT = 12  # a minute of probes, one each 5 s


@dataclass
class ClockOffsetState:
    """The last probes, newest last, and the offset that follows from them."""

    offsets_s: list[float] = field(default_factory=list)
    round_trips_s: list[float] = field(default_factory=list)
    offset_s: float = 0.0
    suspect_s: float = math.nan
    """A probe without a round trip that said the clock was set, until the next one agrees."""


def take_probe(state: ClockOffsetState, probe: OffsetProbe) -> None:
    """Take in one probe and update `state.offset_s`.

    Of the kept probes the one with the least round trip has the least error. Recordings do not keep the round
    trip; there the median of the kept offsets stands in. A probe that differs by more than it can err says that
    the sender's clock was set: what was measured before then is forgotten. How far a probe without a round trip
    can err is not known, so there a second one has to agree.
    """
    if not math.isfinite(probe.offset_s):
        return
    possible_error_s = probe.round_trip_s / 2 if probe.round_trip_s > 0 else 0.0
    if state.offsets_s and abs(probe.offset_s - state.offset_s) > CLOCK_SET_S + possible_error_s:
        can_err = not math.isfinite(probe.round_trip_s)
        if can_err and not abs(probe.offset_s - state.suspect_s) <= _AGREE_S:
            state.suspect_s = probe.offset_s
            return
        state.offsets_s, state.round_trips_s = [], []
    state.suspect_s = math.nan
    state.offsets_s = [*state.offsets_s, probe.offset_s][-_KEPT:]
    state.round_trips_s = [*state.round_trips_s, probe.round_trip_s][-_KEPT:]
    known = [
        (trip, offset)
        for trip, offset in zip(state.round_trips_s, state.offsets_s, strict=True)
        if math.isfinite(trip) and trip >= 0
    ]
    if known:
        state.offset_s = min(known)[1]
        return
    ordered = sorted(state.offsets_s)
    state.offset_s = ordered[len(ordered) // 2]
