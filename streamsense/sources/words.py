"""Streams of recognised words, texts, turned into counts of the cues of hesitation before they enter the core.

A sample is what was said up to its stamp, as plain text, or a JSON object: {"text": "I I guess", "start": 12.1, "end":
13.4, "confidence": 0.9, "final": true}, where all but the text may be left out. `start` and `end` are on the clock of
the stream's stamps. Words are final: what a recogniser may still revise ("final": false) is passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from streamsense.features.language_cues import LABELS, MOST_WORDS, UNITS
from streamsense.features.lexicons import Lexicon
from streamsense.features.spoken_words import words_of
from streamsense.features.word_counts import WordCountState, count_words
from streamsense.sources.raw_keeper import RawKeeper
from streamsense.sources.text_front import Row, TextFront
from streamsense.streams import LANGUAGE_CUES, Event, StreamInfo
from streamsense.ticks import Clock

TURN_GAP_S = 3.0
"""After a longer silence nothing is a repetition of, or goes on with, what was said before."""
LONGEST_SAMPLE = 8192
"""In bytes; a minute of fast speech has 1500."""
FARTHEST_S = 60.0
"""So far from the stamp may `start` and `end` lie."""
_MOST_AT_ONCE = 16


@dataclass(frozen=True)
class Said:
    """The words of one sample, when they were said (s; from `end` to `end` where only that is known), how sure."""

    words: tuple[str, ...]
    start: float
    end: float
    confidence: float


def read_sample(sample: str | bytes, stamp: float) -> Said | None:
    """What a sample says; without words for one that is not final. None for one that cannot be read."""
    raw = sample.encode("utf-8", errors="replace") if isinstance(sample, str) else bytes(sample)
    if len(raw) > LONGEST_SAMPLE or not math.isfinite(stamp):
        return None
    text = raw.decode("utf-8", errors="replace")
    start = end = stamp
    confidence = 1.0
    if text.lstrip().startswith("{"):
        content = _json_object(text)
        if content is None or not isinstance(content.get("text"), str):
            return None
        text = content["text"] if content.get("final", True) is not False else ""
        end = _number(content.get("end"), stamp)
        start = _number(content.get("start"), end)
        confidence = _number(content.get("confidence"), 1.0)
        in_order = stamp - FARTHEST_S <= start <= end <= stamp + FARTHEST_S
        if not (in_order and 0 <= confidence <= 1):
            return None
    words = words_of(text)
    return Said(words, start, end, confidence) if len(words) <= MOST_WORDS else None


def described_as_cues(info: StreamInfo) -> StreamInfo:
    """The description of the counts that are made of the words of stream `info`."""
    return replace(
        info,
        kind="text", type=LANGUAGE_CUES, channel_labels=LABELS, channel_units=UNITS, nominal_rate_hz=0.0,
        dtype="float32", description="",
    )  # fmt: skip


def word_keeper(clock: Clock, emit: Callable[[Event], None]) -> RawKeeper:
    """What keeps the samples as they came, for a recording, in a stream with the key `recorded/text`."""

    def described(info: StreamInfo) -> StreamInfo:
        return replace(info, key=f"recorded/{info.key}", kind="other", source_id=f"{info.source_id}-words")

    return RawKeeper(clock, emit, described)


class WordReader:
    """Makes a row of counts (LABELS) of a sample that holds words; a phrase goes on from sample to sample."""

    left_out = "words_left_out"
    width = len(LABELS)

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._state, self._said_until = WordCountState(), -math.inf

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The counts' description, under the word stream's own name."""
        self._state, self._said_until = WordCountState(), -math.inf
        return described_as_cues(info)

    def read(self, text: str | bytes, stamp: float) -> list[Row] | None:
        """The counts of a sample, at the time when its words had been said."""
        said = read_sample(text, stamp)
        if said is None or not said.words:
            return None if said is None else []
        if said.start - self._said_until > TURN_GAP_S:
            self._state = WordCountState()
        self._said_until = said.end
        counts = count_words(self._state, self._lexicon, said.words)
        return [Row([*counts, len(said.words), said.confidence], said.end)]


def live_word_front(lexicon: Lexicon, keeper: RawKeeper | None) -> TextFront:
    """The front of a live stream, which must not fall behind whatever is sent."""
    return TextFront(WordReader(lexicon), _MOST_AT_ONCE, keeper)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _number(value: object, default: float) -> float:
    """A JSON number, `default` for none, NaN for anything else."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) < 1e300 else math.nan
