"""The fusion as a graph: experts weighted by precision where they agree, pooled where they contradict each other."""

from __future__ import annotations

import math

import numpy as np
from graph_builder import GraphBuilder

from streamsense.fusion.emotions import PRIOR_SD
from streamsense.fusion.weighting import (
    AGE_TIME_CONSTANTS_S,
    CAP_IN_CONFLICT,
    CONFLICT_FROM,
    CONFLICT_FULLY,
    CONTRADICTION_SHARPNESS,
    DISCORD_EPSILON,
    DISCORD_SD,
    EMOTION_PRIOR,
    FRESH_S,
    LARGEST_AGE_S,
    LOG_VARIANCE_RANGE,
    LOGIT_LIMIT,
    NARROWING,
    NARROWING_IN_AGREEMENT,
    NEGLIGIBLE,
    PRIOR_PRECISION,
    PRIOR_VOTES,
    SHARE_OF_MEAN,
    SHARE_OF_SPREAD,
)

_PAIRS = ([0, 0, 1], [1, 2, 2])


def fusion_graph() -> GraphBuilder:
    """Inputs and outputs as `streamsense.fusion` feeds and reads them; finite for every finite input.

    Inside, places and variances are in units of the prior: its SD and its variance are 1.
    """
    g = GraphBuilder("fusion_precision")
    mean = g.apply("Mul", g.clip(g.input("vad_mean", 3, 3), -1.0, 1.0), 1 / PRIOR_SD)
    log_variance = g.clip(g.input("vad_log_variance", 3, 3), *LOG_VARIANCE_RANGE)
    logits = g.clip(g.input("emotion_logits", 3, 8), -LOGIT_LIMIT, LOGIT_LIMIT)
    vad_evidence = g.clip(g.input("vad_evidence", 3, 3), 0.0, 1.0)
    emotion_evidence = g.clip(g.input("emotion_evidence", 3, 8), 0.0, 1.0)
    presence = g.clip(g.input("presence", 3), 0.0, 1.0)
    quality = g.clip(g.input("quality", 3), 0.0, 1.0)
    age = g.clip(g.input("age_s", 3), 0.0, LARGEST_AGE_S)
    before = g.clip(g.input("contradiction_before", 3), 0.0, 1.0)
    newness = g.clip(g.input("newness", 3), 0.0, 1.0)

    stale = g.apply("Relu", g.apply("Sub", age, FRESH_S))
    freshness = g.apply("Exp", g.apply("Mul", stale, g.constant([-1 / time_s for time_s in AGE_TIME_CONSTANTS_S])))
    reliability = g.apply("Mul", g.apply("Mul", presence, quality), freshness)  # [batch, 3]
    believed = g.apply("Mul", g.expand_dims(reliability, 2), vad_evidence)  # [batch, 3 modalities, 3 dimensions]
    variance = g.apply("Exp", g.apply("Add", log_variance, math.log(PRIOR_PRECISION)))
    precision = g.apply("Div", believed, variance)
    pool = g.apply("Mul", reliability, g.apply("ReduceMax", emotion_evidence, axes=[2], keepdims=0))

    contradiction, agreement = _sides(g, mean, variance, believed)
    kept, weight = _capped(g, precision, pool, contradiction)
    agreed = _precision_weighted(g, precision, believed, mean, kept, agreement)
    pooled = _linear_pool(g, believed, mean, variance)
    remembered = g.apply("Add", before, g.apply("Mul", newness, g.apply("Sub", contradiction, before)))
    together, spread = _mixed(g, agreed, pooled, remembered)
    known = g.apply("ReduceMean", g.apply("Relu", g.apply("Sub", 1.0, spread)), axes=[1], keepdims=1)
    spread = g.apply("Min", spread, PRIOR_PRECISION)  # within [-1, 1] nothing varies by more than 1
    g.output("vad", g.clip(g.apply("Mul", together, PRIOR_SD), -1.0, 1.0), 3)
    g.output("vad_sd", g.apply("Mul", g.apply("Sqrt", spread), PRIOR_SD), 3)
    g.output("emotion_probabilities", _pooled_emotions(g, logits, emotion_evidence, g.apply("Mul", pool, kept)), 8)
    g.output("weight", weight, 3)
    g.output("confidence", known, 1)
    g.output("contradiction", remembered, 3)
    return g


def _sides(g: GraphBuilder, mean: str, variance: str, believed: str) -> tuple[str, str]:
    """How surely the experts say opposite things, and the same thing, per dimension; both [batch, 3] in [0, 1).

    Opposite is one above the middle and one below. Of two that are on the same side one may be further out: that is
    no contradiction.
    """
    (one, other), (weight_one, weight_other) = (
        tuple(g.take(value, side, 1) for side in _PAIRS) for value in (mean, believed)
    )
    # Both of a pair and the least spread, over twice the sharpness: one product with a constant.
    of_pairs = np.zeros((3, 3))
    for pair, both in enumerate(zip(*_PAIRS, strict=True)):
        of_pairs[pair, both] = 1 / (2 * CONTRADICTION_SHARPNESS)
    least = DISCORD_SD**2 * PRIOR_PRECISION / (2 * CONTRADICTION_SHARPNESS)
    spread = g.apply("Add", g.apply("MatMul", g.constant(of_pairs), variance), least)
    product = g.apply("Div", g.apply("Mul", one, other), spread)
    weight = g.apply("Mul", weight_one, weight_other)
    whole = g.apply("Add", g.sum(weight, 1), DISCORD_EPSILON)

    def mean_of_pairs(negative: str) -> str:
        differs = g.apply("Sub", 1.0, g.apply("Exp", g.apply("Min", negative, 0.0)))
        return g.apply("Div", g.sum(g.apply("Mul", weight, differs), 1), whole)

    return mean_of_pairs(product), mean_of_pairs(g.apply("Neg", product))


def _precision_weighted(
    g: GraphBuilder, precision: str, believed: str, mean: str, kept: str, agreement: str
) -> tuple[str, str]:
    """Mean and variance [batch, 3] where all speak of the same thing: the product of what they say.

    What an expert says has the prior in it. So the prior counts in the mean as far as nobody was heard: each expert
    leaves what it is not believed of it, or less sure than the prior. In the variance it is taken out of each, and
    counted once; an expert that is less sure than the prior narrows nothing. See NARROWING for the factors.
    """
    left = g.apply("Sub", 1.0, g.apply("Min", believed, precision))
    unheard = g.apply("ReduceProd", left, axes=[1], keepdims=0)
    counted = g.apply("Mul", precision, g.expand_dims(kept, 2))
    total = g.apply("Add", g.sum(counted, 1), unheard)
    narrows = g.apply("Relu", g.apply("Sub", precision, believed))
    factor = g.apply("Mul", agreement, g.constant([NARROWING * more for more in NARROWING_IN_AGREEMENT]))
    known = g.apply("Mul", g.sum(narrows, 1), g.apply("Add", factor, NARROWING))
    middle = g.apply("Div", g.sum(g.apply("Mul", counted, mean), 1), total)
    return middle, g.apply("Reciprocal", g.apply("Add", known, 1.0))


def _linear_pool(g: GraphBuilder, believed: str, mean: str, variance: str) -> tuple[str, str]:
    """Mean and variance [batch, 3] where they speak of different things: any of them may be right, or none.

    The mixture of what the experts say, each as far as it is believed, and of the prior, which counts as
    PRIOR_VOTES experts do.
    """
    votes = g.apply("Add", g.sum(believed, 1), PRIOR_VOTES)
    said = g.apply("Mul", believed, mean)
    middle = g.apply("Div", g.sum(said, 1), votes)
    own = g.apply("Mul", believed, g.apply("Min", variance, PRIOR_PRECISION))
    squares = g.apply("Add", g.sum(g.apply("Add", own, g.apply("Mul", said, mean)), 1), PRIOR_VOTES)
    return middle, g.apply("Sub", g.apply("Div", squares, votes), g.apply("Mul", middle, middle))


def _mixed(g: GraphBuilder, one: tuple[str, str], other: tuple[str, str], contradiction: str) -> tuple[str, str]:
    """Mean and variance between the two, nearer to the other the more `contradiction` there is; see SHARE_OF_MEAN."""
    apart, wider = (g.apply("Sub", b, a) for a, b in zip(one, other, strict=True))
    step = g.apply("Mul", g.apply("Pow", contradiction, SHARE_OF_MEAN), apart)
    between = g.apply("Mul", step, g.apply("Sub", apart, step))
    within = g.apply("Add", one[1], g.apply("Mul", g.apply("Pow", contradiction, g.constant(SHARE_OF_SPREAD)), wider))
    return g.apply("Add", one[0], step), g.apply("Add", within, between)


def _capped(g: GraphBuilder, precision: str, pool: str, contradiction: str) -> tuple[str, str]:
    """The factor by which each modality is held back, and each one's effective share afterwards; both [batch, 3]."""
    counts = g.apply("Add", g.sum(precision, 2), pool)
    others = g.apply("Sub", g.sum(counts, 1, keep=True), counts)
    most = g.apply("ReduceMax", contradiction, axes=[1], keepdims=1)
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
