"""The segments that the notices of a session tell of, each whole: what was shown, from when to when."""

from __future__ import annotations

from dataclasses import dataclass

from streamsense.score import Notice
from streamsense.segments import AMBIVALENT, SEGMENT_OFF, SEGMENT_ON


@dataclass(frozen=True)
class ToldSegment:
    """What was shown from `onset` to `offset` (s, on the session's clock): one emotion, two at once, or ambivalence."""

    onset: float
    offset: float
    what: str

    @property
    def is_ambivalence(self) -> bool:
        """Whether it is of the track of ambivalence, which runs beside that of the emotions."""
        return self.what == AMBIVALENT


class ToldSegments:
    """Gathers segments from notices in their order; others than those of segments are passed over."""

    def __init__(self) -> None:
        self._over: list[ToldSegment] = []
        self._open: dict[bool, tuple[float, str]] = {}

    def take(self, notice: Notice) -> None:
        """Take in one notice."""
        if notice.kind not in (SEGMENT_ON, SEGMENT_OFF):
            return
        what, onset = str(notice.details["what"]), float(str(notice.details["onset"]))
        if notice.kind == SEGMENT_ON:
            self._open[what == AMBIVALENT] = (onset, what)
        else:
            # Of one that began before a recording did, only the end is told: it has its onset with it.
            self._open.pop(what == AMBIVALENT, None)
            self._over.append(ToldSegment(onset, float(str(notice.details["offset"])), what))

    def until(self, end: float) -> tuple[ToldSegment, ...]:
        """All segments by their onset; what is still shown ends at `end`, the time of the last tick."""
        still = [ToldSegment(onset, end, what) for onset, what in self._open.values() if onset < end]
        return tuple(sorted((*self._over, *still), key=lambda one: (one.onset, one.offset, one.what)))
