"""BAH's published protocol for ambivalence and hesitancy: average F1 by frame and by video, beside its three floors.

All frames of all videos of a part count together, as in the publishers' program. The average precision is the usual
one (scikit-learn's): theirs is another and is not to be compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.datasets.bah_frames import FrameLabels
from streamsense.errors import EvaluationError
from streamsense.evaluation.floors import TrivialFloors, average_f1, trivial_floors
from streamsense.evaluation.metrics import average_precision, f1_scores
from streamsense.fusion.ambivalence import PRIOR

CALLED_AT = 0.5
"""The score from which on a frame or a video is called ambivalent. To choose it, use the validation part alone."""


@dataclass(frozen=True)
class BahFigures:
    """What was reached on `cases` frames or videos, and what needs no looking at them."""

    cases: int
    prevalence: float
    average_f1: float
    f1_ambivalent: float
    average_precision: float
    floors: TrivialFloors


def scores_at_frames(tick_times: FloatArray, scores: FloatArray, frames: int, rate_hz: float) -> FloatArray:
    """The score (frames,) at each picture of a film that begins at 0 s: the newest tick's that is not later.

    `tick_times` (n,) in s, increasing, `scores` (n,). Before the first tick nothing was said, and that is the prior.
    """
    at = np.searchsorted(tick_times, np.arange(frames) / rate_hz, side="right") - 1
    return np.where(at < 0, PRIOR, np.append(scores, PRIOR)[at])


def by_frame(
    truth: Mapping[str, FrameLabels], scores: Mapping[str, FloatArray], called_at: float = CALLED_AT
) -> BahFigures:
    """Figures over all annotated pictures of the videos in `truth`; `scores` by the same names (see scores_at_frames).

    Raises EvaluationError where a video has no scores, or another number of them.
    """
    kept: list[tuple[FrameLabels, FloatArray]] = []
    for video, labels in truth.items():
        if video not in scores or len(scores[video]) != len(labels):
            found = f"{len(scores[video])} scores" if video in scores else "no scores"
            raise EvaluationError(f"{video} has {len(labels)} annotated pictures and {found}. Expected one for each.")
        kept.append((labels[labels >= 0], np.asarray(scores[video])[labels >= 0]))
    if not kept:
        raise EvaluationError("There are no videos to judge. Expected one or more.")
    return _figures(np.concatenate([one for one, _ in kept]), np.concatenate([one for _, one in kept]), called_at)


def by_video(truth: Mapping[str, int], scores: Mapping[str, FloatArray], called_at: float = CALLED_AT) -> BahFigures:
    """Figures over the videos in `truth` (1 ambivalent, 0 not); a video's score is the highest of `scores` in it.

    The highest because a video is labelled so where any stretch of it is. Raises EvaluationError where one has none.
    """
    silent = [video for video in truth if not len(scores.get(video, ()))]
    if silent or not truth:
        raise EvaluationError(
            f"{len(silent)} of {len(truth)} videos have no scores. Expected scores for all, and some."
        )
    highest = np.array([float(np.max(scores[video])) for video in truth])
    return _figures(np.array(list(truth.values())), highest, called_at)


def _figures(truth: np.ndarray, scores: FloatArray, called_at: float) -> BahFigures:
    truth, called = truth.astype(np.int64), (scores >= called_at).astype(np.int64)
    return BahFigures(
        cases=len(truth),
        prevalence=float(truth.mean()),
        average_f1=average_f1(truth, called),
        f1_ambivalent=f1_scores(truth, called).get(1, 0.0),
        average_precision=average_precision(truth, scores),
        floors=trivial_floors(truth),
    )
