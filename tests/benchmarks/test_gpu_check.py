"""`make gpu-check`: it passes where there is a GPU and says so where there is none; what it measures is true."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from benchmarks import gpu_check
from streamsense.errors import ModelError
from streamsense.models.onnx_file import read_model
from streamsense.models.providers import CPU, cuda_driver_present, open_session
from streamsense.resources import shipped
from tests.helpers.command_line import ROOT
from tests.helpers.foreign_models import by_hand

EXPERT = shipped("models_onnx") / "eeg_knowledge.onnx"
NO_GPU = "error: This needs an NVIDIA GPU with CUDA 13 and cuDNN 9, but no NVIDIA driver was found.\n"


def test_it_passes_with_a_gpu_and_says_what_is_missing_without() -> None:
    command = [sys.executable, "-m", "benchmarks.gpu_check", "--json"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=120)
    if cuda_driver_present():
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert len(rows) == 4 * len(list(shipped("models_onnx").glob("*.onnx")))
        assert all(row["gpu_nodes"] > 0 for row in rows)
    else:
        assert (done.returncode, done.stdout, done.stderr) == (2, "", NO_GPU)


def test_the_profile_tells_where_the_nodes_ran_and_what_they_gave() -> None:
    on_gpu, on_cpu = gpu_check.nodes(EXPERT, EXPERT.read_bytes(), [CPU], [1, 8])
    assert on_gpu == {}
    assert len(on_cpu) > 20
    # The outputs vad_mean and emotion_logits of a batch of 8 are of 24 and 64 numbers.
    assert max(on_cpu.values()) >= 64
    assert any(name.startswith("Tanh ") and values == 8 for name, values in on_cpu.items())


def test_a_difference_is_found() -> None:
    session, _ = open_session(EXPERT, read_model(EXPERT).content, "cpu")
    inputs = gpu_check.random_inputs(session, 8)
    assert set(np.unique(inputs["electrode_mask"])) == {0, 1}
    first, again = session.run(None, inputs), session.run(None, gpu_check.random_inputs(session, 8))
    assert gpu_check.largest_difference(first, again) == 0
    assert gpu_check.largest_difference(first, [each + 1e-3 for each in again]) > gpu_check.TOLERANCE
    assert np.isnan(gpu_check.largest_difference(first, [each + np.nan for each in again]))


@pytest.mark.parametrize(("batch", "fixed"), [("batch", False), (1, True)])
def test_a_model_for_a_batch_of_1_is_run_with_that_alone(batch: str | int, fixed: bool, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(by_hand(batch=batch).SerializeToString())
    session, _ = open_session(tmp_path / "m.onnx", (tmp_path / "m.onnx").read_bytes(), "cpu")
    assert gpu_check._has_fixed_batch(session) == fixed


@pytest.mark.skipif(cuda_driver_present(), reason="has a GPU driver")
def test_a_gpu_that_is_not_there_is_never_taken_for_one() -> None:
    with pytest.raises(ModelError, match="could not be had"):
        gpu_check.check(EXPERT)


def test_tf32_from_outside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    with pytest.raises(gpu_check.CheckError, match="NVIDIA_TF32_OVERRIDE"):
        gpu_check.check(EXPERT)


def test_it_needs_nothing_but_onnx_runtime_unpacked_and_numpy(tmp_path: Path) -> None:
    """As on a machine without internet: the package's folder alone, which pip knows nothing of."""
    for package in (np, onnxruntime):
        source = Path(package.__file__).parent
        (tmp_path / source.name).symlink_to(source)
        if (libraries := source.with_name(f"{source.name}.libs")).is_dir():
            (tmp_path / libraries.name).symlink_to(libraries)
    for folder in ("streamsense", "benchmarks", "models_onnx"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
    command = [sys.executable, "-S", "-m", "benchmarks.gpu_check"]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True, check=False)
    if cuda_driver_present():
        assert done.returncode == 0, done.stderr
    else:
        assert (done.returncode, done.stderr) == (2, NO_GPU)
    # Without a GPU it does not come so far as to open a session.
    program = (
        "from pathlib import Path\nfrom benchmarks.gpu_check import *\n"
        "path = Path('models_onnx/eeg_knowledge.onnx')\n"
        "session, _ = open_session(path, read_model(path).content, 'cpu')\n"
        "print(len(session.run(None, random_inputs(session, 8))))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.stdout == "3\n", done.stderr
