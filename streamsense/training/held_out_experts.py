"""Experts that never met certain people, as ONNX files: what a fusion is judged with must not know whom it judges.

Kept in the cache under what they depend on, so that each is trained once on a machine.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from streamsense.errors import EvaluationError
from streamsense.features.band_entropy import BandEntropy
from streamsense.features.voice_features import VoiceFeatures
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.models.card import Card
from streamsense.models.ways import cache_folder
from streamsense.training import eeg_evaluation, eeg_training, voice_expert, voice_study
from streamsense.training.eeg_committee import Committee
from streamsense.training.eeg_expert import WorkloadExpert, WorkloadSettings, fit_workload, predict
from streamsense.training.eeg_expert import calibrate as calibrate_workload
from streamsense.training.eeg_tables import EegTable, eegmat_table
from streamsense.training.export import export_expert
from streamsense.training.voice_clips import LABELS, Clip
from streamsense.training.voice_evaluation import joined
from streamsense.training.voice_expert import FRAMES_SHARE, SHARED, Opinions, VoiceExpert, calibrate, mixed
from streamsense.training.voice_tables import Take, VoiceTable, play, together
from streamsense.training.voice_training import fit_frames, fit_functionals, say_frames, say_functionals

Watch = Callable[[str], None]
"""Told what is being done."""

EEG_FOLDS = eeg_evaluation.FOLDS
EEG_EPOCHS = 10
"""What was chosen in every fold of the shipped expert (see its card), each time on its training people alone."""
_ASIDE = 2
_JUDGED_BY = Take(0)
_VERSION = 2
"""One more where anything below changes what comes out."""


def held_out_voice(
    clips: Sequence[Clip],
    speakers: Sequence[str],
    plan: voice_study.Plan | None = None,
    watch: Watch = lambda _: None,
) -> Path:
    """The .onnx of a voice expert that was trained and calibrated without these speakers, as the shipped one is.

    The networks learn from all other speakers of `clips`. Temperature and spread are fitted on what networks that were
    trained without two of those others, in turn, say of these. Only the first seed of `plan` is used. Raises
    EvaluationError where fewer than four others are left.
    """
    plan = plan or voice_study.Plan()
    others = sorted({clip.speaker for clip in clips} - set(speakers))
    if len(others) < 2 * _ASIDE:
        raise EvaluationError(
            f"Without {', '.join(speakers)} there are {len(others)} speakers, expected {2 * _ASIDE} or more. Leave "
            "fewer out, or give the whole corpus."
        )
    mine = [clip for clip in clips if clip.speaker in others]
    key = _key(
        [[clip.name, len(clip.sound), float(np.abs(clip.sound).sum())] for clip in mine],
        {**asdict(plan), "seeds": plan.seeds[0]},
        VoiceFeatures().contract(),
    )
    folder = cache_folder() / "training" / f"voice_held_out-{key}"
    name = f"voice_without_{'_'.join(sorted(speakers))}"
    if (kept := folder / f"{name}.onnx").is_file():
        return kept
    takes = []
    for take in plan.learned_from(plan.seeds[0]):
        watch(f"voice without {', '.join(speakers)}: take {take.seed}")
        takes.append(play(mine, take))
    table, judged = together(takes), play(mine, _JUDGED_BY)
    watch(f"voice without {', '.join(speakers)}: networks")
    expert = VoiceExpert(
        fit_functionals(table),
        fit_frames(table, plan.seeds[0], plan.epochs),
        _voice_calibration(table, judged, others, plan, watch),
    )
    folder.mkdir(parents=True, exist_ok=True)
    data = f"EmoDB without the speakers {', '.join(speakers)}"
    card = _card(name, "voice", "held_out_voice", data, DIMENSIONS, LABELS[:SHARED])
    return export_expert(
        expert, voice_study.examples(judged), voice_expert.OUTPUTS, card, VoiceFeatures().contract(), folder
    )


def _voice_calibration(
    table: VoiceTable, judged: VoiceTable, others: Sequence[str], plan: voice_study.Plan, watch: Watch
) -> voice_expert.Calibration:
    """From each speaker's windows, by networks that never heard this speaker either."""
    opinions: list[Opinions] = []
    rows = []
    for start in range(0, len(others), _ASIDE):
        aside = others[start : start + _ASIDE]
        watch(f"voice: calibrating on {', '.join(aside)}")
        learned = table.windows(~np.isin(table.speaker, aside)[table.clip])
        here = np.isin(judged.speaker, aside)[judged.clip]
        apart = judged.windows(here)
        numbers = say_functionals(fit_functionals(learned), apart)
        frames = say_frames(fit_frames(learned, plan.seeds[0], plan.epochs), apart)
        opinions.append(mixed(numbers, frames, FRAMES_SHARE))
        rows.append(np.flatnonzero(here))
    kept = np.zeros(len(judged.clip), bool)
    kept[np.concatenate(rows)] = True
    order = np.argsort(np.concatenate(rows))
    return calibrate(joined(opinions).rows(order), judged.windows(kept))


def eeg_people(table: EegTable, fold: int) -> tuple[str, ...]:
    """The people of a fold, 0 to EEG_FOLDS − 1, in whose networks they have no part."""
    return tuple(np.unique(table.person)[fold::EEG_FOLDS].tolist())


def held_out_eeg(
    folder: Path,
    fold: int,
    calibrated_on: Sequence[int] | None = None,
    settings: WorkloadSettings = eeg_training.SETTINGS,
    watch: eeg_evaluation.Watch = eeg_evaluation.unwatched,
) -> Path:
    """The .onnx of an EEG expert that was trained and calibrated without the people of a fold (see `eeg_people`).

    `folder` is EEGMAT's. The networks are those of the shipped expert's evaluation, without γ: those that are in the
    cache are used. Calibrated on the people of other folds (default: all), each judged by networks that never met
    them; those have met this fold's people, as in that evaluation. Raises EvaluationError for a fold that is none.
    """
    among = tuple(number for number in range(EEG_FOLDS) if number != fold) if calibrated_on is None else calibrated_on
    if not 0 <= fold < EEG_FOLDS or fold in among or not among or not set(among) <= set(range(EEG_FOLDS)):
        raise EvaluationError(
            f"fold is {fold}, calibrated on {tuple(among)}: expected 0 to {EEG_FOLDS - 1}, and other ones."
        )
    table = eegmat_table(folder)
    workspace = cache_folder() / "training" / f"eeg_workload-{eeg_training.run_key(settings)}" / "without-gamma"
    settings = replace(
        settings,
        network=replace(settings.network, bands=eeg_training.WITHOUT_GAMMA),
        fitting=replace(settings.fitting, epochs=EEG_EPOCHS),
    )
    key = _key(
        [len(table), float(table.entropy.astype(np.float64).sum())],
        asdict(settings),
        [*among],
        BandEntropy().contract(),
    )
    target = cache_folder() / "training" / f"eeg_held_out-{key}"
    name = f"eeg_without_fold_{fold + 1}"
    if (kept := target / f"{name}.onnx").is_file():
        return kept

    def network(number: int) -> Committee:
        training = table.take(~np.isin(table.person, eeg_people(table, number)))
        checkpoint = workspace / f"fold-{number + 1}-{EEG_EPOCHS}.npz"
        workspace.mkdir(parents=True, exist_ok=True)
        title = f"EEG without fold {number + 1}"
        return fit_workload(training, settings, checkpoint, watch(title, settings.epochs))

    said, rows = [], []
    for number in among:
        mine = np.isin(table.person, eeg_people(table, number))
        said.append(np.stack(predict(network(number), table.take(mine))))
        rows.append(np.flatnonzero(mine))
    logit, log_variance = np.concatenate(said, axis=1)
    calibration = calibrate_workload(logit, log_variance, table.label[np.concatenate(rows)])
    target.mkdir(parents=True, exist_ok=True)
    people = ", ".join(eeg_people(table, fold))
    return export_expert(
        WorkloadExpert(network(fold), calibration),
        eeg_training.examples(table),
        eeg_training.OUTPUTS,
        _card(name, "eeg", "held_out_eeg", f"EEGMAT without {people}", ("arousal",)),
        BandEntropy().contract(),
        target,
    )


def _card(
    name: str, modality: str, made_by: str, data: str, dimensions: Sequence[str], emotions: Sequence[str] = ()
) -> Card:
    return Card.model_validate(
        {
            "name": name,
            "version": "1",
            "modality": modality,
            "description": f"As the shipped {modality} expert, for judging people whom it never met.",
            "data": data,
            "attribution": "As the shipped expert's.",
            "licence": "Apache-2.0",
            "evaluation": "None of its own: it is a part of other evaluations.",
            "evidence_dimensions": tuple(dimensions),
            "evidence_emotions": tuple(emotions),
            "limits": ("Not to be used for anything else.",),
            "made_by": f"streamsense.training.held_out_experts.{made_by}",
            "date": datetime.date.today().isoformat(),
        }
    )


def _key(*depends_on: object) -> str:
    text = json.dumps([*depends_on, _VERSION, torch.__version__], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
