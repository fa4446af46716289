"""The fusion as a graph: precision-weighted experts with a prior, conflict and confidence."""

from __future__ import annotations

import numpy as np
from graph_builder import GraphBuilder

from streamsense.fusion.weighting import (
    AGE_TIME_CONSTANTS_S,
    CAP_IN_CONFLICT,
    CONFLICT_FROM,
    CONFLICT_FULLY,
    DISAGREEMENT_BY_CHANCE,
    DISCORD_EPSILON,
    DISCORD_SD,
    EMOTION_PRIOR,
    FRESH_S,
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

    stale = g.apply("Relu", g.apply("Sub", age, FRESH_S))
    freshness = g.apply("Exp", g.apply("Mul", stale, g.constant([-1 / time_s for time_s in AGE_TIME_CONSTANTS_S])))
    reliability = g.apply("Mul", g.apply("Mul", presence, quality), freshness)  # [batch, 3]
    believed = g.apply("Mul", g.expand_dims(reliability, 2), vad_evidence)  # [batch, 3 modalities, 3 dimensions]
    variance = g.apply("Exp", log_variance)
    precision = g.apply("Div", believed, variance)
    says_emotions = g.apply("ReduceMax", emotion_evidence, axes=[2], keepdims=0)
    pool = g.apply("Mul", reliability, says_emotions)

    disagreement = _disagreement(g, mean, variance, believed)
    kept, weight = _capped(g, precision, pool, disagreement)
    prior_share = _prior_share(g, precision, believed, disagreement)
    between = _between(g, g.apply("Mul", precision, _evened(g, precision, disagreement)), mean)
    for factor in (g.expand_dims(kept, 2), _evened(g, g.apply("Mul", precision, g.expand_dims(kept, 2)), disagreement)):
        precision, believed = (g.apply("Mul", value, factor) for value in (precision, believed))
    pool = g.apply("Mul", pool, kept)

    # Each expert's variance is what is left once it is heard, so the prior is in it: it is taken out of each, and
    # counted once. An expert that is less sure than the prior narrows nothing.
    prior = g.apply("Mul", believed, PRIOR_PRECISION)
    narrows = g.apply("Relu", g.apply("Sub", precision, prior))
    total = g.apply("Add", g.sum(narrows, 1), PRIOR_PRECISION)
    excess = g.apply("Relu", g.apply("Sub", disagreement, DISAGREEMENT_BY_CHANCE))
    widened = g.apply("Add", g.apply("Mul", excess, 1 / (1 - DISAGREEMENT_BY_CHANCE)), 1.0)
    posterior = g.apply("Add", g.apply("Div", widened, total), between)
    known = g.clip(g.apply("Sub", 1.0, g.apply("Mul", posterior, PRIOR_PRECISION)), 0.0, 1.0)
    counted_in = g.apply("Add", g.sum(precision, 1), g.apply("Mul", prior_share, PRIOR_PRECISION))
    together = g.apply("Div", g.sum(g.apply("Mul", precision, mean), 1), counted_in)
    g.output("vad", g.clip(together, -1.0, 1.0), 3)
    g.output("vad_sd", g.apply("Sqrt", posterior), 3)
    g.output("emotion_probabilities", _pooled_emotions(g, logits, emotion_evidence, pool), 8)
    g.output("weight", weight, 3)
    g.output("confidence", g.apply("ReduceMean", known, axes=[1], keepdims=1), 1)
    return g


def _disagreement(g: GraphBuilder, mean: str, variance: str, believed: str) -> str:
    """Disagreement of the experts per dimension, [batch, 3] in [0, 1)."""
    (one, other), (spread_one, spread_other), (weight_one, weight_other) = (
        tuple(g.take(value, side, 1) for side in _PAIRS) for value in (mean, variance, believed)
    )
    distance = g.apply("Sub", one, other)
    spread = g.apply("Sum", spread_one, spread_other, DISCORD_SD**2)
    square = g.apply("Div", g.apply("Mul", distance, distance), spread)
    differs = g.apply("Sub", 1.0, g.apply("Exp", g.apply("Mul", square, -0.5)))
    weight = g.apply("Mul", weight_one, weight_other)
    whole = g.apply("Add", g.sum(weight, 1), DISCORD_EPSILON)
    return g.apply("Div", g.sum(g.apply("Mul", weight, differs), 1), whole)


def _prior_share(g: GraphBuilder, precision: str, believed: str, disagreement: str) -> str:
    """How much of the prior counts in the mean, per dimension [batch, 3] in [0, 1].

    What an expert says has the prior in it, so the prior is needed as far as nobody was heard: each expert leaves what
    it is not believed of it, or less sure than the prior. Where experts contradict each other it is heard again.
    """
    heard = g.apply("Min", believed, g.apply("Mul", precision, 1 / PRIOR_PRECISION))
    unheard = g.apply("ReduceProd", g.apply("Sub", 1.0, heard), axes=[1], keepdims=0)
    agreed = g.apply("Sub", 1.0, g.apply("Mul", disagreement, disagreement))
    return g.apply("Sub", 1.0, g.apply("Mul", g.apply("Sub", 1.0, unheard), agreed))


def _evened(g: GraphBuilder, precision: str, disagreement: str) -> str:
    """The factor [batch, 3 modalities, 3 dimensions] that keeps each modality within the cap in each dimension."""
    ramp = g.apply("Div", g.apply("Sub", disagreement, CONFLICT_FROM), CONFLICT_FULLY - CONFLICT_FROM)
    for_others = g.expand_dims(g.apply("Mul", g.clip(ramp, 0.0, 1.0), 1 - CAP_IN_CONFLICT), 1)
    others = g.apply("Sub", g.sum(precision, 1, keep=True), precision)
    ratio = g.apply("Div", g.apply("Sub", 1.0, for_others), g.apply("Max", for_others, NEGLIGIBLE))
    held = g.apply("Div", g.apply("Mul", ratio, others), g.apply("Max", precision, NEGLIGIBLE))
    return g.apply("Where", g.apply("Greater", for_others, 0.0), g.apply("Min", held, 1.0), g.constant([[[1.0]]]))


def _between(g: GraphBuilder, precision: str, mean: str) -> str:
    """Variance of what the experts say about their weighted mean, per dimension [batch, 3].

    Where experts contradict each other either may be right: the spread is then that of their mixture, so that an
    interval reaches both, and not that of a mean that neither said.
    """
    whole = g.apply("Max", g.sum(precision, 1, keep=True), NEGLIGIBLE)
    middle = g.apply("Div", g.sum(g.apply("Mul", precision, mean), 1, keep=True), whole)
    distance = g.apply("Sub", mean, middle)
    square = g.apply("Mul", distance, distance)
    share = g.apply("Div", precision, whole)
    return g.sum(g.apply("Mul", share, square), 1)


def _capped(g: GraphBuilder, precision: str, pool: str, disagreement: str) -> tuple[str, str]:
    """The factor by which each modality is held back, and each one's effective share afterwards; both [batch, 3]."""
    counts = g.apply("Add", g.apply("Mul", g.sum(precision, 2), 1 / PRIOR_PRECISION), pool)
    others = g.apply("Sub", g.sum(counts, 1, keep=True), counts)
    most = g.apply("ReduceMax", disagreement, axes=[1], keepdims=1)
    slope = (1 - CAP_IN_CONFLICT) / (CONFLICT_FULLY - CONFLICT_FROM)
    for_others = g.clip(g.apply("Mul", g.apply("Sub", most, CONFLICT_FROM), slope), 0.0, 1 - CAP_IN_CONFLICT)
    # Without conflict, or without anybody, nobody is held back: both sides are then as good as nothing.
    allowed = g.apply("Add", g.apply("Mul", g.apply("Sub", 1.0, for_others), others), NEGLIGIBLE)
    held = g.apply("Div", allowed, g.apply("Max", g.apply("Mul", for_others, counts), NEGLIGIBLE))
    kept = g.apply("Min", held, 1.0)
    counts = g.apply("Mul", counts, kept)
    total = g.sum(counts, 1, keep=True)
    share = g.apply("Div", counts, g.apply("Max", total, NEGLIGIBLE))
    return kept, g.apply("Where", g.apply("Greater", total, NEGLIGIBLE), share, g.constant([[0.0]]))


def _pooled_emotions(g: GraphBuilder, logits: str, evidence: str, pool: str) -> str:
    """Log-opinion pool with the prior, [batch, 8]; an emotion without evidence keeps its prior odds.

    An expert that knows only some emotions shifts probability among these and leaves their sum alone.
    """
    prior = np.array(EMOTION_PRIOR)
    column = g.constant(prior[:, np.newaxis])
    expected = g.apply("MatMul", g.apply("Mul", evidence, g.apply("Exp", logits)), column)
    known = g.apply("MatMul", evidence, column)
    level = g.apply("Log", g.apply("Div", g.apply("Max", expected, NEGLIGIBLE), g.apply("Max", known, NEGLIGIBLE)))
    shift = g.apply("Mul", evidence, g.apply("Sub", logits, level))
    share = g.apply("Div", pool, g.apply("Max", g.sum(pool, 1, keep=True), 1.0))
    pooled = g.sum(g.apply("Mul", g.expand_dims(share, 2), shift), 1)
    return g.apply("Softmax", g.apply("Add", pooled, g.constant(np.log(prior))), axis=1)
