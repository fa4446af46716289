"""When a tick is scored: the rules of horizon, deadline, staleness, lateness and backlog."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from streamsense.score import Plan, Skip, StreamPlan
from streamsense.streams import Modality
from streamsense.ticks import HOP_S, TICKS_PER_SECOND, tick_at_or_before, tick_time
from streamsense.timeline.timeline import Timeline

LONGEST_BACKLOG_S = 5.0
"""Features keep what older ticks need for at least this long, beside their windows."""
_MOST_HOPS = 10  # a stream that is more than two seconds late is no live stream
StreamPlans = Callable[[float], tuple[StreamPlan, ...]]
"""How each modality stands at a tick's time."""


@dataclass(frozen=True)
class TimingSettings:
    """The rules of time, in seconds."""

    deadline_s: float = 0.12
    stale_after_s: float = 1.0
    backlog_s: float = 2.0
    least_validity: float = 0.15

    def __post_init__(self) -> None:
        if not 0.0 <= self.deadline_s <= 5.0:
            raise ValueError(f"deadline_s is {self.deadline_s}, expected 0 to 5 s")
        if not self.stale_after_s > 0:
            raise ValueError(f"stale_after_s is {self.stale_after_s}, expected above 0 s")
        if not HOP_S <= self.backlog_s <= LONGEST_BACKLOG_S:
            raise ValueError(f"backlog_s is {self.backlog_s}, expected {HOP_S} to {LONGEST_BACKLOG_S} s")
        if not 0.0 < self.least_validity <= 1.0:
            raise ValueError(f"least_validity is {self.least_validity}, expected above 0, up to 1")


def plan_stream(
    modality: Modality, timeline: Timeline | None, delay_s: float, time: float, timing: TimingSettings
) -> StreamPlan:
    """How one modality stands at a tick's `time`; its operator's samples lie `delay_s` behind its stream's."""
    lag = timeline.steady_lag_s if timeline is not None else 0.0
    if lag <= timing.deadline_s:
        return plan_on_complete_data(modality, timeline, delay_s, time, timing)
    # The window moves by whole ticks: far enough that its samples are there at the deadline.
    shift_s = tick_time(min(math.ceil((lag - timing.deadline_s) * TICKS_PER_SECOND), _MOST_HOPS))
    plan = plan_on_complete_data(modality, timeline, delay_s, time - shift_s, timing)
    return replace(plan, state="late" if plan.state == "live" else plan.state, shift_s=shift_s)


def plan_on_complete_data(
    modality: Modality, timeline: Timeline | None, delay_s: float, time: float, timing: TimingSettings
) -> StreamPlan:
    """The same when everything that will ever come is there, in a replay: nothing is late."""
    if timeline is None or math.isnan(timeline.last_time):
        return StreamPlan(modality, -math.inf, "absent")
    state = "stale" if time - timeline.last_time >= timing.stale_after_s else "live"
    return StreamPlan(modality, timeline.horizon - delay_s, state)


def is_held(streams: tuple[StreamPlan, ...], time: float) -> bool:
    """Whether a stream that should come has not come as far as the tick at `time` needs it."""
    return any(plan.state in ("live", "late") and plan.horizon < time - plan.shift_s for plan in streams)


def next_deadline(tick: int, timing: TimingSettings, streams: StreamPlans) -> float:
    """When the tick is scored at the latest if nothing more arrives."""
    time = tick_time(tick)
    return time + timing.deadline_s if is_held(streams(time), time) else time


def due(tick: int, now: float, timing: TimingSettings, streams: StreamPlans) -> list[Plan | Skip]:
    """From `tick` on: which ticks are to be scored at `now`, in order, and which are too old to be worth it."""
    decisions: list[Plan | Skip] = []
    oldest = tick_at_or_before(now - timing.backlog_s)
    if tick < oldest:
        decisions.append(Skip(tick, oldest - 1, now))
        tick = oldest
    while (time := tick_time(tick)) <= now:
        plans = streams(time)
        held = is_held(plans, time)
        if held and now < time + timing.deadline_s:
            break
        reason = "backlog" if now - time > timing.deadline_s + HOP_S else "deadline" if held else "complete"
        decisions.append(Plan(tick, now, reason, plans))
        tick += 1
    return decisions
