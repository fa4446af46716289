"""What a person reads aloud in a calibration."""

from __future__ import annotations

from streamsense.errors import ConfigError

SENTENCES = {
    "en": "The North Wind and the Sun were disputing which was the stronger, when a traveler came along wrapped in a "
    "warm cloak. They agreed that the one who first succeeded in making the traveler take his cloak off should be "
    "considered stronger than the other.",
    "de": "Einst stritten sich Nordwind und Sonne, wer von ihnen beiden wohl der Stärkere wäre, als ein Wanderer, der "
    "in einen warmen Mantel gehüllt war, des Weges daherkam. Sie wurden einig, dass derjenige für den Stärkeren "
    "gelten sollte, der den Wanderer zwingen würde, seinen Mantel abzunehmen.",
    "fr": "La bise et le soleil se disputaient, chacun assurant qu'il était le plus fort, quand ils ont vu un voyageur "
    "qui s'avançait, enveloppé dans son manteau. Ils sont tombés d'accord que celui qui arriverait le premier à faire "
    "ôter son manteau au voyageur serait regardé comme le plus fort.",
    "es": "El viento norte y el sol porfiaban sobre cuál de ellos era el más fuerte, cuando acertó a pasar un viajero "
    "envuelto en ancha capa. Convinieron en que quien antes lograra obligar al viajero a quitarse la capa sería "
    "considerado más poderoso.",
}
"""The opening of *The North Wind and the Sun*, which phoneticians have read in all languages (IPA, 1912 and since)."""


def sentence_in(language: str) -> str:
    """The sentence in a language. Raises ConfigError for one in which it is not here."""
    if language not in SENTENCES:
        raise ConfigError(
            f"--language was {language!r}, expected one of {', '.join(SENTENCES)}. Or give a text with --sentence."
        )
    return SENTENCES[language]
