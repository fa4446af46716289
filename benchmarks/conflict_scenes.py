"""Scenes in which face, voice and EEG agree, or contradict each other, or one is spoilt; and what fusion says of them.

A scene is put together of what the experts said (`benchmarks.real_parts`). All scenes of a person are one session, in a
drawn order, after some seconds in which all is neutral: what is usual with the person is learned as live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.real_parts import SCENE_S, SCENE_TICKS, SETTLED_TICK, SHOWN, Parts, place_of
from streamsense.arrays import FloatArray
from streamsense.fusion.combination import Fusion, FusionModel, Opinion
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.score import SCORE_LABELS
from streamsense.streams import MODALITIES, Modality
from streamsense.ticks import HOP_S

CONSISTENT, CONFLICT = "consistent", "conflict"
UNPLEASANT: Final = ("sad", "fearful", "disgusted", "angry")
PRELUDE: Final = 3
"""So many neutral scenes come first."""
_SETTLED = slice(SETTLED_TICK - 1, SCENE_TICKS)
_SCORES = {name: SCORE_LABELS.index(name) for name in ("discord", "ambivalence", *DIMENSIONS)}


@dataclass(frozen=True)
class Scene:
    """What is shown, and by which takes."""

    kind: str
    face: str
    voice: str
    eeg: str
    take: int

    @property
    def truths(self) -> FloatArray:
        """The places that are shown, (2, 3): twice the same where all agree."""
        return np.stack([place_of(self.face), place_of(self.voice)])


def scenes_of(parts: Parts, rng: np.random.Generator, *, with_conflict: bool) -> list[Scene]:
    """The neutral ones of the beginning, then each of the person's takes of each emotion, in a drawn order.

    In a conflict the face is happy and the voice is not, or the other way round. The EEG is of work where what is felt
    arouses; in a conflict what is felt is either, drawn.
    """
    takes = {emotion: parts.takes("voice", emotion) for emotion in SHOWN}
    pairs = [(CONSISTENT, emotion, emotion, take) for emotion in SHOWN for take in range(takes[emotion])]
    if with_conflict:
        pairs += [(CONFLICT, "happy", other, take) for other in UNPLEASANT for take in range(takes[other])]
        pairs += [(CONFLICT, other, "happy", take) for other in UNPLEASANT for take in range(takes["happy"])]
    beginning = [(CONSISTENT, "neutral", "neutral", number % takes["neutral"]) for number in range(PRELUDE)]
    found = []
    for kind, shown, heard, take in beginning + [pairs[at] for at in rng.permutation(len(pairs)).tolist()]:
        felt = (shown, heard)[int(rng.integers(2))]
        eeg = "work" if place_of(felt)[1] > 0 else "rest"
        found.append(Scene(kind, shown, heard, eeg, take))
    return found


@dataclass(frozen=True, eq=False)
class Told:
    """n settled ticks: who, which scene, what was shown, and what was said of it.

    `person`, `scene` and `kind` (n,); `truths` (n, 2, 3); `fused` and `sd` (n, 3); `weight` (n, modalities); `discord`
    (n,). Of each expert `mean` (n, modalities, 3), 0 where `there` (n, modalities, 3) says that it knows nothing; and
    `alone` (n, modalities, 3), what the fusion makes of this one by itself.
    """

    person: np.ndarray
    scene: np.ndarray
    kind: np.ndarray
    truths: FloatArray
    fused: FloatArray
    sd: FloatArray
    weight: FloatArray
    discord: FloatArray
    quality: FloatArray
    mean: FloatArray
    there: np.ndarray
    alone: FloatArray

    def rows(self, kept: np.ndarray) -> Told:
        """Those ticks."""
        return Told(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


def together(several: Sequence[Told]) -> Told:
    """All of them."""
    return Told(*(np.concatenate([getattr(one, name) for one in several]) for name in Told.__dataclass_fields__))


def play_scenes(parts: Parts, scenes: Sequence[Scene], model: FusionModel, person: str) -> Told:
    """Fuse a session of scenes tick by tick; the ticks of the beginning are not kept."""
    fusion, by_itself, eeg_takes = Fusion(model), Fusion(model), {"rest": 0, "work": 0}
    columns: dict[str, list[object]] = {name: [] for name in Told.__dataclass_fields__}
    for number, scene in enumerate(scenes):
        start = number * SCENE_S
        keys: dict[Modality, tuple[str, int]] = {
            "eeg": (scene.eeg, eeg_takes[scene.eeg] % max(1, parts.takes("eeg", scene.eeg))),
            "face": (scene.face, scene.take % max(1, parts.takes("face", scene.face))),
            "voice": (scene.voice, scene.take),
        }
        eeg_takes[scene.eeg] += 1
        said = {modality: parts.said.get((modality, *keys[modality])) for modality in MODALITIES}
        for tick in range(SCENE_TICKS):
            opinions = {modality: _at(said[modality], tick, start) for modality in MODALITIES}
            scores = fusion.step(opinions, start + (tick + 1) * HOP_S)
            if number < PRELUDE or not _SETTLED.start <= tick < _SETTLED.stop:
                continue
            combined = fusion.combine(opinions)
            rows = [opinions[modality] for modality in MODALITIES]
            there = np.array([row.presence * row.vad_evidence > 0 for row in rows])
            for name, value in {
                "person": person,
                "scene": number,
                "kind": scene.kind,
                "truths": scene.truths,
                "fused": combined["vad"],
                "sd": combined["vad_sd"],
                "weight": combined["weight"],
                "discord": scores[_SCORES["discord"]],
                "quality": [row.presence * row.quality for row in rows],
                "mean": np.where(there, [row.vad_mean for row in rows], 0.0),
                "there": there,
                "alone": [_alone(by_itself, modality, opinions[modality]) for modality in MODALITIES],
            }.items():
                columns[name].append(value)
    return Told(**{name: np.array(values) for name, values in columns.items()})


def _at(said: Sequence[Opinion] | None, tick: int, start: float) -> Opinion:
    if said is None:
        return Opinion.absent()
    return replace(said[tick], effective_time=said[tick].effective_time + start)


def _alone(fusion: Fusion, modality: Modality, opinion: Opinion) -> FloatArray:
    others: Mapping[Modality, Opinion] = dict.fromkeys(MODALITIES, Opinion.absent())
    return fusion.combine({**others, modality: opinion})["vad"]
