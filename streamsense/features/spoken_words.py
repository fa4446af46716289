"""Text as the words that are in it: small letters, without punctuation, bounded whatever the text is."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_WORD: Final = 64
"""In characters; what is longer is no word of a language that is written with spaces, and is cut."""
_WORD = re.compile(r"[^\W_]\w*(?:'[^\W_]\w*)*")
"""Of letters and digits, where `_` stands for a mark on the letter before it."""
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\uff07": "'", "`": "'"})


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order: letters and digits with apostrophes between them, case-folded, composed (NFC).

    Marks belong to their letter, also where the two are not one character (the vowels of Hindi, a Turkish İ in small
    letters). Anything else separates words: spaces, punctuation, control characters, unpaired surrogates.
    """
    plain = unicodedata.normalize("NFC", text.translate(_APOSTROPHES).casefold())
    shape = plain.replace("_", " ") if plain.isascii() else "".join(map(_shape, plain))
    return tuple(plain[found.start() : found.end()][:LONGEST_WORD] for found in _WORD.finditer(shape))


def _shape(char: str) -> str:
    """The character itself, `_` for a mark, and a space for `_`."""
    return "_" if unicodedata.category(char).startswith("M") else " " if char == "_" else char
