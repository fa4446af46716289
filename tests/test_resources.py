"""Shipped files are found in a checkout and in an installed package."""

import pytest

from streamsense import resources
from streamsense.errors import StreamsenseError
from streamsense.resources import shipped


def test_a_checkout_has_them_beside_the_package():
    assert shipped("models_onnx/eeg_knowledge.onnx").is_file()


def test_a_wheel_has_them_inside_the_package(tmp_path, monkeypatch):
    inside = tmp_path / "streamsense" / "_shipped" / "models_onnx"
    inside.mkdir(parents=True)
    (inside / "a.onnx").write_bytes(b"1")
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "streamsense")
    assert shipped("models_onnx/a.onnx") == inside / "a.onnx"


def test_what_is_missing_is_said():
    with pytest.raises(StreamsenseError, match=r"nothing\.onnx does not belong to this installation"):
        shipped("models_onnx/nothing.onnx")
