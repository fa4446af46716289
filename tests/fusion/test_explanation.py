"""Explanations: a sign that was put in is named with its sign and size, and nothing that did not move the score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.electrodes import ELECTRODES
from streamsense.fusion.attribution import MOVED
from streamsense.fusion.explaining import explain
from streamsense.fusion.explanation import Evidence, Explanation, least
from streamsense.fusion.explanation_words import MODALITY_WORDS
from streamsense.fusion.signs import REGIONS, UNIT_NAMES
from streamsense.models.expert import Expert
from streamsense.runtime.assembly import load_model
from streamsense.streams import MODALITIES, Feature
from tests.helpers.made_windows import EXPERTS, OPERATORS, Session, eeg, face, voice


def explained(*windows: Feature, session: Session | None = None) -> Explanation:
    session = session or Session()
    return explain([session.explainer.attribute(session.score(*windows))])


def of(found: Explanation, what: str, towards: str) -> Evidence:
    (one,) = [one for one in found.evidence if one.what == what and one.towards == towards]
    return one


def test_every_unit_has_a_name_and_every_electrode_one_region():
    assert tuple(UNIT_NAMES) == ACTION_UNITS
    places = np.concatenate(list(REGIONS.values()))
    assert sorted(places.tolist()) == list(range(len(ELECTRODES)))


def test_a_raised_lip_corner_is_named_as_pleasant():
    found = explained(face(au12=2.1, au6=1.5))
    smile = of(found, "lip corner puller (AU12)", "valence")
    assert smile.contribution > 0.05
    assert (smile.value, smile.unit) == (pytest.approx(2.1), "of 5")
    assert found.emotion == "happy"
    assert of(found, "lip corner puller (AU12)", "happy").contribution > 0.1
    assert "lip corner puller (AU12, 2.1 of 5; " in found.sentence
    assert f"more pleasant {smile.contribution:+.2f}" in found.sentence
    assert "towards happy" in found.sentence
    assert "the EEG and the voice were absent" in found.sentence


def test_a_lowered_brow_is_named_as_unpleasant():
    found = explained(face(au4=3.0, au7=2.5, au24=2.0))
    assert found.emotion == "angry"
    assert of(found, "brow lowerer (AU4)", "angry").contribution > 0.1
    assert all(one.contribution < 0 for one in found.evidence if one.towards == "valence")
    assert "less pleasant" in found.sentence
    assert "more pleasant" not in found.sentence


def test_lower_alpha_is_named_with_its_electrodes():
    found = explained(eeg(alpha_O1=-0.7, alpha_O2=-0.5, alpha_P3=-0.1))
    less = of(found, "occipital alpha lower than at rest", "arousal")
    assert less.contribution > 0.02
    assert less.electrodes == ("O1", "O2")
    assert less.value == pytest.approx(-0.6)
    assert "occipital alpha lower than at rest at O1 and O2 (0.60 nats; more aroused" in found.sentence
    assert "parietal" not in found.sentence, "too little to be named"
    assert "of no emotion in particular" in found.sentence
    assert "calmer" in explained(eeg(alpha_O1=0.7, alpha_O2=0.5)).sentence


def test_what_rose_on_one_side_and_fell_on_the_other_are_two_signs():
    found = explained(eeg(alpha_F4=0.5, alpha_F3=-0.5))
    right, left = (of(found, f"frontal alpha {way} than at rest", "valence") for way in ("higher", "lower"))
    assert (right.electrodes, left.electrodes) == (("F4",), ("F3",))
    assert right.contribution > 0.02
    assert left.contribution > 0.02


def test_the_voice_is_named_in_words_and_units():
    found = explained(voice(level=1.2, tilt=0.8))
    assert of(found, "more loudness than usual", "arousal").contribution > 0.02
    assert of(found, "a flatter spectral tilt than usual", "arousal").contribution > 0.02
    assert "more loudness than usual (1.2 SD; more aroused" in found.sentence
    assert "less loudness than usual (1.2 SD; calmer" in explained(voice(level=-1.2)).sentence


def test_what_has_no_zero_is_compared_with_what_the_speaker_usually_does():
    trained = {**EXPERTS, "voice": Expert(load_model("voice_emotion", "cpu"), "voice", OPERATORS["voice"].contract())}
    session = Session(trained)
    lively = session.score(voice(pitch_sd_st=6.0, pitch_range_st=9.0))
    names = {sign.what for sign, _ in session.explainer.attribute(lively).signs}
    assert not any("movement" in name or "pauses" in name for name in names)
    for _ in range(30):
        session.explainer.follow(session.score(voice()))
    signs = {sign.what: sign.value for sign, _ in session.explainer.attribute(lively).signs}
    assert signs["more movement of pitch than usual"] == pytest.approx(4.0)
    silent = session.explainer.attribute(session.score(voice(voiced=0.0, pitched_fraction=0.0, pitch_sd_st=0.0)))
    assert {sign.what for sign, _ in silent.signs} == {"less voicing than usual"}, "silence has no melody"


def test_a_contribution_is_what_the_score_would_lack():
    session = Session()
    both = session.score(eeg(alpha_O1=-1.4, beta_C3=0.4), voice(tilt=0.5))
    without = session.score(eeg(beta_C3=0.4), voice(tilt=0.5))
    found = explain([session.explainer.attribute(both)])
    alpha = of(found, "occipital alpha lower than at rest", "arousal")
    assert alpha.contribution == both["arousal"] - without["arousal"]
    for more, less, what, towards in (
        (face(au12=2.0, au4=1.0), face(au4=1.0), "lip corner puller (AU12)", "valence"),
        (voice(level=1.2, tilt=0.8), voice(tilt=0.8), "more loudness than usual", "arousal"),
    ):
        lacks = session.score(more)[towards] - session.score(less)[towards]
        assert of(explained(more, session=session), what, towards).contribution == lacks
    share = {share.modality: share for share in found.shares}
    assert share["voice"].arousal == both["arousal"] - session.score(eeg(alpha_O1=-1.4, beta_C3=0.4))["arousal"]
    assert (share["eeg"].weight, share["eeg"].quality) == (both["eeg_weight"], both["eeg_quality"])
    alone = session.score(face(au12=2.0))
    (face_share,) = [one for one in explain([session.explainer.attribute(alone)]).shares if one.modality == "face"]
    assert face_share.valence == alone["valence"], "the prior's is 0"


def test_a_modality_is_not_said_to_read_what_its_expert_does_not_know():
    found = explained(face(au12=2.1), eeg(alpha_F4=-1.5, alpha_F8=-1.5, alpha_Fp2=-1.5), voice(level=1.0, tilt=1.0))
    shares = {share.modality: share for share in found.shares}
    assert shares["voice"].valence == 0, "what it changes is how far the other two are held back"
    assert shares["eeg"].valence < 0 < shares["face"].valence
    of_voice = found.sentence[found.sentence.index("the voice has") :].partition(";")[0]
    assert "pleasant" not in of_voice
    assert {one.towards for one in found.evidence if one.modality == "voice"} <= {"arousal", found.emotion}


def test_over_an_interval_contributions_are_means_and_what_held_is_told():
    session = Session()
    scores = [session.score(face(au12=level)) for level in (3.0, 3.0, 3.0, 0.0)]
    attributions = [session.explainer.attribute(score) for score in scores]
    found = explain(attributions)
    smile = of(found, "lip corner puller (AU12)", "valence")
    assert smile.held == 0.75
    assert smile.value == pytest.approx(3.0), "of the ticks at which it was there"
    one = of(explain(attributions[:1]), "lip corner puller (AU12)", "valence")
    assert smile.contribution == pytest.approx(0.75 * one.contribution)
    assert found.ticks == 4
    assert found.estimates[0].value == pytest.approx(np.mean([score["valence"] for score in scores]))
    assert "so the score is on average" in found.sentence


def test_conflict_and_its_cues_are_named_only_where_they_are_on():
    cues = {"gaze_aversion": 1.0, "lip_press": 1.0, "head_shake": 0.0, "brow_variability": 0.1}
    found = explained(face(cues, au12=2.5, au4=2.5, au15=2.0))
    (hesitancy,) = [part for part in found.conflict if part.name == "hesitancy"]
    assert hesitancy.cues == ("gaze_aversion", "lip_press")
    assert "averted gaze and pressed lips" in found.sentence
    assert "head shaking" not in found.sentence
    assert not explained(face(au12=2.5)).conflict


def test_a_modality_that_does_not_count_and_one_that_is_absent_are_told():
    silent = replace(voice(level=2.0, voiced=0.0), quality=0.0)
    found = explained(face(), silent)
    assert "the voice did not count (quality 0.00)" in found.sentence
    assert "the EEG was absent" in found.sentence
    assert not any(one.modality == "voice" for one in found.evidence)
    nothing = explained()
    assert nothing.sentence.startswith("The EEG, the face and the voice were absent; so nothing is known")
    assert not nothing.evidence


@st.composite
def any_window(draw: st.DrawFn, modality: str) -> Feature | None:
    if draw(st.booleans()):
        return None
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([0.1, 1.0, 30.0]))
    made = {"eeg": eeg, "face": face, "voice": voice}[modality]()
    inputs = {
        name: values if "mask" in name else (values + rng.normal(0, size, values.shape)).astype(np.float32)
        for name, values in made.inputs.items()
    }
    cues = {name: float(rng.uniform(-1, 5)) for name in ("speaking", "pause_fraction", "gaze_aversion", "head_shake")}
    return replace(made, inputs=inputs, quality=draw(st.sampled_from([0.0, 0.4, 1.0])), cues=cues)


@settings(deadline=None, max_examples=25)
@given(st.tuples(*(any_window(modality) for modality in MODALITIES)))
def test_whatever_comes_in_nothing_is_said_that_is_not_so(windows: tuple[Feature | None, ...]) -> None:
    session = Session()
    attribution = session.explainer.attribute(session.score(*(window for window in windows if window is not None)))
    found = explain([attribution])
    shares = {share.modality: share for share in found.shares}
    numbers = [number for share in found.shares for number in list(vars(share).values())[1:]]
    numbers += [one.contribution for one in found.evidence] + [one.value for one in found.evidence]
    assert np.isfinite(numbers).all()
    assert all(abs(one.contribution) >= least(one.towards) for one in found.evidence)
    assert all(shares[one.modality].presence == 1 for one in found.evidence)
    for share in found.shares:
        if share.presence == 0:
            assert (share.valence, share.arousal, share.emotion, share.weight) == (0, 0, 0, 0)
            assert f"the {MODALITY_WORDS[share.modality]}" in found.sentence.lower().replace("eeg", "EEG")
    told = [MOVED.index(towards) for towards in ("valence", "arousal", found.emotion)]
    limits = np.array([least(MOVED[at]) for at in told])
    for sign, moved in attribution.signs:
        name = sign.what.removesuffix(")")
        if (np.abs(moved[told]) < limits).all():
            assert name not in found.sentence
