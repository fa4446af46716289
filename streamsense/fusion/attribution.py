"""What moved a score, and how far: each modality and each sign is taken away in turn, and the score computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.fusion.emotions import EMOTIONS
from streamsense.fusion.signs import Sign, signs_of
from streamsense.fusion.voice_signs import UsualVoice
from streamsense.models.expert import Expert
from streamsense.score import Score
from streamsense.streams import MODALITIES, Feature, Modality

MOVED = ("valence", "arousal", *EMOTIONS)
"""What can be moved, in the order of every array of contributions: two dimensions, and emotions by their log-odds."""
_RAREST = 1e-9


@dataclass(frozen=True, eq=False)
class Attribution:
    """How far each modality as a whole, and each sign, moved one score: arrays (10,) in the order of MOVED.

    Where a modality's expert has no evidence they are 0.
    """

    score: Score
    modalities: Mapping[Modality, FloatArray]
    signs: tuple[tuple[Sign, FloatArray], ...]


class Explainer:
    """Explains the scores of the pipeline whose `experts` and `fusion` it is given, trained or not; changes neither.

    Occlusion, as it is called, asks a model only for its outputs: some 20 to 100 runs of an expert for each score, one
    by one and in the exact mode of the scores themselves.
    """

    def __init__(self, experts: Mapping[Modality, Expert], fusion: Fusion) -> None:
        self._experts = dict(experts)
        self._fusion = fusion
        self._usual = UsualVoice()

    def follow(self, score: Score) -> None:
        """Learn from a score, in their order, what is usual with the speaker; without it less can be explained."""
        if "voice" in score.features:
            self._usual.add(score.features["voice"].inputs)

    def attribute(self, score: Score) -> Attribution:
        """What moved one score."""
        opinions: dict[Modality, Opinion] = {}
        for modality in MODALITIES:
            window = score.features.get(modality) if score[f"{modality}_presence"] > 0 else None
            opinion = None if window is None else self._opinion(window, score)
            opinions[modality] = opinion or Opinion.absent(score[f"{modality}_age"])
        present = [modality for modality in MODALITIES if opinions[modality].presence > 0]
        whole = self._moved(opinions)
        modalities: dict[Modality, FloatArray] = {}
        signs: list[tuple[Sign, FloatArray]] = []
        for modality in present:
            absent = Opinion.absent(opinions[modality].age_s)
            # In a conflict any of them changes how far the others are held back; that is nothing that it says itself.
            says = _says(opinions[modality])
            modalities[modality] = says * (whole - self._moved({**opinions, modality: absent}))
            window = score.features[modality]
            if opinions[modality].quality <= 0:
                continue  # it has no weight, so nothing in it moved anything
            taken = self._experts[modality].model.inputs
            for sign in signs_of(window, self._usual):
                if not sign.without.keys() & set(taken):
                    continue
                opinion = self._opinion(replace(window, inputs={**window.inputs, **sign.without}), score)
                if opinion is not None:
                    signs.append((sign, says * (whole - self._moved({**opinions, modality: opinion}))))
        return Attribution(score, modalities, tuple(signs))

    def _opinion(self, window: Feature, score: Score) -> Opinion | None:
        """The opinion of the window's expert, as the pipeline has it; None where the expert fails."""
        modality, expert = window.modality, self._experts[window.modality]
        output = expert.evaluate(window)
        if output.failure:
            return None
        return Opinion(
            output.vad_mean, output.vad_log_variance, output.emotion_logits, expert.vad_evidence,
            expert.emotion_evidence, 1.0, score[f"{modality}_quality"], score[f"{modality}_age"], window.cues,
            window.effective_time,
        )  # fmt: skip

    def _moved(self, opinions: Mapping[Modality, Opinion]) -> FloatArray:
        """Where the things in MOVED stand with these opinions (10,)."""
        out = self._fusion.combine(opinions)
        p = np.clip(out["emotion_probabilities"], _RAREST, 1 - _RAREST)
        return np.array([*out["vad"][:2], *np.log(p / (1 - p))])


def _says(opinion: Opinion) -> FloatArray:
    """1 for what an expert has evidence for, in the order of MOVED; one without emotions has them by its dimensions."""
    emotions = opinion.emotion_evidence > 0
    if not emotions.any():
        emotions = np.full(len(EMOTIONS), opinion.vad_evidence.any())
    return np.array([*(opinion.vad_evidence[:2] > 0), *emotions], np.float64)
