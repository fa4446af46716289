"""The committed models are what `models_onnx/build.py` makes, byte for byte."""

import subprocess
import sys

import onnx
import pytest

from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.runtime.assembly import feature_operators
from tests.helpers import sessions

NAMES = sorted(path.stem for path in shipped("models_onnx").glob("*.onnx"))


def test_building_again_gives_the_committed_files():
    done = subprocess.run(
        [sys.executable, str(shipped("models_onnx/build.py")), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_models_keep_the_limits_of_the_runtime_and_have_a_card(name):
    path = shipped(f"models_onnx/{name}.onnx")
    model = onnx.load(path)
    assert model.ir_version <= 10
    assert all(entry.version <= 20 for entry in model.opset_import)
    assert all(value.type.tensor_type.shape.dim[0].dim_param for value in model.graph.input)
    metadata = OnnxModel(path, provider="cpu").metadata()
    assert metadata.card.name == name
    assert "commit" in metadata.card.commit, f"python models_onnx/stamp_commit.py {name}"
    assert metadata.contract_sha256 in shipped(f"models_onnx/{name}.card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("fusion")])
def test_the_pipeline_takes_every_shipped_expert(name):
    """With the settings that its name tells: a contract that changed makes trained models useless, too."""
    sections = {"eeg": {}, "face": {}, "voice": {}}
    if name.endswith("silero"):
        sections["voice"] = {"voice_activity": "silero"}
    if name.endswith("blendshapes"):
        sections["face"] = {"front_end": "mesh478_blendshapes"}
    model = OnnxModel(shipped(f"models_onnx/{name}.onnx"), provider="cpu")
    modality = model.metadata().card.modality
    Expert(model, modality, feature_operators(sessions.config(**sections))[modality].contract())
