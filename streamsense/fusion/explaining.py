"""From what moved one score, or many, to their explanation: means, how often each sign held, and the sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.fusion.ambivalence import CUES
from streamsense.fusion.attribution import MOVED, Attribution
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.fusion.explanation import LEAST_PART, ConflictPart, Estimate, Evidence, Explanation, Share, least
from streamsense.fusion.explanation_words import sentence_of
from streamsense.fusion.signs import MOST_ELECTRODES, Sign
from streamsense.score import SCORE_LABELS, Score
from streamsense.streams import MODALITIES, Modality

_LEAST: Final = np.array([least(name) for name in MOVED])


@dataclass
class _Sum:
    """Of one sign over the ticks: contributions, how often each was large enough up and down, values, electrodes."""

    sign: Sign
    moved: FloatArray = field(default_factory=lambda: np.zeros(len(MOVED)))
    ups: FloatArray = field(default_factory=lambda: np.zeros(len(MOVED)))
    downs: FloatArray = field(default_factory=lambda: np.zeros(len(MOVED)))
    value: float = 0.0
    ticks: int = 0
    electrodes: Counter[str] = field(default_factory=Counter)

    def add(self, sign: Sign, moved: FloatArray) -> None:
        self.moved += moved
        self.ups += moved >= _LEAST
        self.downs += moved <= -_LEAST
        self.value += sign.value
        self.ticks += 1
        self.electrodes.update(sign.electrodes)


class Explaining:
    """Takes in what moved one score after the other; what it holds does not grow with their number."""

    def __init__(self) -> None:
        self.ticks = 0
        self._first = self._last = (0, 0.0)
        self._values = np.zeros(len(SCORE_LABELS))
        self._modalities: dict[Modality, FloatArray] = {name: np.zeros(len(MOVED)) for name in MODALITIES}
        self._present: Counter[Modality] = Counter()
        self._of_present: dict[Modality, FloatArray] = {name: np.zeros(2) for name in MODALITIES}
        self._newest_age_s: dict[Modality, float] = {}
        self._signs: dict[tuple[Modality, str], _Sum] = {}
        self._cues: Counter[str] = Counter()

    def add(self, one: Attribution) -> None:
        """Take in one score."""
        score = one.score
        self._last = (score.tick, score.time)
        self._first = self._last if self.ticks == 0 else self._first
        self.ticks += 1
        self._values += score.values
        self._cues.update(_cues_on(score))
        self._newest_age_s = {modality: score[f"{modality}_age"] for modality in MODALITIES}
        for modality, moved in one.modalities.items():
            self._present[modality] += 1
            self._modalities[modality] += moved
            self._of_present[modality] += [score[f"{modality}_quality"], score[f"{modality}_age"]]
        for sign, moved in one.signs:
            self._signs.setdefault((sign.modality, sign.what), _Sum(sign)).add(sign, moved)

    def explanation(self) -> Explanation:
        """The explanation of all that was taken in, one score at least."""
        mean = dict(zip(SCORE_LABELS, (self._values / self.ticks).tolist(), strict=True))
        emotion = max(EMOTIONS, key=lambda name: mean[f"emotion_{name}"])
        evidence = sorted(self._evidence(emotion), key=lambda one: -one.size)
        found = Explanation(
            tick=self._first[0],
            time=self._first[1],
            until=self._last[1],
            ticks=self.ticks,
            estimates=tuple(Estimate(name, mean[name], mean[f"{name}_sd"]) for name in DIMENSIONS),
            emotion=emotion,
            emotion_share=mean[f"emotion_{emotion}"],
            ambivalence=mean["ambivalence"],
            confidence=mean["confidence"],
            shares=tuple(self._share(modality, mean[f"{modality}_weight"], emotion) for modality in MODALITIES),
            evidence=tuple(evidence),
            conflict=tuple(
                ConflictPart(name, mean[name], self._hesitant() if name == "hesitancy" else ())
                for name in ("discord", "bivalence", "hesitancy")
                if mean[name] >= LEAST_PART
            ),
        )
        return replace(found, sentence=sentence_of(found))

    def _share(self, modality: Modality, weight: float, emotion: str) -> Share:
        there = self._present[modality]
        quality, age_s = (self._of_present[modality] / there).tolist() if there else (0.0, self._newest_age_s[modality])
        moved = dict(zip(MOVED, (self._modalities[modality] / self.ticks).tolist(), strict=True))
        return Share(
            modality, there / self.ticks, weight, quality, age_s, moved["valence"], moved["arousal"], moved[emotion]
        )

    def _evidence(self, emotion: str) -> Iterator[Evidence]:
        """What moved valence, arousal or the emotion far enough, on average over all ticks."""
        for one in self._signs.values():
            for towards in ("valence", "arousal", emotion):
                at = MOVED.index(towards)
                contribution = float(one.moved[at]) / self.ticks
                if abs(contribution) < least(towards):
                    continue
                held = float((one.ups if contribution > 0 else one.downs)[at]) / self.ticks
                electrodes = tuple(name for name, _ in one.electrodes.most_common(MOST_ELECTRODES))
                sign, value = one.sign, one.value / one.ticks
                yield Evidence(
                    sign.modality, sign.what, value, sign.unit, towards, contribution, electrodes, min(1.0, held)
                )

    def _hesitant(self) -> tuple[str, ...]:
        """The cues that were on for half of the ticks and more."""
        return tuple(name for name, count in self._cues.items() if 2 * count >= self.ticks)


def explain(attributions: Iterable[Attribution]) -> Explanation:
    """The explanation of one score or of several, one after the other."""
    explaining = Explaining()
    for one in attributions:
        explaining.add(one)
    return explaining.explanation()


def _cues_on(score: Score) -> Iterator[str]:
    """The hesitancy cues that count half or more; those of speech only while the person speaks."""
    cues: dict[str, float] = {}
    for modality, window in score.features.items():
        if score[f"{modality}_presence"] > 0:
            cues |= window.cues
    speaking = cues.get("speaking", 0.0) >= 0.5
    for name, cue in CUES.items():
        if cues.get(name, 0.0) >= cue.half and (speaking or not cue.while_speaking):
            yield name
