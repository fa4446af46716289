"""Several experts' answers at the same ticks, combined by the live pipeline's fusion; any may be left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.config import Config
from streamsense.evaluation.as_live import Answer
from streamsense.evaluation.predicting import Labelled, Said
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.models.expert import Expert
from streamsense.runtime.assembly import fusion_settings, load_fusion
from streamsense.score import SCORE_LABELS
from streamsense.segments import Segments
from streamsense.streams import MODALITIES, Modality
from streamsense.told_segments import ToldSegment, ToldSegments

Rows = Sequence[tuple[Labelled, Answer]]


@dataclass(frozen=True, eq=False)
class Fused:
    """What the fusion says at every tick of one recording, and the segments that it is told of."""

    rows: list[tuple[Labelled, Said]]
    segments: tuple[ToldSegment, ...]


def subsets(modalities: Sequence[Modality]) -> Iterator[tuple[Modality, ...]]:
    """Every choice of one or more of the modalities, all of them first."""
    for count in range(len(modalities), 0, -1):
        yield from itertools.combinations([name for name in MODALITIES if name in modalities], count)


def evidence_of_all(experts: Mapping[Modality, Expert]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The dimensions and emotions that any of the experts has evidence for."""
    vad = sum(expert.vad_evidence for expert in experts.values())
    emotions = sum(expert.emotion_evidence for expert in experts.values())
    return (
        tuple(name for name, there in zip(DIMENSIONS, np.atleast_1d(vad) > 0, strict=True) if there),
        tuple(name for name, there in zip(EMOTIONS, np.atleast_1d(emotions) > 0, strict=True) if there),
    )


def fused(
    answers: Mapping[Modality, Rows], experts: Mapping[Modality, Expert], used: Sequence[Modality], config: Config
) -> Fused:
    """What the fusion says of one recording when only the experts `used` are there."""
    fusion = Fusion(load_fusion(config.fusion_model), fusion_settings(config))
    known = np.array([name in evidence_of_all({key: experts[key] for key in used})[1] for name in EMOTIONS])
    by_tick: dict[int, dict[Modality, tuple[Labelled, Answer]]] = {}
    for modality in used:
        for labelled, answer in answers[modality]:
            by_tick.setdefault(answer.tick, {})[modality] = (labelled, answer)
    found: list[tuple[Labelled, Said]] = []
    segments, told = Segments(), ToldSegments()
    for tick in sorted(by_tick):
        there = by_tick[tick]
        opinions = {
            modality: there[modality][1].opinion if modality in there else Opinion.absent() for modality in MODALITIES
        }
        longest = min(there.values(), key=lambda pair: pair[0].window.start_s)
        values = dict(zip(SCORE_LABELS, fusion.step(opinions, longest[1].time).tolist(), strict=False))
        published = np.array([values[f"emotion_{name}"] for name in EMOTIONS])
        for notice in segments.follow(longest[1].time, published, values["confidence"], values["ambivalence"]):
            told.take(notice)
        mixture = published * known
        present = any(opinion.presence > 0 for opinion in opinions.values())
        said = Said(
            np.array([values[name] for name in DIMENSIONS]),
            np.array([values[f"{name}_sd"] for name in DIMENSIONS]),
            mixture / mixture.sum() if known.any() else mixture,
            present,
            values["ambivalence"],
        )
        found.append((longest[0], said))
    return Fused(found, told.until(found[-1][0].window.end_s) if found else ())
