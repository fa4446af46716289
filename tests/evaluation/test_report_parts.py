"""What a report says of predictions whose quality is known; what has no answer is a sentence and not a number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamsense.errors import EvaluationError
from streamsense.evaluation.chosen_windows import Reading, chosen_rows
from streamsense.evaluation.contrast_figures import Contrast, parse_contrast
from streamsense.evaluation.figure import Figure
from streamsense.evaluation.metrics import concordance, roc_auc
from streamsense.evaluation.predicting import with_places
from streamsense.evaluation.predictions import PLACES, joined, last_of_each_trial, one_a_second
from streamsense.evaluation.report import Part
from streamsense.evaluation.report_parts import part_of
from streamsense.fusion.emotions import EMOTIONS, VAD_CENTROIDS
from tests.helpers.made_predictions import emotional, is_high, knowing_arousal, made, rated


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr("streamsense.evaluation.figure.DRAWS", 60)


LOW_HIGH = Reading(contrast=Contrast("low", "high"))


def figures(part: Part, topic: str) -> dict[str, Figure]:
    return {figure.name: figure for found in part.topics if found.title == topic for figure in found.figures}


def test_a_contrast_is_measured_over_people_and_beside_its_floors():
    predictions = knowing_arousal(made())
    part = part_of("x", predictions, LOW_HIGH)
    rows = chosen_rows(predictions, LOW_HIGH)
    assert len(rows) == len(predictions) / 5, "one window a second"
    found = figures(part, "high against low")
    pooled = found["AUC, all windows"]
    assert pooled == part.headline
    assert pooled.value == roc_auc(is_high(predictions)[rows].astype(int), predictions.vad_mean[rows, 1])
    assert pooled.low < pooled.value < pooled.high
    assert pooled.floors["chance"] == 0.5
    assert abs(pooled.floors["labels dealt anew"] - 0.5) < 0.05
    assert found["AUC, mean of people"].low > 0.7
    knows_nothing = part_of("x", made(), LOW_HIGH).headline
    assert knows_nothing.value == 0.5


def test_variances_that_are_right_cover_what_they_say_and_others_do_not():
    right, sure, unsure = (part_of("x", rated(made(ticks=100), 0.15, told), Reading()) for told in (0.15, 0.03, 0.6))
    covered = "targets within the told 90 % interval"
    assert figures(right, "Arousal")[covered].value == pytest.approx(0.9, abs=0.03)
    assert figures(sure, "Arousal")[covered].value < 0.5
    assert figures(unsure, "Arousal")[covered].value > 0.98
    surprise = [figures(part, "Arousal")["negative log-likelihood"] for part in (right, sure, unsure)]
    assert surprise[0].value < min(surprise[1].value, surprise[2].value, *surprise[0].floors.values())
    assert [topic.title for topic in right.topics] == ["Arousal"], "nobody rated valence or dominance"


def test_agreement_is_that_of_all_windows_and_of_each_person():
    predictions = rated(made(), 0.2, 0.2)
    rows = chosen_rows(predictions, Reading())
    kept = predictions.take(rows)
    found = figures(part_of("x", predictions, Reading()), "Arousal")
    assert found["CCC, all windows"].value == concordance(kept.targets[:, 1], kept.vad_mean[:, 1])
    assert abs(found["CCC, all windows"].floors["labels dealt anew"]) < 0.2
    people = [window.person for window in kept.windows]
    own = [
        concordance(*(values[np.array(people) == person, 1] for values in (kept.targets, kept.vad_mean)))
        for person in sorted(set(people))
    ]
    assert found["CCC, mean of people"].value == pytest.approx(np.mean(own))


def test_ratings_that_change_all_the_time_have_a_floor_too():
    predictions = rated(made(ticks=60), 0.1, 0.1)
    waves = np.sin(np.arange(len(predictions)) / 20)
    targets = np.full_like(predictions.targets, np.nan)
    targets[:, 1] = 0.8 * waves
    mean = predictions.vad_mean.copy()
    mean[:, 1] = 0.7 * waves
    found = figures(part_of("x", replace(predictions, targets=targets, vad_mean=mean), Reading()), "Arousal")
    assert found["CCC, all windows"].value > 0.9
    assert found["CCC, all windows"].floors["labels dealt anew"] < 0.7


def test_emotions_are_judged_among_those_that_the_model_knows():
    names = ("neutral", "happy", "sad", "bored")
    predictions = emotional(made(trials=8, names=names), right=0.8)
    part = part_of("x", predictions, Reading())
    found = figures(part, "Emotions")
    assert found["UAR"].value == pytest.approx(0.8, abs=0.1)
    assert found["UAR"].floors["always the commonest"] == pytest.approx(1 / 3)
    assert found["UAR"].floors["labels dealt anew"] == pytest.approx(1 / 3, abs=0.06)
    assert found["calibration error (15 bins of equal mass)"].value < 0.1
    (topic,) = (topic for topic in part.topics if topic.title == "Emotions")
    assert "more have a label that the model does not know" in topic.text
    counted = len(chosen_rows(predictions, Reading()))
    assert f"{counted * 3 // 4} windows. {counted // 4} more" in topic.text
    (table,) = topic.tables
    assert table.head == ("labelled", "neutral", "happy", "sad")
    assert [sum(map(float, row[1:])) for row in table.rows] == pytest.approx([1, 1, 1], abs=0.02)


def test_emotions_without_ratings_stand_for_their_places_and_the_report_says_so():
    predictions = with_places(emotional(made(names=("neutral", "happy", "sad")), right=1.0))
    assert predictions.target_kind == PLACES
    happy = predictions.names.index("happy")
    assert predictions.targets[happy].tolist() == VAD_CENTROIDS[EMOTIONS.index("happy")].tolist()
    part = part_of("x", predictions, Reading())
    texts = [topic.text for topic in part.topics if topic.title == "Valence"]
    assert "which is a convention" in texts[0]
    assert with_places(rated(made(), 0.1, 0.1)).target_kind != PLACES, "ratings go before places"


def test_ambivalence_has_its_three_trivial_floors_beside_it():
    predictions = made(names=("no_ambivalence", "ambivalence"))
    truth = is_high(predictions, "ambivalence")
    predictions = replace(predictions, ambivalence=np.where(truth, 0.7, 0.2))
    (topic,) = part_of("x", predictions, Reading()).topics
    found = {figure.name: figure for figure in topic.figures}
    assert topic.title == "Ambivalence"
    assert found["average F1"].value == 1.0
    assert set(found["average F1"].floors) == {"always 0", "always 1", "1 as often as it is"}
    assert found["AUC, all windows"].value == 1.0
    silent = part_of("x", made(names=("no_ambivalence", "ambivalence")), Reading())
    assert silent.topics == (), "an expert by itself says nothing of ambivalence"


def test_which_emotion_when_where_emotions_begin_and_end():
    predictions = made(people=3, trials=1, ticks=100, names=("",))
    shares, said = predictions.shares.copy(), np.zeros_like(predictions.probabilities)
    said[:, 0] = 1.0
    for person in range(3):
        at = 100 * person
        shares[at + 30 : at + 60, 1] = 1.0
        said[at + 33 : at + 60] = np.eye(8)[1]
        said[at + 80] = np.eye(8)[2]  # a single tick is steadied away
    part = part_of("x", replace(predictions, shares=shares, probabilities=said), Reading())
    found = figures(part, "Which emotion when")
    assert found["EDER"].value == pytest.approx(0.03)
    assert found["EDER"].floors["always neutral"] == pytest.approx(0.3)
    assert found["event F1 (within 0.5 s)"].value == pytest.approx(0.0), "0.6 s late is beyond the collar"


def test_what_cannot_be_measured_is_said():
    part = part_of("x", made(), Reading())
    assert part.headline is None
    assert "neither ratings nor emotions" in part.warnings[0]
    assert "--contrast" in part.warnings[0]
    late = part_of("x", made(), replace(LOW_HIGH, settle_s=1e6))
    assert "after the first 1e+06 s" in late.warnings[0]
    alone = part_of("x", knowing_arousal(made(people=1)), LOW_HIGH).headline
    assert alone.low is None
    assert "one says nothing of others" in alone.note


def test_which_windows_count():
    predictions = made(people=2, trials=2, ticks=12)
    assert len(one_a_second(predictions)) == 2 * 2 * 3
    last = last_of_each_trial(predictions)
    assert last.tolist() == [11, 23, 35, 47]
    absent = replace(predictions, present=~np.isin(np.arange(len(predictions)), last))
    assert len(chosen_rows(absent, replace(LOW_HIGH, clips=True))) == 0
    assert len(chosen_rows(predictions, replace(LOW_HIGH, settle_s=100.0))) == 2 * 3
    assert joined([predictions.take([0, 5]), predictions.take([7])]).windows[2] == predictions.windows[7]


@pytest.mark.parametrize("protocol", ["person", "trial", "corpus"])
def test_the_protocol_says_who_is_drawn(protocol):
    part = part_of("x", knowing_arousal(made()), replace(LOW_HIGH, protocol=protocol))
    charts = [chart for topic in part.topics for chart in topic.charts]
    assert part.headline.low is not None or protocol == "corpus"
    assert len(charts) == (1 if protocol == "person" else 0), "a trial has one class, and there is one set"


def test_a_contrast_in_other_words():
    assert parse_contrast("rest, task") == Contrast("rest", "task")
    assert parse_contrast("sad,happy,valence") == Contrast("sad", "happy", "valence")
    for text in ("rest", "a,b,c", "a,a", ",b"):
        with pytest.raises(EvaluationError, match="--contrast was"):
            parse_contrast(text)


def test_predictions_that_do_not_fit_or_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="vad_mean has the shape"):
        replace(made(), vad_mean=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        replace(made(), vad_sd=np.full((480, 3), np.nan))
    with pytest.raises(ValueError, match="one source"):
        joined([made(), replace(made(), source="other")])
