"""Counting what is said: known sentences, any cutting into samples the same, nothing hostile makes it fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.errors import ConfigError
from streamsense.features.lexicons import CATEGORIES, ENGLISH, GERMAN, LEXICONS, lexicon_of
from streamsense.features.spoken_words import LONGEST_WORD, words_of
from streamsense.features.word_counts import COUNTED, WordCountState, count_words

SENTENCES = {
    "en": {
        "we walked down to the river in the morning": {},
        "um I guess it's uh sort of fine": {"filler_sounds": 2, "hedges": 2},
        "You know, it was LIKE — well…": {"filler_words": 3},
        "we go on Monday, I mean no wait on Friday": {"corrections": 2, "negations": 1},
        "the the boat": {"repetitions": 1},
        "the um the boat": {"repetitions": 1, "filler_sounds": 1},
        "I was I was there": {"repetitions": 1},
        "to the left to the left": {"repetitions": 1},
        "the the the": {"repetitions": 2},
        "no no, very very good": {"negations": 2},
        "I can't, I couldn\u2019t, it never works": {"negations": 3},
        "I failed and gave up, it is too hard": {"failures": 3},
        # The phrase is a hedge; its "don't" was a negation when it was said, as no "nicht" at the end of one is.
        "I don't know": {"hedges": 1, "negations": 1},
    },
    "de": {
        "wir sind am Morgen zum Fluss gegangen": {},
        "ähm das ist äh irgendwie gut glaube ich": {"filler_sounds": 2, "hedges": 2},
        "also das war halt so": {"filler_words": 2},
        "am Montag beziehungsweise am Dienstag": {"corrections": 1},
        "ich ich war da": {"repetitions": 1},
        "ich weiss nicht": {"hedges": 1},
        "nein nein, das ist kein Problem": {"negations": 3},
        "das ist zu schwer, ich habe aufgegeben": {"failures": 2},
    },
}
CASES = [(language, text) for language, sentences in SENTENCES.items() for text in sentences]


def counts(language: str, *samples: str) -> list[int]:
    state = WordCountState()
    rows = [count_words(state, LEXICONS[language], words_of(sample)) for sample in samples]
    return [sum(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("language", "text"), CASES)
def test_a_sentence_has_the_cues_that_a_person_finds(language: str, text: str) -> None:
    found = {name: count for name, count in zip(COUNTED, counts(language, text), strict=True) if count}
    assert found == SENTENCES[language][text]


@given(
    st.lists(st.sampled_from(sorted({word for p in ENGLISH.phrases for word in p} | {"boat", "the"})), max_size=40),
    st.data(),
)
def test_how_a_recogniser_cuts_what_is_said_does_not_matter(words: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words)), max_size=8)))
    samples = [" ".join(words[a:b]) for a, b in zip([0, *cuts], [*cuts, len(words)], strict=True)]
    assert counts("en", *samples) == counts("en", " ".join(words))


@given(st.text(max_size=200))
def test_any_text_is_words_without_anything_else_in_them(text: str) -> None:
    words = words_of(text)
    assert all(0 < len(word) <= LONGEST_WORD and not set(word) & set(" \n\t\0.,!_") for word in words)
    assert all(0 <= count <= len(words) for count in counts("en", text))
    assert words_of(" ".join(words).upper()) is not None


def test_words_are_the_same_however_they_are_written() -> None:
    assert words_of("DON\u2019T  don't\tDon`t") == ("don't",) * 3
    assert words_of("a\u0308hm ÄHM") == ("ähm", "ähm")
    assert words_of("weiß") == words_of("weiss")
    assert words_of("snake_case _um_") == ("snake", "case", "um")
    assert words_of("\x00\x1b[31m \ud800 ... 🙂") == ("31m",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\u0915\u094d\u092f\u093e \u0928\u0939\u0940\u0902", 2),  # Hindi, whose vowels are marks
        ("\u0130yi \u0130stanbul", 2),  # Turkish, whose small letter of İ is two characters
        ("q\u0303a q\u0303a", 2),  # a letter and a mark that no one character is
        ("um \u2764\ufe0f um", 2),  # a mark on what is no letter
        ("\u0301", 0),
    ],
)
def test_marks_belong_to_their_letters(text: str, words: int) -> None:
    assert len(words_of(text)) == words
    assert words_of(" ".join(words_of(text))) == words_of(text)


def test_a_lexicon_that_cannot_be_looked_for_is_refused() -> None:
    for lists, part in (
        ({"hedges": ("a b c d e f",)}, "one to 5 words"),
        ({"hedges": ("...",)}, "one to 5 words"),
        ({"hedges": ("like",), "filler_words": ("Like",)}, "is in hedges and in filler_words"),
        ({"hedges": ()}, "0 phrases"),
        ({"hedges": tuple(f"word{n}" for n in range(2001))}, "2001 phrases"),
    ):
        with pytest.raises(ConfigError, match=part):
            lexicon_of(lists)


def test_each_language_lists_every_category() -> None:
    for lexicon in (ENGLISH, GERMAN):
        assert set(lexicon.phrases.values()) == set(CATEGORIES)
    assert set(COUNTED) == {*CATEGORIES, "repetitions"}
