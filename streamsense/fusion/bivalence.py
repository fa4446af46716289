"""Bivalence: signs of a positive and of a negative state at the same time, as of two indices from attitude research.

Positive and negative activation are two numbers, not one scale (evaluative space: Cacioppo & Berntson 1994).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import VAD_CENTROIDS
from streamsense.streams import Modality

_SIDES = np.stack([np.maximum(VAD_CENTROIDS[:, 0], 0.0), np.maximum(-VAD_CENTROIDS[:, 0], 0.0)], axis=1)
"""How positive and how negative each emotion is, (8, 2)."""


def activation(valence: float, emotion_logits: FloatArray, evidence: FloatArray) -> tuple[float, float]:
    """Positive and negative activation, each in [0, 1], that one expert saw.

    One that knows emotions (`evidence` (8,)) gives both at once, a smile over a lowered brow; of one that knows only a
    valence the mean counts and never its variance: not knowing is not feeling two things.
    """
    if not evidence.any():
        return max(valence, 0.0), max(-valence, 0.0)
    mass = evidence * np.exp(emotion_logits - emotion_logits.max())
    positive, negative = (mass @ _SIDES / mass.sum()).tolist()
    return positive, negative


def pooled(
    activations: Mapping[Modality, tuple[float, float]], beliefs: Mapping[Modality, float]
) -> tuple[float, float]:
    """Positive and negative activation of the experts in `beliefs`, by how far each is believed; 0 without any."""
    total = sum(beliefs.values())
    if total <= 0:
        return 0.0, 0.0
    positive = sum(belief * activations[name][0] for name, belief in beliefs.items()) / total
    negative = sum(belief * activations[name][1] for name, belief in beliefs.items()) / total
    return positive, negative


def least(positive: float, negative: float) -> float:
    """The lesser of the two, in [0, 1] (Schimmack 2001): 0 where either is absent."""
    return min(positive, negative)


def griffin(positive: float, negative: float) -> float:
    """Similarity less intensity, (P + N)/2 − |P − N|, limited to [0, 1] (Thompson, Zanna & Griffin 1995).

    Unlimited, nothing at all (0, 0) would be more ambivalent than one clear feeling (1, 0), which gives −½.
    """
    return max(0.0, (positive + negative) / 2 - abs(positive - negative))
