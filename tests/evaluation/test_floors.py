"""Floors are those of published tables and of computations by hand; dealt labels know nothing."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.errors import EvaluationError
from streamsense.evaluation.floors import average_f1, permutation_floor, trivial_floors
from streamsense.evaluation.metrics import roc_auc


def labels(positives: int, of: int) -> np.ndarray:
    return (np.arange(of) < positives).astype(int)


def test_the_floors_are_those_of_bahs_published_test_half():
    # 318 of 525 videos and 65,756 of 335,110 frames are ambivalent. Published "zero-shot" figures are .2827 and .3772
    # for videos, .4456 for frames: those of answering always the same.
    videos, frames = trivial_floors(labels(318, 525)), trivial_floors(labels(65_756, 335_110))
    assert videos.always_0 == pytest.approx(0.2828, abs=1e-4)
    assert videos.always_1 == pytest.approx(0.3772, abs=1e-4)
    assert frames.always_0 == pytest.approx(0.4456, abs=1e-4)


@pytest.mark.parametrize("share", [0.17, 0.5, 0.61])
def test_answering_as_often_as_it_is_gives_one_half(share):
    random = np.random.default_rng(0)
    truth, answered = (random.random((2, 200_000)) < share).astype(int)
    assert trivial_floors(truth).prevalence == pytest.approx(average_f1(truth, answered), abs=0.005)


def test_both_classes_count_even_where_one_is_not_there():
    ones = np.ones(4, int)
    assert average_f1(ones, ones) == 0.5
    assert average_f1(np.array([0, 1]), np.array([0, 1])) == 1.0
    with pytest.raises(ValueError, match="0 and 1"):
        average_f1(np.array([0, 2]), np.array([0, 1]))


def people_with_two_recordings(count: int, windows: int) -> tuple[np.ndarray, list[int], list[int]]:
    people = np.repeat(np.arange(count), 2 * windows)
    condition = np.tile(np.repeat([0, 1], windows), count)
    return condition, condition.tolist(), people.tolist()


def test_dealt_labels_are_at_chance_and_knowledge_is_above_them():
    truth, recordings, people = people_with_two_recordings(10, 30)
    random = np.random.default_rng(0)
    knowing = truth + random.normal(0, 0.5, len(truth))
    floor = permutation_floor(lambda dealt: roc_auc(dealt, knowing), truth, recordings, people, times=200)
    assert floor.mean == pytest.approx(0.5, abs=0.03)
    assert floor.figure > floor.mean + 2.5 * floor.sd
    assert floor.p_value < 0.02
    ignorant = random.normal(0, 1, 20)[np.repeat(np.arange(20), 30)]
    floor = permutation_floor(lambda dealt: roc_auc(dealt, ignorant), truth, recordings, people, times=200)
    assert floor.p_value > 0.05
    # A recording keeps one label, so few of them make a wide floor; dealt window by window it would look narrow.
    assert floor.sd > 0.05


def test_each_person_keeps_their_own_labels():
    truth, recordings, people = people_with_two_recordings(5, 3)
    seen = []
    permutation_floor(lambda dealt: seen.append(dealt) or 0.0, truth, recordings, people, times=20)
    for dealt in seen:
        for person in range(5):
            own = np.array(people) == person
            assert sorted(dealt[own]) == sorted(truth[own])
            assert all(len(set(dealt[own & (np.array(recordings) == it)])) == 1 for it in (0, 1))
    assert len({dealt.tobytes() for dealt in seen}) > 5


def test_labels_that_cannot_be_dealt_are_refused():
    with pytest.raises(EvaluationError, match=r"Recording 0 of A has the labels \[0, 1\]"):
        permutation_floor(lambda _: 0.0, np.array([0, 1]), [0, 0], ["A", "A"])
    with pytest.raises(EvaluationError, match="Nobody has two recordings"):
        permutation_floor(lambda _: 0.0, np.array([0, 1]), [0, 0], ["A", "B"])
