"""The shipped fusion against a numpy reference written from its formulas, and what must hold for any input."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.config import parse_config
from streamsense.errors import ModelError
from streamsense.fusion.combination import OUTPUTS, Fusion, Opinion
from streamsense.fusion.precision import PrecisionFusion
from streamsense.models.session import OnnxModel
from streamsense.pipeline import START
from streamsense.resources import shipped
from streamsense.runtime.assembly import build_replay_pipeline
from streamsense.streams import MODALITIES, Block, Control, StreamInfo, StreamOpened
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
COMPILED = PrecisionFusion(FUSION)


def reference(
    vad_mean, vad_log_variance, emotion_logits, vad_evidence, emotion_evidence, presence, quality, age_s,
    contradiction_before, newness,
):  # fmt: skip
    variance = np.exp(vad_log_variance.astype(np.float64))
    g = presence * quality * np.exp(-np.maximum(age_s - 0.25, 0) / np.array([4.0, 1.0, 2.0]))
    believed = g[:, None] * vad_evidence
    precision = believed / variance
    contradiction, agreement = np.zeros(3), np.zeros(3)
    for d in range(3):
        above, same, below = 0.0, 0.0, 0.05
        for i, j in combinations(range(3), 2):
            product = 3 * vad_mean[i, d] * vad_mean[j, d] / (variance[i, d] + variance[j, d] + 0.04)
            w = believed[i, d] * believed[j, d]
            above += w * (1 - math.exp(min(0, product)))
            same += w * (1 - math.exp(min(0, -product)))
            below += w
        contradiction[d], agreement[d] = above / below, same / below

    pool = g * emotion_evidence.max(axis=1)
    counts = precision.sum(axis=1) / 4 + pool
    kept = np.ones(3)
    conflict = min(max((contradiction.max() - 0.1) / 0.2, 0), 1)
    if conflict > 0:
        cap = 1 - 0.4 * conflict
        for m in range(3):
            if counts[m] > 0:
                kept[m] = min(1, cap / (1 - cap) * (counts.sum() - counts[m]) / counts[m])
    counts, pool = counts * kept, pool * kept
    weight = counts / counts.sum() if counts.sum() > 1e-12 else np.zeros(3)

    unheard = np.prod(1 - believed * np.minimum(1, 0.25 / variance), axis=0)
    counted = precision * kept[:, None]
    agreed = (counted * vad_mean).sum(axis=0) / (counted.sum(axis=0) + 4 * unheard)
    narrows = (believed * np.maximum(1 / variance - 4, 0)).sum(axis=0)
    agreed_variance = 1 / (4 + 1.2 * narrows * (1 + np.array([4, 0.25, 0]) * agreement))
    votes = 2 + believed.sum(axis=0)
    pooled = (believed * vad_mean).sum(axis=0) / votes
    within = (believed * (np.minimum(variance, 1) + vad_mean**2)).sum(axis=0) + 2 * 0.25
    pooled_variance = within / votes - pooled**2
    remembered = contradiction_before + newness * (contradiction - contradiction_before)
    share, wide = np.sqrt(remembered), remembered ** np.array([1 / 4, 1 / 2, 1 / 2])
    posterior = (1 - wide) * agreed_variance + wide * pooled_variance + share * (1 - share) * (agreed - pooled) ** 2
    log_p = np.log(EMOTION_PRIOR)
    for m in range(3):
        known = emotion_evidence[m] > 0
        vote = pool[m] / max(1, pool.sum())
        if known.any():
            likelihood = np.exp(emotion_logits[m].astype(np.float64)) * known
            level = (EMOTION_PRIOR * likelihood).sum() / EMOTION_PRIOR[known].sum()
            log_p = log_p + np.where(known, vote * (emotion_logits[m] - math.log(level)), 0)
    p = np.exp(log_p - log_p.max())
    return {
        "vad": (1 - share) * agreed + share * pooled,
        "vad_sd": np.sqrt(np.minimum(posterior, 1)),
        "emotion_probabilities": p / p.sum(),
        "weight": weight,
        "confidence": np.array([np.clip(1 - posterior * 4, 0, 1).mean()]),
        "contradiction": remembered,
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
        "contradiction_before": rng.random(3),
        "newness": rng.random(3),
    }
    rounded = {name: value.astype("f4") for name, value in given_inputs.items()}
    expected = reference(**rounded)
    assert expected.keys() == OUTPUTS.keys()
    for fusion in (FUSION, COMPILED):
        out = fusion.run(rounded)
        for name, value in expected.items():
            np.testing.assert_allclose(out[name], value, atol=2e-5, rtol=1e-4, err_msg=name)


@given(all_inputs(FUSION, any_floats) | all_inputs(FUSION, lambda *shape: near(-2, 2, *shape)))
def test_outputs_are_finite_and_in_range_for_any_finite_input(values):
    out = FUSION.run(values)  # refuses what is not finite
    check_ranges(out)
    check_ranges(COMPILED.run(values))


@given(all_inputs(FUSION, lambda *shape: near(-3, 3, *shape)), st.sampled_from(["presence", "quality"]))
def test_absent_experts_give_the_prior_exactly(values, off):
    for fusion in (FUSION, COMPILED):
        check_prior(fusion.run(values | {off: np.zeros(3, np.float32)}))


@given(
    near(-1, 1, 3, 3), near(-6, 1, 3, 3), near(-5, 5, 3, 8), near(0, 1, 3, 8), near(0, 1, 3), near(0, 5, 3),
    near(0, 1, 3), near(0, 1, 3),
)  # fmt: skip
def test_the_compiled_formulas_are_those_of_the_file(mean, log_variance, logits, knows, quality, age, before, newness):
    values = inputs(
        vad_mean=mean, vad_log_variance=log_variance, emotion_logits=logits, emotion_evidence=knows, quality=quality,
        age_s=age, contradiction_before=before, newness=newness,
    )  # fmt: skip
    values = {name: value.astype(np.float32) for name, value in values.items()}
    expected, found = FUSION.run(values), COMPILED.run(values)
    assert found.keys() == expected.keys() == OUTPUTS.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4, err_msg=name)


def test_a_changed_file_is_not_taken_for_the_shipped_one(tmp_path):
    model = onnx.load(shipped("models_onnx/fusion_precision.onnx"))
    place = next(at for at, node in enumerate(model.graph.node) if node.op_type == "Sqrt")
    model.graph.node[place].op_type = "Abs"
    onnx.save(model, tmp_path / "changed.onnx")
    with pytest.raises(ModelError, match="its output vad_sd differs"):
        PrecisionFusion(OnnxModel(tmp_path / "changed.onnx", "cpu"))


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
    assert agreed["vad"][0] >= alone["vad"][0] > opposed["vad"][0]
    assert opposed["vad_sd"][0] > agreed["vad_sd"][0]
    assert opposed["confidence"][0] < agreed["confidence"][0]


def test_a_lone_expert_of_full_quality_says_where_it_is_and_one_that_knows_nothing_narrows_nothing():
    alone = inputs(presence=np.array([0, 1, 0]), vad_mean=valence(0, 0.5, 0), vad_log_variance=SURE)
    out = FUSION.run(alone)
    assert out["vad"][0] == pytest.approx(0.5, abs=1e-6)
    assert out["vad_sd"][0] == pytest.approx((4 + 1.2 * (10 - 4)) ** -0.5, abs=1e-6)
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


def test_where_two_contradict_each_other_the_interval_reaches_both():
    sure = np.full((3, 3), 2 * math.log(0.3))
    out = FUSION.run(inputs(presence=np.array([0, 1, 1]), vad_mean=valence(0, 0.6, -0.6), vad_log_variance=sure))
    assert abs(out["vad"][0]) < 0.05
    assert 1.645 * out["vad_sd"][0] > 0.6


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


def changed_file(folder, change):
    """The shipped fusion's file after `change` of its graph."""
    model = onnx.load(shipped("models_onnx/fusion_precision.onnx"))
    change(model.graph)
    onnx.save(model, folder / "changed.onnx")
    return {"eeg": {}, "provider": "cpu", "fusion_model": str(folder / "changed.onnx")}


def test_what_a_fusion_model_gives_besides_is_not_looked_at(tmp_path):
    """Models that were made when discord and bivalence were outputs still fuse."""

    def more(graph):
        graph.node.append(onnx.helper.make_node("Identity", ["confidence"], ["discord"]))
        graph.output.append(onnx.helper.make_tensor_value_info("discord", onnx.TensorProto.FLOAT, ["batch", 1]))

    content = changed_file(tmp_path, more)
    build_replay_pipeline(parse_config(content, "test"))
    here = {modality: Opinion.absent() for modality in MODALITIES}
    values = Fusion(OnnxModel(tmp_path / "changed.onnx", "cpu")).step(here, 0.0)
    np.testing.assert_array_equal(values, Fusion(FUSION).step(here, 0.0))


def test_a_fusion_model_whose_answer_is_no_number_does_not_end_the_session(tmp_path):
    """Of the prior's variance the changed one makes infinity, of a smaller one a number."""

    def broken(graph):
        next(node for node in graph.node if node.op_type == "Sqrt").op_type = "Atanh"

    pipeline, _ = build_replay_pipeline(parse_config(changed_file(tmp_path, broken), "test"))
    info = StreamInfo("a", "eeg", "", "EEG", "", ("Cz",), ("uV",), 250.0, "float32")
    pipeline.push(StreamOpened(info, 0.0))
    pipeline.push(Block("a", 0, np.arange(250) / 250, np.zeros((250, 1), np.float32), 1.0))
    pipeline.push(Control(START, "", 1.0))
    scores = pipeline.advance(3.0)
    assert scores
    assert {(score["valence"], score["valence_sd"]) for score in scores} == {(0.0, 0.5)}
    told = [notice for notice in pipeline.take_notices() if notice.kind == "expert_failed"]
    assert [notice.details for notice in told] == [{"modality": "fusion"}]

    fusion = Fusion(OnnxModel(tmp_path / "changed.onnx", "cpu"))
    absent = {modality: Opinion.absent() for modality in MODALITIES}
    fusion.combine(absent)
    assert "not finite in vad_sd" in fusion.failure
    sure = replace(
        absent["face"], presence=1.0, quality=1.0, age_s=0.0, vad_evidence=np.ones(3), vad_log_variance=np.full(3, -3.0)
    )
    assert fusion.combine(absent | {"face": sure})["confidence"][0] > 0
    assert fusion.failure == ""


def test_a_fusion_model_that_lacks_something_is_refused_when_it_is_loaded(tmp_path):
    def less(graph):
        graph.output.remove(next(one for one in graph.output if one.name == "weight"))

    with pytest.raises(ModelError, match="lacks the output weight of shape"):
        build_replay_pipeline(parse_config(changed_file(tmp_path, less), "test"))

    def renamed(graph):
        graph.input.append(onnx.helper.make_tensor_value_info("mood", onnx.TensorProto.FLOAT, ["batch", 1]))
        graph.node.append(onnx.helper.make_node("Identity", ["mood"], ["moody"]))
        graph.output.append(onnx.helper.make_tensor_value_info("moody", onnx.TensorProto.FLOAT, ["batch", 1]))

    with pytest.raises(ModelError, match=r"takes the inputs .*mood"):
        build_replay_pipeline(parse_config(changed_file(tmp_path, renamed), "test"))
