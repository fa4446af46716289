"""Hesitancy: cues of voice, face, head and words, each compared with what is usual with this person.

The cues, and how often annotators named them, are those of the BAH data set (figures 15 and 16). A cue counts by how
far it goes beyond the person's own running level, in robust standard deviations, so that neither a face that always
moves nor a voice that is always slow is hesitant; cues that stay within one deviation are nothing, however many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.language_cues import SAID
from streamsense.features.running_quantile import QuantileState, RunningQuantile
from streamsense.fusion.emotions import EMOTIONS
from streamsense.profile import Part, numbers
from streamsense.streams import Modality


@dataclass(frozen=True)
class Cue:
    """One cue: how often it was named (% within its modality), and its norm before the person's own is known.

    `share` is how much of that belongs to it, where several numbers tell of what was named as one.

    `sign` 1: more of it is hesitant; -1: less of it is; 0: any departure is. `usual` and the least `spread` are
    choices, in the cue's unit, as is the `most` that the person's level is followed to. All of the voice's are cues of
    speech, which count only while the person speaks; those of the text channel (per word) only while words come.
    """

    modality: Modality | Literal["text"]
    frequency: float
    usual: float
    spread: float
    most: float
    sign: int = 1
    share: float = 1.0


CUES: Final[Mapping[str, Cue]] = {
    # Of spontaneous speech up to a half is pauses (Goldman-Eisler 1968, as recalled), of sad speech more than usual.
    "pause_fraction": Cue("voice", 37.1, 0.2, 0.15, 1.0, share=0.5),
    "long_pause": Cue("voice", 37.1, 0.0, 0.3, 1.0, share=0.5),
    "articulation_rate_hz": Cue("voice", 23.0, 4.0, 0.6, 10.0, sign=-1),
    "filled_pause": Cue("voice", 20.4, 0.1, 0.25, 1.0),
    "breath": Cue("voice", 13.3, 0.1, 0.25, 1.0),
    "gaze_aversion": Cue("face", 25.8, 0.1, 0.12, 1.0, share=0.65),
    # Of an uncalibrated gaze 6-10 degrees are error [SCIENCE 4.5], and who looks down may be sad, or read.
    "gaze_offset": Cue("face", 25.8, 4.0, 4.0, 30.0, share=0.35),
    "brow_variability": Cue("face", 16.9, 0.3, 0.5, 10.0),
    "eye_closure": Cue("face", 10.3, 0.0, 0.08, 1.0),
    "smile_without_cheek": Cue("face", 8.7, 0.0, 0.15, 1.0),
    "action_unit_variability": Cue("face", 7.4, 0.5, 0.5, 10.0),  # named as movement of the mouth
    "lip_press": Cue("face", 6.2, 0.1, 0.12, 1.0),
    "head_shake": Cue("face", 17.4, 0.5, 0.8, 10.0),
    "head_tilt": Cue("face", 12.3, 0.0, 4.0, 45.0, sign=0),
    "filler_sounds": Cue("text", 20.4, 0.03, 0.03, 0.5),
    "filler_words": Cue("text", 11.0, 0.03, 0.03, 0.5),
    "negations": Cue("text", 8.6, 0.02, 0.03, 0.5),
    "failures": Cue("text", 6.6, 0.0, 0.03, 0.5),
    "hedges": Cue("text", 6.2, 0.02, 0.03, 0.5),
    "corrections": Cue("text", 3.8, 0.01, 0.03, 0.5),
    "repetitions": Cue("text", 3.0, 0.01, 0.03, 0.5),
}
"""The cues by their names in `Feature.cues`; those of words come last."""
NAMES: Final = tuple(CUES)
FROM, FULLY = 1.0, 3.0
"""Robust standard deviations beyond the usual at which a cue begins to count, and at which it counts fully."""
STRENGTH: Final = 0.08
"""Of a cue that counts fully, times √frequency: the hazard of hesitancy. Pauses alone, the strongest, make it 0.39."""
LEARNED_OF_HESITANT: Final = 0.2
"""How much a moment in which a cue counts fully teaches of the usual, beside one in which it does not.

Else what sets in early in a session becomes its own norm, a vowel held in a quarter of the time that was heard.
"""
CLEARLY_NEGATIVE: Final = 0.3
"""Negative activation over which a smile without cheeks counts wholly."""
SAD_FROM, SAD_FULLY = 0.3, 0.7
"""Share of sadness in what is sad or neutral from which it begins to explain cues, and at which it does wholly."""
OF_SADNESS: Final = ("pause_fraction", "long_pause", "articulation_rate_hz", "gaze_offset")
"""Cues that sadness explains."""
_SPEAKING = "speaking"
_QUARTILE_SDS: Final = 0.6745  # the upper quartile of a normal distribution, in standard deviations
_BINS: Final = 100


@dataclass(frozen=True)
class HesitancySettings:
    """Times in s: how long a level is remembered, and how much of a cue makes the person's own level count half."""

    usual_s: float = 300.0
    half_known_s: float = 20.0


@dataclass
class HesitancyState:
    """Running median and upper quartile of each cue (2 · cues,), the seconds of it (cues,), the tick they stand at.

    `given` (3, cues) is what a profile says of all three, NaN where nothing; nothing is learned while `is_learning` is
    False.
    """

    levels: QuantileState
    seen_s: FloatArray
    given: FloatArray = field(default_factory=lambda: np.full((3, len(NAMES)), np.nan))
    is_learning: bool = True
    tick_time: float = math.nan


def _column(name: str) -> FloatArray:
    return np.array([float(getattr(cue, name)) for cue in CUES.values()])


_SIGN: Final = _column("sign")
_FACTOR: Final = np.where(_SIGN < 0, -1.0, 1.0)
_USUAL, _SPREAD, _MOST = _FACTOR * _column("usual"), _column("spread"), _column("most")
_HAZARD: Final = STRENGTH * _column("share") * np.sqrt(_column("frequency"))
_SPOKEN: Final = np.array([cue.modality == "voice" for cue in CUES.values()])
_SHOWN_IN_SADNESS: Final = np.array([float(name in OF_SADNESS) for name in NAMES])
_SAD, _NEUTRAL = EMOTIONS.index("sad"), EMOTIONS.index("neutral")
_WRITTEN: Final = np.array([cue.modality == "text" for cue in CUES.values()])
_WORDS: Final = int(np.argmax(_WRITTEN))  # where those of words begin, which are the last
_HAZARD_SEEN, _HAZARD_SAID = _HAZARD[:_WORDS].copy(), _HAZARD[_WORDS:].copy()
_SAME_SOUND: Final = [NAMES.index("filled_pause"), NAMES.index("filler_sounds")]
_KNOWN_AT_0: Final = np.array([name != "articulation_rate_hz" for name in NAMES])


def over_what_is_felt(cues: Mapping[str, float], negative: float) -> dict[str, float]:
    """The cues, with a smile without cheeks only as far as other modalities than the face show something `negative`.

    By itself it is a polite smile, and on a mesh of landmarks many a merry one: cheeks are hard to see there.
    """
    share = min(1.0, max(0.0, negative) / CLEARLY_NEGATIVE)
    name = "smile_without_cheek"
    return {**cues, name: cues[name] * share} if name in cues else dict(cues)


def less_what_sadness_explains(counts: FloatArray, probabilities: FloatArray) -> FloatArray:
    """How far cues count (cues,) that who is sad shows without hesitating, given the mixture of emotions (8,).

    Sad speech is slow and has many pauses (Juslin & Laukka 2003, as recalled), and who is sad looks down. So these
    count less where somebody is sad rather than neutral.
    """
    sad, neutral = float(probabilities[_SAD]), float(probabilities[_NEUTRAL])
    share = sad / (sad + neutral) if sad > 0 else 0.0
    explained = min(1.0, max(0.0, (share - SAD_FROM) / (SAD_FULLY - SAD_FROM)))
    return np.asarray(counts * (1 - explained * _SHOWN_IN_SADNESS))


class HesitancyCues:
    """Follows the cues from tick to tick."""

    def __init__(self, settings: HesitancySettings | None = None) -> None:
        self.settings = settings or HesitancySettings()
        low, high = np.where(_SIGN == 1, 0.0, -_MOST), np.where(_SIGN == -1, 0.0, _MOST)
        quantiles = np.repeat([0.5, 0.75], len(NAMES))
        self._levels = RunningQuantile(np.tile(low, 2), np.tile(high, 2), quantiles, _BINS, self.settings.usual_s)

    def new_state(self) -> HesitancyState:
        """Nothing known of the person."""
        return HesitancyState(self._levels.new_state(), np.zeros(len(NAMES)))

    def step(
        self, state: HesitancyState, cues: Mapping[str, float], evidence: Mapping[Modality, float], tick_time: float
    ) -> FloatArray:
        """How far each cue (cues,) counts at a tick, 0 to 1, given how far its modality is to be believed.

        Cues of speech count only while the person speaks, those of words only while words come: who listens does not
        hesitate. A filler sound that was heard and recognised counts once.
        """
        elapsed_s = 0.0 if math.isnan(state.tick_time) else max(0.0, tick_time - state.tick_time)
        state.tick_time = tick_time
        given = np.array([cues.get(name, math.nan) for name in NAMES])
        face, voice, speaking = evidence.get("face", 0.0), evidence.get("voice", 0.0), cues.get(_SPEAKING, 0.0)
        spoken = min(1.0, max(0.0, voice)) * min(1.0, max(0.0, speaking))
        written = min(1.0, max(0.0, cues.get(SAID, 0.0)))
        values, weights, counts = np.empty(2 * len(NAMES)), np.empty(2 * len(NAMES)), np.empty(len(NAMES))
        looking = min(1.0, max(0.0, face))
        known = self._known(state)
        _count(given, spoken, looking, written, known, self.settings.half_known_s, values, weights, counts)
        if state.is_learning:
            taught = weights * (1 - (1 - LEARNED_OF_HESITANT) * np.concatenate((counts, counts)))
            self._levels.step(state.levels, values, taught, elapsed_s)
            state.seen_s = state.seen_s + weights[: len(NAMES)] * elapsed_s
        heard, recognised = _SAME_SOUND
        counts[recognised if counts[recognised] <= counts[heard] else heard] = 0.0
        return counts

    def _known(self, state: HesitancyState) -> FloatArray:
        """Median, upper quartile and seconds seen of each cue, (3, cues): a profile's, or what was learned so far."""
        learned = np.concatenate((state.levels.estimate, state.seen_s)).reshape(3, -1)
        return learned if state.is_learning else np.where(np.isfinite(state.given), state.given, learned)

    def learned(self, state: HesitancyState) -> dict[str, list[float]]:
        """Median, upper quartile and seconds of each cue that was seen, by name, for a profile."""
        known = self._known(state).T
        return {name: row.tolist() for name, row in zip(NAMES, known, strict=True) if row[2] > 0}

    def use_usual(self, state: HesitancyState, usual: Part | None) -> None:
        """Keep what a profile says of the cues from now on; None: learn. Raises ConfigError."""
        given = np.full((3, len(NAMES)), np.nan)
        for place, name in enumerate(NAMES):
            if usual is not None and name in usual:
                given[:, place] = numbers(usual, name, 3)
        if usual is not None:
            # Of what it does not say nothing is known: when a session began to listen must not matter.
            state.seen_s = np.zeros(len(NAMES))
            given[2] = np.maximum(given[2], 0.0)
        state.given, state.is_learning = given, usual is None


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count(
    given: FloatArray,
    spoken: float,
    looking: float,
    written: float,
    known: FloatArray,
    half_known_s: float,
    values: FloatArray,
    weights: FloatArray,
    counts: FloatArray,
) -> None:
    """What each cue is and weighs, both twice for the two quantiles, and how far it counts beyond what is usual.

    The usual level and the spread are the person's, as far as they are `known` (3, cues), over the first ones.
    """
    for n in range(len(given)):
        is_known = np.isfinite(given[n]) and (given[n] != 0 or _KNOWN_AT_0[n])
        value = min(max(_FACTOR[n] * given[n], -_MOST[n]), _MOST[n]) if is_known else _USUAL[n]
        weight = spoken if _SPOKEN[n] else written if _WRITTEN[n] else looking
        weight = weight if is_known else 0.0
        median, upper, seen_s = known[0, n], known[1, n], known[2, n]
        share = seen_s / (seen_s + half_known_s)
        spread = max(_SPREAD[n], share * (upper - median) / _QUARTILE_SDS)
        departure = value - (_USUAL[n] + share * (median - _USUAL[n]))
        if _SIGN[n] == 0:
            departure = abs(departure)
        values[n] = values[n + len(given)] = value
        weights[n] = weights[n + len(given)] = weight
        counts[n] = weight * min(max((departure / spread - FROM) / (FULLY - FROM), 0.0), 1.0)


def hesitancy(counts: FloatArray) -> float:
    """Hesitancy in [0, 1) of cues that count (cues,): 1 − e^(−Σ hazard · count), 0 without any."""
    # Of words apart, so that without any the sum is the same to the bit.
    return float(-math.expm1(-float(_HAZARD_SEEN @ counts[:_WORDS]) - float(_HAZARD_SAID @ counts[_WORDS:])))
