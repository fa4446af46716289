"""Which windows figures are of, how many there are, and why there are none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsense.evaluation.contrast_figures import Contrast
from streamsense.evaluation.predictions import (
    Indices,
    Predictions,
    Protocol,
    groups_of,
    last_of_each_trial,
    one_a_second,
)


@dataclass(frozen=True)
class Reading:
    """How predictions are read: what is drawn whole, and which windows count.

    `clips`: one window of each trial, its last; else one a second. The first `settle_s` of each recording are left out,
    in which a person's rest is learned. `contrast` names two classes where the set has no ratings.
    """

    protocol: Protocol = "person"
    clips: bool = False
    settle_s: float = 0.0
    contrast: Contrast | None = None


def chosen_rows(predictions: Predictions, reading: Reading) -> Indices:
    """The windows that the figures are of: answered, settled, and not each of many that overlap."""
    settled = predictions.elapsed_s >= reading.settle_s
    named = np.array([bool(name) for name in predictions.names], bool)
    labelled = named | predictions.shares.any(axis=1) | np.isfinite(predictions.targets).any(axis=1)
    spaced = np.zeros(len(predictions), bool)
    spaced[last_of_each_trial(predictions) if reading.clips else one_a_second(predictions)] = True
    return np.flatnonzero(settled & labelled & spaced & predictions.present)


def counts_of(predictions: Predictions, kept: Predictions, reading: Reading) -> tuple[tuple[str, str], ...]:
    """What the figures are of, as name and text; `kept` are the windows that count."""
    unit = "last window of each clip" if reading.clips else "one window a second"
    answered = float(predictions.present.mean()) if len(predictions) else 0.0
    return (
        ("people", str(len(set(groups_of(kept, "person"))))),
        ("recordings", str(len({(w.dataset, w.person, w.recording) for w in kept.windows}))),
        (f"windows in the figures ({unit})", str(len(kept))),
        ("windows with an answer", f"{answered:.1%} of {len(predictions)}"),
    )


def why_nothing(predictions: Predictions, kept: Predictions, reading: Reading) -> str:
    """Why there is no figure, and what to do."""
    if not (predictions.shares.any() or np.isfinite(predictions.targets).any() or any(predictions.names)):
        return f"No figures: none of the {len(predictions)} windows has a label."
    if not predictions.present.any():
        return (
            f"No figures: the model has no answer for any of the {len(predictions)} windows. Too little of the signal "
            "(or no face, no voice) was there."
        )
    if not len(kept):
        longest = float(predictions.elapsed_s.max()) if len(predictions) else 0.0
        return (
            f"No figures: none of the {len(predictions)} windows counts. Expected labelled windows after the first "
            f"{reading.settle_s:g} s, in which the person's rest is learned; the longest recording lasts {longest:.0f} "
            "s. --settle sets another time."
        )
    names = sorted({name for name in kept.names if name})
    return (
        f"No figures: the labels ({', '.join(names[:8]) or 'none'}) are neither ratings nor emotions of which the "
        "model says something. Where one of two classes should have the higher score, name them: --contrast LOW,HIGH."
    )
