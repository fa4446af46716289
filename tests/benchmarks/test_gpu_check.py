"""`make gpu-check`: it passes where there is a GPU and says so where there is none; what it measures is true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu_check
from streamsense.errors import ModelError
from streamsense.models.session import OnnxModel, cuda_driver_present
from streamsense.resources import shipped
from tests.helpers.command_line import ROOT

EXPERT = shipped("models_onnx") / "eeg_knowledge.onnx"


def test_it_passes_with_a_gpu_and_says_what_is_missing_without() -> None:
    command = [sys.executable, "-m", "benchmarks.gpu_check", "--json"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=120)
    if cuda_driver_present():
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert len(rows) == 4 * len(list(shipped("models_onnx").glob("*.onnx")))
        assert all(row["gpu_nodes"] > 0 for row in rows)
    else:
        assert done.returncode == 2
        assert "no NVIDIA driver was found" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_profile_tells_where_the_nodes_ran(tmp_path: Path) -> None:
    model = OnnxModel(EXPERT, "cpu")
    session = gpu_check.session(EXPERT, [gpu_check._CPU], tmp_path)
    inputs = gpu_check.random_inputs(model.inputs, 8)
    first, again = session.run(None, inputs), session.run(None, gpu_check.random_inputs(model.inputs, 8))
    assert gpu_check.largest_difference(first, again) == 0
    assert gpu_check.largest_difference(first, [each + 1e-3 for each in again]) > gpu_check.TOLERANCE
    nodes = gpu_check.nodes_by_provider(Path(session.end_profiling()))
    assert set(nodes) == {gpu_check._CPU}
    assert nodes[gpu_check._CPU] > 20


def test_a_gpu_that_is_not_there_is_never_taken_for_one() -> None:
    if not cuda_driver_present():
        with pytest.raises(ModelError, match="could not be had"):
            gpu_check.check(EXPERT)
