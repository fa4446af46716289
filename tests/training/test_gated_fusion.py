"""The gate: before training it is the shipped fusion, afterwards all that holds of that one still holds."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.fusion.emotions import fusion_contract
from streamsense.models.card import Card
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.training.export import export_expert
from streamsense.training.gated_fusion import OUTPUTS, FusionInputs, GatedFusion
from tests.helpers import any_opinions
from tests.helpers.fusion_inputs import all_inputs, any_floats, check_prior, check_ranges, conflict, inputs, near

SHIPPED = OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu")
CARD = Card(
    name="gate", version="1", modality="fusion", description="made", data="made", attribution="", licence="Apache-2.0",
    evaluation="none", made_by="a test", date="2026-01-01",
)  # fmt: skip


def opinionated():
    """A gate that was trained on who knows what."""
    torch.manual_seed(3)
    gate = GatedFusion()
    for parameter in gate.parameters():
        torch.nn.init.normal_(parameter, 0, 1.5)
    return gate


def batch(module, values):
    """The module's outputs by name for inputs by name, all with a batch axis."""
    tensors = [torch.from_numpy(np.asarray(values[name], np.float32)) for name in FusionInputs._fields]
    with torch.no_grad():
        return {name: value.numpy() for name, value in zip(OUTPUTS, module(*tensors), strict=True)}


def given_to(module, values):
    """The same without a batch axis."""
    out = batch(module, {name: np.asarray(value)[None] for name, value in values.items()})
    return {name: value[0] for name, value in out.items()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The opinionated gate as a session runs it."""
    rng = np.random.default_rng(0)
    examples = {
        name: torch.from_numpy(rng.uniform(-1, 1, (8, *shape)).astype("f4")) for name, shape in SHIPPED.inputs.items()
    }
    path = export_expert(opinionated(), examples, OUTPUTS, CARD, fusion_contract(), tmp_path_factory.mktemp("gate"))
    return OnnxModel(path, provider="cpu")


@dataclass
class _Shapes:
    inputs = SHIPPED.inputs


@pytest.mark.parametrize("seed", range(20))
def test_before_training_it_is_the_shipped_fusion(seed):
    rng = np.random.default_rng(seed)
    values = {
        "vad_mean": rng.uniform(-1, 1, (3, 3)),
        "vad_log_variance": rng.uniform(-5, 1, (3, 3)),
        "emotion_logits": rng.normal(0, 2, (3, 8)),
        "vad_evidence": rng.random((3, 3)) < 0.7,
        "emotion_evidence": (rng.random((3, 8)) < 0.6) * (rng.random((3, 1)) < 0.6),
        "presence": rng.random(3) < 0.8,
        "quality": rng.random(3),
        "age_s": rng.exponential(1, 3),
        "contradiction_before": rng.random(3),
        "newness": rng.random(3),
    }
    fusion = GatedFusion()
    fusion.fitted_apart.fill_(1.0)
    expected = SHIPPED.run({name: np.asarray(value, np.float32) for name, value in values.items()})
    for name, value in given_to(fusion, values).items():
        np.testing.assert_allclose(value, expected[name], atol=2e-5, rtol=1e-4, err_msg=name)


def test_it_has_the_shipped_fusions_inputs_and_outputs(exported):
    assert exported.inputs == SHIPPED.inputs
    assert exported.outputs == SHIPPED.outputs
    assert exported.metadata().contract == SHIPPED.metadata().contract


def test_outputs_are_finite_and_in_range_for_any_finite_input(exported):
    @settings(max_examples=40, deadline=None)
    @given(all_inputs(_Shapes, any_floats) | all_inputs(_Shapes, lambda *shape: near(-2, 2, *shape)))
    def holds(values):
        check_ranges(exported.run(values))

    holds()


def test_every_score_is_finite_and_in_its_range_whatever_experts_say(exported):
    @settings(max_examples=20, deadline=None)
    @given(st.sampled_from([1, 2]), any_opinions.sessions())
    def holds(order, session):
        any_opinions.check(exported, order, session)

    holds()


def test_without_anyone_it_is_the_prior_exactly(exported):
    @settings(max_examples=20, deadline=None)
    @given(all_inputs(_Shapes, lambda *shape: near(-3, 3, *shape)), st.sampled_from(["presence", "quality"]))
    def holds(values, off):
        check_prior(exported.run(values | {off: np.zeros(3)}))

    holds()


def test_who_is_absent_changes_nothing_whatever_he_says(exported):
    @settings(max_examples=20, deadline=None)
    @given(
        all_inputs(_Shapes, lambda *shape: near(-2, 2, *shape)),
        all_inputs(_Shapes, lambda *shape: near(-2, 2, *shape)),
        st.integers(0, 2),
    )
    def holds(values, others, away):
        values["presence"][away] = others["presence"][away] = 0
        replaced = {name: value.copy() for name, value in values.items()}
        for name, value in replaced.items():
            if name not in ("contradiction_before", "newness"):  # of dimensions, not of modalities
                value[away] = others[name][away]
        one, other = exported.run(values), exported.run(replaced)
        for name, value in one.items():
            np.testing.assert_array_equal(other[name], value, err_msg=name)

    holds()


quality, age = near(0, 1, 3), near(0, 2, 3)
variance, mean = near(-6, 1, 3, 3), near(-1, 1, 3, 3)


def test_in_conflict_no_modality_has_more_than_the_cap(exported):
    @settings(max_examples=40, deadline=None)
    @given(quality, age, variance, mean)
    def holds(quality, age, log_variance, mean):
        values = inputs(quality=quality, age_s=age, vad_log_variance=log_variance, vad_mean=mean)
        if conflict(values) > 0.301:
            assert exported.run(values)["weight"].max() <= 0.6 + 1e-5

    holds()


def test_the_gate_never_makes_surer_than_precision_alone():
    rng = np.random.default_rng(1)
    n = 5000
    many = {
        "vad_mean": rng.uniform(-1, 1, (n, 3, 3)) * rng.random((n, 1, 1)),
        "vad_log_variance": rng.uniform(-6, 1, (n, 3, 3)),
        "emotion_logits": np.zeros((n, 3, 8)),
        "vad_evidence": np.ones((n, 3, 3)),
        "emotion_evidence": np.zeros((n, 3, 8)),
        "presence": rng.random((n, 3)) < 0.8,
        "quality": rng.random((n, 3)),
        "age_s": rng.uniform(0, 2, (n, 3)),
        "contradiction_before": rng.random((n, 3)),
        "newness": rng.random((n, 3)),
    }
    gated, plain = (batch(module, many)["vad_sd"] for module in (opinionated(), GatedFusion()))
    assert (gated >= plain - 1e-5).all()
    assert (gated > plain + 0.01).any()


def test_one_modality_alone_is_believed_whatever_the_gate_is_like():
    values = inputs(presence=np.array([0, 1, 0]), quality=np.full(3, 0.8), vad_mean=np.full((3, 3), 0.5))
    expected = given_to(GatedFusion(), values)
    for name, value in given_to(opinionated(), values).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5, err_msg=name)


def test_a_sure_expert_alone_is_taken_at_its_word():
    """It was fitted with the prior in it; one that knows less than the prior changes nothing."""
    alone = inputs(presence=np.array([0, 0, 1]), vad_mean=np.full((3, 3), 0.5))
    sure = given_to(GatedFusion(), alone | {"vad_log_variance": np.full((3, 3), np.log(0.04))})
    np.testing.assert_allclose(sure["vad"], 0.5, atol=1e-6)
    np.testing.assert_allclose(sure["vad_sd"], 0.2, atol=1e-6)
    unsure = given_to(GatedFusion(), alone | {"vad_log_variance": np.full((3, 3), np.log(0.9))})
    assert (unsure["vad_sd"] == 0.5).all()


def test_a_modality_that_fades_leaves_the_others_smoothly():
    n = 1000
    values = {name: np.repeat(value[None], n, axis=0) for name, value in inputs().items()}
    values["vad_mean"] += np.array([0.2, 0.3, 0.1])[:, None]
    values["quality"][:, 1] = np.linspace(0.5, 0, n)
    out = batch(opinionated(), values)
    assert np.abs(np.diff(out["vad"], axis=0)).max() < 0.01
    assert np.abs(np.diff(out["weight"], axis=0)).max() < 0.05
    assert out["weight"][-1, 1] == 0
