"""Each modality's network: what is masked makes no difference, and the temporal net looks back and never ahead."""

import numpy as np
import pytest
import torch

from streamsense.errors import ModelError
from streamsense.features.electrodes import ELECTRODES
from streamsense.training.heads import EegHead, TemporalNet, WindowHead, head_for
from streamsense.training.rbtransformer import RBTransformerSettings
from tests.helpers import joint_tables

SETTINGS = RBTransformerSettings(width=16, depth=1, heads=2, head_width=8)
TABLE = joint_tables.made(12)


def made_head(modality):
    torch.manual_seed(0)
    head = head_for(modality, TABLE.modalities[modality], SETTINGS, 8).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    return head


def said(head, inputs):
    with torch.no_grad():
        return head(*(torch.from_numpy(np.asarray(inputs[name], np.float32)) for name in head.inputs))


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_head_gives_what_an_expert_gives():
    for modality, part in TABLE.modalities.items():
        mean, log_variance, logits = said(made_head(modality), part.inputs)
        assert (mean.shape, log_variance.shape, logits.shape) == ((12, 3), (12, 3), (12, 8))
        assert mean.abs().max() < 1
        assert ((log_variance >= -5) & (log_variance <= 1)).all()
        assert logits.std() > 0


def test_what_stands_at_an_absent_electrode_makes_no_difference():
    head, inputs = made_head("eeg"), dict(TABLE.modalities["eeg"].inputs)
    fewer = inputs["electrode_mask"].copy()
    fewer[:, 2] = 0
    other = inputs["band_entropy"].copy()
    other[:, 2] = 55.0
    inputs["electrode_mask"] = fewer
    assert same(said(head, inputs), said(head, inputs | {"band_entropy": other}))
    whole = said(head.for_all(), inputs)
    assert isinstance(head, EegHead)
    assert len(head.places) == len(ELECTRODES)
    for few, many in zip(said(made_head("eeg"), inputs), whole, strict=True):
        np.testing.assert_allclose(few, many, atol=1e-5)


def test_an_eeg_without_a_baseline_or_without_electrodes_says_less_and_is_less_sure():
    head, inputs = made_head("eeg"), TABLE.modalities["eeg"].inputs
    whole = said(head, inputs)
    for missing in ("baseline_weight", "electrode_mask"):
        less = said(head, inputs | {missing: np.zeros_like(inputs[missing])})
        assert not less.vad_mean.any()
        assert not less.emotion_logits.any()
        assert (less.vad_log_variance > np.log(0.25)).all()
        assert whole.vad_mean.any()


def test_frames_without_a_face_make_no_difference_and_others_do():
    head, inputs = made_head("face"), dict(TABLE.modalities["face"].inputs)
    mask = inputs["action_unit_frame_mask"].copy()
    mask[:, 3:5] = 0
    inputs["action_unit_frame_mask"] = mask
    frames = inputs["action_unit_frames"].copy()
    frames[:, 3:5] = 4.0
    assert same(said(head, inputs), said(head, inputs | {"action_unit_frames": frames}))
    frames[:, 6] = 4.0
    assert not same(said(head, inputs), said(head, inputs | {"action_unit_frames": frames}))
    nothing = said(head, inputs | {"action_unit_frame_mask": np.zeros_like(mask)})
    assert all(torch.isfinite(part).all() for part in nothing)


def test_the_temporal_net_looks_back_and_never_ahead():
    head = made_head("face")
    assert isinstance(head, WindowHead)
    layers, seen = head.temporal.layers, []
    head.temporal.dropout.register_forward_hook(lambda _module, _given, out: seen.append(out))
    frames = torch.rand(1, 10, 19)
    later = frames.clone()
    later[:, 6] += 1
    with torch.no_grad():
        for one in (frames, later):
            head.temporal(one, torch.ones(1, 10))
    assert len(seen) == 2 * len(layers)
    for before, after in zip(seen[: len(layers)], seen[len(layers) :], strict=True):
        assert torch.equal(before[:, :, :6], after[:, :, :6])
        assert not torch.equal(before[:, :, 6:], after[:, :, 6:])


def test_a_head_without_frames_is_linear_in_the_windows_numbers():
    inputs = {name: value for name, value in TABLE.modalities["face"].inputs.items() if "frame" not in name}
    head = head_for("face", joint_tables.rows(inputs), SETTINGS, 8)
    assert head.inputs == ("action_units", "action_unit_mask")
    assert head.temporal is None
    far = said(head.eval(), {name: value * 1e6 for name, value in inputs.items()})
    assert all(torch.isfinite(part).all() for part in far)


def test_a_voice_with_log_mel_frames_has_both_nets():
    rng = np.random.default_rng(0)
    inputs = {
        "contours": rng.random((12, 10)),
        "log_mel_frames": rng.random((12, 30, 8)),
        "log_mel_mask": np.zeros((12, 30)),
    }
    head = head_for("voice", joint_tables.rows(inputs), SETTINGS, 8)
    assert head.inputs == ("contours", "log_mel_frames", "log_mel_mask")
    assert isinstance(head.temporal, TemporalNet)
    assert all(torch.isfinite(part).all() for part in said(head.eval(), inputs))  # nobody spoke at all


def test_inputs_that_are_missing_are_named():
    inputs = dict(TABLE.modalities["eeg"].inputs)
    del inputs["baseline_weight"]
    with pytest.raises(ModelError, match="eeg lack the inputs baseline_weight"):
        head_for("eeg", joint_tables.rows(inputs), SETTINGS, 8)
    bare = dict(TABLE.modalities["eeg"].inputs) | {"electrode_mask": np.zeros((12, len(ELECTRODES)))}
    with pytest.raises(ModelError, match="no electrode"):
        head_for("eeg", joint_tables.rows(bare), SETTINGS, 8)
