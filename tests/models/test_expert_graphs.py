"""The shipped experts against numpy references that are written from their formulas, not from the graphs."""

import math

import numpy as np
import pytest

from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.electrodes import ELECTRODES
from streamsense.fusion.emotions import EMOTIONS, VAD_CENTROID_SDS, VAD_CENTROIDS
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped

E = {name: index for index, name in enumerate(ELECTRODES)}
AU = {unit: index for index, unit in enumerate(ACTION_UNITS)}
EMOTION = {name: index for index, name in enumerate(EMOTIONS)}


def load(name):
    return OnnxModel(shipped(f"models_onnx/{name}.onnx"), provider="cpu")


@pytest.fixture(scope="module")
def eeg():
    return load("eeg_knowledge")


@pytest.fixture(scope="module")
def face():
    return load("face_knowledge")


@pytest.fixture(scope="module")
def voice():
    return load("voice_knowledge")


# --- EEG ---
def eeg_reference(entropy, baseline, mask, weight):
    change = (entropy - baseline).astype(np.float64)
    pairs = [("F4", "F3"), ("F8", "F7"), ("AF4", "AF3"), ("AF8", "AF7"), ("Fp2", "Fp1"), ("FC4", "FC3")]
    present = [(r, le) for r, le in pairs if mask[E[r]] and mask[E[le]]]
    asymmetry = np.mean([2 * (change[E[r], 2] - change[E[le], 2]) for r, le in present]) if present else 0.0
    activation = np.mean(2 * (0.5 * change[:, 3] - change[:, 2])[mask > 0]) if mask.any() else 0.0
    mean = [0.5 * math.tanh(asymmetry / 0.5), 0.6 * math.tanh(activation / 0.8), 0.0]
    no_baseline = 0.25 * (1 - weight)
    variance = [
        0.64 + 0.09 / max(len(present), 1) + no_baseline + (0 if present else 1),
        0.49 + no_baseline + (0 if mask.any() else 1),
        0.25,
    ]
    return np.array(mean), np.log(variance)


def eeg_inputs(entropy, baseline, mask, weight):
    return {
        "band_entropy": entropy,
        "band_entropy_baseline": baseline,
        "electrode_mask": mask,
        "baseline_weight": np.array([weight]),
    }


@pytest.mark.parametrize("seed", range(12))
def test_the_eeg_expert_computes_its_formulas(eeg, seed):
    rng = np.random.default_rng(seed)
    entropy, baseline = rng.normal(2, 0.4, (2, len(ELECTRODES), 5)).astype(np.float32)
    mask = (rng.random(len(ELECTRODES)) < [0.9, 0.3, 0.05][seed % 3]).astype(np.float32)
    weight = np.float32(rng.random())
    out = eeg.run(eeg_inputs(entropy, baseline, mask, weight))
    mean, log_variance = eeg_reference(entropy, baseline, mask, weight)
    np.testing.assert_allclose(out["vad_mean"], mean, atol=2e-6)
    np.testing.assert_allclose(out["vad_log_variance"], log_variance, atol=2e-6)
    assert not out["emotion_logits"].any()


def test_more_alpha_on_the_right_is_positive_and_more_alpha_overall_is_calm(eeg):
    base, mask = np.full((len(ELECTRODES), 5), 2.0), np.zeros(len(ELECTRODES))
    mask[[E[name] for name in ("AF7", "AF8", "TP9", "TP10")]] = 1  # a Muse
    right = base.copy()
    right[E["AF8"], 2] += 0.2
    eyes_closed = base.copy()
    eyes_closed[:, 2] += 0.5
    assert eeg.run(eeg_inputs(right, base, mask, 1.0))["vad_mean"][0] > 0.2
    assert eeg.run(eeg_inputs(eyes_closed, base, mask, 1.0))["vad_mean"][1] < -0.3


def test_without_baseline_the_eeg_expert_is_unsure(eeg):
    base, mask = np.full((len(ELECTRODES), 5), 2.0), np.ones(len(ELECTRODES))
    unsure = eeg.run(eeg_inputs(base, base, mask, 0.0))
    sure = eeg.run(eeg_inputs(base, base, mask, 1.0))
    assert not unsure["vad_mean"].any()
    assert (unsure["vad_log_variance"][:2] > sure["vad_log_variance"][:2]).all()


# --- Face ---
TABLE = {
    "happy": {12: 0.9, 25: 0.9, 6: 0.51},
    "sad": {4: 0.9, 15: 0.9, 1: 0.6, 6: 0.5, 17: 0.67},
    "surprised": {1: 0.9, 2: 0.9, 25: 0.9, 26: 0.9, 5: 0.66},
    "fearful": {1: 0.9, 4: 0.9, 20: 0.9, 25: 0.9, 2: 0.57, 5: 0.63, 26: 0.33},
    "disgusted": {9: 0.9, 10: 0.9, 17: 0.9, 4: 0.31, 24: 0.26},
    "angry": {4: 0.9, 7: 0.9, 24: 0.9, 10: 0.26, 17: 0.52, 23: 0.29},
    "contemptuous": {12: 0.5, 14: 0.6, "one side": 0.9},
    "neutral": {},
}


def face_reference(units, mask):
    trust = {25: 0.4, 26: 0.4, 45: 0.0}
    one_sided = max(abs(units[AU[unit], 3]) * (mask[AU[unit]] > 0) for unit in (12, 14))
    levels = {unit: min(max(units[AU[unit], 0], 0), 5) for unit in ACTION_UNITS} | {"one side": min(one_sided, 5)}
    weights = {unit: mask[AU[unit]] * trust.get(unit, 1.0) for unit in ACTION_UNITS}
    weights["one side"] = max(mask[AU[12]], mask[AU[14]])
    logits = np.zeros(8)
    for emotion, index in EMOTION.items():
        for unit, level in levels.items():
            there, p = 1 / (1 + math.exp(-3 * (level - 1))), TABLE[emotion].get(unit, 0.05)
            logits[index] += weights[unit] * (there * math.log(p) + (1 - there) * math.log(1 - p)) / 1.5
    logits -= logits.mean()
    mixture = np.exp(logits - logits.max())
    mixture /= mixture.sum()
    mean = mixture @ VAD_CENTROIDS
    between = sum(p * (centroid - mean) ** 2 for p, centroid in zip(mixture, VAD_CENTROIDS, strict=True))
    within = mixture @ VAD_CENTROID_SDS**2
    share = sum(trust.get(u, 1.0) for u in ACTION_UNITS if mask[AU[u]] > 0) / sum(
        trust.get(u, 1.0) for u in ACTION_UNITS
    )
    return logits, mean * share, np.log((between + within) * np.array([0.5, 0.29, 0.27]) + 0.01 + (1 - share))


def face_run(face, levels=(), asymmetry=(), mask=None):
    units = np.zeros((len(ACTION_UNITS), 4), np.float32)
    for unit, level in dict(levels).items():
        units[AU[unit], 0] = level
    for unit, difference in dict(asymmetry).items():
        units[AU[unit], 3] = difference
    mask = np.ones(len(ACTION_UNITS), np.float32) if mask is None else mask
    return face.run({"action_units": units, "action_unit_mask": mask})


@pytest.mark.parametrize("name", ["face_knowledge", "face_knowledge_blendshapes"])
@pytest.mark.parametrize("seed", range(8))
def test_the_face_expert_computes_its_formulas(name, seed):
    rng = np.random.default_rng(seed)
    units = rng.normal(1, 1.5, (len(ACTION_UNITS), 4)).astype(np.float32)
    mask = (rng.random(len(ACTION_UNITS)) * (rng.random(len(ACTION_UNITS)) < [1, 0.5, 0.0][seed % 3])).astype("f4")
    out = load(name).run({"action_units": units, "action_unit_mask": mask})
    logits, mean, log_variance = face_reference(units, mask)
    np.testing.assert_allclose(out["emotion_logits"], logits, atol=3e-5)
    np.testing.assert_allclose(out["vad_mean"], mean, atol=1e-5)
    np.testing.assert_allclose(out["vad_log_variance"], log_variance, atol=1e-5)


@pytest.mark.parametrize(
    ("emotion", "levels", "asymmetry"),
    [
        ("neutral", {}, {}),
        ("neutral", {45: 5.0}, {}),
        ("happy", {6: 2.5, 12: 3, 25: 2}, {}),
        ("happy", {6: 2.5, 12: 3}, {}),
        ("sad", {1: 3, 4: 2, 15: 3, 17: 2}, {}),
        ("surprised", {1: 3, 2: 3, 5: 2, 25: 3, 26: 3}, {}),
        ("fearful", {1: 3, 2: 2, 4: 2, 5: 3, 20: 3, 25: 2}, {}),
        ("disgusted", {9: 3, 10: 3, 17: 2}, {}),
        ("angry", {4: 3, 7: 3, 23: 2, 24: 3}, {}),
        ("contemptuous", {14: 1.5, 12: 1}, {14: 3.0}),
        ("contemptuous", {14: 1.5, 12: 1}, {14: -3.0}),
    ],
)
def test_the_face_expert_knows_the_prototypes(face, emotion, levels, asymmetry):
    logits = face_run(face, levels, asymmetry)["emotion_logits"]
    assert EMOTIONS[int(logits.argmax())] == emotion


def test_neutral_falls_with_activity_and_a_smile_is_pleasant(face):
    smiles = [face_run(face, {6: level, 12: level}) for level in (0, 1, 2, 3)]
    neutral = [out["emotion_logits"][0] for out in smiles]
    assert neutral == sorted(neutral, reverse=True)
    assert smiles[3]["vad_mean"][0] > 0.6
    assert abs(smiles[0]["vad_mean"]).max() < 0.15


def test_a_face_that_is_not_there_says_nothing(face):
    out = face_run(face, {6: 3, 12: 3}, mask=np.zeros(len(ACTION_UNITS), np.float32))
    assert not out["vad_mean"].any()
    assert np.ptp(out["emotion_logits"]) == 0
    assert (out["vad_log_variance"] > 0).all()


# --- Voice ---
@pytest.mark.parametrize("seed", range(12))
def test_the_voice_expert_computes_its_formulas(voice, seed):
    rng = np.random.default_rng(seed)
    loudness, tilt = rng.normal(0, 1.5, 2)
    voiced = [0.0, 0.02, 0.1, 0.2, 0.5, 1.0][seed % 6]
    prosody = np.array([loudness, tilt, voiced, 1 - voiced], np.float32)
    out = voice.run({"log_mel_statistics": rng.normal(size=(64, 4)), "prosody": prosody})
    gate = min(max((voiced - 0.05) / 0.25, 0), 1)
    arousal = gate * 0.7 * math.tanh((0.3 * loudness + 0.7 * tilt) / 0.5)
    np.testing.assert_allclose(out["vad_mean"], [0, arousal, 0], atol=1e-6)
    np.testing.assert_allclose(out["vad_log_variance"], np.log([0.25, 0.44**2 + 1 - gate, 0.25]), atol=1e-6)
    assert not out["emotion_logits"].any()


@pytest.mark.parametrize("name", ["eeg_knowledge", "face_knowledge", "voice_knowledge", "fusion_precision"])
def test_graphs_take_a_batch_and_keep_rows_apart(name):
    import onnxruntime

    model = load(name)
    rng = np.random.default_rng(1)
    rows = [{key: rng.random(shape).astype("f4") for key, shape in model.inputs.items()} for _ in range(3)]
    session = onnxruntime.InferenceSession(model.path.read_bytes(), providers=["CPUExecutionProvider"])
    batch = session.run(None, {key: np.stack([row[key] for row in rows]) for key in model.inputs})
    for index, row in enumerate(rows):
        for key, value in zip(model.outputs, batch, strict=True):
            np.testing.assert_allclose(model.run(row)[key], value[index], atol=1e-5)
