"""Which lexicon a configuration asks for: that of a language, or one from a file."""

from __future__ import annotations

from pathlib import Path

from streamsense.errors import ConfigError
from streamsense.features.lexicons import CATEGORIES, LEXICONS, Lexicon, lexicon_of
from streamsense.settings_file import Section, load_settings


class LexiconFile(Section):
    """Phrases by category, and the words that are said twice without hesitation."""

    filler_sounds: tuple[str, ...] = ()
    filler_words: tuple[str, ...] = ()
    hedges: tuple[str, ...] = ()
    corrections: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()


def lexicon_for(language: str, file: Path | None) -> Lexicon:
    """The lexicon of `file`, or that of `language` ("en", "de-AT"). Raises ConfigError where there is none."""
    if file is not None:
        content = load_settings(LexiconFile, file, "The lexicon")
        return lexicon_of({name: getattr(content, name) for name in CATEGORIES}, content.doubled)
    found = LEXICONS.get(language.lower().split("-")[0])
    if found is None:
        raise ConfigError(
            f"There is no list of words for the language {language!r}; there are {', '.join(sorted(LEXICONS))}. Name "
            "one of these as text.language, or a file with your own lists as text.lexicon."
        )
    return found
