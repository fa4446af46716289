"""From recordings and experts to tables of predictions: one recording at a time, whatever the set's size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.config import Config
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label, LabelTrack
from streamsense.evaluation.as_live import LAB, Answer, answers
from streamsense.evaluation.predictions import PLACES, Predictions
from streamsense.evaluation.windows import Choose, Window, at_end, window_length, within
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS, VAD_CENTROIDS
from streamsense.models.expert import Expert
from streamsense.streams import Modality


@dataclass(frozen=True, eq=False)
class Labelled:
    """One tick of one recording: its window, and its label, None outside of every label."""

    window: Window
    label: Label | None
    elapsed_s: float


@dataclass(frozen=True, eq=False)
class Said:
    """What was said of one window; see `Predictions`."""

    vad_mean: FloatArray
    vad_sd: FloatArray
    probabilities: FloatArray
    present: bool
    ambivalence: float = float("nan")


def expert_answers(recording: LabelledRecording, expert: Expert, config: Config) -> Iterator[tuple[Labelled, Answer]]:
    """Every tick that has a label, with the answer; of a lab's own sessions also those that have none."""
    track, length_s = LabelTrack(recording.labels), window_length(config, expert.modality)
    choose = label_rule(recording, config, expert.modality)
    for answer in answers(recording, expert, config):
        start_s = answer.time - length_s
        label = choose(track, start_s, answer.time, expert.modality) if recording.labels else None
        if label is None and recording.dataset != LAB:
            continue
        trial = "" if label is None else label.trial
        window = Window(recording.dataset, recording.person, recording.name, start_s, answer.time, trial)
        yield Labelled(window, label, answer.elapsed_s), answer


def label_rule(recording: LabelledRecording, config: Config, modality: Modality) -> Choose:
    """How a window finds its label: by its last instant where any label is shorter than a window, else as a whole."""
    length_s = window_length(config, modality)
    short = any(label.end_s - label.start_s < 2 * length_s for label in recording.labels)
    return at_end if short else within


def said_by(answer: Answer, expert: Expert) -> Said:
    """An expert's answer: its mean, SD, and the distribution over the emotions that it has evidence for."""
    known = expert.emotion_evidence > 0
    logits = np.zeros(len(EMOTIONS)) if answer.output is None else answer.output.emotion_logits
    values = answer.opinion_values
    return Said(values[:-1:2], values[1:-1:2], softmax(logits, known), answer.output is not None)


def softmax(logits: FloatArray, known: np.ndarray) -> FloatArray:
    """Probabilities over the emotions that are `known`, 0 for the others; all 0 where none is."""
    probabilities = np.zeros(len(logits))
    if known.any():
        powers = np.exp(logits[known] - logits[known].max())
        probabilities[known] = powers / powers.sum()
    return probabilities


def tabled(
    source: str, evidence: tuple[tuple[str, ...], tuple[str, ...]], rows: Sequence[tuple[Labelled, Said]]
) -> Predictions:
    """The rows as one table; `evidence` are the dimensions and the emotions that the source has evidence for."""
    labels = [labelled.label for labelled, _ in rows]
    targets = np.array([_ratings(label) for label in labels]).reshape(-1, len(DIMENSIONS))
    shares = np.array([_shares(label) for label in labels]).reshape(-1, len(EMOTIONS))
    said = [answer for _, answer in rows]
    return Predictions(
        source,
        *evidence,
        windows=tuple(labelled.window for labelled, _ in rows),
        names=tuple("" if label is None else label.name for label in labels),
        targets=targets,
        shares=shares,
        vad_mean=np.array([answer.vad_mean for answer in said]).reshape(targets.shape),
        vad_sd=np.array([answer.vad_sd for answer in said]).reshape(targets.shape),
        probabilities=np.array([answer.probabilities for answer in said]).reshape(shares.shape),
        ambivalence=np.array([answer.ambivalence for answer in said], np.float64),
        present=np.array([answer.present for answer in said], bool),
        elapsed_s=np.array([labelled.elapsed_s for labelled, _ in rows], np.float64),
    )


def with_places(predictions: Predictions) -> Predictions:
    """Where nothing was rated but emotions are labelled: their places as targets, which is a convention."""
    if np.isfinite(predictions.targets).any() or not predictions.shares.any():
        return predictions
    places = np.where(predictions.shares.any(axis=1, keepdims=True), predictions.shares @ VAD_CENTROIDS, np.nan)
    return replace(predictions, targets=places, target_kind=PLACES)


def evidence_of(expert: Expert) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The dimensions and emotions that the expert's card has evidence for, in their usual order."""
    card = expert.metadata.card
    return (
        tuple(name for name in DIMENSIONS if name in card.evidence_dimensions),
        tuple(name for name in EMOTIONS if name in card.evidence_emotions),
    )


def _ratings(label: Label | None) -> list[float]:
    rated = (None,) * 3 if label is None else (label.valence, label.arousal, label.dominance)
    return [float("nan") if value is None else value for value in rated]


def _shares(label: Label | None) -> FloatArray:
    shares = None if label is None else label.shares(EMOTIONS)
    return np.zeros(len(EMOTIONS)) if shares is None else shares
