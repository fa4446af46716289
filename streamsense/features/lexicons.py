"""Which words and phrases are cues of hesitation, by language: short lists, as data.

They were put together for this program from what the literature describes, not taken from anyone's lexicon: fillers
and repairs after Shriberg (1994) and Clark & Fox Tree (2002), hedges after Lakoff (1973) and Hyland (2005), the German
ones after what Schwitalla (2012) calls Verzögerungssignale and Heckenausdrücke. A word says little by itself ("like" is
a verb too): what counts is how much more of it is said than this person usually says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamsense.errors import ConfigError
from streamsense.features.spoken_words import words_of

CATEGORIES: Final = ("filler_sounds", "filler_words", "hedges", "corrections", "negations", "failures")
"""What a lexicon lists; repetitions are found without one."""
LONGEST_PHRASE: Final = 5
"""In words."""
_MOST_PHRASES = 2000


@dataclass(frozen=True)
class Lexicon:
    """Phrases and their category; `doubled` are the words that are said twice without any hesitation ("no no").

    A phrase is a tuple of words as `words_of` gives them, in one category.
    """

    phrases: Mapping[tuple[str, ...], str]
    doubled: frozenset[str]


def lexicon_of(lists: Mapping[str, tuple[str, ...]], doubled: tuple[str, ...] = ()) -> Lexicon:
    """A lexicon of lists by category. Raises ConfigError for what cannot be looked for."""
    phrases: dict[tuple[str, ...], str] = {}
    for category, texts in lists.items():
        for text in texts:
            phrase = words_of(text)
            if not 1 <= len(phrase) <= LONGEST_PHRASE:
                raise ConfigError(f"{category} has {text[:80]!r}, expected one to {LONGEST_PHRASE} words.")
            if phrases.setdefault(phrase, category) != category:
                raise ConfigError(f"{text[:80]!r} is in {phrases[phrase]} and in {category}. Leave it in one of them.")
    if not 1 <= len(phrases) <= _MOST_PHRASES:
        raise ConfigError(f"The lexicon has {len(phrases)} phrases, expected 1 to {_MOST_PHRASES}.")
    return Lexicon(phrases, frozenset(word for text in doubled for word in words_of(text)))


ENGLISH: Final = lexicon_of(
    {
        "filler_sounds": ("um", "umm", "uhm", "uh", "uhh", "er", "erm", "ah", "hm", "hmm", "mm", "mmm", "eh"),
        "filler_words": (
            "like", "you know", "you see", "well", "basically", "literally", "anyway", "or something", "or whatever",
            "and stuff", "and so on", "how do you say", "how should I say", "what's the word", "let me think",
            "let's see",
        ),
        "hedges": (
            "I guess", "I think", "I suppose", "I don't know", "I dunno", "dunno", "I'm not sure", "not sure",
            "not really", "sort of", "sorta", "kind of", "kinda", "maybe", "perhaps", "probably", "possibly", "might",
            "somehow", "somewhat", "more or less", "a bit", "a little bit", "it depends", "in a way", "I feel like",
            "I would say", "I'd say", "as far as I know", "apparently", "hopefully",
        ),
        "corrections": (
            "I mean", "no wait", "wait no", "wait", "or rather", "rather", "actually", "sorry", "I meant",
            "scratch that", "let me rephrase", "well no", "that is to say", "in other words", "correction",
        ),
        "negations": (
            "no", "not", "never", "nothing", "nobody", "none", "nor", "neither", "nowhere", "can't", "cannot",
            "couldn't", "don't", "doesn't", "didn't", "won't", "wouldn't", "isn't", "aren't", "wasn't", "weren't",
            "haven't", "hasn't", "hadn't", "shouldn't", "ain't",
        ),
        "failures": (
            "fail", "failed", "failing", "failure", "give up", "gave up", "given up", "giving up", "too hard",
            "too difficult", "impossible", "struggle", "struggled", "struggling", "unable", "didn't work", "relapse",
            "relapsed", "mess up", "messed up", "screwed up",
        ),
    },
    doubled=("no", "yes", "yeah", "very", "really", "bye", "so", "had", "that", "far", "many", "okay", "right"),
)  # fmt: skip

GERMAN: Final = lexicon_of(
    {
        "filler_sounds": ("äh", "ähm", "öh", "öhm", "ehm", "eh", "hm", "hmm", "mh", "mhm", "ähh", "tja"),
        "filler_words": (
            "also", "halt", "eben", "sozusagen", "quasi", "weißt du", "wissen Sie", "na ja", "naja", "gell", "oder so",
            "und so", "und so weiter", "irgendwas", "wie soll ich sagen", "wie sagt man", "sag ich mal",
            "sagen wir mal", "mal überlegen", "im Grunde", "im Prinzip",
        ),
        "hedges": (
            "glaube ich", "glaub ich", "ich glaube", "ich denke", "denke ich", "ich weiß nicht", "weiß nicht",
            "ich weiß auch nicht", "keine Ahnung", "nicht sicher", "irgendwie", "vielleicht", "eventuell",
            "wahrscheinlich", "vermutlich", "möglicherweise", "eigentlich", "ein bisschen", "bisschen",
            "mehr oder weniger", "einigermaßen", "so eine Art", "kommt darauf an", "kommt drauf an", "könnte sein",
            "kann sein", "schätze ich", "ich schätze", "würde ich sagen", "hoffentlich", "anscheinend", "jein",
        ),
        "corrections": (
            "beziehungsweise", "bzw", "ich meine", "nein warte", "warte", "Moment", "besser gesagt", "vielmehr",
            "Quatsch", "Entschuldigung", "Verzeihung", "anders gesagt", "das heißt", "nein doch",
        ),
        "negations": (
            "nein", "nee", "nicht", "nie", "niemals", "nichts", "nix", "niemand", "kein", "keine", "keinen", "keinem",
            "keiner", "keines", "weder", "nirgends", "kaum",
        ),
        "failures": (
            "gescheitert", "scheitern", "versagt", "versagen", "aufgeben", "aufgegeben", "gebe auf", "gab auf",
            "zu schwer", "zu schwierig", "unmöglich", "nicht geschafft", "nicht schaffen", "schaffe es nicht",
            "schaff es nicht", "misslungen", "rückfällig", "Rückfall", "überfordert",
        ),
    },
    doubled=("nein", "ja", "sehr", "so", "das", "die", "der", "tschüss", "doch", "nee", "viel"),
)  # fmt: skip

LEXICONS: Final[Mapping[str, Lexicon]] = {"en": ENGLISH, "de": GERMAN}
"""The lexicons by language (ISO 639-1)."""
