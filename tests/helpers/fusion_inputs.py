"""What fusion models are given in tests, and what must hold of all that they give back."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

EMOTION_PRIOR = np.array([0.3] + [0.1] * 7)


def inputs(**changes):
    """All three present, certain about nothing in particular, with full evidence."""
    return {
        "vad_mean": np.zeros((3, 3)),
        "vad_log_variance": np.full((3, 3), math.log(0.25)),
        "emotion_logits": np.zeros((3, 8)),
        "vad_evidence": np.ones((3, 3)),
        "emotion_evidence": np.array([[0.0] * 8, [1.0] * 8, [0.0] * 8]),
        "presence": np.ones(3),
        "quality": np.ones(3),
        "age_s": np.zeros(3),
        "contradiction_before": np.zeros(3),
        "newness": np.ones(3),
    } | changes


def valence(eeg, face, voice):
    return np.array([[eeg, 0, 0], [face, 0, 0], [voice, 0, 0]], np.float64)


def any_floats(*shape):
    return arrays.arrays(np.float32, shape, elements=st.floats(width=32, allow_nan=False, allow_infinity=False))


def near(low, high, *shape):
    return arrays.arrays(np.float32, shape, elements=st.floats(np.float32(low), np.float32(high), width=32))


def all_inputs(model, numbers):
    """Inputs of the model, by name, of these numbers."""
    return st.fixed_dictionaries({name: numbers(*shape) for name, shape in model.inputs.items()})


def check_ranges(out):
    """Every output is in its range."""
    assert (np.abs(out["vad"]) <= 1).all()
    assert (out["vad_sd"] > 0).all()
    assert (out["vad_sd"] <= 1).all()
    assert out["emotion_probabilities"].sum() == pytest.approx(1, abs=1e-5)
    assert (out["emotion_probabilities"] >= 0).all()
    assert (out["weight"] >= 0).all()
    assert out["weight"].sum() == pytest.approx(1, abs=1e-5) or not out["weight"].any()
    assert 0 <= out["confidence"][0] <= 1
    assert ((out["contradiction"] >= 0) & (out["contradiction"] <= 1)).all()


def check_prior(out):
    """Nothing is known."""
    assert (out["vad"] == 0).all()
    assert (out["vad_sd"] == np.float32(0.5)).all()
    assert out["confidence"][0] == 0
    assert not out["weight"].any()
    np.testing.assert_allclose(out["emotion_probabilities"], EMOTION_PRIOR, atol=1e-6)


def conflict(values):
    """How surely they contradict each other, the most of the three dimensions: from 0.3 on each one's cap is 0.6."""
    variance = np.exp(values["vad_log_variance"].astype(np.float64))
    fresh = np.exp(-np.maximum(values["age_s"] - 0.25, 0) / np.array([4.0, 1.0, 2.0]))
    believed = values["presence"] * values["quality"] * fresh
    believed = believed[:, np.newaxis] * values["vad_evidence"]
    pairs = list(combinations(range(3), 2))
    apart = []
    for d in range(3):
        w = np.array([believed[i, d] * believed[j, d] for i, j in pairs])
        mean = values["vad_mean"][:, d]
        opposed = [min(mean[i] * mean[j], 0) / (variance[i, d] + variance[j, d] + 0.04) for i, j in pairs]
        apart.append((w * (1 - np.exp(3 * np.array(opposed)))).sum() / (0.05 + w.sum()))
    return max(apart)
