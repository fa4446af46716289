"""The fusion as a graph: precision-weighted experts with a prior, conflict, discord, bivalence and confidence."""

from __future__ import annotations

import numpy as np
from graph_builder import GraphBuilder
from onnx import TensorProto

from streamsense.fusion.emotions import VAD_CENTROIDS
from streamsense.fusion.weighting import (
    AGE_TIME_CONSTANTS_S,
    CAP_IN_CONFLICT,
    CONFLICT_FROM,
    CONFLICT_FULLY,
    DISAGREEMENT_BY_CHANCE,
    DISCORD_EPSILON,
    DISCORD_SD,
    EMOTION_PRIOR,
    LARGEST_AGE_S,
    LOG_VARIANCE_RANGE,
    LOGIT_LIMIT,
    NEGLIGIBLE,
    PRIOR_PRECISION,
)

_PAIRS = ([0, 0, 1], [1, 2, 2])


def fusion_graph() -> GraphBuilder:
    """Inputs and outputs as `streamsense.fusion` feeds and reads them; finite for every finite input."""
    g = GraphBuilder("fusion_precision")
    mean = g.clip(g.input("vad_mean", 3, 3), -1.0, 1.0)
    log_variance = g.clip(g.input("vad_log_variance", 3, 3), *LOG_VARIANCE_RANGE)
    logits = g.clip(g.input("emotion_logits", 3, 8), -LOGIT_LIMIT, LOGIT_LIMIT)
    vad_evidence = g.clip(g.input("vad_evidence", 3, 3), 0.0, 1.0)
    emotion_evidence = g.clip(g.input("emotion_evidence", 3, 8), 0.0, 1.0)
    presence = g.clip(g.input("presence", 3), 0.0, 1.0)
    quality = g.clip(g.input("quality", 3), 0.0, 1.0)
    age = g.clip(g.input("age_s", 3), 0.0, LARGEST_AGE_S)

    freshness = g.apply("Exp", g.apply("Neg", g.apply("Div", age, g.constant(AGE_TIME_CONSTANTS_S))))
    reliability = g.apply("Mul", g.apply("Mul", presence, quality), freshness)  # [batch, 3]
    believed = g.apply("Mul", g.expand_dims(reliability, 2), vad_evidence)  # [batch, 3 modalities, 3 dimensions]
    variance = g.apply("Exp", log_variance)
    precision = g.apply("Div", believed, variance)
    says_emotions = g.apply("ReduceMax", emotion_evidence, axes=[2], keepdims=0)
    pool = g.apply("Mul", reliability, says_emotions)

    disagreement, discord = _disagreement(g, mean, variance, believed)
    kept, weight = _capped(g, precision, pool, disagreement)
    precision, believed = (g.apply("Mul", value, g.expand_dims(kept, 2)) for value in (precision, believed))
    pool = g.apply("Mul", pool, kept)

    # Each expert's variance is what is left once it is heard, so the prior is in it: it is taken out of each, and
    # counted once. An expert that is less sure than the prior narrows nothing.
    prior = g.apply("Mul", believed, PRIOR_PRECISION)
    narrows = g.apply("Relu", g.apply("Sub", precision, prior))
    total = g.apply("Add", g.sum(narrows, 1), PRIOR_PRECISION)
    excess = g.apply("Relu", g.apply("Sub", disagreement, DISAGREEMENT_BY_CHANCE))
    widened = g.apply("Add", g.apply("Mul", excess, 1 / (1 - DISAGREEMENT_BY_CHANCE)), 1.0)
    posterior = g.apply("Div", widened, total)
    known = g.clip(g.apply("Sub", 1.0, g.apply("Mul", posterior, PRIOR_PRECISION)), 0.0, 1.0)
    counted = g.apply("Mul", reliability, kept)
    together = g.apply("Div", g.sum(g.apply("Mul", precision, mean), 1), total)
    g.output("vad", g.clip(together, -1.0, 1.0), 3)
    g.output("vad_sd", g.apply("Sqrt", posterior), 3)
    g.output("emotion_probabilities", _pooled_emotions(g, logits, emotion_evidence, pool), 8)
    g.output("weight", weight, 3)
    g.output("discord", discord, 1)
    valence, evidence = (g.take(value, 0, 2) for value in (mean, vad_evidence))
    g.output("bivalence", _bivalence(g, valence, evidence, logits, emotion_evidence, counted), 1)
    g.output("confidence", g.apply("ReduceMean", known, axes=[1], keepdims=1), 1)
    return g


def _disagreement(g: GraphBuilder, mean: str, variance: str, believed: str) -> tuple[str, str]:
    """Disagreement of the experts per dimension [batch, 3], and discord [batch, 1]; both in [0, 1).

    Discord is the disagreement in valence of those pairs whose valences have opposite signs.
    """
    (one, other), (spread_one, spread_other), (weight_one, weight_other) = (
        tuple(g.take(value, side, 1) for side in _PAIRS) for value in (mean, variance, believed)
    )
    distance = g.apply("Sub", one, other)
    spread = g.apply("Sum", spread_one, spread_other, DISCORD_SD**2)
    square = g.apply("Div", g.apply("Mul", distance, distance), spread)
    differs = g.apply("Sub", 1.0, g.apply("Exp", g.apply("Mul", square, -0.5)))
    weight = g.apply("Mul", weight_one, weight_other)
    whole = g.apply("Add", g.sum(weight, 1), DISCORD_EPSILON)
    weighted = g.apply("Mul", weight, differs)
    disagreement = g.apply("Div", g.sum(weighted, 1), whole)
    opposed = g.apply("Cast", g.apply("Less", g.apply("Mul", one, other), 0.0), to=TensorProto.FLOAT)
    opposite = g.apply("Div", g.sum(g.apply("Mul", weighted, opposed), 1), whole)
    return disagreement, g.take(opposite, [0], 1)


def _capped(g: GraphBuilder, precision: str, pool: str, disagreement: str) -> tuple[str, str]:
    """The factor by which each modality is held back, and each one's effective share afterwards; both [batch, 3]."""
    counts = g.apply("Add", g.apply("Mul", g.sum(precision, 2), 1 / PRIOR_PRECISION), pool)
    others = g.apply("Sub", g.sum(counts, 1, keep=True), counts)
    most = g.apply("ReduceMax", disagreement, axes=[1], keepdims=1)
    ramp = g.apply("Div", g.apply("Sub", most, CONFLICT_FROM), CONFLICT_FULLY - CONFLICT_FROM)
    for_others = g.apply("Mul", g.clip(ramp, 0.0, 1.0), 1 - CAP_IN_CONFLICT)
    ratio = g.apply("Div", g.apply("Sub", 1.0, for_others), g.apply("Max", for_others, NEGLIGIBLE))
    allowed = g.apply("Mul", ratio, others)
    held = g.apply("Min", g.apply("Div", allowed, g.apply("Max", counts, NEGLIGIBLE)), 1.0)
    kept = g.apply("Where", g.apply("Greater", for_others, 0.0), held, g.constant([[1.0]]))
    counts = g.apply("Mul", counts, kept)
    total = g.sum(counts, 1, keep=True)
    share = g.apply("Div", counts, g.apply("Max", total, NEGLIGIBLE))
    return kept, g.apply("Where", g.apply("Greater", total, NEGLIGIBLE), share, g.constant([[0.0]]))


def _pooled_emotions(g: GraphBuilder, logits: str, evidence: str, pool: str) -> str:
    """Log-opinion pool with the prior, [batch, 8]; an emotion without evidence keeps its prior odds.

    An expert that knows only some emotions shifts probability among these and leaves their sum alone.
    """
    prior = np.array(EMOTION_PRIOR)
    mass = g.apply("Mul", evidence, g.constant(prior))
    expected = g.sum(g.apply("Mul", mass, g.apply("Exp", logits)), 2, keep=True)
    known = g.sum(mass, 2, keep=True)
    level = g.apply("Log", g.apply("Div", g.apply("Max", expected, NEGLIGIBLE), g.apply("Max", known, NEGLIGIBLE)))
    shift = g.apply("Mul", evidence, g.apply("Sub", logits, level))
    share = g.apply("Div", pool, g.apply("Max", g.sum(pool, 1, keep=True), 1.0))
    pooled = g.sum(g.apply("Mul", g.expand_dims(share, 2), shift), 1)
    return g.apply("Softmax", g.apply("Add", pooled, g.constant(np.log(prior))), axis=1)


def _bivalence(g: GraphBuilder, valence: str, vad_evidence: str, logits: str, evidence: str, counted: str) -> str:
    """The lesser of positive and negative activation, [batch, 1].

    An expert of emotions gives both at once (a smile over a lowered brow); from one that has only a valence the
    mean counts, never its variance: not knowing is not feeling two things.
    """
    mass = g.apply("Mul", evidence, g.apply("Exp", logits))
    mixture = g.apply("Div", mass, g.apply("Max", g.sum(mass, 2, keep=True), NEGLIGIBLE))
    says_emotions = g.apply("ReduceMax", evidence, axes=[2], keepdims=0)
    silent = g.apply("Mul", g.apply("Sub", 1.0, says_emotions), vad_evidence)
    share = g.apply("Div", counted, g.apply("Max", g.sum(counted, 1, keep=True), 1.0))
    sides = []
    for sign in (1.0, -1.0):
        centroids = np.maximum(sign * VAD_CENTROIDS[:, 0], 0)
        by_emotion = g.apply("Mul", says_emotions, g.sum(g.apply("Mul", mixture, g.constant(centroids)), 2))
        by_mean = g.apply("Mul", silent, g.apply("Max", g.apply("Mul", valence, sign), 0.0))
        sides.append(g.sum(g.apply("Mul", share, g.apply("Add", by_emotion, by_mean)), 1, keep=True))
    return g.apply("Min", *sides)
