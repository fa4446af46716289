"""Other people's networks: any opset up to 20 works once a card is attached; what does not fit is named and refused."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamsense.errors import ModelError
from streamsense.models import providers, session
from streamsense.models.card import CARD_KEY, Card
from streamsense.models.contract import CONTRACT_KEY
from streamsense.models.expert import Expert
from streamsense.models.onnx_file import read_model, with_metadata
from streamsense.models.session import OnnxModel
from streamsense.runtime.assembly import build_feature_pipeline, feature_operators
from streamsense.runtime.attach_model import attach
from streamsense.runtime.warm_up import warm_up
from tests.helpers import sessions
from tests.helpers.foreign_models import CARD, SHAPE, by_hand, by_torch

EEG = sessions.config("eeg")
CONTRACT = feature_operators(EEG)["eeg"].contract()


@pytest.fixture(scope="module")
def feature():
    """A window as the pipeline makes it."""
    return next(score.windows["eeg"] for score in warm_up(build_feature_pipeline(EEG), EEG) if score.windows)


def with_card(path, content, card=CARD, contract=CONTRACT):
    path.write_bytes(with_metadata(content, {CARD_KEY: json.dumps(card), CONTRACT_KEY: json.dumps(contract)}))
    return path


def arousal(path, feature):
    out = Expert(OnnxModel(path, "cpu"), "eeg", CONTRACT).evaluate(feature)
    assert not out.failure
    return out.vad_mean[1]


@pytest.mark.parametrize("opset", range(7, 21))
def test_every_opset_up_to_20_gives_the_same_score(opset, tmp_path, feature):
    path = with_card(tmp_path / "theirs.onnx", by_hand(opset).SerializeToString())
    assert arousal(path, feature) == 0.25
    assert OnnxModel(path, "cpu").opset == opset


@pytest.mark.parametrize("ir_version", [3, 4, 8, 10, 13, 14, 30])
def test_every_version_of_the_format_does(ir_version, tmp_path, feature):
    path = with_card(tmp_path / "theirs.onnx", by_hand(17, ir_version).SerializeToString())
    assert arousal(path, feature) == 0.25
    assert OnnxModel(path, "cpu").ir_version == ir_version


@pytest.mark.parametrize("batch", ["batch", 1])
def test_the_batch_axis_is_dynamic_or_1(batch, tmp_path, feature):
    assert arousal(with_card(tmp_path / "m.onnx", by_hand(batch=batch).SerializeToString()), feature) == 0.25


@pytest.mark.parametrize(("opset", "dynamic"), [(7, True), (11, False), (20, True)])
def test_what_torch_exports_gives_torchs_numbers(opset, dynamic, tmp_path, feature):
    plain = by_torch(tmp_path / "plain.onnx", opset, dynamic)
    expert = attach(plain, Card.model_validate(CARD), tmp_path / "mine.onnx")
    assert arousal(tmp_path / "mine.onnx", feature) == expert.evaluate(feature).vad_mean[1] != 0
    assert onnx.load(tmp_path / "mine.onnx").graph == onnx.load(plain).graph
    onnx.checker.check_model(tmp_path / "mine.onnx")


def test_what_is_attached_is_the_present_contract_and_replaces_an_old_one(tmp_path):
    former = json.loads(json.dumps(CONTRACT | {"bands_hz": CONTRACT["bands_hz"] | {"alpha": [8, 13]}, "window_s": 2}))
    old = with_card(tmp_path / "old.onnx", by_hand().SerializeToString(), contract=former)
    with pytest.raises(
        ModelError, match=r"bands_hz\.alpha: model 8–13, pipeline 8–14; window_s: model 2, pipeline 4\."
    ):
        Expert(OnnxModel(old, "cpu"), "eeg", CONTRACT)
    attach(old, Card.model_validate(CARD | {"version": "0.2"}), tmp_path / "new.onnx")
    metadata = OnnxModel(tmp_path / "new.onnx", "cpu").metadata()
    assert metadata.contract == json.loads(json.dumps(CONTRACT))
    assert metadata.card.version == "0.2"
    assert len(onnx.load(tmp_path / "new.onnx").metadata_props) == 2
    assert sorted(tmp_path.iterdir()) == [tmp_path / "new.onnx", old], "nothing else is left behind"


def test_the_contract_is_that_of_the_configuration(tmp_path):
    (tmp_path / "plain.onnx").write_bytes(by_hand().SerializeToString())
    two_seconds = sessions.config(eeg={"window_s": 2}, voice={})
    expert = attach(tmp_path / "plain.onnx", Card.model_validate(CARD), tmp_path / "mine.onnx", two_seconds)
    assert expert.metadata.contract["window_s"] == 2
    with pytest.raises(ModelError, match=r"window_s: model 2, pipeline 4"):
        Expert(OnnxModel(tmp_path / "mine.onnx", "cpu"), "eeg", CONTRACT)
    with pytest.raises(ModelError, match="no section eeg"):
        attach(tmp_path / "plain.onnx", Card.model_validate(CARD), tmp_path / "b.onnx", sessions.config("voice"))


def changed(change):
    model = by_hand()
    change(model)
    return model.SerializeToString()


def renamed_input(model):
    model.graph.input[0].name = model.graph.node[0].input[0] = "eeg"


def custom_operator(model):
    model.graph.node[0].domain = "my.lab"
    model.graph.node[0].op_type = "Laplacian"
    model.opset_import.append(helper.make_opsetid("my.lab", 1))


def custom_operator_in_a_branch(model):
    body = helper.make_graph(
        [helper.make_node("Mystery", [], ["y"], domain="my.lab")], "body", [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )  # fmt: skip
    model.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body))


def unknown_operator(model):
    model.graph.node[0].op_type = "Laplacian"


def not_finite(model):
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "vad_mean_w")
    tensor.CopyFrom(numpy_helper.from_array(np.full((5, 3), np.nan, np.float32), "vad_mean_w"))


def no_logits(model):
    del model.graph.output[2]


def another_size(model):
    for tensor in model.graph.initializer:
        if tensor.name.startswith("emotion_logits"):
            values = numpy_helper.to_array(tensor)[..., :7]
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
    model.graph.output[2].type.tensor_type.shape.dim[1].dim_value = 7


def labels(model):
    """A classifier's labels and probabilities, as scikit-learn's converters write them."""
    model.graph.node.append(helper.make_node("ArgMax", ["vad_mean"], ["label"]))
    model.graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["batch", 1]))


def no_batch(model):
    model.graph.node.append(helper.make_node("ReduceMax", ["vad_mean"], ["top"], keepdims=0))
    model.graph.output.append(helper.make_tensor_value_info("top", TensorProto.FLOAT, []))


def huge_memory(model):
    """4 GB out of a file of one kB, while it is loaded or at the first run."""
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 30]), "many"))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["many"], ["zeros"]))
    model.graph.node.append(helper.make_node("ReduceMax", ["zeros"], ["most"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", ["most", "vad_mean"], ["sum"]))
    model.graph.output.append(helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["batch", 3]))


def huge_input(model):
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["batch", 1 << 40]))


def name_that_steers_a_terminal(model):
    model.graph.input[0].name = model.graph.node[0].input[0] = "\x1b[2J"


REFUSED = [
    (name_that_steers_a_terminal, r"has the name '\\x1b\[2J', expected one that can be shown"),
    (renamed_input, rf"takes eeg \({SHAPE[0]}, 5\); expected some of .*band_entropy \({SHAPE[0]}, 5\), band_entropy_b"),
    (custom_operator, "custom operator Laplacian of 'my.lab', which needs a library of native code"),
    (custom_operator_in_a_branch, "custom operator Mystery of 'my.lab'"),
    (unknown_operator, "cannot load .*No Op registered for Laplacian"),
    (not_finite, "not finite in vad_mean.*look for NaN in its weights"),
    (no_logits, r"lacks the output emotion_logits of shape \(8,\)"),
    (another_size, r"lacks the output emotion_logits of shape \(8,\).*emotion_logits \(7,\)"),
    (labels, r"Output label of .* is tensor\(int64\), expected tensor\(float\)"),
    (no_batch, r"Output top of .* has shape \(\) for a batch of 1"),
    (huge_memory, "Available memory of .* is smaller than requested bytes of 4294967296"),
    (huge_input, "more .*no window is so large"),
    (lambda model: model.opset_import[0].__setattr__("version", 21), "of opset 21, expected 20 at most"),
    (lambda model: model.opset_import[0].__setattr__("version", 2), "cannot load .*opset 7 to 20"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED, ids=[change.__name__.strip("<>") for change, _ in REFUSED])
def test_what_cannot_be_used_is_named_and_nothing_is_written(change, said, tmp_path):
    (tmp_path / "plain.onnx").write_bytes(changed(change))
    with pytest.raises(ModelError, match=said):
        attach(tmp_path / "plain.onnx", Card.model_validate(CARD), tmp_path / "mine.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["plain.onnx"]


def test_a_model_that_never_answers_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "FIRST_RUN_S", 0.3)
    kind = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["v"], ["w"])], "body",
        [kind("i", TensorProto.INT64, []), kind("go", TensorProto.BOOL, []), kind("v", TensorProto.FLOAT, ["b", 2])],
        [kind("on", TensorProto.BOOL, []), kind("w", TensorProto.FLOAT, ["b", 2])],
    )  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)], "g", [kind("x", TensorProto.FLOAT, ["b", 2])],
        [kind("y", TensorProto.FLOAT, ["b", 2])], [numpy_helper.from_array(np.array(True), "true")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "loop.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"gave no answer within 0\.3 s"):
        OnnxModel(tmp_path / "loop.onnx", "cpu")


def test_a_files_own_functions_are_no_custom_operators(tmp_path, feature):
    model = by_hand(ir_version=10)
    twice = helper.make_function(
        "my.lab", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    model.functions.append(twice)
    model.opset_import.append(helper.make_opsetid("my.lab", 1))
    model.graph.node[0].output[0] = "half"
    model.graph.node.insert(1, helper.make_node("Twice", ["half"], ["mean"], domain="my.lab"))
    assert arousal(with_card(tmp_path / "m.onnx", model.SerializeToString()), feature) == 0.25


def test_a_file_of_millions_of_parts_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("streamsense.models.onnx_file._MOST_FIELDS", 1000)
    (tmp_path / "m.onnx").write_bytes(b"\x08\x01" * 1001)
    with pytest.raises(ModelError, match="more than 1000 parts"):
        read_model(tmp_path / "m.onnx")


def test_the_memory_of_all_sessions_is_bounded():
    assert providers.session_options().get_session_config_entry("session.use_env_allocators") == "1"
