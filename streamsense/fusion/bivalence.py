"""Bivalence: signs of a positive and of a negative state at the same time, as of two indices from attitude research.

Positive and negative activation are two numbers, not one scale (evaluative space: Cacioppo & Berntson 1994).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import VAD_CENTROIDS

_SIDES = np.stack([np.maximum(VAD_CENTROIDS[:, 0], 0.0), np.maximum(-VAD_CENTROIDS[:, 0], 0.0)], axis=1)
"""How positive and how negative each emotion is, (8, 2)."""


def activation(valence: float, emotion_logits: FloatArray, evidence: FloatArray) -> FloatArray:
    """Positive and negative activation (2,), each in [0, 1], that one expert saw.

    One that knows emotions (`evidence` (8,)) gives both at once, a smile over a lowered brow; of one that knows only a
    valence the mean counts and never its variance: not knowing is not feeling two things.
    """
    if not evidence.any():
        return np.array([max(valence, 0.0), max(-valence, 0.0)])
    mass = evidence * np.exp(emotion_logits - emotion_logits.max())
    return np.asarray((mass / mass.sum()) @ _SIDES)


def pooled(activations: Sequence[FloatArray], beliefs: Sequence[float]) -> FloatArray:
    """The experts' activations (2,), by how far each is believed; 0 without any."""
    total = sum(beliefs)
    if total <= 0:
        return np.zeros(2)
    return np.asarray(sum(belief * each for belief, each in zip(beliefs, activations, strict=True)) / total)


def least(positive: float, negative: float) -> float:
    """The lesser of the two, in [0, 1] (Schimmack 2001): 0 where either is absent."""
    return min(positive, negative)


def griffin(positive: float, negative: float) -> float:
    """Similarity less intensity, (P + N)/2 − |P − N|, limited to [0, 1] (Thompson, Zanna & Griffin 1995).

    Unlimited, nothing at all (0, 0) would be more ambivalent than one clear feeling (1, 0), which gives −½.
    """
    return max(0.0, (positive + negative) / 2 - abs(positive - negative))
