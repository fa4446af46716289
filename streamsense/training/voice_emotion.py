"""Trains, measures and writes the voice expert: `python -m streamsense.training.voice_emotion EMODB_FOLDER`.

EMODB_FOLDER holds `wav/` and `erkennung.txt`. The same folder on the same machine gives the same bytes.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rich.progress
import torch
from rich.console import Console

from streamsense.errors import StreamsenseError
from streamsense.features.voice_features import VoiceFeatures
from streamsense.resources import shipped
from streamsense.training._emodb import Clip, read_clips
from streamsense.training.export import export_expert
from streamsense.training.voice_card import Evaluation, NetworkFigures, card
from streamsense.training.voice_evaluation import (
    CHOSEN_ON,
    FUNCTIONALS,
    HeldOut,
    joined,
    leave_one_speaker_out,
    with_dealt_labels,
)
from streamsense.training.voice_expert import INPUTS, OUTPUTS, SHARED, VoiceExpert, calibrate
from streamsense.training.voice_measures import (
    SECONDS_HEARD,
    Judged,
    by_clips_before,
    dealt_out,
    figure,
    heard,
    mean,
    of_classes,
    of_dimensions,
    of_speakers,
)
from streamsense.training.voice_tables import Take, VoiceTable, play, together
from streamsense.training.voice_training import fit_functionals

COMMAND = "python -m streamsense.training.voice_emotion EMODB_FOLDER"
_AROUSAL = 1

Watch = Callable[[str], None]
"""Told what was done, one step of `steps` at a time."""


@dataclass(frozen=True)
class Plan:
    """How much is done.

    `seeds` of orders and of the log-Mel network, the number of `takes` that each learns from, how much quieter their
    clips may be, whether the log-Mel network is measured, how often speakers are drawn again for an interval.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    takes: int = 3
    quieter_db: float = 12.0
    with_log_mel: bool = True
    resamples: int = 666

    def learned_from(self, seed: int) -> tuple[Take, ...]:
        """The takes that one seed's networks learn from; none is the one that they are judged by."""
        return tuple(Take(100 * (seed + 1) + number, self.quieter_db) for number in range(self.takes))

    def steps(self, speakers: int) -> int:
        """How many steps the whole has."""
        return len(self.seeds) * (1 + self.takes + speakers) + speakers + 1


def train(clips: Sequence[Clip], plan: Plan, watch: Watch = lambda _: None) -> tuple[VoiceExpert, Evaluation]:
    """Measure on held-out speakers, then train on all of them."""
    trials, tables = [], []
    for seed in plan.seeds:
        judged = play(clips, Take(seed))
        watch(f"order {seed}")
        takes = []
        for take in plan.learned_from(seed):
            takes.append(play(clips, take))
            watch(f"take {take.seed}")
        table = together(takes)
        tables.append(table)

        def done(at: int = seed) -> None:
            watch(f"held-out speakers, seed {at}")

        trials.append(leave_one_speaker_out(table, judged, seed if plan.with_log_mel else None, done))
    dealt = leave_one_speaker_out(
        with_dealt_labels(tables[0], 0), trials[0].table, None, lambda: watch("floor: labels dealt out")
    )
    evaluation = _evaluated(clips, trials, dealt, plan.resamples)
    last = [trial.table.windows(trial.table.last) for trial in trials]
    said = joined([trial.opinions[FUNCTIONALS].rows(trial.table.last) for trial in trials])
    expert = VoiceExpert(fit_functionals(together(tables)), calibrate(said, together(last)))
    watch("all speakers")
    return expert, evaluation


def _evaluated(clips: Sequence[Clip], trials: Sequence[HeldOut], dealt: HeldOut, resamples: int) -> Evaluation:
    names = list(trials[0].opinions)

    def judged(name: str, heard_s: float = SECONDS_HEARD[-1]) -> list[Judged]:
        return [Judged.of(one.table, one.opinions[name], heard(one.table, heard_s)) for one in trials]

    whole = {name: judged(name) for name in names}
    mine = whole[FUNCTIONALS]
    calibrated = [Judged.of(one.table, one.calibrated, one.table.last) for one in trials]
    return Evaluation(
        speakers=len({clip.speaker for clip in clips}),
        clips=len(clips),
        networks={name: _figures(of_name, resamples) for name, of_name in whole.items()},
        of_dimensions=of_dimensions(mine, resamples),
        of_dimensions_of_six=of_dimensions([one.rows(one.label < SHARED) for one in mine], resamples),
        of_speakers=of_speakers(mine),
        of_classes=of_classes(mine),
        by_seconds={name: {f"{s:g}": mean(judged(name, s), Judged.uar) for s in SECONDS_HEARD} for name in names},
        by_clips_before={name: by_clips_before(of_name) for name, of_name in whole.items()},
        surprise=(mean(mine, Judged.surprise), mean(calibrated, Judged.surprise)),
        calibration_error=(mean(mine, Judged.calibration_error), mean(calibrated, Judged.calibration_error)),
        dealt_answers=dealt_out(mine[0]),
        dealt_labels=Judged.of(dealt.table, dealt.opinions[FUNCTIONALS], dealt.table.last).uar(),
    )


def _figures(trials: Sequence[Judged], resamples: int) -> NetworkFigures:
    return NetworkFigures(
        uar=figure(trials, Judged.uar, resamples),
        of_seeds=tuple(one.uar() for one in trials),
        of_unseen=mean([one.rows(~np.isin(one.speaker, CHOSEN_ON)) for one in trials], Judged.uar),
        of_six=figure(trials, Judged.uar_of_six, resamples),
        arousal=figure(trials, lambda one: one.concordance(_AROUSAL), resamples),
    )


def examples(table: VoiceTable, count: int = 32) -> dict[str, torch.Tensor]:
    """Some windows as the expert is given them, by name: by these the exported model is compared with the network."""
    rows = np.linspace(0, len(table.clip) - 1, min(count, len(table.clip))).astype(np.intp)
    return {name: torch.from_numpy(table.inputs[name][rows]) for name in INPUTS}


def write(
    expert: VoiceExpert, evaluation: Evaluation, inputs: Mapping[str, torch.Tensor], folder: Path, date: str
) -> Path:
    """The model and its card in `folder`."""
    made = card(evaluation, COMMAND, date)
    return export_expert(expert, inputs, OUTPUTS, made, VoiceFeatures().contract(), folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamsense.training.voice_emotion", description=__doc__)
    parser.add_argument("emodb", type=Path, help="the folder of the recordings")
    parser.add_argument("--out", type=Path, help="where the model is written (default: models_onnx of the checkout)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="the date in the card")
    given = parser.parse_args(arguments)
    console = Console()
    try:
        folder, plan, clips = given.out or shipped("models_onnx"), Plan(), read_clips(given.emodb)
        columns = ("{task.description}", rich.progress.BarColumn(), "{task.completed}/{task.total}")
        with rich.progress.Progress(*columns, rich.progress.TimeElapsedColumn(), console=console) as bars:
            bar = bars.add_task("voice", total=plan.steps(len({clip.speaker for clip in clips})))
            expert, found = train(clips, plan, lambda text: bars.update(bar, advance=1, description=text))
        path = write(expert, found, examples(play(clips[:40], Take(0))), folder, given.date)
    except StreamsenseError as error:
        console.print(f"Error: {error}", style="red", highlight=False)
        return error.exit_code
    for line in found.lines():
        console.print(f"- {line}", highlight=False, soft_wrap=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    console.print(f"written: {path.name} ({path.stat().st_size} bytes), sha256 {sha256}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
