"""The report of a training: what networks said of people whom they had not seen, modality by modality and fused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from streamsense import __version__
from streamsense.arrays import BoolArray, FloatArray
from streamsense.evaluation.figure import DRAWS
from streamsense.evaluation.predictions import Predictions, joined
from streamsense.evaluation.report import Report
from streamsense.evaluation.report_files import write_report
from streamsense.evaluation.report_parts import Reading, part_of
from streamsense.fusion.emotions import EMOTIONS
from streamsense.streams import Modality
from streamsense.training.joint_network import JointOpinions
from streamsense.training.joint_table import JointTable
from streamsense.training.joint_training import Fold, Trained
from streamsense.training.run_folder import RunFolder
from streamsense.training.train_settings import TrainConfig

FUSED = "fused"
_GROUPS = {
    "person": "people: whoever is judged was not learned from; intervals are over people",
    "trial": "trials: the same people were learned from, in other trials; intervals are over trials",
    "corpus": "sets of recordings: whichever set is judged was not learned from; intervals are over the sets",
}
Answers = tuple[FloatArray, FloatArray, FloatArray, BoolArray]
"""Means and standard deviations (n, 3), probabilities (n, 8), and where there was an answer (n,)."""


def report_on(run: RunFolder, trained: Trained) -> Report:
    """The report of all that was held out."""
    config = run.config
    reading = Reading(config.protocol)
    parts = []
    for source in sources_of(trained):
        folds = zip(trained.folds, trained.opinions, strict=True)
        table = joined([_predictions(source, trained, fold, said) for fold, said in folds])
        parts.append(part_of(f"{source}, held out", table, reading))
    delays = [fold.delay_s for fold in trained.folds]
    told = f" Ratings were moved earlier by {_worded(delays)} s, found on the others." if any(delays) else ""
    return Report(
        f"{config.name}: what was learned",
        f"Protocol: {len(trained.folds)} folds by {_GROUPS[config.protocol]}. Features are those of the live pipeline, "
        "causal, tick by tick; temperatures and variances are calibrated on other held-out folds; nothing was chosen "
        f"on those who are judged.{told}",
        trained.warnings,
        _facts(config, trained),
        tuple(parts),
    )


def write(run: RunFolder, trained: Trained) -> Report:
    """Write report.md, report.html, report.json and their charts into the run's folder; returns the report."""
    report = report_on(run, trained)
    write_report(report, run.path)
    return report


def headlines(report: Report) -> dict[str, str]:
    """By source the first figure of each question, with its floors; intervals are in the report."""
    found = {}
    for part in report.parts:
        said = []
        for topic in part.topics:
            for figure in topic.figures[:1]:
                floors = ", ".join(f"{name} {value:.2f}" for name, value in figure.floors.items())
                said.append(
                    f"{topic.title}: {figure.name} {figure.value:.3f}" + (f" (floors: {floors})" if floors else "")
                )
        found[part.source] = "; ".join(said) or "no figure"
    return found


def sources_of(trained: Trained) -> tuple[str, ...]:
    """Each modality, and all of them fused where there are more than one."""
    modalities = trained.network.modalities
    return (*modalities, FUSED) if len(modalities) > 1 else modalities


def _predictions(source: str, trained: Trained, fold: Fold, said: JointOpinions) -> Predictions:
    table, known = fold.table, np.isin(EMOTIONS, trained.network.evidence_emotions)
    mean, sd, probabilities, present = (
        _fused(said, table, known) if source == FUSED else _alone(_modality(source, trained), said, table, known)
    )
    return Predictions(
        source=source,
        dimensions=trained.network.evidence_dimensions,
        emotions=trained.network.evidence_emotions,
        windows=table.windows,
        names=tuple(EMOTIONS[int(shares.argmax())] if shares.any() else "" for shares in table.emotions),
        targets=table.vad,
        shares=table.emotions,
        vad_mean=mean,
        vad_sd=sd,
        probabilities=probabilities,
        ambivalence=np.full(len(table), np.nan),
        present=present,
        elapsed_s=_elapsed(table),
    )


def _alone(modality: Modality, said: JointOpinions, table: JointTable, known: BoolArray) -> Answers:
    if modality not in said.experts:  # nobody in this fold was recorded with it
        n = len(table)
        return np.zeros((n, 3)), np.ones((n, 3)), np.zeros((n, len(EMOTIONS))), np.zeros(n, bool)
    one = said.experts[modality]
    probabilities = np.zeros(one.emotion_logits.shape)
    if known.any():
        logits = one.emotion_logits[:, known]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities[:, known] = powers / powers.sum(axis=1, keepdims=True)
    present = table.modalities[modality].presence > 0
    return one.vad_mean, np.exp(0.5 * one.vad_log_variance), probabilities, present


def _fused(said: JointOpinions, table: JointTable, known: BoolArray) -> Answers:
    mass = np.where(known, said.emotion_probabilities, 0.0)
    total = mass.sum(axis=1, keepdims=True)
    present = np.any([part.presence > 0 for part in table.modalities.values()], axis=0)
    return said.vad, said.vad_sd, np.divide(mass, total, out=np.zeros_like(mass), where=total > 0), present


def _modality(source: str, trained: Trained) -> Modality:
    return next(modality for modality in trained.network.modalities if modality == source)


def _elapsed(table: JointTable) -> FloatArray:
    """Seconds since the first row of the window's recording."""
    first: dict[tuple[str, str, str], float] = {}
    for window in table.windows:
        key = window.dataset, window.person, window.recording
        first[key] = min(first.get(key, window.start_s), window.start_s)
    return np.array([w.end_s - first[w.dataset, w.person, w.recording] for w in table.windows], np.float64)


def _facts(config: TrainConfig, trained: Trained) -> tuple[tuple[str, str], ...]:
    people = {(window.dataset, window.person) for window in trained.table.windows}
    sets = [f"{one.called} ({one.dataset().citation})" for one in config.data]
    targets = ", ".join((*trained.network.evidence_dimensions, *trained.network.evidence_emotions))
    return (
        ("recordings", "; ".join(sets)),
        ("people", str(len(people))),
        ("windows learned from", str(len(trained.table))),
        ("learned", f"{targets}; from {', '.join(trained.network.modalities)}"),
        *([("delay of the ratings", f"{trained.delay_s:.1f} s, found on everybody")] if trained.delay_s else []),
        ("intervals", f"95 %, percentile bootstrap, {DRAWS} draws, seed 0"),
        ("floors", f"what the same figure is without knowledge; labels dealt anew within each person {DRAWS} times"),
        ("made with", f"streamsense {__version__}, torch {torch.__version__}, seed {config.seed}"),
    )


def _worded(delays: Sequence[float]) -> str:
    low, high = min(delays), max(delays)
    return f"{low:.1f}" if low == high else f"{low:.1f} to {high:.1f}"
