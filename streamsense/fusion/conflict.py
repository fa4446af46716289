"""Conflict: which modalities contradict each other in valence, beyond what is usual with this person.

After CA-MER and MoSEAR, whose point is that a conflict is to be measured between pairs and not drowned in a mean.
Experts are compared as of the same instant: an EEG window stands for a moment that lies seconds before that of a face,
and its delay must not be read as conflict.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsense.arrays import BoolArray, FloatArray
from streamsense.streams import MODALITIES

PAIRS = tuple(itertools.combinations(range(len(MODALITIES)), 2))
"""The places in MODALITIES of each pair's two."""
_TICKS_KEPT = 64
"""Of each modality's past: 12.8 s, more than any window's delay."""


@dataclass(frozen=True)
class ConflictSettings:
    """`least_sd` is added to each pair's spread, `nothing` to the sum of weights; times in s.

    A past opinion stands for an instant if it lies at most `nearest_s` from it.
    """

    least_sd: float = 0.2
    nothing: float = 0.05
    habitual_s: float = 90.0
    nearest_s: float = 0.5


@dataclass(frozen=True)
class Stand:
    """Where one modality stands: its valence, whose variance, how far it is to be believed (0 to 1), as of when (s)."""

    valence: float
    variance: float
    belief: float
    effective_time: float


@dataclass
class ConflictState:
    """Each modality's last stands (modalities, ticks), the oldest first: NaN where there were fewer.

    `habitual` (pairs,) is the signed discord that each pair usually shows, NaN where it was never compared;
    `is_learning` is False while a profile says what is habitual, and while it is frozen.
    """

    time: FloatArray = field(default_factory=lambda: np.full((len(MODALITIES), _TICKS_KEPT), np.nan))
    valence: FloatArray = field(default_factory=lambda: np.zeros((len(MODALITIES), _TICKS_KEPT)))
    variance: FloatArray = field(default_factory=lambda: np.ones((len(MODALITIES), _TICKS_KEPT)))
    belief: FloatArray = field(default_factory=lambda: np.zeros((len(MODALITIES), _TICKS_KEPT)))
    habitual: FloatArray = field(default_factory=lambda: np.full(len(PAIRS), np.nan))
    is_learning: bool = True
    tick_time: float = math.nan


def step_conflict(
    state: ConflictState, settings: ConflictSettings, stands: Sequence[Stand | None], tick_time: float
) -> float:
    """Excess discord at a tick, in [0, 1]; None in `stands` is a modality that has no valence to compare.

    Pairs whose valences have opposite signs are in discord by 1 − e^(−z²/2), z their distance in standard deviations;
    its sign says which of the two is the more positive. The excess is what goes beyond the pair's habitual discord, all
    of it where the sign is another. While two cannot be compared nothing is learned of them.
    """
    elapsed_s = 0.0 if math.isnan(state.tick_time) else tick_time - state.tick_time
    state.tick_time = tick_time
    _remember(state, stands)
    here = [place for place, stand in enumerate(stands) if stand is not None and stand.belief > 0]
    if len(here) < 2:
        return 0.0
    at = min(stand.effective_time for stand in (stands[place] for place in here) if stand is not None)
    signed, weight, compared = _discords(state, settings, here, at)
    habitual = np.where(np.isnan(state.habitual), signed if state.is_learning else 0.0, state.habitual)
    if state.is_learning:
        share = -math.expm1(-elapsed_s / settings.habitual_s)
        state.habitual = np.where(compared, habitual + share * (signed - habitual), state.habitual)
    same_side = signed * habitual > 0
    excess = np.abs(signed) - np.where(same_side, np.minimum(np.abs(habitual), np.abs(signed)), 0.0)
    return float(min(1.0, (weight * excess).sum() / (settings.nothing + weight.sum())))


def _remember(state: ConflictState, stands: Sequence[Stand | None]) -> None:
    for name in ("time", "valence", "variance", "belief"):
        array = getattr(state, name)
        array[:, :-1] = array[:, 1:]
    for place, stand in enumerate(stands):
        state.time[place, -1] = math.nan if stand is None else stand.effective_time
        if stand is not None:
            state.valence[place, -1] = stand.valence
            state.variance[place, -1] = stand.variance
            state.belief[place, -1] = min(1.0, max(0.0, stand.belief))


def _discords(
    state: ConflictState, settings: ConflictSettings, here: Sequence[int], at: float
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Signed discord, weight, and whether they could be compared, of each pair (pairs,) as of the instant `at`."""
    nearest = {place: _nearest(state.time[place], at, settings.nearest_s) for place in here}
    signed, weight, compared = np.zeros(len(PAIRS)), np.zeros(len(PAIRS)), np.zeros(len(PAIRS), np.bool_)
    for pair, (one, other) in enumerate(PAIRS):
        first, second = nearest.get(one), nearest.get(other)
        if first is None or second is None:
            continue
        a, b = float(state.valence[one, first]), float(state.valence[other, second])
        spread = float(state.variance[one, first] + state.variance[other, second]) + settings.least_sd**2
        weight[pair] = state.belief[one, first] * state.belief[other, second]
        compared[pair] = True
        if a * b < 0:
            signed[pair] = math.copysign(-math.expm1(-((a - b) ** 2) / spread / 2), a - b)
    return signed, weight, compared


def _nearest(times: FloatArray, at: float, within_s: float) -> int | None:
    """The place of the time that is nearest to `at`, the newest of equals; None where none is near."""
    distance = np.where(np.isnan(times), np.inf, np.abs(times - at))
    place = len(times) - 1 - int(distance[::-1].argmin())
    return place if distance[place] <= within_s else None
