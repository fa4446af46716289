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
from typing import NamedTuple

import numpy as np
from numba import njit

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


class Stand(NamedTuple):
    """Where one modality stands: its valence, whose variance, how far it is to be believed (0 to 1), as of when (s)."""

    valence: float
    variance: float
    belief: float
    effective_time: float


_NOWHERE = Stand(0.0, 1.0, 0.0, math.nan)


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

    Pairs whose valences have opposite signs are in discord by 1 − e^(−z²/2), z twice their geometric mean in standard
    deviations of their distance. That is their distance where they are equally strong, and less the less they are so:
    one just across 0 contradicts nobody, however strong the other is. The sign says which of the two is the more
    positive. The excess is what goes beyond the pair's habitual discord, all of it where the sign is another. While two
    cannot be compared nothing is learned of them.
    """
    elapsed_s = 0.0 if math.isnan(state.tick_time) else max(0.0, tick_time - state.tick_time)
    state.tick_time = tick_time
    now = np.array([_NOWHERE if one is None else one for one in stands])
    share = -math.expm1(-elapsed_s / settings.habitual_s) if state.is_learning else 0.0
    excess: float = _step(
        state.time, state.valence, state.variance, state.belief, state.habitual, now, state.is_learning, share,
        settings.nearest_s, settings.least_sd, settings.nothing,
    )  # fmt: skip
    return excess


@njit(cache=True)  # type: ignore[untyped-decorator]
def _step(
    time: FloatArray,
    valence: FloatArray,
    variance: FloatArray,
    belief: FloatArray,
    habitual: FloatArray,
    now: FloatArray,
    is_learning: bool,
    share: float,
    nearest_s: float,
    least_sd: float,
    nothing: float,
) -> float:
    pairs = len(habitual)
    signed, weight, compared = np.zeros(pairs), np.zeros(pairs), np.zeros(pairs, np.bool_)
    _compare(time, valence, variance, belief, now, nearest_s, least_sd, signed, weight, compared)
    return _excess(habitual, signed, weight, compared, is_learning, share, nothing)  # type: ignore[no-any-return]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _compare(
    time: FloatArray,
    valence: FloatArray,
    variance: FloatArray,
    belief: FloatArray,
    now: FloatArray,
    nearest_s: float,
    least_sd: float,
    signed: FloatArray,
    weight: FloatArray,
    compared: BoolArray,
) -> None:
    """Remember what is said `now`, and find signed discord, weight, and whether they could be compared, of each pair.

    They are compared as of the earliest of the instants that those who say something now stand for.
    """
    at = np.inf
    for place in range(len(time)):
        for array in (time, valence, variance, belief):
            array[place, :-1] = array[place, 1:]
        valence[place, -1], variance[place, -1], time[place, -1] = now[place, 0], now[place, 1], now[place, 3]
        belief[place, -1] = min(1.0, max(0.0, now[place, 2]))
        if belief[place, -1] > 0 and np.isfinite(time[place, -1]):
            at = min(at, time[place, -1])
    nearest = np.full(len(time), -1)
    for place in range(len(time)):
        if belief[place, -1] > 0 and np.isfinite(time[place, -1]):
            nearest[place] = _nearest(time[place], at, nearest_s)
    pair = 0
    for one in range(len(time)):
        for other in range(one + 1, len(time)):
            first, second = nearest[one], nearest[other]
            if first >= 0 and second >= 0:
                a, b = valence[one, first], valence[other, second]
                spread = variance[one, first] + variance[other, second] + least_sd * least_sd
                weight[pair] = belief[one, first] * belief[other, second]
                compared[pair] = True
                if a * b < 0:
                    signed[pair] = math.copysign(-math.expm1(2 * a * b / spread), a - b)
            pair += 1


@njit(cache=True)  # type: ignore[untyped-decorator]
def _nearest(times: FloatArray, at: float, within_s: float) -> int:
    """The place of the time that is nearest to `at`, the newest of equals; -1 where none is near."""
    found, least = -1, within_s
    for place in range(len(times)):
        distance = abs(times[place] - at)  # NaN is near to nothing
        if distance <= least:
            found, least = place, distance
    return found


@njit(cache=True)  # type: ignore[untyped-decorator]
def _excess(
    habitual: FloatArray,
    signed: FloatArray,
    weight: FloatArray,
    compared: BoolArray,
    is_learning: bool,
    share: float,
    nothing: float,
) -> float:
    """What goes beyond the habitual, which is learned by `share`; [0, 1]."""
    above, below = 0.0, nothing
    for pair in range(len(signed)):
        usual = habitual[pair]
        if np.isnan(usual):
            usual = signed[pair] if is_learning else 0.0
        if is_learning and compared[pair]:
            usual += share * (signed[pair] - usual)
            habitual[pair] = usual
        size = abs(signed[pair])
        excess = size - (min(abs(usual), size) if signed[pair] * usual > 0 else 0.0)
        above += weight[pair] * excess
        below += weight[pair]
    return min(1.0, above / below)
