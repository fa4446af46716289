"""Whether a sender's clock was set: told from the time of arrival, because no probe says so at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

JUMP_S = 0.5
_STEADY_S = 0.1
_ARRIVALS = 3


@dataclass
class ClockJumpState:
    """The arrival that goes on, an arrival being all that was received at one time, and what those before said."""

    correction_s: float = 0.0
    """To be added to a stamp, beside the offset."""
    delay_s: float = math.nan
    """Running value of received − stamp."""
    last_delay_s: float = math.nan
    last_stamp: float = math.nan
    newest_stamp: float = math.nan
    """Newest stamp of what was not suspicious."""
    departed: int = 0
    received: float = math.nan
    first: float = math.nan
    last: float = math.nan


def note_arrival(state: ClockJumpState, first: float, last: float, received: float, offset_s: float) -> float:
    """Note samples by their first and last stamps; returns seconds by which the clock turned out to have jumped, or 0.

    Judged arrival by arrival, as soon as the next one begins: so the cutting into blocks does not matter.
    """
    is_new = received != state.received
    jump_s = _jump_of_arrival(state) if is_new else 0.0
    correction_s = offset_s + state.correction_s
    if is_new:
        state.received, state.first = received, first + correction_s
    state.last = last + correction_s
    return jump_s


def forget_arrivals(state: ClockJumpState) -> None:
    """A probe has measured what had to be deduced so far: begin anew."""
    fresh = ClockJumpState()
    for name, value in vars(fresh).items():
        setattr(state, name, value)


def _jump_of_arrival(state: ClockJumpState) -> float:
    """What the arrival that is over says about the sender's clock: the jump, or 0.

    A delivery that hangs and then catches up also departs, but its stamps go on where they stopped, and what it is
    late by shrinks; a dropout leaves a step in the stamps, but the time of arrival shares it. A clock that jumps
    leaves a step in the stamps that the time of arrival does not share, and stays departed. One that was set back
    sends old stamps again, which nothing else does for long. What arrives long before it happened was stamped by
    another clock than it was said to be.
    """
    delay = state.received - state.last
    if not math.isfinite(delay):
        return 0.0
    steady = abs(delay - state.last_delay_s) <= _STEADY_S
    stepped = abs(state.first - state.last_stamp) > JUMP_S and abs(delay - state.last_delay_s) > JUMP_S
    state.last_stamp, state.last_delay_s = state.last, delay
    if math.isnan(state.delay_s):
        state.delay_s = delay
    departure = delay - max(state.delay_s, 0.0)
    is_of_another_clock = delay < -JUMP_S or state.last < state.newest_stamp - JUMP_S
    if abs(departure) <= JUMP_S or not (stepped or is_of_another_clock or state.departed > 0):
        state.departed = 0
        is_newest = not state.last <= state.newest_stamp  # true for NaN
        state.newest_stamp = state.last if is_newest else state.newest_stamp
        state.delay_s += 0.05 * (delay - state.delay_s)
        return 0.0
    # An arrival that was held up for a moment begins the count anew, but what has stepped is not forgotten.
    state.departed = state.departed + 1 if steady or is_of_another_clock or state.departed == 0 else 1
    if state.departed < _ARRIVALS:
        return 0.0
    state.departed = 0
    jump_s = -departure
    state.delay_s = delay + jump_s
    state.correction_s -= jump_s
    state.last_stamp -= jump_s
    state.newest_stamp = state.last_stamp
    state.last_delay_s += jump_s
    return jump_s
