"""The card of the trained voice expert: the measured figures in words, with what they do not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamsense.evaluation.intervals import Interval
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.models.card import Card
from streamsense.training.voice_clips import LABELS
from streamsense.training.voice_evaluation import (
    CHOSEN_ON,
    EXPERT,
    FRAMES,
    LOG_MEL,
    LOG_MEL_FRAMES_SHARE,
    NUMBERS,
)
from streamsense.training.voice_expert import FRAMES_SHARE, SHARED
from streamsense.training.voice_measures import Believable

NAME = "voice_emotion"


@dataclass(frozen=True)
class NetworkFigures:
    """What one network reached on held-out speakers, mean over the seeds; `of_unseen`: of those not in CHOSEN_ON."""

    uar: Interval
    of_seeds: tuple[float, ...]
    of_unseen: float
    of_six: Interval
    arousal: Interval


@dataclass(frozen=True)
class Evaluation:
    """All that was measured on speakers who were held out; where nothing is said, of the expert.

    `surprise` and `calibration_error` are before and after the calibration, of the first seed; `dealt_answers` are the
    mean UAR of its answers for labels dealt out at random, and what 95 % of these stay below; `dealt_labels` that of
    functionals that were trained on such labels.
    """

    speakers: int
    clips: int
    networks: Mapping[str, NetworkFigures]
    of_dimensions: Mapping[str, Interval]
    of_dimensions_of_six: Mapping[str, Interval]
    of_speakers: Mapping[str, float]
    of_classes: Mapping[str, float]
    by_seconds: Mapping[str, Mapping[str, float]]
    by_clips_before: Mapping[str, Mapping[str, float]]
    surprise: tuple[float, float]
    calibration_error: tuple[float, float]
    believable: Mapping[str, Believable]
    dealt_answers: tuple[float, float]
    dealt_labels: float

    def lines(self) -> tuple[str, ...]:
        """Every figure as a line of text."""
        names = {
            EXPERT: f"this model (functionals + {FRAMES_SHARE:g} × convolutions over the log-Mel frames)",
            NUMBERS: "of it the functionals alone",
            LOG_MEL: (
                "beside it, log-Mel alone, without pitch, loudness and timing (a linear layer on the statistics of the "
                f"bands + {LOG_MEL_FRAMES_SHARE:g} × the convolutions)"
            ),
            FRAMES: "the convolutions alone",
        }
        lines = []
        for name, found in self.networks.items():
            seeds = ", ".join(f"{value:.3f}" for value in found.of_seeds)
            lines.append(
                f"{names[name]}: UAR of seven {found.uar} (seeds {seeds}; of the speakers at whom nothing was "
                f"chosen {found.of_unseen:.3f}), of the six shared {found.of_six}, concordance of arousal "
                f"{found.arousal}"
            )
        lines.append(f"concordance with the emotions' places: {_listed(self.of_dimensions)}; six shared: "
                     f"{_listed(self.of_dimensions_of_six)}")  # fmt: skip
        lines.append(f"recall: {_listed(self.of_classes)}")
        lines.append(f"UAR of each speaker: {_listed(self.of_speakers)}")
        for name, curve in self.by_seconds.items():
            lines.append(f"UAR by seconds heard, {name}: {_listed(curve)}")
        for name, curve in self.by_clips_before.items():
            lines.append(f"UAR by clips heard before in the session, {name}: {_listed(curve)}")
        lines.append(
            "temperature and variances fitted on two other held-out speakers in each fold, first seed: negative "
            f"log-likelihood {self.surprise[0]:.3f} before and {self.surprise[1]:.3f} after, calibration error "
            f"{self.calibration_error[0]:.3f} before and {self.calibration_error[1]:.3f} after"
        )
        lines.append(
            "targets within the told 90 % interval, all windows from 0.6 s on, and negative log-likelihood against "
            "that of the other speakers' mean and SD: "
            + "; ".join(f"{name} {found}" for name, found in self.believable.items())
        )
        lines.append(
            f"floors, UAR of seven: chance and the largest class {1 / len(LABELS):.3f}; labels dealt out at "
            f"random within each speaker {self.dealt_answers[0]:.3f} (95 % below {self.dealt_answers[1]:.3f}); "
            f"functionals trained on labels dealt out so {self.dealt_labels:.3f}"
        )
        return tuple(lines)


def card(evaluation: Evaluation, made_by: str, date: str) -> Card:
    """The card of the expert that is trained on all speakers."""
    return Card(
        name=NAME,
        version="1",
        modality="voice",
        description=(
            "Emotions, valence, arousal and dominance from a 2 s window: one linear layer on its functionals (log-Mel "
            "statistics in the speaker's own running norm, prosody, and pitch and loudness contours and how they "
            f"move), and with {FRAMES_SHARE:g} of its weight two convolutions on the log-Mel frames. The logits are of "
            f"{', '.join(LABELS[:SHARED])}; boredom, which the mixture does not have, is a further output "
            "`boredom_logit`. Temperature and variances are fitted on held-out speakers: how sure it is holds for "
            "acted speech and the usual places of what was acted, not for felt emotion. A window with little voice is "
            "told to be less sure; without voice the logits and means go to 0 and the variance is wide."
        ),
        data=(
            f"EmoDB, {evaluation.clips} German sentences by {evaluation.speakers} actors, each cut or padded to 2 s; "
            "the padding was cut off, so that length is not learned. Learned from the listeners' votes (the share that "
            "recognised the acted emotion) and from the emotions' places in valence, arousal and dominance. All clips "
            "of a speaker are one session in random order through the pipeline's own operators, some up to 12 dB "
            "quieter."
        ),
        attribution=(
            "EmoDB: Burkhardt et al. (2005), Interspeech, CC0-1.0 as published by audEERING. Places of the emotions: "
            "Russell & Mehrabian (1977), J. Research in Personality 11, boredom's as recalled, not checked. Soft "
            "labels and penalty after Chou et al.; concordance: Lin (1989)."
        ),
        licence="Apache-2.0",
        evaluation=(
            f"Leave one speaker out, {evaluation.speakers} speakers, causal, padding cut off, "
            f"{len(next(iter(evaluation.networks.values())).of_seeds)} orders of the clips; 95 % intervals from "
            "resamples of the speakers. The figures are of networks that had not heard the speaker; this file is "
            f"trained on all of them. Features, networks and their settings were chosen looking at speakers "
            f"{', '.join(CHOSEN_ON)} alone. After a first whole run (UAR of seven 0.782) had been seen, how strongly "
            "the weights are shrunk and the share of the frames were chosen once more, on those same speakers.\n\n"
            + "\n".join(f"- {line}" for line in evaluation.lines())
            + "\n\nWhat the speaker's norm begins with was measured on these recordings, all speakers together and "
            "without labels. Concordance is with places of acted categories, not with ratings: none were at hand."
        ),
        evidence_emotions=LABELS[:SHARED],
        evidence_dimensions=DIMENSIONS,
        limits=(
            "A score is a reading of signs, not proof of what a person feels, and no diagnosis. Signs differ between "
            "people, cultures and situations.",
            "Actors, ten German sentences, one laboratory: everyday speech is fainter, and other languages differ.",
            "Happiness and fear are recognised least; of the dimensions, valence.",
            "The first clips of a session are judged worse, until the speaker's norm has settled.",
            "A voice that was heard for less than 1.6 s was not learned from.",
            "The recordings are peak-normalised, so that little was learned of how loud a person speaks.",
        ),
        made_by=made_by,
        date=date,
    )


def _listed(values: Mapping[str, float] | Mapping[str, Interval]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, Interval) else f'{value:.3f}'}" for name, value in values.items()
    )
