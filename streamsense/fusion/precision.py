"""The shipped fusion, compiled: what its graph computes (models_onnx/fusion_graph.py), in a tenth of the graph's time.

A graph of 140 small operations spends its time on calling them. So where the file is the shipped one, its formulas run
here instead; where it is anybody else's, the file itself runs. Tests hold both to the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numba import njit

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import ModelError
from streamsense.fusion import weighting as rule
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS, PRIOR_SD
from streamsense.models.session import OnnxModel
from streamsense.streams import MODALITIES

_MODALITIES, _DIMENSIONS, _EMOTIONS = len(MODALITIES), len(DIMENSIONS), len(EMOTIONS)
_LOW, _HIGH = rule.LOG_VARIANCE_RANGE
_LEAST_SPREAD: Final = rule.DISCORD_SD**2 * rule.PRIOR_PRECISION
_AGES: Final = np.array(rule.AGE_TIME_CONSTANTS_S)
_IN_AGREEMENT: Final = np.array(rule.NARROWING_IN_AGREEMENT)
_OF_SPREAD: Final = np.array(rule.SHARE_OF_SPREAD)
_EMOTION_PRIOR: Final = np.array(rule.EMOTION_PRIOR)


_CHECKS: Final = 8
_MOST_APART: Final = 1e-4


class PrecisionFusion:
    """A fusion model (see `combination.FusionModel`) that computes what the file of `graph` does.

    Raises ModelError where it does not: then somebody has changed the file that is shipped with these formulas.
    """

    def __init__(self, graph: OnnxModel) -> None:
        random = np.random.default_rng(0)
        for _ in range(_CHECKS):
            given = {name: random.uniform(-1, 1, shape).astype(np.float32) for name, shape in graph.inputs.items()}
            expected, found = graph.run(given), self.run(given)
            for name, value in found.items():
                if name not in expected or not np.allclose(value, expected[name], atol=_MOST_APART, rtol=0):
                    raise ModelError(
                        f"{graph.path.name} is not the file that this version of streamsense was made with: its output "
                        f"{name} differs. Install streamsense again, or name a changed file by its path as "
                        "fusion_model: then it runs as it is. Whoever changes the rule itself builds the models again "
                        "and deletes streamsense/fusion/__pycache__, where the compiled rule is kept."
                    )

    def run(self, inputs: Mapping[str, Float32Array]) -> dict[str, FloatArray]:
        """Outputs by name for finite inputs by name, of the shapes of `combination.INPUTS` and `OUTPUTS`."""
        vad, emotions = np.empty((3, _DIMENSIONS)), np.empty(_EMOTIONS)
        weight, confidence = np.empty(_MODALITIES), np.empty(1)
        _fuse(
            inputs["vad_mean"], inputs["vad_log_variance"], inputs["emotion_logits"], inputs["vad_evidence"],
            inputs["emotion_evidence"], inputs["presence"], inputs["quality"], inputs["age_s"],
            inputs["contradiction_before"], inputs["newness"], vad, emotions, weight, confidence,
        )  # fmt: skip
        return {
            "vad": vad[0], "vad_sd": vad[1], "emotion_probabilities": emotions, "weight": weight,
            "confidence": confidence, "contradiction": vad[2],
        }  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def _limited(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _fuse(
    vad_mean: Float32Array, vad_log_variance: Float32Array, emotion_logits: Float32Array, vad_evidence: Float32Array,
    emotion_evidence: Float32Array, presence: Float32Array, quality: Float32Array, age_s: Float32Array,
    before: Float32Array, newness: Float32Array, vad: FloatArray, emotions: FloatArray, weight: FloatArray,
    confidence: FloatArray,
) -> None:  # fmt: skip
    """Fill `vad` (mean, SD and remembered contradiction, each (3,)), `emotions` (8,), `weight` (3,) and `confidence`.

    Places and variances are in units of the prior, as in the graph.
    """
    pool = np.empty(_MODALITIES)
    mean, variance, believed = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    for m in range(_MODALITIES):
        stale = max(_limited(age_s[m], 0.0, rule.LARGEST_AGE_S) - rule.FRESH_S, 0.0)
        heard = _limited(presence[m], 0.0, 1.0) * _limited(quality[m], 0.0, 1.0) * math.exp(-stale / _AGES[m])
        says = 0.0
        for e in range(_EMOTIONS):
            says = max(says, _limited(emotion_evidence[m, e], 0.0, 1.0))
        pool[m] = heard * says
        for d in range(_DIMENSIONS):
            mean[m, d] = _limited(vad_mean[m, d], -1.0, 1.0) / PRIOR_SD
            variance[m, d] = math.exp(_limited(vad_log_variance[m, d], _LOW, _HIGH)) * rule.PRIOR_PRECISION
            believed[m, d] = heard * _limited(vad_evidence[m, d], 0.0, 1.0)
    contradiction, agreement = np.empty(3), np.empty(3)
    _on_sides(mean, variance, believed, contradiction, agreement)
    _cap(variance, believed, pool, contradiction.max(), weight)
    known = 0.0
    for d in range(_DIMENSIONS):
        old = _limited(before[d], 0.0, 1.0)
        vad[2, d] = old + _limited(newness[d], 0.0, 1.0) * (contradiction[d] - old)
        place, spread = _combined(d, mean, variance, believed, weight, agreement[d], vad[2, d])
        known += max(1 - spread, 0.0) / _DIMENSIONS
        vad[0, d] = _limited(place * PRIOR_SD, -1.0, 1.0)
        vad[1, d] = math.sqrt(min(spread, rule.PRIOR_PRECISION)) * PRIOR_SD
    confidence[0] = known
    for m in range(_MODALITIES):
        pool[m] *= weight[m]
    _pool_emotions(emotion_logits, emotion_evidence, pool, emotions)
    _to_shares(variance, believed, pool, weight)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _on_sides(
    mean: FloatArray, variance: FloatArray, believed: FloatArray, contradiction: FloatArray, agreement: FloatArray
) -> None:
    """How surely the experts say opposite things, and the same, per dimension."""
    for d in range(_DIMENSIONS):
        opposite, same, whole = 0.0, 0.0, rule.DISCORD_EPSILON
        for one in range(_MODALITIES):
            for other in range(one + 1, _MODALITIES):
                spread = variance[one, d] + variance[other, d] + _LEAST_SPREAD
                product = 2 * rule.CONTRADICTION_SHARPNESS * mean[one, d] * mean[other, d] / spread
                both = believed[one, d] * believed[other, d]
                opposite -= both * math.expm1(min(product, 0.0))
                same -= both * math.expm1(min(-product, 0.0))
                whole += both
        contradiction[d], agreement[d] = opposite / whole, same / whole


@njit(cache=True)  # type: ignore[untyped-decorator]
def _counts(variance: FloatArray, believed: FloatArray, pool: FloatArray, m: int) -> float:
    counts: float = pool[m]
    for d in range(_DIMENSIONS):
        counts += believed[m, d] / variance[m, d]
    return counts


@njit(cache=True)  # type: ignore[untyped-decorator]
def _cap(variance: FloatArray, believed: FloatArray, pool: FloatArray, most: float, kept: FloatArray) -> None:
    """The factor (3,) by which each modality is held back: in conflict none may have more than its cap."""
    ramp = (most - rule.CONFLICT_FROM) / (rule.CONFLICT_FULLY - rule.CONFLICT_FROM)
    for_others = (1 - rule.CAP_IN_CONFLICT) * _limited(ramp, 0.0, 1.0)
    total = 0.0
    for m in range(_MODALITIES):
        total += _counts(variance, believed, pool, m)
    for m in range(_MODALITIES):
        counts = _counts(variance, believed, pool, m)
        allowed = (1 - for_others) * (total - counts) + rule.NEGLIGIBLE
        kept[m] = min(allowed / max(for_others * counts, rule.NEGLIGIBLE), 1.0)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _to_shares(variance: FloatArray, believed: FloatArray, kept_pool: FloatArray, weight: FloatArray) -> None:
    """Turn factors `weight` (3,) into effective shares, which sum to 1, or are 0; `kept_pool` is held back already."""
    total = 0.0
    for m in range(_MODALITIES):
        precision = 0.0
        for d in range(_DIMENSIONS):
            precision += believed[m, d] / variance[m, d]
        weight[m] = weight[m] * precision + kept_pool[m]
        total += weight[m]
    for m in range(_MODALITIES):
        weight[m] = weight[m] / total if total > rule.NEGLIGIBLE else 0.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _combined(
    d: int, mean: FloatArray, variance: FloatArray, believed: FloatArray, kept: FloatArray, agreement: float,
    contradiction: float,
) -> tuple[float, float]:  # fmt: skip
    """Mean and variance of one dimension, between the experts' product and their linear pool with the prior."""
    said, counted, unheard, narrows = 0.0, 0.0, 1.0, 0.0
    voiced, squares, votes = 0.0, rule.PRIOR_VOTES, rule.PRIOR_VOTES
    for m in range(_MODALITIES):
        belief, place = believed[m, d], mean[m, d]
        precision = belief / variance[m, d]
        unheard *= 1 - min(belief, precision)
        said += precision * kept[m] * place
        counted += precision * kept[m]
        narrows += max(precision - belief, 0.0)
        voiced += belief * place
        squares += belief * (min(variance[m, d], rule.PRIOR_PRECISION) + place * place)
        votes += belief
    agreed = said / (counted + unheard)
    pooled = voiced / votes
    product_variance = 1 / (1 + rule.NARROWING * (1 + _IN_AGREEMENT[d] * agreement) * narrows)
    pool_variance = squares / votes - pooled * pooled
    share = contradiction**rule.SHARE_OF_MEAN
    between = share * (1 - share) * (pooled - agreed) ** 2
    widened = product_variance + contradiction ** _OF_SPREAD[d] * (pool_variance - product_variance)
    return agreed + share * (pooled - agreed), widened + between


@njit(cache=True)  # type: ignore[untyped-decorator]
def _pool_emotions(logits: Float32Array, evidence: Float32Array, pool: FloatArray, emotions: FloatArray) -> None:
    """Log-opinion pool with the prior (8,); an emotion without evidence keeps its prior odds."""
    for e in range(_EMOTIONS):
        emotions[e] = math.log(_EMOTION_PRIOR[e])
    whole = max(pool.sum(), 1.0)
    for m in range(_MODALITIES):
        expected, known = 0.0, 0.0
        for e in range(_EMOTIONS):
            mass = _limited(evidence[m, e], 0.0, 1.0) * _EMOTION_PRIOR[e]
            expected += mass * math.exp(_limited(logits[m, e], -rule.LOGIT_LIMIT, rule.LOGIT_LIMIT))
            known += mass
        level = math.log(max(expected, rule.NEGLIGIBLE) / max(known, rule.NEGLIGIBLE))
        for e in range(_EMOTIONS):
            shift = _limited(logits[m, e], -rule.LOGIT_LIMIT, rule.LOGIT_LIMIT) - level
            emotions[e] += pool[m] / whole * _limited(evidence[m, e], 0.0, 1.0) * shift
    most, total = emotions.max(), 0.0
    for e in range(_EMOTIONS):
        emotions[e] = math.exp(emotions[e] - most)
        total += emotions[e]
    emotions /= total
