"""Cues of language at a tick, from the counts that came in so far: no expert's input, only hesitancy's.

One row for each sample of the recogniser, stamped with the end of what was said. A row counts at every tick of the 10 s
after it was said at which it is there: one that a recogniser delivers late counts from its arrival on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import SourceError
from streamsense.features.feature_columns import FeatureColumn
from streamsense.features.word_counts import COUNTED
from streamsense.streams import StreamInfo, TimedBlock

LABELS: Final = (*COUNTED, "words", "confidence")
"""The channels of a stream of type LanguageCues: how many of each cue, how many words, the recogniser's confidence."""
UNITS: Final = (*("count",) * len(COUNTED), "count", "normalized")
MOST_WORDS: Final = 256
"""In one sample; a count beyond it cannot be right."""
SPAN_S: Final = 10.0
TURN_S: Final = 6.0
"""A turn of 3 s without speech, as for the voice, and up to 3 s until the recogniser has said so."""
LEAST_WORDS: Final = 20.0
"""So many words, some 8 s of speech, are taken to have been said at the least: one "um" by itself says nothing."""
SAID: Final = "said"
"""How far the words are to be believed: the recogniser's confidence while a turn lasts, else 0."""
_ROWS = 512
_TELL_LATE_EVERY_S = 10.0
COLUMNS: Final = (
    *(FeatureColumn(name, "") for name in COUNTED),
    FeatureColumn("words", "count"),
    FeatureColumn(SAID, ""),
)
"""The cues as columns of a table."""


@dataclass
class LanguageCuesState:
    """The newest rows in a ring: when what they count was said (rows,), and the counts (rows, LABELS).

    `late_told_at` is when it was last told (s) that words come too late.
    """

    times: FloatArray = field(default_factory=lambda: np.full(_ROWS, -math.inf))
    rows: FloatArray = field(default_factory=lambda: np.zeros((_ROWS, len(LABELS))))
    next_row: int = 0
    late_told_at: float = -math.inf


class LanguageCues:
    """Takes rows of counts in, gives the cues of language at a tick."""

    def __init__(self) -> None:
        self.state = LanguageCuesState()

    def open(self, info: StreamInfo) -> None:
        """Prepare for a stream, which goes on where another one ended. SourceError when it is none of counts."""
        if info.channel_labels != LABELS or info.dtype == "string":
            raise SourceError(
                f"The text stream {info.name!r} has the channels {', '.join(info.channel_labels)[:200]} as "
                f"{info.dtype}, expected {', '.join(LABELS)}. Send recognised words as texts, or counts with just "
                "these channels."
            )

    def push(self, block: TimedBlock) -> None:
        """Take in the next rows (n, LABELS); what is no number in them is 0."""
        state = self.state
        values = np.nan_to_num(np.asarray(block.values, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        values = np.clip(values, 0.0, np.array([*(MOST_WORDS,) * (len(LABELS) - 1), 1.0]))
        for time, row in zip(block.times, values, strict=True):
            place = state.next_row % _ROWS
            state.times[place], state.rows[place] = time, row
            state.next_row = place + 1

    def newly_late(self, block: TimedBlock, received: float) -> int:
        """How many rows of a block come too late to count, if that was not told in the last 10 s."""
        count = int(np.count_nonzero(block.times < received - SPAN_S))
        if not count or received - self.state.late_told_at < _TELL_LATE_EVERY_S:
            return 0
        self.state.late_told_at = received
        return count

    def cues_at(self, tick: float) -> dict[str, float]:
        """Each cue per word, the number of words, and SAID, of the window [tick - 10 s, tick); changes nothing.

        Without a word in the window there is none of them.
        """
        state = self.state
        inside = (state.times >= tick - SPAN_S) & (state.times < tick)
        rows = state.rows[inside]
        words = float(rows[:, len(COUNTED)].sum())
        if words <= 0:
            return {}
        counts = rows[:, : len(COUNTED)].sum(axis=0) / max(words, LEAST_WORDS)
        confidence = float(rows[:, len(COUNTED)] @ rows[:, -1]) / words
        is_turn = bool((state.times[inside] >= tick - TURN_S).any())
        shares = np.minimum(counts, 1.0).tolist()
        return {**dict(zip(COUNTED, shares, strict=True)), "words": words, SAID: min(1.0, confidence) * is_turn}
