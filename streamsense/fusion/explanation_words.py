"""An explanation in one plain sentence: what was seen, what each modality makes of it, what the score therefore is.

A template over the record, after Facial-R1 and ExpLLM (observation, interpretation, conclusion): so the text cannot say
more than the numbers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamsense.fusion.explanation import (
    LEAST_LOG_ODDS,
    LOW_CONFIDENCE,
    NEGLIGIBLE_WEIGHT,
    ConflictPart,
    Evidence,
    Explanation,
    Share,
    least,
)
from streamsense.fusion.observations import Heard, Observation, Observations
from streamsense.streams import MODALITIES, Modality

LEAST_READ = 0.1
"""Of an expert's own valence and arousal: what is nearer to 0 is neither the one nor the other."""
MOST_NAMED = 3
"""So many signs of a modality are in the sentence; all are in the record."""
MODALITY_WORDS: Final[dict[Modality, str]] = {"eeg": "EEG", "face": "face", "voice": "voice"}
CUE_WORDS: Final = {
    "pause_fraction": "pauses", "long_pause": "a long pause", "filled_pause": "filled pauses", "breath": "breath",
    "gaze_aversion": "averted gaze", "brow_variability": "moving brows", "eye_closure": "closed eyes",
    "smile_without_cheek": "a smile without the cheeks", "lip_press": "pressed lips", "head_shake": "head shaking",
    "filler_sounds": "filler sounds in the words", "negations": "words of denial", "failures": "words of failing",
    "corrections": "corrections of what was said", "repetitions": "repeated words",
}  # fmt: skip
_CONFLICT_WORDS: Final = {
    "discord": "the modalities contradict each other in valence",
    "bivalence": "there are pleasant and unpleasant signs at once",
    "hesitancy": "there are signs of hesitancy",
}
_WORDS: Final = {"valence": ("more pleasant", "less pleasant"), "arousal": ("more aroused", "calmer")}
_VERBS: Final[dict[Modality, str]] = {"eeg": "shows", "face": "shows", "voice": "has"}


def sentence_of(found: Explanation) -> str:
    """The sentence of an explanation."""
    present = [share for share in found.shares if share.presence > 0]
    absent = [f"the {MODALITY_WORDS[share.modality]}" for share in found.shares if share.presence == 0]
    clauses = [_modality(share, found) for share in present]
    if absent:
        clauses.append(f"{_listed(absent)} {'was' if len(absent) == 1 else 'were'} absent")
    clauses += [_conflict(part) for part in found.conflict]
    text = "; ".join([*clauses, _conclusion(found)])
    return f"{text[0].upper()}{text[1:]}."


def because(found: Observations, what: str) -> str:
    """Why `what` is told now: what was seen, what each expert reads in that by itself, and what is told therefore."""
    there = {one.modality for one in found.heard}
    absent = [f"the {MODALITY_WORDS[name]}" for name in MODALITIES if name not in there]
    clauses = [_heard(one, [sign for sign in found.signs if sign.modality == one.modality]) for one in found.heard]
    if absent:
        clauses.append(f"{_listed(absent)} {'was' if len(absent) == 1 else 'were'} absent")
    clauses += [_conflict(part) for part in found.conflict]
    text = "; ".join([*clauses, f"so {what} is told"])
    return f"{text[0].upper()}{text[1:]}."


def _heard(one: Heard, signs: Sequence[Observation]) -> str:
    name = f"the {MODALITY_WORDS[one.modality]}"
    if one.weight < NEGLIGIBLE_WEIGHT:
        return f"{name} did not count (quality {one.quality:.2f})"
    shown = _listed([_observed(sign) for sign in signs]) or "no single sign that is large enough to be named"
    own = (("pleasant", "unpleasant", one.valence), ("aroused", "calm", one.arousal))
    reads = _listed([f"{words[value < 0]} ({value:+.2f})" for *words, value in own if abs(value) >= LEAST_READ])
    reads = reads or "neither pleasant nor aroused"
    return f"{name} (weight {one.weight:.2f}) {_VERBS[one.modality]} {shown}, which by itself reads as {reads}"


def _observed(sign: Observation) -> str:
    """One sign and its size: "lip corner puller (AU12, 2.1 of 5)"."""
    if sign.modality == "face":
        return f"{sign.what.removesuffix(')')}, {size_text(sign)})"
    where = f" at {_listed(sign.electrodes)}" if sign.electrodes else ""
    return f"{sign.what}{where} ({size_text(sign)})"


def size_text(one: Evidence | Observation) -> str:
    """The size of a sign in its unit: "0.62 nats", "2.1 of 5", "12% of the window"."""
    size = abs(one.value)
    if one.unit.startswith("of the"):
        return f"{size:.0%} {one.unit}"
    digits = 1 if size >= 1 or one.unit == "of 5" else 2
    unit = f"{one.unit}s" if one.unit in ("nat", "semitone") else one.unit
    return f"{size:.{digits}f} {unit}".rstrip()


def _modality(share: Share, found: Explanation) -> str:
    """What one modality shows, and how it moves the score as a whole."""
    name = f"the {MODALITY_WORDS[share.modality]}"
    if share.presence < 1:
        name += f" (there {share.presence:.0%} of the time)"
    if share.weight < NEGLIGIBLE_WEIGHT:
        return f"{name} did not count (quality {share.quality:.2f})"
    signs: dict[str, list[Evidence]] = {}
    for one in found.evidence:
        if one.modality == share.modality:
            signs.setdefault(one.what, []).append(one)
    shown = _listed([_sign(effects) for effects in list(signs.values())[:MOST_NAMED]])
    shows = f"{_VERBS[share.modality]} {shown}" if signs else "shows no single sign that is large enough to be named"
    whole = [("valence", share.valence), ("arousal", share.arousal), (found.emotion, share.emotion)]
    moves = ", ".join(_moved(*one) for one in whole if abs(one[1]) >= least(one[0]))
    return f"{name} {shows}, and as a whole {f'moves the score: {moves}' if moves else 'changes little'}"


def _sign(effects: Sequence[Evidence]) -> str:
    """One sign, its size and what it did: "lip corner puller (AU12, 2.1 of 5; more pleasant +0.21, towards happy)"."""
    one = effects[0]
    where = f" at {_listed(one.electrodes)}" if one.electrodes else ""
    did = ", ".join(_moved(effect.towards, effect.contribution) for effect in effects)
    if one.modality == "face":
        return f"{one.what.removesuffix(')')}, {size_text(one)}; {did})"
    return f"{one.what}{where} ({size_text(one)}; {did})"


def _moved(towards: str, contribution: float) -> str:
    """What a contribution did: "more pleasant +0.21", "towards happy", "away from happy"."""
    if towards in _WORDS:
        return f"{_WORDS[towards][contribution < 0]} {contribution:+.2f}"
    return f"{'towards' if contribution > 0 else 'away from'} {towards}"


def _conflict(part: ConflictPart) -> str:
    cues = _listed([CUE_WORDS.get(name, name.replace("_", " ")) for name in part.cues])
    return f"{_CONFLICT_WORDS[part.name]} ({part.name} {part.value:.2f}{f': {cues}' if cues else ''})"


def _conclusion(found: Explanation) -> str:
    if not any(share.presence > 0 and share.weight >= NEGLIGIBLE_WEIGHT for share in found.shares):
        return "so nothing is known, and the score is what it is without evidence (confidence 0.00)"
    values = [f"{one.name} {one.value:+.2f} ± {one.sd:.2f}" for one in found.estimates if one.name != "dominance"]
    low = "low " if found.confidence < LOW_CONFIDENCE else ""
    average = "" if found.ticks == 1 else " on average"
    emotion = f"{found.emotion} ({found.emotion_share:.0%})"
    if all(abs(share.emotion) < LEAST_LOG_ODDS for share in found.shares):
        emotion = "of no emotion in particular"
    return f"so the score is{average} {emotion}, {_listed(values)}, with {low}confidence ({found.confidence:.2f})"


def _listed(texts: Sequence[str]) -> str:
    """`a, b and c`."""
    *first, last = texts or ("",)
    return f"{', '.join(first)} and {last}" if first else last
