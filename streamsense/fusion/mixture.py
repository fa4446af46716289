"""The emotion mixture: what valence, arousal and dominance say about the emotions, and names where two are high.

Each emotion is a Gaussian in valence-arousal-dominance space (means and SDs in `emotions`; Russell & Mehrabian 1977). A
dimension of which nothing is known is left out, which for diagonal covariances is its marginal distribution.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import EMOTIONS, VAD_CENTROID_SDS, VAD_CENTROIDS
from streamsense.fusion.weighting import LOG_VARIANCE_RANGE, PRIOR_PRECISION

_NOTHING: Final = 1e-3
"""A precision above the prior's that tells nothing."""
_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE = LOG_VARIANCE_RANGE
_CENTROID_VARIANCES: Final[FloatArray] = VAD_CENTROID_SDS**2
_TINY: Final = float(np.finfo(np.float64).tiny)
LEAST_PART = 0.25
"""How much of the mixture an emotion must have to be named; four cannot have as much, so at most three are."""

COMPOUNDS: dict[frozenset[str], str] = {
    frozenset({"happy", "surprised"}): "happily surprised",
    frozenset({"happy", "disgusted"}): "happily disgusted",
    frozenset({"sad", "fearful"}): "sadly fearful",
    frozenset({"sad", "angry"}): "sadly angry",
    frozenset({"sad", "surprised"}): "sadly surprised",
    frozenset({"sad", "disgusted"}): "sadly disgusted",
    frozenset({"fearful", "angry"}): "fearfully angry",
    frozenset({"fearful", "surprised"}): "fearfully surprised",
    frozenset({"fearful", "disgusted"}): "fearfully disgusted",
    frozenset({"angry", "surprised"}): "angrily surprised",
    frozenset({"angry", "disgusted"}): "angrily disgusted",
    frozenset({"disgusted", "surprised"}): "disgustedly surprised",
    frozenset({"happy", "sad"}): "bittersweet",
}
"""Compound emotions (Du, Tao & Martinez 2014, PNAS 111); theirs have no name for happy and sad, which Larsen has."""


def with_vote(
    probabilities: FloatArray, mean: FloatArray, log_variance: FloatArray, evidence: FloatArray, share: float
) -> FloatArray:
    """The mixture (8,), summing to 1, with the vote of one that knows dimensions and no emotions: p · likelihood^share.

    Dimensions, with their `mean` and `log_variance` (3,), count by their `evidence` (3,) in [0, 1]. An opinion holds
    the prior already: N(mean, variance) over N(0, PRIOR_SD²) is what was seen, and that is compared with the emotions.
    So an opinion that knows no more than the prior tells nothing, least of all that somebody is neutral.
    """
    mixture = np.zeros(len(probabilities))
    _vote(probabilities, mean, log_variance, evidence, share, VAD_CENTROIDS, _CENTROID_VARIANCES, mixture)
    return mixture


@njit(cache=True)  # type: ignore[untyped-decorator]
def _vote(
    probabilities: FloatArray,
    mean: FloatArray,
    log_variance: FloatArray,
    evidence: FloatArray,
    share: float,
    centroids: FloatArray,
    centroid_variances: FloatArray,
    mixture: FloatArray,
) -> None:
    logits = np.zeros(len(probabilities))
    _add_likelihoods(logits, mean, log_variance, evidence, centroids, centroid_variances)
    for emotion in range(len(probabilities)):
        mixture[emotion] = math.log(max(probabilities[emotion], _TINY)) + share * logits[emotion]
    most, total = mixture.max(), 0.0
    for emotion in range(len(mixture)):
        mixture[emotion] = math.exp(mixture[emotion] - most)
        total += mixture[emotion]
    mixture /= total


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_likelihoods(
    logits: FloatArray,
    mean: FloatArray,
    log_variance: FloatArray,
    evidence: FloatArray,
    centroids: FloatArray,
    centroid_variances: FloatArray,
) -> None:
    for dimension in range(len(mean)):
        variance = math.exp(min(max(log_variance[dimension], _LEAST_LOG_VARIANCE), _MOST_LOG_VARIANCE))
        seen = 1 / variance - PRIOR_PRECISION
        if seen <= _NOTHING:
            continue
        counts = min(max(evidence[dimension], 0.0), 1.0)
        observed = min(max(mean[dimension], -1.0), 1.0) / variance / seen
        for emotion in range(len(logits)):
            spread = centroid_variances[emotion, dimension] + 1 / seen
            apart = observed - centroids[emotion, dimension]
            logits[emotion] -= counts * 0.5 * (apart * apart / spread + math.log(spread))
    logits -= logits.max()


def name_of(probabilities: FloatArray) -> str:
    """The strongest emotion, or the compound of the two strongest where both have a quarter of the mixture or more."""
    parts = probabilities.tolist()
    order = sorted(range(len(parts)), key=parts.__getitem__, reverse=True)
    first, second = EMOTIONS[order[0]], EMOTIONS[order[1]]
    if parts[order[1]] < LEAST_PART or "neutral" in (first, second):
        return first
    return COMPOUNDS.get(frozenset({first, second}), f"{first} and {second}")
