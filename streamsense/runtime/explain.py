"""Explains a recording's scores at a time or over an interval: followed from its beginning, as far as is needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from streamsense.errors import ConfigError, RecordingError
from streamsense.fusion.explaining import Explaining
from streamsense.fusion.explanation import Explanation
from streamsense.runtime.scored_session import ScoredSession
from streamsense.score import Notice, Score
from streamsense.ticks import HOP_S

_SLACK_S = 1e-6


@dataclass(frozen=True)
class Span:
    """The time to be explained, s: on the LSL clock where `lsl`, else since the recording's begin.

    `end` None stands for one instant; then the score is explained that was the newest one. A recording begins one hop
    of 0.2 s before its first score.
    """

    begin: float
    end: float | None = None
    lsl: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(time) for time in (self.begin, self.end or 0.0)):
            raise ConfigError(f"The time to be explained is {self}, expected a number of seconds.")
        if self.end is not None and not self.begin <= self.end:
            raise ConfigError(f"The interval is {self.begin:g} to {self.end:g} s, expected a begin before its end.")

    def limits(self, began: float) -> tuple[float, float]:
        """The LSL times between which a score is explained; of a recording that began at the LSL time `began`.

        Scores are 0.2 s apart, so for an instant exactly one is.
        """
        zero = 0.0 if self.lsl else began
        if self.end is None:
            return zero + self.begin - HOP_S + _SLACK_S, zero + self.begin + _SLACK_S
        return zero + self.begin - _SLACK_S, zero + self.end + _SLACK_S

    def __str__(self) -> str:
        when = f"at {self.begin:g} s" if self.end is None else f"from {self.begin:g} to {self.end:g} s"
        return f"{when} {'on the LSL clock' if self.lsl else 'after its begin'}"


@dataclass(frozen=True)
class Explained:
    """The explanation, and when the recording began (s, LSL clock)."""

    explanation: Explanation
    began: float

    @property
    def seconds(self) -> tuple[float, float]:
        """From when to when it is, s since the recording's begin."""
        return self.explanation.time - self.began, self.explanation.until - self.began


def explain_session(
    path: Path,
    session: ScoredSession,
    span: Span,
    notice: Callable[[Notice], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> Explained:
    """Explain the scores of `span`; `progress` is told the number of ticks so far, `notice` each notice.

    Raises RecordingError where the recording has no score there.
    """
    explainer, explaining = session.pipeline.explainer(), Explaining()
    first = last = low = high = math.nan
    for ticks, item in enumerate(_scores(session, notice)):
        if ticks == 0:
            first = item.time
            low, high = span.limits(first - HOP_S)
        if item.time > high:
            break
        explainer.follow(item)
        if item.time >= low:
            explaining.add(explainer.attribute(item))
        last = item.time
        progress(ticks + 1)
    if math.isnan(first):
        raise RecordingError(f"{path} has no score, so there is nothing to explain. Name a recording that has some.")
    if explaining.ticks == 0:
        zero = 0.0 if span.lsl else first - HOP_S
        until = f"to {last - zero:.1f} s, as far as it was read" if not math.isnan(last) else "s on"
        raise RecordingError(
            f"{path} has no score {span}; it has scores from {first - zero:.1f} {until}. Expected a time at "
            "which there is one: not before, not after, and not where ticks were skipped."
        )
    return Explained(explaining.explanation(), first - HOP_S)


def _scores(session: ScoredSession, notice: Callable[[Notice], None]) -> Iterator[Score]:
    for item in session.items:
        if isinstance(item, Notice):
            notice(item)
        else:
            yield item
