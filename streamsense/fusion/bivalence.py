"""Bivalence: signs of a positive and of a negative state at the same time, as of two indices from attitude research.

Positive and negative activation are two numbers, not one scale (evaluative space: Cacioppo & Berntson 1994).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import VAD_CENTROIDS
from streamsense.streams import Modality

_PLEASANT: Final = VAD_CENTROIDS[:, 0].copy()
"""How positive each emotion is, and how negative where it is below 0."""


def activation(valence: float, emotion_logits: FloatArray, evidence: FloatArray) -> tuple[float, float]:
    """Positive and negative activation, each in [0, 1], that one expert saw.

    One that knows emotions (`evidence` (8,)) gives both at once, a smile over a lowered brow, by how sure it is:
    times 1 − the entropy of its emotions over that of all alike (Shannon 1948). Of one that knows only a valence the
    mean counts and never its variance: not knowing is not feeling two things.
    """
    found: tuple[float, float] = _sides(valence, emotion_logits, evidence, _PLEASANT)
    return found


@njit(cache=True)  # type: ignore[untyped-decorator]
def _sides(valence: float, logits: FloatArray, evidence: FloatArray, pleasant: FloatArray) -> tuple[float, float]:
    most = -np.inf
    for emotion in range(len(logits)):
        if evidence[emotion] > 0:
            most = max(most, logits[emotion])
    if most == -np.inf:
        limited = min(max(valence, -1.0), 1.0)
        return max(limited, 0.0), max(-limited, 0.0)
    positive = negative = total = surprise = 0.0
    known = 0
    for emotion in range(len(logits)):
        if evidence[emotion] > 0:
            mass = evidence[emotion] * math.exp(logits[emotion] - most)
            known += 1
            total += mass
            surprise -= mass * math.log(mass) if mass > 0 else 0.0
            positive += mass * max(pleasant[emotion], 0.0)
            negative += mass * max(-pleasant[emotion], 0.0)
    entropy = surprise / total + math.log(total)
    sure = min(1.0, max(0.0, 1 - entropy / math.log(max(known, 2))))
    return sure * positive / total, sure * negative / total


def pooled(
    activations: Mapping[Modality, tuple[float, float]], beliefs: Mapping[Modality, float]
) -> tuple[float, float]:
    """Positive and negative activation of the experts in `beliefs`, by how far each is believed; 0 without any."""
    total = positive = negative = 0.0
    for name, belief in beliefs.items():
        total += belief
        positive += belief * activations[name][0]
        negative += belief * activations[name][1]
    return (positive / total, negative / total) if total > 0 else (0.0, 0.0)


def least(positive: float, negative: float) -> float:
    """The lesser of the two, in [0, 1] (Schimmack 2001): 0 where either is absent."""
    return min(positive, negative)


def griffin(positive: float, negative: float) -> float:
    """Similarity less intensity, (P + N)/2 − |P − N|, limited to [0, 1] (Thompson, Zanna & Griffin 1995).

    Unlimited, nothing at all (0, 0) would be more ambivalent than one clear feeling (1, 0), which gives −½.
    """
    return max(0.0, (positive + negative) / 2 - abs(positive - negative))
