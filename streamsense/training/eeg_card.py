"""The card of the trained EEG expert: the measured figures in words, with what they do not show."""

from __future__ import annotations

from dataclasses import dataclass

from streamsense.evaluation.intervals import Interval
from streamsense.models.card import Card
from streamsense.training.eeg_committee import AROUSAL_OF_WORK
from streamsense.training.eeg_evaluation import FEW_ELECTRODES, Believable, Figure

NAME = "eeg_workload"


@dataclass(frozen=True)
class Evaluation:
    """All that was measured on people who were held out.

    `gain` is over mean |d|. `eyes` is how often a window with open eyes has more arousal than one with closed eyes,
    and `eyes_arousal` the mean of both, of a person and an amplifier that were never seen.
    """

    people: int
    windows: int
    members: int
    all_bands: Figure
    without_gamma: Figure
    few_electrodes: Figure
    without_baseline: Figure
    change: Figure
    change_without_gamma: Figure
    gain: Interval
    gain_without_gamma: Interval
    flipped: Figure
    late_rest: Figure
    believable: Believable
    epochs: tuple[int, ...]
    epochs_without_gamma: tuple[int, ...]
    eyes: float
    eyes_arousal: tuple[float, float]

    def lines(self) -> tuple[str, ...]:
        """Every figure as a line of text."""
        b = self.believable
        return (
            f"all bands: {self.all_bands}",
            f"without γ: {self.without_gamma}",
            f"of these, from {len(FEW_ELECTRODES)} electrodes ({' '.join(FEW_ELECTRODES)}): {self.few_electrodes}",
            f"all bands, no baseline: {self.without_baseline}",
            f"nothing learned, mean |d|, all bands: {self.change}",
            f"nothing learned, mean |d|, without γ: {self.change_without_gamma}",
            f"above mean |d|: all bands {_gain(self.gain)}, without γ {_gain(self.gain_without_gamma)} (pooled)",
            f"floor, labels of half of the people flipped: {self.flipped}",
            f"control, late against early rest: {self.late_rest}",
            f"calibration, without γ: temperature {b.temperature:.2f}, expected calibration error {b.errors[0]:.3f} "
            f"before and {b.errors[1]:.3f} after, squared error {b.surprise:.2f} of the variance told, {b.within:.0%} "
            f"of targets within the 90 % interval, negative log-likelihood {b.unlikely[0]:.3f} against "
            f"{b.unlikely[1]:.3f} of the targets' own mean and SD",
            f"{self.members} networks each, one for the floor and for no baseline; epochs chosen on inner folds: all "
            f"bands {_listed(self.epochs)}, without γ {_listed(self.epochs_without_gamma)}",
            f"eyes open against closed, another amplifier: area {self.eyes:.2f}, arousal "
            f"{self.eyes_arousal[0]:+.2f} open and {self.eyes_arousal[1]:+.2f} closed",
        )


def card(evaluation: Evaluation, made_by: str, date: str) -> Card:
    """The card of the expert that is trained on everybody, without γ."""
    return Card(
        name=NAME,
        version="1",
        modality="eeg",
        description=(
            "Arousal from band entropy's signed change from the person's own rest, by attention between electrodes "
            f"(the mean of {evaluation.members} RBTransformers of about 100,000 numbers each), trained to tell mental "
            "arithmetic from rest, with the hint that closing the eyes does not arouse. δ, θ, α and β; γ is not "
            "looked at, because speaking and smiling fill it. Any cap: absent electrodes are masked, electrodes "
            f"between 10-20 sites interpolated by position. Hard work is called arousal {AROUSAL_OF_WORK:+g}, rest "
            f"{-AROUSAL_OF_WORK:+g}: a choice. The variance is calibrated on held-out people: how sure it is holds for "
            "mental work and rest, not for felt arousal. A change from rest that is larger than in 99 % of the "
            "training is not judged in full: the mean goes to 0, the variance to that of a guess. Without a settled "
            "baseline or electrodes the mean goes to 0 and the variance is wide. Valence and dominance are the prior, "
            "emotions none."
        ),
        data=(
            f"EEGMAT 1.0.0 (PhysioNet), {evaluation.people} people at rest and in serial subtraction, "
            f"{evaluation.windows} windows of 4 s at 1 s hop; the first 60 s of rest are the baseline and are not used."
        ),
        attribution=(
            "EEGMAT: Zyma et al. (2019), Data 4(1):14, ODC-BY 1.0. Architecture: RBTransformer (arXiv 2511.13954), "
            "whose published accuracies are not claimed here: they were measured on overlapping windows. Entropy: "
            "Duan, Zhu & Lu (2013). Eyes: Barry et al. (2007), Clin. Neurophysiol. 118:2765."
        ),
        licence="Apache-2.0",
        evaluation=(
            f"Areas under the curve (0.5 is chance) of mental arithmetic against rest, 6 folds by person, causal, "
            f"{evaluation.people} people; 95 % intervals from 2,000 draws of people. The figures are of networks "
            "that had not seen the person; this file is trained on everybody.\n\n"
            + "\n".join(f"- {line}" for line in evaluation.lines())
            + "\n\nRest always comes first and each condition is one file, cleaned by its authors on its own, so part "
            "of any difference may be the file, its cleaning, or the time that has passed. Covariance features reached "
            "0.98 in a trial, mostly by that. A claim about workload needs rest, work and rest again in one recording."
        ),
        evidence_dimensions=("arousal",),
        limits=(
            "A score is a reading of signs, not proof of what a person feels, and no diagnosis.",
            "Trained on one task of one laboratory with 24 young people; not on felt arousal.",
            "Calm excitement, fear or joy were never shown to it: it knows work and rest.",
            "It has learned in part that any change from rest is work: recordings whose level drifts, as those of dry "
            "electrodes do, read as aroused, eyes open or closed.",
            "That closing the eyes does not arouse it was taught with made-up rises of α, not with recordings of them. "
            "The limit on large changes was thought of after its first figures on open and closed eyes had been seen "
            "(of one person); how large is too large comes from the training alone. The hint's form and weight were "
            "chosen looking at two of the six folds.",
            "Rest that lasts drifts towards work a little: see the control of late against early rest.",
            "Clenched teeth and a tense brow add β, which reads as arousal.",
            "Needs the person's rest at the beginning of the session, or a profile.",
        ),
        made_by=made_by,
        date=date,
    )


def _gain(gain: Interval) -> str:
    return f"{gain.figure:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _listed(epochs: tuple[int, ...]) -> str:
    return ", ".join(map(str, epochs))
