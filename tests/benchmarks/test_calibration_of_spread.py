"""`make calibration` without recordings: what it calls believable and graceful, on opinions made to be so or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import calibration
from benchmarks.calibration import Course, Found, Together, as_text, dropouts, fused_rows, judged, level, of_expert
from benchmarks.calibration_parts import Said, face_expert, face_said, scenes
from benchmarks.mesh_faces import Picture
from streamsense.evaluation.report_files import write_report
from streamsense.evaluation.told_spread import constant_of_others
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.fusion.emotions import EMOTIONS, VAD_CENTROIDS
from streamsense.runtime.assembly import load_fusion
from tests.helpers.face_pictures import bundle_files

SHOWN = ("neutral", "happy", "sad", "fearful", "disgusted", "angry")
EVIDENCE = {"eeg": (0.0, 1.0, 0.0), "face": (1.0, 1.0, 1.0), "voice": (1.0, 1.0, 1.0)}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "DRAWS", 40)


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    return Fusion(load_fusion())


def made(
    modality: str, error: float = 0.25, told: float = 0.25, quality: float = 1.0, seed: int = 0, windows: int = 2
) -> Said:
    """Four people's scenes, three of each emotion (the EEG's are work and rest); who errs so much tells so much."""
    random = np.random.default_rng([seed, len(modality)])
    rows = [
        (f"person {person}", emotion, scene)
        for person in range(4)
        for scene, emotion in enumerate(3 * (("work", "rest") if modality == "eeg" else SHOWN))
        for _ in range(windows)
    ]
    opinions, truths = [], []
    for _, emotion, _ in rows:
        place = {"work": [np.nan, 0.5, np.nan], "rest": [np.nan, -0.5, np.nan]}.get(emotion)
        truth = np.array(VAD_CENTROIDS[EMOTIONS.index(emotion)] if place is None else place)
        truths.append(truth)
        evidence = np.array(EVIDENCE[modality])
        mean = np.nan_to_num(truth) + random.normal(0, error, 3)
        said = np.clip(evidence * mean, -1, 1), np.full(3, 2 * np.log(told))
        opinions.append(Opinion(*said, np.zeros(8), evidence, np.zeros(8), 1.0, quality, 0.0, {}, 0.0))
    person, emotion, scene = zip(*rows, strict=True)
    return Said(modality, np.array(person), np.array(emotion), np.array(scene), np.array(truths), tuple(opinions))


@pytest.fixture(scope="module")
def ticks() -> Together:
    voice, face, eeg = made("voice"), made("face"), made("eeg", error=0.4, told=0.4)
    return Together.of(voice, face, eeg, list(scenes(voice, face, eeg)))


def test_a_constant_is_told_the_other_people_s_targets_alone() -> None:
    truth = np.array([1.0, 3.0, 5.0, 5.0])
    mean, sd = constant_of_others(truth, ["a", "a", "b", "b"])
    np.testing.assert_allclose(mean, [5, 5, 2, 2])
    np.testing.assert_allclose(sd, [1e-3, 1e-3, 1, 1])
    weighed, _ = constant_of_others(truth, ["a", "a", "b", "b"], np.array([3.0, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(weighed, [5, 5, 1.5, 1.5])


@pytest.mark.parametrize(("told", "holds"), [(0.25, True), (0.6, False), (0.1, False)])
def test_neither_wide_nor_narrow_intervals_pass(told: float, holds: bool, fusion: Fusion) -> None:
    rows = list(of_expert("made", made("face", told=told, windows=12), fusion))
    assert {row.dimension for row in rows} == {"valence", "arousal", "dominance"}
    assert {row.source for row in rows} == {"made", "score of made alone"}
    assert all(row.holds == holds for row in rows if row.source == "made"), as_text(Found(tuple(rows), ()))


def test_calibrated_by_chance_is_not_enough_without_knowledge() -> None:
    random = np.random.default_rng(0)
    truth, people = random.normal(0, 0.3, 400), [str(at % 4) for at in range(400)]
    no_better = judged("x", "arousal", truth, random.normal(0, 0.3, 400), np.full(400, 0.42), people)
    assert 0.85 < no_better.covered.figure < 0.95
    assert not no_better.holds, "its likelihood is below the constant's"
    assert replace(no_better, may_know_nothing=True).holds, "its SD says that it knows nothing"
    assert not judged("x", "arousal", truth, truth + 0.5, np.full(400, 0.1), people, may_know_nothing=True).holds


def test_three_calibrated_modalities_are_graceful_when_any_is_lost(ticks: Together, fusion: Fusion) -> None:
    courses = list(dropouts(ticks, fusion))
    assert [course.name for course in courses] == ["eeg lost", "face lost", "voice lost", "all lost"]
    assert not [text for course in courses for text in course.failures()]
    gone = courses[-1].levels[-1]
    assert gone.error == gone.nothing
    assert gone.sd == pytest.approx((0.5, 0.5, 0.5))
    assert courses[-1].levels[0].error[0] < gone.error[0] / 2
    assert {row.source for row in fused_rows(ticks, fusion)} == {
        "score of eeg + face + voice", "score of face + voice", "score of eeg + voice", "score of eeg + face",
    }  # fmt: skip


def test_a_modality_that_drowns_and_does_not_notice_is_called_a_failure(ticks: Together, fusion: Fusion) -> None:
    voice, face, eeg = made("voice"), made("face"), made("eeg", error=0.4, told=0.4)  # as in `ticks`
    drawn = list(scenes(voice, face, eeg))

    def drowned(quality: float) -> Course:
        deaf = made("voice", error=1.5, told=0.1, quality=quality, seed=1)
        levels = (level("none", ticks, fusion), level("drowned", Together.of(deaf, face, eeg, drawn), fusion))
        return Course("noise", levels)

    assert not drowned(0.0).failures()
    assert any("above" in text for text in drowned(1.0).failures())
    broken = replace(drowned(0.0).levels[0], finite=False)
    assert Course("noise", (broken,)).failures() == ["noise, none: not finite"]
    last = drowned(0.0).levels[1]
    narrower = replace(last, sd=(0.01, 0.01, 0.01))
    assert not Course("noise", (last, replace(narrower, covered=(0.9, 0.9, 0.9)))).failures()
    wrong = Course("noise", (last, replace(narrower, covered=(0.8, 0.9, 0.9)))).failures()
    assert [text.partition(" fell")[0] for text in wrong] == [f"noise, {last.name}: SD of valence"]


def test_the_tables_and_the_report_are_written(ticks: Together, fusion: Fusion, tmp_path) -> None:
    found = Found(tuple(of_expert("made", made("face", told=0.6), fusion)), tuple(dropouts(ticks, fusion))[:1])
    text = as_text(found)
    assert "FAILS" in text
    assert "criteria fail" in text
    written = write_report(calibration.report(found), tmp_path)
    assert "eeg lost" in written["md"].read_text().lower()
    assert "<svg" in written["html"].read_text()


@pytest.mark.real_data
def test_acted_faces_are_told_as_surely_as_they_are_read_and_a_dark_one_is_not_there(fusion: Fusion) -> None:
    bundle = bundle_files()["face_landmarker.task"]
    said = face_said(bundle, range(1000, 1008), face_expert())
    rows = [row for row in of_expert("face", said, fusion) if row.dimension == "valence"]
    assert all(0.8 <= row.covered.figure <= 0.98 and row.gain.figure > 0 for row in rows), as_text(
        Found(tuple(rows), ())
    )
    dark = face_said(bundle, (1000,), face_expert(), Picture(brightness=10.0))
    assert len(dark.opinions) == len(said.opinions) / 8
    assert not any(one.presence for one in dark.opinions[-13:])
