"""Trains, measures and writes the EEG expert: `python -m streamsense.training.eeg_workload DATA_FOLDER`.

DATA_FOLDER holds `eegmat/` (PhysioNet EEGMAT 1.0.0) and `eeg_eyes/csv/Baseline/`. The same seed on the same machine
gives the same bytes. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import rich.progress
import torch
from rich.console import Console

from streamsense.arrays import FloatArray
from streamsense.errors import StreamsenseError
from streamsense.features.band_entropy import BandEntropy
from streamsense.features.band_settings import BAND_NAMES
from streamsense.models.contract import contract_sha256
from streamsense.models.ways import cache_folder
from streamsense.resources import shipped
from streamsense.training import eeg_evaluation as evaluation
from streamsense.training.eeg_card import Evaluation, card
from streamsense.training.eeg_expert import (
    HINT_WEIGHT,
    Calibration,
    Committee,
    WorkloadExpert,
    WorkloadSettings,
    calibrate,
    fit_workload,
    predict,
)
from streamsense.training.eeg_measures import Discrimination, discrimination
from streamsense.training.eeg_recordings import eegmat_people, eyes_session
from streamsense.training.eeg_tables import EegTable, eegmat_table, session_table
from streamsense.training.export import export_expert
from streamsense.training.fitting import Progress

ALL_BANDS = tuple(range(len(BAND_NAMES)))
WITHOUT_GAMMA = ALL_BANDS[:-1]
INPUTS = ("band_entropy", "band_entropy_baseline", "electrode_mask", "baseline_weight")
OUTPUTS = ("vad_mean", "vad_log_variance", "emotion_logits")
SETTINGS = WorkloadSettings(members=3)
COMMAND = "python -m streamsense.training.eeg_workload DATA_FOLDER"


def train(
    table: EegTable,
    eyes: EegTable,
    settings: WorkloadSettings,
    candidates: Sequence[int],
    workspace: Path | None = None,
    watch: evaluation.Watch = evaluation.unwatched,
) -> tuple[WorkloadExpert, Evaluation]:
    """Measure on held-out people, then train on everybody, without γ; `eyes` are windows of `eyes_session`.

    The bands and the epochs of `settings` are not looked at: the former are part of what is measured, the latter chosen
    among `candidates`.
    """

    def measured(
        name: str, rows: EegTable, bands: Sequence[int], among: Sequence[int], members: int
    ) -> tuple[evaluation.HeldOut, Discrimination]:
        folder = None if workspace is None else workspace / name.replace(" ", "-")

        def named(fold: str, epochs: int) -> Progress:
            return watch(f"{name}, {fold}", epochs)

        mine = replace(_of_bands(settings, bands), members=members)
        held_out = evaluation.cross_validate(rows, mine, among, workspace=folder, watch=named)
        return held_out, discrimination(rows.person, rows.label, held_out.logit)

    slim, slim_found = measured("without gamma", table, WITHOUT_GAMMA, candidates, settings.members)
    usual = (int(np.median(slim.epochs)),)
    settings = replace(settings, fitting=replace(settings.fitting, epochs=usual[0]))
    network = fit_workload(
        table,
        _of_bands(settings, WITHOUT_GAMMA),
        None if workspace is None else workspace / "everybody.npz",
        watch("everybody", settings.epochs),
    )
    calibration = calibrate(slim.logit, slim.log_variance, table.label)
    full, full_found = measured("all bands", table, ALL_BANDS, candidates, settings.members)
    _, bare_found = measured("no baseline", evaluation.without_baseline(table), ALL_BANDS, usual, 1)
    flipped = evaluation.with_flipped_labels(table, settings.fitting.seed)
    _, flipped_found = measured("flipped labels", flipped, ALL_BANDS, usual, 1)
    change, slim_change = (
        discrimination(table.person, table.label, evaluation.mean_change(table, bands))
        for bands in (ALL_BANDS, WITHOUT_GAMMA)
    )
    arousal = _arousal(network, calibration, eyes)
    return WorkloadExpert(network, calibration), Evaluation(
        people=len(np.unique(table.person)),
        windows=len(table),
        members=settings.members,
        all_bands=evaluation.figure(full_found),
        without_gamma=evaluation.figure(slim_found),
        few_electrodes=evaluation.figure(discrimination(table.person, table.label, slim.few)),
        without_baseline=evaluation.figure(bare_found),
        change=evaluation.figure(change),
        change_without_gamma=evaluation.figure(slim_change),
        gain=evaluation.gain(full_found, change),
        gain_without_gamma=evaluation.gain(slim_found, slim_change),
        flipped=evaluation.figure(flipped_found),
        late_rest=evaluation.figure(evaluation.late_against_early_rest(table, slim.logit)),
        believable=evaluation.believable(table, slim),
        epochs=full.epochs,
        epochs_without_gamma=slim.epochs,
        eyes=discrimination(eyes.person, ~eyes.label, arousal),
        eyes_arousal=(float(arousal[~eyes.label].mean()), float(arousal[eyes.label].mean())),
    )


def _of_bands(settings: WorkloadSettings, bands: Sequence[int]) -> WorkloadSettings:
    return replace(settings, network=replace(settings.network, bands=tuple(bands)))


def _arousal(network: Committee, calibration: Calibration, table: EegTable) -> FloatArray:
    return calibration.arousal(predict(network, table)[0])


def examples(table: EegTable, count: int = 32) -> dict[str, torch.Tensor]:
    """Some windows as the expert is given them, by name: by these the exported model is compared with the network."""
    rows = table.take(np.linspace(0, len(table) - 1, min(count, len(table))).astype(np.intp))
    values = (rows.entropy, rows.baseline, rows.mask, rows.weight)
    return {name: torch.from_numpy(value) for name, value in zip(INPUTS, values, strict=True)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamsense.training.eeg_workload", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the recordings")
    parser.add_argument("--out", type=Path, help="where the model is written (default: models_onnx of the checkout)")
    parser.add_argument("--seed", type=int, default=SETTINGS.fitting.seed)
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="the date in the card")
    given = parser.parse_args(arguments)
    try:
        settings = replace(SETTINGS, fitting=replace(SETTINGS.fitting, seed=given.seed))
    except ValueError as error:
        parser.error(str(error))  # exits with 2
    console = Console()
    try:
        folder = given.out or shipped("models_onnx")
        workspace = cache_folder() / "training" / f"eeg_workload-{_key(settings)}"
        with _progress(console) as bars:
            people = eegmat_people(given.data / "eegmat")
            bar = bars.add_task("windows", total=len(people), note="")
            table = eegmat_table(given.data / "eegmat", people, lambda name: bars.update(bar, advance=1, note=name))
            eyes = session_table(eyes_session(given.data / "eeg_eyes" / "csv" / "Baseline"))
            expert, found = train(table, eyes, settings, evaluation.EPOCHS, workspace, _watch(bars))
        path = export_expert(
            expert,
            examples(table),
            OUTPUTS,
            card(found, COMMAND, given.date),
            BandEntropy().contract(),
            folder,
        )
    except StreamsenseError as error:
        console.print(f"Error: {error}", style="red", highlight=False)
        return error.exit_code
    for line in found.lines():
        console.print(f"- {line}", highlight=False)
    console.print(f"written: {path} ({path.stat().st_size} bytes), sha256 {_sha256(path)}", highlight=False)
    shutil.rmtree(workspace, ignore_errors=True)
    return 0


def _progress(console: Console) -> rich.progress.Progress:
    columns = ("{task.description}", rich.progress.BarColumn(), "{task.completed}/{task.total}", "{task.fields[note]}")
    return rich.progress.Progress(*columns, rich.progress.TimeElapsedColumn(), console=console)


def _watch(bars: rich.progress.Progress) -> evaluation.Watch:
    def watch(name: str, epochs: int) -> Progress:
        bar = bars.add_task(name, total=epochs, note="")
        return lambda epoch, loss: bars.update(bar, completed=epoch, note=f"loss {loss:.3f}", visible=epoch < epochs)

    return watch


def _key(settings: WorkloadSettings) -> str:
    """Under which name a run's unfinished work is kept: another run must not go on with it."""
    contract = contract_sha256(BandEntropy().contract())
    text = json.dumps([asdict(settings), HINT_WEIGHT, contract, evaluation.EPOCHS, torch.__version__])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
