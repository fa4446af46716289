"""Judges the voice expert: every speaker in turn is left out of all that is learned, and nothing is chosen on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streamsense.training._emodb import CorpusError, IntArray
from streamsense.training.voice_expert import Opinions, calibrate
from streamsense.training.voice_tables import VoiceTable
from streamsense.training.voice_training import (
    fit_functionals,
    fit_log_mel,
    mixed,
    say_functionals,
    say_log_mel,
)

FUNCTIONALS, LOG_MEL, BOTH = "functionals", "log-Mel", "both"
LOG_MEL_SHARE = 0.4
"""Weight of the log-Mel network beside the functionals' 1; a choice, made by an earlier trial."""
CALIBRATION_SPEAKERS = 2
CHOSEN_ON = ("08", "11", "13", "15")
"""The speakers of EmoDB at whose figures was looked while the networks' settings were chosen."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One seed's opinions of every window of `table`, each by a network that never heard that speaker.

    `opinions` are by the name of the network; `calibrated` are those of the functionals with a temperature and spread
    that were fitted on other held-out speakers.
    """

    table: VoiceTable
    opinions: dict[str, Opinions]
    calibrated: Opinions


def leave_one_speaker_out(
    training: VoiceTable, table: VoiceTable, seed: int | None, done: Callable[[], None] = lambda: None
) -> HeldOut:
    """Train on the takes `training` without a speaker, judge that speaker's windows in `table`; for each in turn.

    `seed` is that of the log-Mel network, which is left out where it is None. For the calibration of each fold a
    network is trained without two more speakers, and judges those. Raises CorpusError for fewer than four speakers.
    """
    speakers = sorted(set(table.speaker.tolist()))
    if len(speakers) < CALIBRATION_SPEAKERS + 2:
        raise CorpusError(
            f"There are {len(speakers)} speakers, expected {CALIBRATION_SPEAKERS + 2} or more: one is judged, "
            f"{CALIBRATION_SPEAKERS} calibrate, the others are learned from. Give the whole corpus."
        )
    said: dict[str, list[Opinions]] = {}
    corrected: list[Opinions] = []
    rows: list[IntArray] = []
    for number, speaker in enumerate(speakers):
        others = [one for one in speakers if one != speaker]
        apart = {others[(number + shift) % len(others)] for shift in range(CALIBRATION_SPEAKERS)}
        learned_from = training.windows(_by(training, others))
        fewer = training.windows(_by(training, [one for one in others if one not in apart]))
        judged_apart = table.windows(_by(table, sorted(apart)) & table.last)
        calibration = calibrate(say_functionals(fit_functionals(fewer), judged_apart), judged_apart)
        mine = _by(table, [speaker])
        judged = table.windows(mine)
        found = {FUNCTIONALS: say_functionals(fit_functionals(learned_from), judged)}
        if seed is not None:
            found[LOG_MEL] = say_log_mel(fit_log_mel(learned_from, seed), judged)
            found[BOTH] = mixed(found[FUNCTIONALS], found[LOG_MEL], LOG_MEL_SHARE)
        for name, opinions in found.items():
            said.setdefault(name, []).append(opinions)
        corrected.append(calibration.apply(found[FUNCTIONALS]))
        rows.append(np.flatnonzero(mine))
        done()
    order = np.argsort(np.concatenate(rows))
    opinions_of = {name: joined(parts).rows(order) for name, parts in said.items()}
    return HeldOut(table, opinions_of, joined(corrected).rows(order))


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
