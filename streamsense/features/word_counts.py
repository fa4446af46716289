"""From recognised words to counts of the cues of hesitation in them, word by word: the edge of the text channel.

What is counted depends on the words and on the turns that they are said in, not on how a recogniser cut them into
samples. A phrase counts with its last word, the longest one that ends there; so "I don't know" is a hedge although its
"don't" was a negation before. A repetition is a word, or two or three words, said again at once ("I was I was"), with
nothing but filler sounds between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamsense.features.lexicons import LONGEST_PHRASE, Lexicon

COUNTED: Final = ("filler_sounds", "filler_words", "hedges", "corrections", "repetitions", "negations", "failures")
"""The cues, in the order of every array of them."""
MOST_REPEATED: Final = 3
"""Words that are said again, at the most."""
_REPETITION, _SOUND = COUNTED.index("repetitions"), "filler_sounds"


@dataclass
class WordCountState:
    """The newest words of this turn, as many as a phrase needs; and without filler sounds, as a repetition needs."""

    newest: tuple[str, ...] = ()
    meant: tuple[str, ...] = ()


def count_words(state: WordCountState, lexicon: Lexicon, words: Sequence[str]) -> list[int]:
    """How often each of COUNTED is in the next words of a turn, with those before them."""
    counts = [0] * len(COUNTED)
    for word in words:
        state.newest = (*state.newest, word)[-LONGEST_PHRASE:]
        category = _category(lexicon, state.newest)
        if category:
            counts[COUNTED.index(category)] += 1
        if category == _SOUND and lexicon.phrases.get((word,)) == _SOUND:
            continue
        state.meant = (*state.meant, word)[-2 * MOST_REPEATED :]
        if _repeats(lexicon, state.meant):
            counts[_REPETITION] += 1
    return counts


def _category(lexicon: Lexicon, newest: tuple[str, ...]) -> str:
    """Of the longest phrase that ends with the newest word, "" for none."""
    for length in range(len(newest), 0, -1):
        category = lexicon.phrases.get(newest[-length:])
        if category:
            return category
    return ""


def _repeats(lexicon: Lexicon, meant: tuple[str, ...]) -> bool:
    for length in range(1, MOST_REPEATED + 1):
        said = meant[-length:]
        if len(meant) >= 2 * length and said == meant[-2 * length : -length]:
            return not (len(set(said)) == 1 and said[0] in lexicon.doubled)
    return False
