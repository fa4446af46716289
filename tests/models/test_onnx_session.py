"""Loading and running models: exact settings, the provider that was asked for, hostile files, wrong inputs."""

import contextlib

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from streamsense.errors import DependencyError, ModelError
from streamsense.models import onnx_file, providers
from streamsense.models.onnx_file import read_model
from streamsense.models.onnxruntime_check import check_onnxruntime, installed_runtimes
from streamsense.models.session import NonFiniteOutputError, OnnxModel
from streamsense.resources import shipped

FACE = shipped("models_onnx/face_knowledge.onnx")


def logarithm(path, shape=("batch", 2), element=TensorProto.FLOAT, values=None):
    """A model that takes the logarithm of x, so that x <= 0 gives what is not finite; `values` are added first."""
    values = np.zeros(2, np.float32) if values is None else values
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["s"]), helper.make_node("Log", ["s"], ["y"])],
        "logarithm",
        [helper.make_tensor_value_info("x", element, list(shape))],
        [helper.make_tensor_value_info("y", element, list(shape))],
        [numpy_helper.from_array(values, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return model


def test_a_model_runs_one_row_at_a_time(tmp_path):
    logarithm(tmp_path / "log.onnx")
    model = OnnxModel(tmp_path / "log.onnx", provider="cpu")
    assert model.provider == "cpu"
    assert model.inputs == {"x": (2,)}
    np.testing.assert_allclose(model.run({"x": np.array([1.0, np.e])})["y"], [0, 1], atol=1e-6)


def test_the_session_is_exact_and_single_threaded(tmp_path):
    options = OnnxModel(FACE, provider="cpu")._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.use_deterministic_compute
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "takes the inputs x, found none"),
        ({"z": np.ones(2)}, "takes the inputs x, found z"),
        ({"x": np.ones(3)}, r"has shape \(3,\), expected \(2,\)"),
        ({"x": np.ones((1, 2))}, r"has shape \(1, 2\), expected \(2,\)"),
    ],
)
def test_wrong_inputs_are_named(tmp_path, inputs, said):
    logarithm(tmp_path / "log.onnx")
    with pytest.raises(ModelError, match=said):
        OnnxModel(tmp_path / "log.onnx", provider="cpu").run(inputs)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_what_is_not_finite_never_comes_out(tmp_path, bad):
    logarithm(tmp_path / "log.onnx")
    with pytest.raises(NonFiniteOutputError, match="not finite in y"):
        OnnxModel(tmp_path / "log.onnx", provider="cpu").run({"x": np.array([1.0, bad])})


def test_the_hash_is_checked_before_anything_else(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"\xff" * 99)
    with pytest.raises(ModelError, match=r"has sha256 .*, expected 00"):
        OnnxModel(tmp_path / "junk.onnx", provider="cpu", expected_sha256="00" * 32)
    model = OnnxModel(FACE, provider="cpu")
    assert OnnxModel(FACE, provider="cpu", expected_sha256=model.sha256).sha256 == model.sha256


def test_a_missing_file_and_a_large_file_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="cannot be read"):
        OnnxModel(tmp_path / "none.onnx")
    monkeypatch.setattr(onnx_file, "MAX_MODEL_BYTES", 1000)
    with pytest.raises(ModelError, match="larger than"):
        OnnxModel(FACE)


def test_values_in_another_file_are_refused(tmp_path):
    model = logarithm(tmp_path / "plain.onnx", shape=("batch", 999), values=np.ones(999, np.float32))
    read_model(tmp_path / "plain.onnx")
    onnx.save(model, tmp_path / "split.onnx", save_as_external_data=True, size_threshold=0, location="w.bin")
    assert (tmp_path / "w.bin").exists()
    with pytest.raises(ModelError, match="outside its own file"):
        OnnxModel(tmp_path / "split.onnx", provider="cpu")


def hidden(where):
    """An outside tensor, put where only some readers look."""
    outside = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="../../etc/hostname")
    node = helper.make_node("Constant", [], ["y"], value=outside)
    body = helper.make_graph([node], "body", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])])
    model = helper.make_model(helper.make_graph([], "g", [], []))
    if where == "node":
        model.graph.node.append(node)
    elif where == "branch":
        model.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body))
    elif where == "function":
        model.functions.add(name="f").node.append(node)
    elif where == "sparse":
        model.graph.sparse_initializer.add().values.CopyFrom(outside)
    elif where == "training":
        model.training_info.add().initialization.CopyFrom(body)
    return model.SerializeToString()


@pytest.mark.parametrize("where", ["node", "branch", "function", "sparse", "training"])
def test_values_elsewhere_are_found_wherever_they_hide(tmp_path, where):
    (tmp_path / "m.onnx").write_bytes(hidden(where))
    with pytest.raises(ModelError, match="outside its own file"):
        read_model(tmp_path / "m.onnx")


@given(cut=st.integers(0, 6000), flips=st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=5))
def test_damaged_files_give_a_model_error_and_nothing_else(cut, flips, tmp_path_factory):
    content = bytearray(FACE.read_bytes())
    for position, byte in flips:
        content[position % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(bytes(content[: len(content) - cut % len(content)]))
    with contextlib.suppress(ModelError):
        read_model(path)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_text("<html>not found</html>")
    with pytest.raises(ModelError, match=r"not a whole ONNX file|cannot load"):
        OnnxModel(tmp_path / "text.onnx", provider="cpu")
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot load"):
        OnnxModel(tmp_path / "empty.onnx", provider="cpu")


@pytest.mark.parametrize(
    "change", [{"shape": (4, 2)}, {"shape": ("batch", "n")}, {"element": TensorProto.DOUBLE, "values": np.zeros(2)}]
)
def test_inputs_must_be_float32_of_fixed_size_behind_a_batch_axis(tmp_path, change):
    logarithm(tmp_path / "log.onnx", **change)
    with pytest.raises(ModelError, match="a batch axis first"):
        OnnxModel(tmp_path / "log.onnx", provider="cpu")


def test_auto_is_quiet_and_says_what_runs(capfd):
    model = OnnxModel(FACE, provider="auto")
    assert model.provider in ("cpu", "cuda")
    assert (model.provider == "cuda") == (model._session.get_providers()[0] == "CUDAExecutionProvider")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(providers.cuda_driver_present(), reason="has a GPU driver")
def test_a_gpu_that_is_required_and_not_there_is_an_error(capfd):
    with pytest.raises(ModelError, match=r"was to run on the GPU.*NVIDIA driver.*pip install"):
        OnnxModel(FACE, provider="cuda")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(providers.cuda_driver_present(), reason="has a GPU driver")
def test_a_gpu_that_fails_to_open_is_quiet_under_auto_and_an_error_when_required(capfd, monkeypatch):
    monkeypatch.setattr(providers, "cuda_driver_present", lambda: True)  # go on to ONNX Runtime's own attempt
    assert OnnxModel(FACE, provider="auto").provider == "cpu"
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ModelError, match="was to run on the GPU"):
        OnnxModel(FACE, provider="cuda")


def test_an_unknown_provider_is_refused():
    with pytest.raises(ModelError, match="expected auto, cpu or cuda"):
        OnnxModel(FACE, provider="gpu")


def test_here_there_is_exactly_one_runtime():
    assert check_onnxruntime() in installed_runtimes()


def test_two_runtimes_or_none_are_refused_with_the_remedy():
    with pytest.raises(DependencyError, match="pip uninstall -y onnxruntime onnxruntime-gpu"):
        check_onnxruntime({"onnxruntime": "1.31.0", "onnxruntime-gpu": "1.31.1"})
    with pytest.raises(DependencyError, match="is not installed"):
        check_onnxruntime({})
