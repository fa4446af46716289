"""Trains and measures the EEG expert: on people who are held out, and then on everybody."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from streamsense.features.band_entropy import BandEntropy
from streamsense.features.band_settings import BAND_NAMES
from streamsense.models.contract import contract_sha256
from streamsense.training import eeg_evaluation as evaluation
from streamsense.training.eeg_card import Evaluation
from streamsense.training.eeg_expert import (
    HINT_WEIGHT,
    WorkloadExpert,
    WorkloadSettings,
    calibrate,
    fit_workload,
    predict,
)
from streamsense.training.eeg_tables import EegTable
from streamsense.training.fitting import Progress

ALL_BANDS = tuple(range(len(BAND_NAMES)))
WITHOUT_GAMMA = ALL_BANDS[:-1]
INPUTS = ("band_entropy", "band_entropy_baseline", "electrode_mask", "baseline_weight")
OUTPUTS = ("vad_mean", "vad_log_variance", "emotion_logits")
SETTINGS = WorkloadSettings(members=3)


def train(
    table: EegTable,
    eyes: EegTable,
    settings: WorkloadSettings = SETTINGS,
    candidates: Sequence[int] = evaluation.EPOCHS,
    workspace: Path | None = None,
    watch: evaluation.Watch = evaluation.unwatched,
) -> tuple[WorkloadExpert, Evaluation]:
    """Measure on held-out people, then train on everybody, without γ; `eyes` are those of `eyes_table`.

    The bands and the epochs of `settings` are not looked at: the former are part of what is measured, the latter chosen
    among `candidates`.
    """

    def measured(
        name: str, rows: EegTable, bands: Sequence[int], among: Sequence[int], members: int
    ) -> evaluation.HeldOut:
        folder = None if workspace is None else workspace / name.replace(" ", "-")

        def named(fold: str, epochs: int) -> Progress:
            return watch(f"{name}, {fold}", epochs)

        mine = replace(_of_bands(settings, bands), members=members)
        return evaluation.cross_validate(rows, mine, among, workspace=folder, watch=named)

    slim = measured("without gamma", table, WITHOUT_GAMMA, candidates, settings.members)
    usual = (int(np.median(slim.epochs)),)
    settings = replace(settings, fitting=replace(settings.fitting, epochs=usual[0]))
    network = fit_workload(
        table,
        _of_bands(settings, WITHOUT_GAMMA),
        None if workspace is None else workspace / "everybody.npz",
        watch("everybody", settings.epochs),
    )
    calibration = calibrate(slim.logit, slim.log_variance, table.label)
    full = measured("all bands", table, ALL_BANDS, candidates, settings.members)
    bare = measured("no baseline", evaluation.without_baseline(table), ALL_BANDS, usual, 1)
    flipped = evaluation.with_flipped_labels(table, settings.fitting.seed)
    floor = measured("flipped labels", flipped, ALL_BANDS, usual, 1)
    change, slim_change = (evaluation.mean_change(table, bands) for bands in (ALL_BANDS, WITHOUT_GAMMA))
    arousal = calibration.arousal(predict(network, eyes)[0])
    return WorkloadExpert(network, calibration), Evaluation(
        people=len(np.unique(table.person)),
        windows=len(table),
        members=settings.members,
        all_bands=evaluation.figure(table, full.logit),
        without_gamma=evaluation.figure(table, slim.logit),
        few_electrodes=evaluation.figure(table, slim.few),
        without_baseline=evaluation.figure(table, bare.logit),
        change=evaluation.figure(table, change),
        change_without_gamma=evaluation.figure(table, slim_change),
        gain=evaluation.gain(table, full.logit, change),
        gain_without_gamma=evaluation.gain(table, slim.logit, slim_change),
        flipped=evaluation.figure(flipped, floor.logit),
        late_rest=evaluation.late_against_early_rest(table, slim.logit),
        believable=evaluation.believable(table, slim),
        epochs=full.epochs,
        epochs_without_gamma=slim.epochs,
        eyes=evaluation.area(~eyes.label, arousal),
        eyes_arousal=(float(arousal[~eyes.label].mean()), float(arousal[eyes.label].mean())),
    )


def _of_bands(settings: WorkloadSettings, bands: Sequence[int]) -> WorkloadSettings:
    return replace(settings, network=replace(settings.network, bands=tuple(bands)))


def examples(table: EegTable, count: int = 32) -> dict[str, torch.Tensor]:
    """Some windows as the expert is given them, by name: by these the exported model is compared with the network."""
    rows = table.take(np.linspace(0, len(table) - 1, min(count, len(table))).astype(np.intp))
    values = (rows.entropy, rows.baseline, rows.mask, rows.weight)
    return {name: torch.from_numpy(value) for name, value in zip(INPUTS, values, strict=True)}


def run_key(settings: WorkloadSettings) -> str:
    """Under which name a run's unfinished work is kept: another run must not go on with it."""
    contract = contract_sha256(BandEntropy().contract())
    text = json.dumps([asdict(settings), HINT_WEIGHT, contract, evaluation.EPOCHS, torch.__version__])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
