"""Text as the words that are in it: small letters, without punctuation, bounded whatever the text is."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_WORD: Final = 64
"""In characters; what is longer is no word of a language that is written with spaces, and is cut."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\uff07": "'", "`": "'"})


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order: letters and digits with apostrophes between them, case-folded, composed (NFC).

    Anything else separates them: spaces, punctuation, control characters, unpaired surrogates.
    """
    plain = unicodedata.normalize("NFC", text.translate(_APOSTROPHES).casefold())
    return tuple(word[:LONGEST_WORD] for word in _WORD.findall(plain))
