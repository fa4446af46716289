"""Judges the voice expert: every speaker in turn is left out of all that is learned, and nothing is chosen on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamsense.arrays import BoolArray, IntArray
from streamsense.errors import EvaluationError
from streamsense.training.voice_expert import FRAMES_SHARE, Opinions, calibrate, mixed
from streamsense.training.voice_tables import VoiceTable
from streamsense.training.voice_training import (
    FRAMES_FITTING,
    fit_frames,
    fit_functionals,
    say_frames,
    say_functionals,
)

NUMBERS, FRAMES, LOG_MEL, EXPERT = "functionals", "frames", "log-Mel", "expert"
"""The linear layer on the functionals; the convolutions on log-Mel frames; those with a linear layer on the log-Mel
statistics, so that nothing but the log-Mel spectrum is heard; and what is shipped, functionals and convolutions."""
LOG_MEL_FRAMES_SHARE = 0.6
"""Weight of the convolutions beside the 1 of the linear layer on log-Mel statistics; chosen as FRAMES_SHARE."""
_LOG_MEL_STATISTICS = ("log_mel_statistics",)
CALIBRATION_SPEAKERS = 2
CHOSEN_ON = ("08", "11", "13", "15")
"""The speakers of EmoDB at whose figures was looked while features, networks and their settings were chosen."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One seed's opinions of every window of `table`, each by networks that never heard that speaker.

    `opinions` are by the name of the network; `calibrated` are those of the best with a temperature and spread
    that were fitted on other held-out speakers, where that was asked for.
    """

    table: VoiceTable
    opinions: dict[str, Opinions]
    calibrated: Opinions | None

    @property
    def best(self) -> Opinions:
        """The opinions of the expert, or of the functionals where the frames were left out."""
        return self.opinions[EXPERT if EXPERT in self.opinions else NUMBERS]


def leave_one_speaker_out(
    training: VoiceTable,
    table: VoiceTable,
    seed: int | None,
    *,
    epochs: int = FRAMES_FITTING.epochs,
    calibrated: bool = False,
    done: Callable[[], None] = lambda: None,
) -> HeldOut:
    """Train on the takes `training` without a speaker, judge that speaker's windows in `table`; for each in turn.

    `seed` is that of the network on frames, which learns for so many `epochs`; it is left out where that is None. If
    `calibrated`, networks are trained without two more speakers for each fold, and judge those. Raises EvaluationError
    for fewer than four speakers.
    """
    speakers = sorted(set(table.speaker.tolist()))
    if len(speakers) < CALIBRATION_SPEAKERS + 2:
        raise EvaluationError(
            f"There are {len(speakers)} speakers, expected {CALIBRATION_SPEAKERS + 2} or more: one is judged, "
            f"{CALIBRATION_SPEAKERS} calibrate, the others are learned from. Give the whole corpus."
        )
    folds: list[HeldOut] = []
    rows: list[IntArray] = []
    for number, speaker in enumerate(speakers):
        others = [one for one in speakers if one != speaker]
        mine = _by(table, [speaker])
        fold = _judged(training.windows(_by(training, others)), table.windows(mine), seed, epochs)
        if calibrated:
            apart = sorted({others[(number + shift) % len(others)] for shift in range(CALIBRATION_SPEAKERS)})
            fewer = training.windows(_by(training, [one for one in others if one not in apart]))
            aside = _judged(fewer, table.windows(_by(table, apart)), seed, epochs)
            fold = replace(fold, calibrated=calibrate(aside.best, aside.table).apply(fold.best, fold.table))
        folds.append(fold)
        rows.append(np.flatnonzero(mine))
        done()
    order = np.argsort(np.concatenate(rows))
    said = {name: joined([fold.opinions[name] for fold in folds]).rows(order) for name in folds[0].opinions}
    corrected = [fold.calibrated for fold in folds if fold.calibrated is not None]
    return HeldOut(table, said, joined(corrected).rows(order) if corrected else None)


def _judged(training: VoiceTable, table: VoiceTable, seed: int | None, epochs: int) -> HeldOut:
    """What networks that learn from `training` say of every window of `table`."""
    numbers = say_functionals(fit_functionals(training), table)
    if seed is None:
        return HeldOut(table, {NUMBERS: numbers}, None)
    frames = say_frames(fit_frames(training, seed, epochs), table)
    statistics = say_functionals(fit_functionals(training, _LOG_MEL_STATISTICS), table, _LOG_MEL_STATISTICS)
    opinions = {
        EXPERT: mixed(numbers, frames, FRAMES_SHARE),
        NUMBERS: numbers,
        LOG_MEL: mixed(statistics, frames, LOG_MEL_FRAMES_SHARE),
        FRAMES: frames,
    }
    return HeldOut(table, opinions, None)


def with_dealt_labels(table: VoiceTable, seed: int) -> VoiceTable:
    """The table with each speaker's labels dealt out at random among their clips, alike in all takes: a floor."""
    rng = np.random.default_rng(seed)
    label = table.label.copy()
    for speaker in sorted(set(table.speaker.tolist())):
        mine = np.flatnonzero(table.speaker == speaker)
        names, first, which = np.unique(table.name[mine], return_index=True, return_inverse=True)
        label[mine] = table.label[mine][first][rng.permutation(len(names))][which]
    return replace(table, label=label)


def joined(parts: Sequence[Opinions]) -> Opinions:
    """All opinions, one after the other."""
    return Opinions(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.vad_mean for part in parts]),
        np.concatenate([part.vad_log_variance for part in parts]),
    )


def _by(table: VoiceTable, speakers: Sequence[str]) -> BoolArray:
    return np.asarray(np.isin(table.speaker, speakers)[table.clip])
