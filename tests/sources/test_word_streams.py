"""Samples of a speech recogniser become rows of counts; what cannot be one is left out and counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.errors import ConfigError
from streamsense.features.language_cues import LABELS, MOST_WORDS
from streamsense.features.lexicons import ENGLISH, GERMAN
from streamsense.sources.lexicon_file import lexicon_for
from streamsense.sources.text_front import TextFront
from streamsense.sources.words import LONGEST_SAMPLE, WordReader, live_word_front, read_sample, word_keeper
from streamsense.streams import Block, Event, StreamInfo, StreamOpened
from streamsense.ticks import ManualClock

INFO = StreamInfo("text", "text", "Recogniser", "Transcript", "r-1", ("words",), ("",), 0.0, "string")
UNREADABLE = {
    "too long": "a " * (LONGEST_SAMPLE // 2 + 1),
    "too many words": "a " * (MOST_WORDS + 1),
    "no JSON": '{"text": "um"',
    "no object with a text": '{"words": ["um"]}',
    "a text that is none": '{"text": 5}',
    "deep": '{"text": ' + "[" * 8000,
    "a huge number": '{"text": "um", "end": ' + "9" * 8000 + "}",
    "no number": '{"text": "um", "end": "soon"}',
    "not finite": '{"text": "um", "end": NaN}',
    "infinite": '{"text": "um", "start": -1e999}',
    "backwards": '{"text": "um", "start": 11, "end": 10}',
    "another clock": '{"text": "um", "end": 1700000000}',
    "a confidence that is none": '{"text": "um", "confidence": 1.5}',
    "true": '{"text": "um", "confidence": true}',
}


def said(**content: object) -> str:
    return json.dumps(content)


def converted(front: TextFront, *samples: str | bytes, stamp: float = 10.0) -> list[dict[str, float]]:
    values, stamps = front.convert(samples, np.full(len(samples), stamp))
    assert values.dtype == np.float32
    rows = [dict(zip(LABELS, row, strict=True)) for row in values.tolist()]
    return [{**row, "time": time} for row, time in zip(rows, stamps.tolist(), strict=True)]


def test_plain_text_and_json_are_the_same_words() -> None:
    plain, bare, full = (
        converted(TextFront(WordReader(ENGLISH)), sample)[0]
        for sample in (
            "um I guess",
            said(text="um I guess").encode(),
            said(text="Um, I guess.", start=8.5, end=9.5, confidence=0.5, final=True, speaker="A"),
        )
    )
    assert plain == bare
    assert (plain["filler_sounds"], plain["hedges"], plain["words"], plain["confidence"]) == (1, 1, 3, 1)
    assert (plain["time"], full["time"]) == (10.0, 9.5)
    assert {**plain, "time": 9.5, "confidence": 0.5} == full


def test_what_may_still_be_revised_and_what_has_no_words_is_passed_over() -> None:
    front = TextFront(WordReader(ENGLISH))
    assert converted(front, said(text="um", final=False), "", "…", said(text="")) == []
    assert front.take_left_out() == (0, 0)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_sample_that_cannot_be_read_is_left_out_and_counted(name: str) -> None:
    front = TextFront(WordReader(ENGLISH))
    assert [row["words"] for row in converted(front, UNREADABLE[name], "um")] == [1]
    assert front.take_left_out() == (0, 1)
    assert front.take_left_out() == (0, 0)


@given(
    st.one_of(
        st.text(), st.binary(), st.text().map(lambda text: "{" + text), st.binary().map(lambda raw: b'{"text":' + raw)
    ),
    st.floats(),
)
def test_any_sample_is_read_or_not(sample: str | bytes, stamp: float) -> None:
    found = read_sample(sample, stamp)
    assert found is None or (np.isfinite([found.start, found.end]).all() and 0 <= found.confidence <= 1)


def test_a_phrase_goes_on_from_sample_to_sample_but_not_over_a_silence() -> None:
    front = TextFront(WordReader(ENGLISH))
    first, second = converted(front, "I", "guess")
    assert (first["hedges"], second["hedges"]) == (0, 1)
    converted(front, "the", stamp=20.0)
    assert converted(front, "the boat", stamp=22.9)[0]["repetitions"] == 1
    assert converted(front, "boat", stamp=26.0)[0]["repetitions"] == 0
    # A long utterance is no silence where its start is known.
    assert converted(front, said(text="boat", start=27.0, end=35.0), stamp=35.5)[0]["repetitions"] == 1
    front.describe(INFO)
    assert converted(front, "boat", stamp=36.0)[0]["repetitions"] == 0


@given(st.lists(st.sampled_from(["um", "I", "I guess", "the the", "", "{", said(text="boat", start=9.0)])), st.data())
def test_however_it_is_cut_the_rows_are_the_same(samples: list[str], data: st.DataObject) -> None:
    stamps = 10.0 + np.cumsum([data.draw(st.sampled_from([0.0, 1.0, 4.0])) for _ in samples])
    cut = data.draw(st.integers(0, len(samples)))
    whole, parts = TextFront(WordReader(ENGLISH)), TextFront(WordReader(ENGLISH))
    values, times = whole.convert(samples, stamps)
    (first, first_times), (rest, rest_times) = (
        parts.convert(samples[part], stamps[part]) for part in (slice(cut), slice(cut, None))
    )
    assert values.tobytes() == first.tobytes() + rest.tobytes()
    assert times.tobytes() == first_times.tobytes() + rest_times.tobytes()
    assert whole.take_left_out() == parts.take_left_out()


def test_of_a_flood_the_newest_are_looked_at() -> None:
    front = live_word_front(ENGLISH, None)
    assert len(converted(front, *("um",) * 64)) == 16
    assert front.take_left_out() == (48, 0)


def test_words_leave_only_through_a_keeper_and_as_they_came() -> None:
    events: list[Event] = []
    front = TextFront(WordReader(ENGLISH), keeper=word_keeper(ManualClock(7.0), events.append))
    described = front.describe(INFO)
    assert (described.key, described.kind, described.type, described.channel_labels) == (
        "text",
        "text",
        "LanguageCues",
        LABELS,
    )
    sample = said(text="my secret", end=9.0)
    converted(front, sample, UNREADABLE["no JSON"])
    opened, kept = events
    assert isinstance(opened, StreamOpened)
    assert isinstance(kept, Block)
    assert (opened.info.key, opened.info.type, opened.info.dtype) == ("recorded/text", "Transcript", "string")
    assert (kept.key, kept.texts, kept.stamps.tolist()) == ("recorded/text", (sample,), [10.0])
    values, stamps = TextFront(WordReader(ENGLISH)).convert(["my secret"], np.array([10.0]))
    assert (values.dtype, stamps.dtype) == (np.float32, np.float64), "and else nothing but numbers"


def test_a_language_without_a_list_is_refused_with_those_that_there_are() -> None:
    assert lexicon_for("en-GB", None) is ENGLISH
    assert lexicon_for("DE", None) is GERMAN
    with pytest.raises(ConfigError, match=r"'fr'; there are de, en\. .*text\.lexicon"):
        lexicon_for("fr", None)


def test_a_lexicon_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "fr.yaml"
    file.write_text("filler_sounds: [euh]\nhedges: [je crois, peut-être]\nnegations: [pas]\ndoubled: ['non']\n")
    front = TextFront(WordReader(lexicon_for("fr", file)))
    row = converted(front, "Euh, je crois que peut-être pas")[0]
    assert (row["filler_sounds"], row["hedges"], row["negations"]) == (1, 2, 1)
    file.write_text("fillers: [euh]\n")
    with pytest.raises(ConfigError, match="did you mean 'filler_words'"):
        lexicon_for("fr", file)
    file.write_text("hedges: [no]\n")  # YAML's own word for false
    with pytest.raises(ConfigError, match=r"hedges"):
        lexicon_for("fr", file)
