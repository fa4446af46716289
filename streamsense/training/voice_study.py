"""Measures the voice expert on speakers whom it has not heard, then trains it on all, and writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from streamsense.features.voice_features import VoiceFeatures
from streamsense.training.export import export_expert
from streamsense.training.voice_card import Evaluation, NetworkFigures, card
from streamsense.training.voice_clips import Clip
from streamsense.training.voice_evaluation import (
    CHOSEN_ON,
    NUMBERS,
    HeldOut,
    leave_one_speaker_out,
    with_dealt_labels,
)
from streamsense.training.voice_expert import FUNCTIONALS, INPUTS, OUTPUTS, SHARED, VoiceExpert, calibrate
from streamsense.training.voice_measures import (
    SECONDS_HEARD,
    Judged,
    believable,
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
from streamsense.training.voice_training import FRAMES_FITTING, fit_frames, fit_functionals

_AROUSAL = 1

Watch = Callable[[str], None]
"""Told what was done, one step of `steps` at a time."""


@dataclass(frozen=True)
class Plan:
    """How much is done.

    `seeds` of orders and of the network on frames, the number of `takes` that each learns from, how much quieter their
    clips may be, for how many epochs the network on frames learns, how often speakers are drawn for an interval.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    takes: int = 3
    quieter_db: float = 12.0
    epochs: int = FRAMES_FITTING.epochs
    resamples: int = 1000

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

        trials.append(
            leave_one_speaker_out(table, judged, seed, epochs=plan.epochs, calibrated=seed == plan.seeds[0], done=done)
        )
    dealt = leave_one_speaker_out(
        with_dealt_labels(tables[0], 0), trials[0].table, None, done=lambda: watch("floor: labels dealt out")
    )
    evaluation = _evaluated(clips, trials, dealt, plan.resamples)
    first = trials[0]
    calibration = calibrate(first.best, first.table)
    everything = together(tables)
    frames = fit_frames(everything, plan.seeds[0], plan.epochs)
    expert = VoiceExpert(fit_functionals(everything), frames, calibration)
    watch("all speakers")
    return expert, evaluation


def _evaluated(clips: Sequence[Clip], trials: Sequence[HeldOut], dealt: HeldOut, resamples: int) -> Evaluation:
    names = list(trials[0].opinions)

    def judged(name: str, heard_s: float = SECONDS_HEARD[-1]) -> list[Judged]:
        return [Judged.of(one.table, one.opinions[name], heard(one.table, heard_s)) for one in trials]

    whole = {name: judged(name) for name in names}
    mine = whole[names[0]]
    first = trials[0]
    calibrated = Judged.of(first.table, first.calibrated or first.best, first.table.last)
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
        surprise=(mine[0].surprise(), calibrated.surprise()),
        calibration_error=(mine[0].calibration_error(), calibrated.calibration_error()),
        believable=believable(first.table, first.calibrated or first.best),
        dealt_answers=dealt_out(mine[0]),
        dealt_labels=Judged.of(dealt.table, dealt.opinions[NUMBERS], dealt.table.last).uar(),
    )


def _figures(trials: Sequence[Judged], resamples: int) -> NetworkFigures:
    unseen = [one.rows(~np.isin(one.speaker, CHOSEN_ON)) for one in trials]
    return NetworkFigures(
        uar=figure(trials, Judged.uar, resamples),
        of_seeds=tuple(one.uar() for one in trials),
        of_unseen=mean(unseen, Judged.uar),
        of_six=figure(trials, Judged.uar_of_six, resamples),
        arousal=figure(trials, lambda one: one.concordance(_AROUSAL), resamples),
    )


def examples(table: VoiceTable, count: int = 32) -> dict[str, torch.Tensor]:
    """Some windows as the expert is given them, by name: by these the exported model is compared with the network."""
    rows = np.linspace(0, len(table.clip) - 1, min(count, len(table.clip))).astype(np.int64)
    values = {name: table.inputs[name][rows] for name in FUNCTIONALS} | table.log_mel(rows)
    return {name: torch.from_numpy(values[name]) for name in INPUTS}


def write(
    expert: VoiceExpert,
    evaluation: Evaluation,
    inputs: Mapping[str, torch.Tensor],
    folder: Path,
    date: str,
    made_by: str,
) -> Path:
    """The model and its card in `folder`."""
    made = card(evaluation, made_by, date)
    return export_expert(expert, inputs, OUTPUTS, made, VoiceFeatures().contract(), folder)
