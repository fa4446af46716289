"""Cues of language at a tick: by when it was said, as soon as it is there, bounded for anything that comes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense import state as snapshots
from streamsense.errors import SourceError
from streamsense.features.language_cues import COLUMNS, LABELS, SAID, SPAN_S, TURN_S, LanguageCues
from streamsense.features.word_counts import COUNTED
from streamsense.sources.words import described_as_cues
from streamsense.streams import StreamInfo, TimedBlock

WORDS = StreamInfo("text", "text", "Recogniser", "Transcript", "r", ("words",), ("",), 0.0, "string")
anything = st.floats(width=32)
rows_said = st.lists(
    st.tuples(st.floats(0, 30), st.lists(anything, min_size=len(LABELS), max_size=len(LABELS))), max_size=12
)


def block(*rows: tuple[float, list[float]]) -> TimedBlock:
    values = np.array([row for _, row in rows], np.float32).reshape(len(rows), len(LABELS))
    return TimedBlock("text", 0, np.array([time for time, _ in rows], np.float64), values)


def row(words: float, confidence: float = 1.0, **counts: float) -> list[float]:
    return [*(counts.get(name, 0.0) for name in COUNTED), words, confidence]


@given(rows_said, st.data())
def test_how_rows_are_cut_into_blocks_does_not_matter(
    rows: list[tuple[float, list[float]]], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    whole, cut = LanguageCues(), LanguageCues()
    whole.push(block(*rows))
    for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        cut.push(block(*rows[a:b]))
    assert snapshots.pack(whole.state) == snapshots.pack(cut.state)
    assert whole.cues_at(20.0) == cut.cues_at(20.0)


@given(rows_said, st.floats(0, 40))
def test_whatever_comes_a_cue_is_between_0_and_1(rows: list[tuple[float, list[float]]], tick: float) -> None:
    language = LanguageCues()
    language.push(block(*rows))
    cues = language.cues_at(tick)
    assert all(0 <= cues[name] <= 1 for name in (*COUNTED, SAID) if cues)
    assert set(cues) in (set(), {column.name for column in COLUMNS})


def test_a_word_counts_for_ten_seconds_after_it_was_said_and_not_before() -> None:
    language = LanguageCues()
    language.push(block((100.0, row(30, hedges=3))))
    assert language.cues_at(100.0) == {}, "the window is half open"
    assert language.cues_at(100.2)["hedges"] == pytest.approx(0.1)
    assert language.cues_at(100.0 + SPAN_S)["hedges"] == pytest.approx(0.1)
    assert language.cues_at(100.2 + SPAN_S) == {}


def test_words_that_come_late_count_from_their_arrival_on() -> None:
    language = LanguageCues()
    language.push(block((100.0, row(20))))
    before = language.cues_at(102.0)
    language.push(block((99.0, row(20, filler_sounds=4))))  # said before, delivered after
    assert before["filler_sounds"] == 0.0
    assert language.cues_at(102.0)["filler_sounds"] == pytest.approx(0.1)


def test_one_filler_in_a_short_answer_is_not_all_that_was_said() -> None:
    language = LanguageCues()
    language.push(block((100.0, row(1, filler_sounds=1))))
    assert language.cues_at(101.0)["filler_sounds"] == pytest.approx(0.05)


def test_words_are_believed_while_the_turn_lasts_and_as_far_as_the_recogniser_does() -> None:
    language = LanguageCues()
    language.push(block((100.0, row(10, 0.9)), (101.0, row(30, 0.5))))
    assert language.cues_at(102.0)[SAID] == pytest.approx(0.6)
    assert language.cues_at(101.0 + TURN_S)[SAID] == pytest.approx(0.6)
    assert language.cues_at(101.2 + TURN_S)[SAID] == 0.0


def test_memory_is_bounded_and_the_newest_stay() -> None:
    language = LanguageCues()
    size = len(snapshots.pack(language.state))
    language.push(block(*((100.0 + n / 1000, row(1)) for n in range(2000))))
    assert len(snapshots.pack(language.state)) == pytest.approx(size, rel=0.01)
    assert language.cues_at(103.0)["words"] == 512


def test_it_goes_on_after_a_snapshot() -> None:
    language, other = LanguageCues(), LanguageCues()
    language.push(block((100.0, row(25, repetitions=2))))
    snapshots.unpack_into(snapshots.pack(language.state), other.state)
    for each in (language, other):
        each.push(block((103.0, row(10, hedges=1))))
    assert language.cues_at(104.0) == other.cues_at(104.0) != {}


def test_what_comes_too_late_is_told_now_and_then() -> None:
    language, late = LanguageCues(), block((100.0, row(5)))
    assert language.newly_late(late, 109.0) == 0
    assert [language.newly_late(late, at) for at in (111.0, 112.0, 120.0, 121.5)] == [1, 0, 0, 1]


def test_another_stream_of_that_key_is_refused_in_words() -> None:
    LanguageCues().open(described_as_cues(WORDS))
    with pytest.raises(SourceError, match="expected filler_sounds, filler_words"):
        LanguageCues().open(WORDS)
    with pytest.raises(SourceError, match="expected filler_sounds"):
        LanguageCues().open(replace(described_as_cues(WORDS), channel_labels=LABELS[::-1]))
