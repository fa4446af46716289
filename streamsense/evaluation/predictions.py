"""What was said of each window and what its label is: the one table that every report is made of."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streamsense.arrays import BoolArray, FloatArray
from streamsense.evaluation.windows import Window
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.ticks import TICKS_PER_SECOND

Indices = npt.NDArray[np.intp]
Protocol = Literal["person", "trial", "corpus"]
RATED, PLACES = "ratings", "the places of the labelled emotions"
"""Where targets in valence, arousal and dominance come from: people's ratings, or a convention."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """n windows: what `source` said of each, and what is known of it.

    `dimensions` and `emotions` are those that the source has evidence for; of others it says nothing. `names` (n) are
    the set's own class names, "" for none. `targets` (n, 3) in [-1, 1] are NaN where there is none; `target_kind` says
    what they are. `shares` (n, 8) over `fusion.emotions.EMOTIONS` are the raters', all zero where there is none.
    `vad_mean` and `vad_sd` (n, 3), `probabilities` (n, 8; 0 for an emotion without evidence) and `ambivalence` (n,; NaN
    where it is not said) are the answers; where `present` (n,) is false there was none, and they are the prior's.
    `elapsed_s` (n,) is how much of the recording lay before the window's end.
    """

    source: str
    dimensions: tuple[str, ...]
    emotions: tuple[str, ...]
    windows: tuple[Window, ...]
    names: tuple[str, ...]
    targets: FloatArray
    shares: FloatArray
    vad_mean: FloatArray
    vad_sd: FloatArray
    probabilities: FloatArray
    ambivalence: FloatArray
    present: BoolArray
    elapsed_s: FloatArray
    target_kind: str = RATED

    def __post_init__(self) -> None:
        n, dimensions, emotions = len(self.windows), len(DIMENSIONS), len(EMOTIONS)
        shapes = {
            "names": (n,), "targets": (n, dimensions), "shares": (n, emotions), "vad_mean": (n, dimensions),
            "vad_sd": (n, dimensions), "probabilities": (n, emotions), "ambivalence": (n,), "present": (n,),
            "elapsed_s": (n,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if (found := np.shape(getattr(self, name))) != shape:
                raise ValueError(f"{name} has the shape {found}, expected {shape} for {n} windows")
        for name in ("vad_mean", "vad_sd", "probabilities"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} holds NaN or infinity: where nothing was said, give the prior's values")

    def __len__(self) -> int:
        return len(self.windows)

    def take(self, rows: Indices | BoolArray | Sequence[int]) -> Predictions:
        """These windows only, in this order."""
        kept = np.asarray(rows)
        kept = np.flatnonzero(kept) if kept.dtype == np.bool_ else kept.astype(np.intp)
        arrays: dict[str, Any] = {name: getattr(self, name)[kept] for name in _ARRAYS}
        windows = tuple(self.windows[at] for at in kept.tolist())
        return replace(self, windows=windows, names=tuple(self.names[at] for at in kept.tolist()), **arrays)


_ARRAYS = ("targets", "shares", "vad_mean", "vad_sd", "probabilities", "ambivalence", "present", "elapsed_s")


def joined(parts: Iterable[Predictions]) -> Predictions:
    """Windows of several recordings, one after the other; raises ValueError for none, or where sources differ."""
    parts = list(parts)
    if len({(part.source, part.dimensions, part.emotions, part.target_kind) for part in parts}) != 1:
        raise ValueError("expected predictions of one source")
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    windows = tuple(window for part in parts for window in part.windows)
    return replace(parts[0], windows=windows, names=tuple(name for part in parts for name in part.names), **arrays)


def groups_of(predictions: Predictions, protocol: Protocol) -> list[Hashable]:
    """Whose each window is: what is drawn whole for intervals, and has a figure of its own."""
    if protocol == "corpus":
        return [window.dataset for window in predictions.windows]
    if protocol == "person":
        return [(window.dataset, window.person) for window in predictions.windows]
    return [trial_of(window) for window in predictions.windows]


def trial_of(window: Window) -> tuple[str, str, str, str]:
    """What tells the window's trial from all others."""
    return window.dataset, window.person, window.recording, window.trial


def one_a_second(predictions: Predictions) -> Indices:
    """The windows that end with a whole second: neighbours 200 ms apart share all but a twentieth of their samples."""
    ticks = np.array([round(window.end_s * TICKS_PER_SECOND) for window in predictions.windows], np.int64)
    return np.flatnonzero(ticks % TICKS_PER_SECOND == 0)


def last_of_each_trial(predictions: Predictions) -> Indices:
    """The last window of each trial: for clips, which are judged once, when they have been heard or seen."""
    last = {trial_of(window): at for at, window in enumerate(predictions.windows)}
    return np.array(sorted(last.values()), np.intp)
