"""Experts: a model of the right modality and contract, with no evidence beyond its card."""

import json
import math
import re

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamsense.errors import ModelError
from streamsense.features.voice_features import VoiceFeatures
from streamsense.models.card import CARD_KEY, Card
from streamsense.models.contract import CONTRACT_KEY, canonical_json, contract_sha256
from streamsense.models.expert import PRIOR_LOG_VARIANCE, Expert
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.streams import Feature

CONTRACT = {"feature": "two_numbers", "bands": {"alpha": [8, 13]}}
CARD = {
    "name": "mine",
    "version": "0.1",
    "modality": "eeg",
    "description": "a test",
    "data": "none",
    "attribution": "",
    "licence": "CC0-1.0",
    "evaluation": "none",
    "evidence_emotions": ["happy"],
    "evidence_dimensions": ["valence"],
    "limits": [],
    "made_by": "this test",
    "date": "2025-11-21",
}


def own_model(path, card=CARD, contract=CONTRACT, embed=True, logits=8, weight=1.0):
    """Someone's model: everything is x[0], so that what it says is easy to set."""
    sizes = {"vad_mean": 3, "vad_log_variance": 3, "emotion_logits": logits}
    nodes, constants = [], []
    for name, size in sizes.items():
        constants.append(numpy_helper.from_array(np.full((1, size), weight, np.float32), f"{name}_ones"))
        nodes.append(helper.make_node("MatMul", ["x", f"{name}_ones"], [name]))
    graph = helper.make_graph(
        nodes,
        "mine",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]) for name, size in sizes.items()],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if embed:
        model.metadata_props.add(key=CARD_KEY, value=json.dumps(card))
        model.metadata_props.add(key=CONTRACT_KEY, value=json.dumps(contract))
    path.write_bytes(model.SerializeToString())
    return OnnxModel(path, provider="cpu")


def feature(x, modality="eeg"):
    return Feature(modality, {"x": np.array([x], np.float32)}, 1.0, 1.0, 0.0, 0.0)


def test_what_the_card_does_not_name_is_no_evidence(tmp_path):
    expert = Expert(own_model(tmp_path / "m.onnx"), "eeg", CONTRACT)
    out = expert.evaluate(feature(0.25))
    np.testing.assert_array_equal(expert.vad_evidence, [1, 0, 0])
    np.testing.assert_array_equal(expert.emotion_evidence, [0, 1, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(out.vad_mean, [0.25, 0, 0])
    np.testing.assert_array_equal(out.vad_log_variance, [0.25, PRIOR_LOG_VARIANCE, PRIOR_LOG_VARIANCE])
    np.testing.assert_array_equal(out.emotion_logits, [0, 0.25, 0, 0, 0, 0, 0, 0])
    assert out.vad_mean.dtype == np.float64
    assert not out.failure


def test_of_a_features_inputs_a_model_is_given_those_that_it_takes(tmp_path):
    expert = Expert(own_model(tmp_path / "m.onnx"), "eeg", CONTRACT)
    more = feature(0.25)
    more.inputs["another"] = np.zeros(3, np.float32)
    np.testing.assert_array_equal(expert.evaluate(more).vad_mean, expert.evaluate(feature(0.25)).vad_mean)
    del more.inputs["x"]
    with pytest.raises(ModelError, match="takes the inputs x, found none"):
        expert.evaluate(more)


@pytest.mark.parametrize(("x", "mean", "log_variance", "logit"), [(1e30, 1, math.log(4), 20), (-99, -1, None, -20)])
def test_outputs_out_of_range_are_limited(tmp_path, x, mean, log_variance, logit):
    out = Expert(own_model(tmp_path / "m.onnx"), "eeg", CONTRACT).evaluate(feature(x))
    assert out.vad_mean[0] == mean
    assert out.vad_log_variance[0] == (log_variance if log_variance else math.log(0.02**2))
    assert out.emotion_logits[1] == logit


@pytest.mark.parametrize(
    ("weight", "x", "said"),
    [(np.nan, 0.5, "returned numbers that are not finite in vad_mean"), (1, np.nan, "was given .* not finite in x")],
)
def test_what_is_not_finite_is_no_evidence_with_a_reason(tmp_path, weight, x, said):
    out = Expert(own_model(tmp_path / "m.onnx", weight=weight), "eeg", CONTRACT).evaluate(feature(x))
    assert re.search(said, out.failure)
    assert not out.vad_mean.any()
    assert not out.emotion_logits.any()
    assert (out.vad_log_variance == PRIOR_LOG_VARIANCE).all()


def test_a_model_for_other_features_is_refused_field_by_field(tmp_path):
    with pytest.raises(ModelError, match=r"bands\.alpha: model 8–13, pipeline 8–14"):
        Expert(own_model(tmp_path / "m.onnx"), "eeg", {"feature": "two_numbers", "bands": {"alpha": (8.0, 14.0)}})


def test_a_model_for_another_modality_or_with_other_outputs_is_refused(tmp_path):
    with pytest.raises(ModelError, match="a model for eeg, expected one for voice"):
        Expert(own_model(tmp_path / "m.onnx"), "voice", CONTRACT)
    with pytest.raises(ModelError, match=r"lacks the output emotion_logits of shape \(8,\).*emotion_logits \(7,\)"):
        Expert(own_model(tmp_path / "m.onnx", logits=7), "eeg", CONTRACT)
    with pytest.raises(ModelError, match="lacks the output "):
        Expert(
            OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu"),
            "fusion",
            OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu").metadata().contract,
        )
    with pytest.raises(ModelError, match="was given a feature of face"):
        Expert(own_model(tmp_path / "m.onnx"), "eeg", CONTRACT).evaluate(feature(0, "face"))


def test_a_card_beside_a_plain_model_works_too(tmp_path):
    model = own_model(tmp_path / "plain.onnx", embed=False)
    with pytest.raises(ModelError, match=r"plain\.card\.json beside it"):
        model.metadata()
    (tmp_path / "plain.card.json").write_text(json.dumps({"card": CARD, "contract": CONTRACT}))
    expert = Expert(model, "eeg", CONTRACT)
    assert expert.metadata.card.name == "mine"
    assert expert.metadata.contract_sha256 == contract_sha256(CONTRACT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"card": {}, "contract": {"a": NaN}}', "is not JSON"),
        (json.dumps({"card": CARD}), "no usable contract"),
        (json.dumps({"card": CARD | {"evidence_emotions": ["bored"]}, "contract": {}}), "bored not among neutral"),
        (json.dumps({"card": CARD | {"colour": "red"}, "contract": {}}), "colour"),
        (json.dumps({"card": {k: v for k, v in CARD.items() if k != "licence"}, "contract": {}}), "licence"),
        (json.dumps({"card": CARD | {"licence": " "}, "contract": {}}), "licence: String should have at least 1"),
        (json.dumps({"card": CARD | {"description": "x" * 2_000_000}, "contract": {}}), "longer than"),
        (json.dumps({"card": CARD | {"name": "a\x1b[2J"}, "contract": {}}), "signs that cannot be shown"),
        (json.dumps({"card": CARD, "contract": {"a\ud800": 1}}), "signs that cannot be shown"),
        ('{"card": {}, "contract": {"a": 1e999}}', "a number that is too large"),
        ('{"card": {}, "contract": {"a": ' + "[" * 40 + "]" * 40 + "}}", "nested deeper than 32"),
        (json.dumps({"card": CARD, "contract": 5}), "no usable contract"),
    ],
)
def test_a_malformed_card_is_refused_with_what_is_wrong(tmp_path, text, said):
    model = own_model(tmp_path / "plain.onnx", embed=False)
    (tmp_path / "plain.card.json").write_text(text)
    with pytest.raises(ModelError, match=said):
        model.metadata()


def test_a_card_is_frozen_and_readable():
    card = Card.model_validate(CARD)
    with pytest.raises(ValueError, match="frozen"):
        card.name = "other"
    page = card.markdown(CONTRACT)
    assert "| evidence for dimensions | valence |" in page
    assert contract_sha256(CONTRACT) in page


def test_the_shipped_voice_expert_takes_the_pipelines_own_feature():
    contract = VoiceFeatures().contract()
    expert = Expert(OnnxModel(shipped("models_onnx/voice_knowledge.onnx"), provider="cpu"), "voice", contract)
    inputs = {"log_mel_statistics": np.zeros((64, 4), np.float32), "prosody": np.array([2, 1, 1, 0], np.float32)}
    out = expert.evaluate(Feature("voice", inputs, 1.0, 1.0, 0.0, 0.0))
    assert out.vad_mean[1] > 0.3
    assert canonical_json(expert.metadata.contract) == canonical_json(contract)
