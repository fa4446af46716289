"""The shipped fusion against a numpy reference written from its formulas, and what must hold for any input."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.fusion.emotions import VAD_CENTROIDS
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from tests.helpers.fusion_inputs import (
    EMOTION_PRIOR,
    all_inputs,
    any_floats,
    check_prior,
    check_ranges,
    conflict,
    inputs,
    near,
    valence,
)

FUSION = OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu")


def reference(vad_mean, vad_log_variance, emotion_logits, vad_evidence, emotion_evidence, presence, quality, age_s):
    variance = np.exp(vad_log_variance.astype(np.float64))
    g = presence * quality * np.exp(-age_s / np.array([4.0, 1.0, 2.0]))
    believed = g[:, None] * vad_evidence
    precision = believed / variance
    disagreement, discord = np.zeros(3), 0.0
    for d in range(3):
        above, above_opposed, below = 0.0, 0.0, 0.05
        for i, j in combinations(range(3), 2):
            z2 = (vad_mean[i, d] - vad_mean[j, d]) ** 2 / (variance[i, d] + variance[j, d] + 0.04)
            w = believed[i, d] * believed[j, d]
            above += w * (1 - math.exp(-z2 / 2))
            above_opposed += w * (1 - math.exp(-z2 / 2)) * (vad_mean[i, d] * vad_mean[j, d] < 0)
            below += w
        disagreement[d] = above / below
        discord = above_opposed / below if d == 0 else discord

    pool = g * emotion_evidence.max(axis=1)
    counts = precision.sum(axis=1) / 4 + pool
    kept = np.ones(3)
    conflict = min(max((disagreement.max() - 0.1) / 0.2, 0), 1)
    if conflict > 0:
        cap = 1 - 0.4 * conflict
        for m in range(3):
            if counts[m] > 0:
                kept[m] = min(1, cap / (1 - cap) * (counts.sum() - counts[m]) / counts[m])
    counts, precision, pool = counts * kept, precision * kept[:, None], pool * kept
    narrows = (believed * kept[:, None]) * np.maximum(1 / variance - 4, 0)
    weight = counts / counts.sum() if counts.sum() > 1e-12 else np.zeros(3)

    total = 4 + narrows.sum(axis=0)
    by_chance = 1 - math.sqrt(0.5)
    posterior = (1 + np.maximum(disagreement - by_chance, 0) / (1 - by_chance)) / total
    log_p = np.log(EMOTION_PRIOR)
    positive = negative = 0.0
    for m in range(3):
        known = emotion_evidence[m] > 0
        share = pool[m] / max(1, pool.sum())
        side_share = g[m] * kept[m] / max(1, (g * kept).sum())
        if known.any():
            likelihood = np.exp(emotion_logits[m].astype(np.float64)) * known
            level = (EMOTION_PRIOR * likelihood).sum() / EMOTION_PRIOR[known].sum()
            log_p = log_p + np.where(known, share * (emotion_logits[m] - math.log(level)), 0)
            p = likelihood / likelihood.sum()
            positive += side_share * (p * np.maximum(VAD_CENTROIDS[:, 0], 0)).sum()
            negative += side_share * (p * np.maximum(-VAD_CENTROIDS[:, 0], 0)).sum()
        else:
            positive += side_share * max(vad_mean[m, 0], 0) * vad_evidence[m, 0]
            negative += side_share * max(-vad_mean[m, 0], 0) * vad_evidence[m, 0]
    p = np.exp(log_p - log_p.max())
    return {
        "vad": np.clip((precision * vad_mean).sum(axis=0) / total, -1, 1),
        "vad_sd": np.sqrt(posterior),
        "emotion_probabilities": p / p.sum(),
        "weight": weight,
        "discord": np.array([discord]),
        "bivalence": np.array([min(positive, negative)]),
        "confidence": np.array([np.clip(1 - posterior * 4, 0, 1).mean()]),
    }


@pytest.mark.parametrize("seed", range(40))
def test_the_fusion_computes_its_formulas(seed):
    rng = np.random.default_rng(seed)
    given_inputs = {
        "vad_mean": rng.uniform(-1, 1, (3, 3)),
        "vad_log_variance": rng.uniform(-5, 1, (3, 3)),
        "emotion_logits": rng.normal(0, 2, (3, 8)),
        "vad_evidence": (rng.random((3, 3)) < 0.7).astype("f4"),
        "emotion_evidence": (rng.random((3, 8)) < 0.6).astype("f4") * (rng.random((3, 1)) < 0.6),
        "presence": (rng.random(3) < 0.8).astype("f4"),
        "quality": rng.random(3),
        "age_s": rng.exponential(1, 3),
    }
    rounded = {name: value.astype("f4") for name, value in given_inputs.items()}
    out = FUSION.run(rounded)
    for name, expected in reference(**rounded).items():
        np.testing.assert_allclose(out[name], expected, atol=2e-5, rtol=1e-4, err_msg=name)


@given(all_inputs(FUSION, any_floats) | all_inputs(FUSION, lambda *shape: near(-2, 2, *shape)))
def test_outputs_are_finite_and_in_range_for_any_finite_input(values):
    out = FUSION.run(values)  # refuses what is not finite
    check_ranges(out)


@given(all_inputs(FUSION, lambda *shape: near(-3, 3, *shape)), st.sampled_from(["presence", "quality"]))
def test_absent_experts_give_the_prior_exactly(values, off):
    out = FUSION.run(values | {off: np.zeros(3)})
    check_prior(out)


def test_a_modality_that_is_absent_changes_nothing_whatever_it_says():
    face_only = inputs(presence=np.array([0, 1, 0]), vad_mean=valence(0, 0.5, 0))
    nonsense = inputs(presence=np.array([0, 1, 0]), vad_mean=valence(-1, 0.5, -1), age_s=np.array([9, 0, 9.0]))
    for name, value in FUSION.run(face_only).items():
        np.testing.assert_array_equal(FUSION.run(nonsense)[name], value)


SURE = np.full((3, 3), math.log(0.1))


def test_agreement_makes_surer_and_disagreement_less_sure():
    def say(presence, *valences):
        return FUSION.run(inputs(presence=np.array(presence), vad_mean=valence(*valences), vad_log_variance=SURE))

    alone = say([0, 1, 0], 0, 0.5, 0)
    agreed = say([1, 1, 0], 0.5, 0.5, 0)
    opposed = say([1, 1, 0], -0.5, 0.5, 0)
    assert agreed["vad_sd"][0] < alone["vad_sd"][0]
    assert agreed["vad"][0] > alone["vad"][0] > opposed["vad"][0]
    assert opposed["vad_sd"][0] > agreed["vad_sd"][0]
    assert opposed["confidence"][0] < agreed["confidence"][0]
    assert agreed["discord"][0] == 0 < opposed["discord"][0]


def test_a_lone_expert_of_full_quality_is_published_as_it_is_and_one_that_knows_nothing_narrows_nothing():
    alone = inputs(presence=np.array([0, 1, 0]), vad_mean=valence(0, 0.5, 0), vad_log_variance=SURE)
    out = FUSION.run(alone)
    assert out["vad"][0] == pytest.approx(0.5, abs=1e-6)
    assert out["vad_sd"][0] == pytest.approx(math.sqrt(0.1), abs=1e-6)
    unsure = FUSION.run(alone | {"vad_log_variance": np.zeros((3, 3))})
    assert 0 < unsure["vad"][0] < 0.2
    assert unsure["vad_sd"][0] == pytest.approx(0.5, abs=1e-6)
    faint = FUSION.run(alone | {"quality": np.full(3, 0.5)})
    assert 0 < faint["vad"][0] < 0.5
    assert math.sqrt(0.1) < faint["vad_sd"][0] < 0.5


@given(
    near(0, 1, 3),
    near(0, 2, 3),
    near(-6, 1, 3, 3),
    near(-1, 1, 3, 3),
)
def test_in_conflict_no_modality_has_more_than_the_cap(quality, age, log_variance, mean):
    values = inputs(quality=quality, age_s=age, vad_log_variance=log_variance, vad_mean=mean)
    out, expected = FUSION.run(values), reference(**values)
    np.testing.assert_allclose(out["weight"], expected["weight"], atol=1e-4)
    if conflict(values) > 0.301:
        assert out["weight"].max() <= 0.6 + 1e-5


def test_the_cap_bites():
    sure = np.array([[math.log(0.3)] * 3, [math.log(0.01)] * 3, [math.log(0.3)] * 3])
    calm = FUSION.run(inputs(vad_mean=valence(0.6, 0.6, 0.6), vad_log_variance=sure))
    torn = FUSION.run(inputs(vad_mean=valence(-0.6, 0.9, -0.6), vad_log_variance=sure))
    assert calm["weight"][1] > 0.9
    assert torn["weight"][1] == pytest.approx(0.6, abs=1e-5)


def test_old_news_counts_less():
    weights = [FUSION.run(inputs(age_s=np.array([0, age, 0])))["weight"][1] for age in (0, 0.5, 1, 3, 30)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] < 1e-6


def test_emotions_without_evidence_keep_their_odds():
    logits = np.zeros((3, 8))
    logits[1, 1] = 4.0  # the face sees happy, but knows only neutral, happy and sad
    knows = np.zeros((3, 8))
    knows[1, :3] = 1
    p = FUSION.run(inputs(emotion_logits=logits, emotion_evidence=knows))["emotion_probabilities"]
    assert p[:3].sum() == pytest.approx(0.5, abs=1e-5)
    assert p[1] > 0.4
    np.testing.assert_allclose(p[3:], 0.1, atol=1e-6)


def test_mixed_feelings_in_one_face_are_bivalent_and_not_knowing_is_not():
    both = np.full((3, 8), -9.0)
    both[1, [1, 2]] = 3.0  # happy and sad
    mixed = FUSION.run(inputs(emotion_logits=both, presence=np.array([0, 1, 0])))["bivalence"][0]
    both[1, 2] = -9.0
    happy = FUSION.run(inputs(emotion_logits=both, presence=np.array([0, 1, 0])))["bivalence"][0]
    unsure = inputs(presence=np.array([1, 0, 0]), vad_log_variance=np.zeros((3, 3)))
    assert mixed > 0.3
    assert happy < 0.01
    assert FUSION.run(unsure)["bivalence"][0] == 0
