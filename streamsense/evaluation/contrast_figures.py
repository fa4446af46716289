"""How well two conditions are told apart by a score that should be higher in one of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.datasets.eegmat import ARITHMETIC, REST
from streamsense.errors import EvaluationError
from streamsense.evaluation.figure import Figure, dealt_anew, mean_of_each, measured, of_each, permuted
from streamsense.evaluation.floors import average_f1, trivial_floors
from streamsense.evaluation.metrics import Classes, average_precision, roc_auc
from streamsense.evaluation.predictions import Indices, Predictions, trial_of
from streamsense.fusion.emotions import DIMENSIONS

AMBIVALENT = 0.5
"""From this score on a window is called ambivalent; the pipeline's is not calibrated."""


@dataclass(frozen=True)
class Contrast:
    """Two of a set's classes, of which a `dimension` should be higher in the second."""

    low: str
    high: str
    dimension: str = "arousal"


KNOWN = {"eegmat": Contrast(REST, ARITHMETIC)}
"""What is known of the published sets without ratings, by name."""
AMBIVALENCE = Contrast("no_ambivalence", "ambivalence", "ambivalence")


def parse_contrast(text: str) -> Contrast:
    """From `LOW,HIGH` or `LOW,HIGH,DIMENSION`. Raises EvaluationError for anything else."""
    words = [word.strip() for word in text.split(",")]
    if len(words) == 2:
        words.append("arousal")
    if len(words) != 3 or not all(words) or words[2] not in DIMENSIONS or words[0] == words[1]:
        raise EvaluationError(
            f"--contrast was {text!r}. Expected two class names, the one with less first, and a dimension where it is "
            f"not arousal: rest,task or sad,happy,valence (one of {', '.join(DIMENSIONS)})."
        )
    return Contrast(*words)


@dataclass(frozen=True, eq=False)
class Contrasted:
    """The windows of the two classes: `rows` of the predictions, `truth` (n,) 1 for the higher one, `score` (n,)."""

    contrast: Contrast
    rows: Indices
    truth: Classes
    score: FloatArray


def contrasted(predictions: Predictions, contrast: Contrast) -> Contrasted | None:
    """The windows of the two classes; None where either is not there, or the source says nothing of the dimension."""
    names = np.array(predictions.names)
    rows = np.flatnonzero(np.isin(names, (contrast.low, contrast.high)))
    truth = (names[rows] == contrast.high).astype(np.intp)
    if contrast.dimension in DIMENSIONS:
        if contrast.dimension not in predictions.dimensions:
            return None
        score = predictions.vad_mean[rows, DIMENSIONS.index(contrast.dimension)]
    else:
        said = np.isfinite(predictions.ambivalence[rows])
        rows, truth = rows[said], truth[said]
        score = predictions.ambivalence[rows]
    return Contrasted(contrast, rows, truth, score) if 0 < truth.sum() < len(truth) else None


def contrast_figures(
    found: Contrasted, predictions: Predictions, people: Sequence[Hashable]
) -> tuple[list[Figure], dict[Hashable, float]]:
    """The area under the ROC curve of all windows and of each person; and each person's own."""
    own, trials, truth, score = _parts(found, predictions, people)
    floors, note = permuted(lambda: dealt_anew(lambda dealt: roc_auc(dealt, score), truth, trials, own))
    each = of_each(lambda rows: roc_auc(truth[rows], score[rows]), own)
    share = float(truth.mean())
    figures = [
        measured(
            "AUC, all windows", lambda rows: roc_auc(truth[rows], score[rows]), own,
            {"chance": 0.5, **floors}, note=note,
        ),
        measured(
            "average precision", lambda rows: average_precision(truth[rows], score[rows]), own, {"chance": share},
            note=f"{found.contrast.high} is {share:.0%} of the windows.",
        ),
    ]  # fmt: skip
    if each:
        figures.insert(1, mean_of_each("AUC, mean of people", each, {"chance": 0.5}))
    return figures, each


def ambivalence_figures(
    found: Contrasted, predictions: Predictions, people: Sequence[Hashable]
) -> tuple[list[Figure], dict[Hashable, float]]:
    """BAH's average F1 with the three answers that need no look at anything, and how well the score alone ranks."""
    own, _, truth, score = _parts(found, predictions, people)
    answer = (score >= AMBIVALENT).astype(np.intp)
    trivial = trivial_floors(truth)
    floors = {"always 0": trivial.always_0, "always 1": trivial.always_1, "1 as often as it is": trivial.prevalence}
    each = of_each(lambda rows: average_f1(truth[rows], answer[rows]), own)
    first = measured(
        "average F1", lambda rows: average_f1(truth[rows], answer[rows]), own, floors,
        note=f"Ambivalent from a score of {AMBIVALENT:g} on. The score is not calibrated.",
    )  # fmt: skip
    figures, _ = contrast_figures(found, predictions, people)
    return [first, *figures], each


def _parts(
    found: Contrasted, predictions: Predictions, people: Sequence[Hashable]
) -> tuple[list[Hashable], list[Hashable], Classes, FloatArray]:
    rows = found.rows.tolist()
    own, trials = [people[row] for row in rows], [trial_of(predictions.windows[row]) for row in rows]
    return own, list(trials), found.truth, found.score
