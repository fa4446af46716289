"""A trained model of ambivalence: named in the configuration, checked by its contract, in the formula's place."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamsense.config import parse_config
from streamsense.errors import ModelError
from streamsense.fusion.ambivalence import HEAD_INPUT, HEAD_INPUTS, HEAD_OUTPUT, PRIOR, ambivalence_contract
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.models.ambivalence_head import AmbivalenceHead
from streamsense.models.card import CARD_KEY
from streamsense.models.contract import CONTRACT_KEY
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.runtime.assembly import build_replay_pipeline
from streamsense.score import SCORE_LABELS
from streamsense.streams import MODALITIES

CARD = {
    "name": "mine", "version": "1", "modality": "ambivalence", "description": "a test", "data": "none",
    "attribution": "", "licence": "CC0-1.0", "evaluation": "none", "made_by": "this test", "date": "2026-11-21",
}  # fmt: skip


def head_file(path: Path, bias: float = 0.0, inputs: int = len(HEAD_INPUTS), output: str = HEAD_OUTPUT, **changed):
    """Log-odds of `bias` and 3 for each unit of discord."""
    weights = np.zeros((inputs, 1), np.float32)
    weights[HEAD_INPUTS.index("discord")] = 3.0
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array([bias], np.float32), "b")]
    graph = helper.make_graph(
        [helper.make_node("Gemm", [HEAD_INPUT, "w", "b"], [output])],
        "mine",
        [helper.make_tensor_value_info(HEAD_INPUT, TensorProto.FLOAT, ["batch", inputs])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.metadata_props.add(key=CARD_KEY, value=json.dumps({**CARD, **changed.get("card", {})}))
    contract = {**ambivalence_contract(), **changed.get("contract", {})}
    model.metadata_props.add(key=CONTRACT_KEY, value=json.dumps(contract))
    path.write_bytes(model.SerializeToString())
    return path


def head(path: Path) -> AmbivalenceHead:
    return AmbivalenceHead(OnnxModel(path, "cpu"))


def test_it_is_given_the_parts_and_gives_log_odds(tmp_path):
    parts = np.zeros(len(HEAD_INPUTS), np.float32)
    parts[HEAD_INPUTS.index("discord")] = 0.5
    assert head(head_file(tmp_path / "m.onnx", bias=-1.0)).log_odds(parts) == pytest.approx(0.5)
    assert head(head_file(tmp_path / "nan.onnx", bias=math.nan)).log_odds(parts) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"card": {"modality": "voice"}}, "a model for voice, expected one for ambivalence"),
        ({"contract": {"version": 99}}, "version: model 99, pipeline 2"),
        ({"contract": {"cues": {}}}, "made for other parts"),
        ({"inputs": 3}, "has the inputs"),
        ({"output": "logit"}, "expected .* and ambivalence_logit"),
    ],
)
def test_a_model_made_for_something_else_is_refused(tmp_path, changed, said):
    with pytest.raises(ModelError, match=said):
        head(head_file(tmp_path / "m.onnx", **changed))


def test_it_scores_in_the_formula_s_place(tmp_path):
    fusion = OnnxModel(shipped("models_onnx/fusion_precision.onnx"), "cpu")
    named = Fusion(fusion, ambivalence_head=head(head_file(tmp_path / "m.onnx", bias=1.0)))
    place = SCORE_LABELS.index("ambivalence")
    nobody = dict.fromkeys(MODALITIES, Opinion.absent())
    assert named.step(nobody, 0.0)[place] == PRIOR, "nothing was seen, and no model knows more"
    seen = {**nobody, "face": Opinion(**{**vars(Opinion.absent(0.0)), "presence": 1.0, "quality": 1.0})}
    assert named.step(seen, 1e4)[place] == pytest.approx(1 / (1 + math.exp(-1)))
    assert Fusion(fusion).step(seen, 1e4)[place] == PRIOR


def test_a_configuration_names_it_and_the_outputs_say_so(tmp_path):
    content = {"face": {}, "provider": "cpu"}
    _, formula = build_replay_pipeline(parse_config(content, "test"))
    assert formula["ambivalence"] == "ambivalence_proxy, uncalibrated"
    path = head_file(tmp_path / "m.onnx")
    _, described = build_replay_pipeline(parse_config({**content, "ambivalence": {"model": str(path)}}, "test"))
    assert described["ambivalence"] == f"{path} {OnnxModel(path, 'cpu').sha256}"
    with pytest.raises(ModelError, match="There is no model"):
        build_replay_pipeline(parse_config({**content, "ambivalence": {"model": "none.onnx"}}, "test"))
