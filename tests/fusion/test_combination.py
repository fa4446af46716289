"""One tick's fusion with the shipped model: what is absent has no say, and nothing leaves its range."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.fusion.ambivalence import PRIOR
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.score import SCORE_CHANNELS, SCORE_LABELS
from streamsense.streams import MODALITIES, Modality
from streamsense.ticks import tick_time

MODEL = OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu")


def opinion(valence: float = 0.0, sd: float = 0.3, quality: float = 1.0, age_s: float = 0.0, **cues: float) -> Opinion:
    return Opinion(
        vad_mean=np.array([valence, 0.0, 0.0]),
        vad_log_variance=np.full(3, 2 * np.log(sd)),
        emotion_logits=np.zeros(8),
        vad_evidence=np.ones(3),
        emotion_evidence=np.zeros(8),
        presence=1.0,
        quality=quality,
        age_s=age_s,
        cues=cues,
        effective_time=0.0,
    )


def scored(fusion: Fusion, tick: int = 0, **opinions: Opinion) -> Mapping[str, float]:
    all_three: dict[Modality, Opinion] = {modality: opinions.get(modality, Opinion.absent()) for modality in MODALITIES}
    values = fusion.step(all_three, tick_time(tick))
    return dict(zip(SCORE_LABELS, values, strict=False))


@st.composite
def opinions(draw: st.DrawFn) -> Opinion:
    if draw(st.booleans()):
        return Opinion.absent(draw(st.floats(0, 1e6)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Opinion(
        rng.uniform(-1, 1, 3), rng.uniform(-6, 1, 3), rng.normal(0, 3, 8), rng.random(3), rng.random(8),
        1.0, draw(st.floats(0, 1)), draw(st.floats(0, 30)),
        {name: float(rng.uniform(-1, 5)) for name in ("speaking", "pause_fraction", "gaze_aversion", "head_shake")},
        draw(st.floats(0, 100)),
    )  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({modality: opinions() for modality in MODALITIES}), min_size=1, max_size=5))
def test_every_value_is_finite_and_within_its_channel(rows: list[dict[Modality, Opinion]]) -> None:
    fusion = Fusion(MODEL)
    for tick, row in enumerate(rows):
        values = fusion.step(row, tick_time(tick))
        assert len(values) == len(SCORE_CHANNELS) - 1
        for channel, value in zip(SCORE_CHANNELS, values, strict=False):
            assert channel.low - 1e-6 <= value <= channel.high + 1e-6, channel.label
        score = dict(zip(SCORE_LABELS, values, strict=False))
        weights = {modality: score[f"{modality}_weight"] for modality in MODALITIES}
        assert sum(weights.values()) <= 1 + 1e-6
        for modality in MODALITIES:
            assert score[f"{modality}_presence"] == row[modality].presence
            if not row[modality].presence:
                assert weights[modality] == 0.0


def test_what_an_absent_modality_would_have_said_changes_nothing() -> None:
    from dataclasses import replace

    silent = replace(opinion(-1.0, pause_fraction=1.0, speaking=1.0), presence=0.0, quality=0.0)
    with_it = scored(Fusion(MODEL), eeg=opinion(0.5), voice=silent)
    without = scored(Fusion(MODEL), eeg=opinion(0.5), voice=Opinion.absent(0.0))
    assert with_it == without


def test_two_who_agree_weigh_the_same_either_way_round() -> None:
    one = scored(Fusion(MODEL), eeg=opinion(0.5), voice=opinion(0.2))
    other = scored(Fusion(MODEL), eeg=opinion(0.2), voice=opinion(0.5))
    for label in ("valence", "valence_sd", "confidence", "discord", "ambivalence"):
        assert one[label] == pytest.approx(other[label], abs=1e-6)
    assert one["eeg_weight"] == pytest.approx(other["voice_weight"], abs=1e-6)


def test_the_surer_and_the_better_one_weighs_more() -> None:
    assert (score := scored(Fusion(MODEL), eeg=opinion(0.1, sd=0.2), voice=opinion(0.1, sd=0.4)))["eeg_weight"] > 0.6
    assert score["eeg_weight"] + score["voice_weight"] == pytest.approx(1.0, abs=1e-6)
    assert scored(Fusion(MODEL), eeg=opinion(0.1), voice=opinion(0.1, quality=0.3))["eeg_weight"] > 0.6


def test_nothing_at_all_is_the_prior_at_every_tick() -> None:
    fusion = Fusion(MODEL)
    for tick in range(20):
        score = scored(fusion, tick)
        assert score["ambivalence"] == PRIOR
        assert score["confidence"] == 0.0
        assert score["valence"] == score["valence_smoothed"] == 0.0


def test_a_modality_that_comes_late_brings_no_discord_of_its_own() -> None:
    """Eyes and voice of this person disagree all the time; the camera starts half a minute after the rest."""
    fusion = Fusion(MODEL)
    for tick in range(150):
        scored(fusion, tick, voice=opinion(-0.2))
    excess = [scored(fusion, tick, voice=opinion(-0.2), face=opinion(0.2))["discord"] for tick in range(150, 200)]
    assert max(excess) < 1e-6
    torn = scored(fusion, 200, voice=opinion(-0.9, sd=0.1), face=opinion(0.9, sd=0.1))
    assert torn["discord"] > 0.3


def test_smoothed_values_follow_the_raw_ones() -> None:
    fusion = Fusion(MODEL)
    scored(fusion, 0)
    raw = scored(fusion, 1, eeg=opinion(0.8))
    assert 0 < raw["valence_smoothed"] < raw["valence"]
    for tick in range(2, 400):
        last = scored(fusion, tick, eeg=opinion(0.8))
    # What is not known draws the state back a little.
    assert 0.9 * last["valence"] < last["valence_smoothed"] < last["valence"]
