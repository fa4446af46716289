"""A tick's observations: what was put in is seen, with the values of an explanation, and nothing that was not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.core.scoring import with_reason
from streamsense.features.prosody import PROSODY
from streamsense.features.voice_movement import MOVEMENT
from streamsense.fusion.explanation_words import because
from streamsense.fusion.observations import observations
from streamsense.fusion.signs import signs_of
from streamsense.fusion.strongest import MOST_SIGNS
from streamsense.fusion.voice_signs import SPEECH_VOICED, UsualVoice
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.segments import SEGMENT_ON, Segments
from streamsense.streams import Feature
from streamsense.ticks import tick_time
from tests.helpers.made_windows import Session, eeg, face, voice, window

GIVEN_ELSEWHERE = {"electrode_mask", "band_entropy_baseline", "baseline_weight", "action_unit_mask", "log_mel_mask"}
"""Inputs that say what there is and what it is compared with: nothing that anybody shows."""
EXPERT_MODELS = {
    "eeg": ("eeg_knowledge", "eeg_workload"),
    "face": ("face_knowledge", "face_knowledge_blendshapes"),
    "voice": ("voice_knowledge", "voice_knowledge_silero", "voice_emotion"),
}


def rough(seed: int, size: float = 1.0) -> tuple[Feature, Feature, Feature]:
    """Windows in which everything departs from neutral."""
    rng = np.random.default_rng(seed)
    windows = []
    for made in (eeg(), face(), voice()):
        inputs = {
            name: (values + (name not in GIVEN_ELSEWHERE) * rng.normal(0, size, values.shape)).astype("f4")
            for name, values in made.inputs.items()
        }
        if made.modality == "voice":
            inputs["prosody"][2:], inputs["contours"][6] = rng.uniform(0.4, 0.8, 2), rng.uniform(0.3, 0.7)
        windows.append(replace(made, inputs=inputs))
    return tuple(windows)


def seen(*windows: Feature) -> dict[str, tuple[float, str, tuple[str, ...]]]:
    return {one.what: (one.value, one.unit, one.electrodes) for one in observations(Session().score(*windows)).signs}


def test_what_was_put_in_is_seen_the_strongest_first() -> None:
    found = observations(
        Session().score(
            eeg(alpha_O1=-0.7, alpha_O2=-0.5, beta_C3=0.05),
            face(au12=2.1, au6=1.5, au4=0.2),
            voice(level=1.2, tilt=0.8, pitch_mean_st=-2.0),
        )
    )
    assert [one.what for one in found.signs] == [
        "occipital alpha lower than at rest", "lip corner puller (AU12)", "cheek raiser (AU6)",
        "more loudness than usual", "a lower pitch than usual", "a flatter spectral tilt than usual",
    ]  # fmt: skip
    alpha = found.signs[0]
    assert (alpha.value, alpha.unit, alpha.size) == (pytest.approx(-0.6), "nat", pytest.approx(6.0))
    assert alpha.electrodes == ("O1", "O2")
    assert [one.modality for one in found.heard] == ["eeg", "face", "voice"]
    assert found.heard[1].valence > 0.1, "its own expert's"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.5, 3.0]))
def test_signs_values_and_electrodes_are_those_of_an_explanation(seed: int, size: float) -> None:
    windows = rough(seed, size)
    explained = {
        sign.what: (sign.value, sign.unit, sign.electrodes) for one in windows for sign in signs_of(one, UsualVoice())
    }
    found = observations(Session().score(*windows)).signs
    for one in found:
        value, unit, electrodes = explained[one.what]
        assert (one.value, one.unit, one.electrodes) == (pytest.approx(value, rel=1e-4, abs=1e-5), unit, electrodes)
        assert one.size >= 1
    for modality in ("eeg", "face", "voice"):
        sizes = [one.size for one in found if one.modality == modality]
        assert sizes == sorted(sizes, reverse=True)
        assert len(sizes) <= MOST_SIGNS


def test_of_a_modality_that_does_not_count_nothing_is_named() -> None:
    found = observations(Session().score(replace(face(au12=3.0), quality=0.0), voice(level=2.0)))
    assert {one.modality for one in found.signs} == {"voice"}
    text = because(found, "happy")
    assert text.startswith(
        "The face did not count (quality 0.00); the voice (weight 1.00) has more loudness than usual"
    )
    assert text.endswith("; the EEG was absent; so happy is told.")
    assert because(observations(Session().score()), "sad").startswith("The EEG, the face and the voice were absent")


def test_of_eeg_nothing_is_named_before_its_rest_is_known() -> None:
    one = eeg(alpha_O1=-0.7)
    unknown = {**one.inputs, "baseline_weight": np.zeros(1, np.float32)}
    assert seen(one)
    assert not seen(replace(one, inputs=unknown))


def test_every_input_of_a_shipped_expert_is_in_some_sign() -> None:
    """Of tensors of named numbers each number: else an explanation would lack what moved the score."""
    windows = {one.modality: one for one in rough(0)}
    usual = UsualVoice()
    for seed in range(1, 40):
        usual.add(rough(seed)[2].inputs)
    assert windows["voice"].inputs["prosody"][2] > SPEECH_VOICED
    for modality, names in EXPERT_MODELS.items():
        inputs = windows[modality].inputs
        changed = {name: np.zeros(values.shape, bool) for name, values in inputs.items()}
        for sign in signs_of(windows[modality], usual):
            for name, values in sign.without.items():
                changed[name] |= values != inputs[name]
        for name in names:
            taken = OnnxModel(shipped(f"models_onnx/{name}.onnx"), "cpu").inputs.keys() - GIVEN_ELSEWHERE
            assert taken
            for tensor in taken:
                assert changed[tensor].any(), f"{tensor} of {name}"
        for tensor, numbers in (("contours", PROSODY), ("movement", MOVEMENT), ("prosody", range(4))):
            if tensor in changed:
                assert [name for name, is_in in zip(numbers, changed[tensor], strict=True) if not is_in] == []


def test_without_a_third_of_the_spectrum_the_frames_lack_it_too() -> None:
    made = voice()
    rng = np.random.default_rng(0)
    frames = (rng.normal(0, 1, (200, 64)) + np.where(np.arange(64) >= 43, 2.0, 0.0)).astype("f4")
    mask = (np.arange(200) % 3 > 0).astype("f4")
    frames *= mask[:, None]
    statistics = np.zeros((64, 4), "f4")
    statistics[43:, 0] = 2.0
    changed = {"log_mel_frames": frames, "log_mel_mask": mask, "log_mel_statistics": statistics}
    made = window("voice", {**made.inputs, **changed})
    (upper,) = [one for one in signs_of(made, UsualVoice()) if one.what.startswith("more in the upper third")]
    without = upper.without["log_mel_frames"]
    np.testing.assert_allclose(without[mask > 0][:, 43:].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_array_equal(without[:, :43], frames[:, :43])
    assert not without[mask == 0].any()


def test_a_segment_that_begins_says_what_was_seen() -> None:
    """The same score makes the same words, so a replay tells what the session told."""
    told = []
    for _ in range(2):
        session, segments, notices = Session(), Segments(), []
        for tick in range(12):
            score = replace(session.score(face(au12=4.0, au6=3.0, au25=1.0)), time=tick_time(tick))
            notices += [with_reason(notice, score) for notice in segments.step(score)]
        told.append([notice for notice in notices if notice.kind == SEGMENT_ON])
    (first,), (second,) = told
    assert first == second
    assert first.details["what"] == "happy"
    assert str(first.details["because"]).startswith("The face (weight 1.00) shows lip corner puller (AU12, 4.0 of 5)")
    assert first.details["signs"][0]["size"] == pytest.approx(8.0)
    assert score["emotion_happy"] > 0.5
