"""No split has a person, a trial or a sample in both halves; one that has is refused with two windows that show it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.errors import EvaluationError
from streamsense.evaluation.splits import (
    Split,
    check_classes,
    check_split,
    cross_corpus,
    folds_by_person,
    leave_one_person_out,
    trial_wise,
)
from streamsense.evaluation.windows import Window

window_lists = st.lists(
    st.builds(
        lambda dataset, person, recording, start, length: Window(
            dataset, person, recording, start / 4, (start + length) / 4
        ),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["01", "02", "03"]),
        st.sampled_from(["x", "y"]),
        st.integers(0, 40),
        st.integers(1, 16),
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip


def made(datasets: int = 1, people: int = 4, recordings: int = 3, windows: int = 5) -> list[Window]:
    return [
        Window(f"set {dataset}", f"P{person}", f"r{recording}", start, start + 4.0)
        for dataset in range(datasets)
        for person in range(people)
        for recording in range(recordings)
        for start in range(windows)
    ]


def indices(*values: int) -> np.ndarray:
    return np.array(values, np.intp)


def share_a_sample(a: Window, b: Window) -> bool:
    same = (a.dataset, a.person, a.recording) == (b.dataset, b.person, b.recording)
    return same and a.start_s < b.end_s and b.start_s < a.end_s


@given(window_lists, st.integers(0, 2**32 - 1))
def test_a_split_is_refused_exactly_where_any_two_windows_share_a_sample(windows, seed):
    # Every window is a trial of its own, so that only the overlap decides.
    windows = [
        Window(w.dataset, w.person, w.recording, w.start_s, w.end_s, trial=str(at)) for at, w in enumerate(windows)
    ]
    half = np.random.default_rng(seed).random(len(windows)) < 0.5
    train, test = np.flatnonzero(half), np.flatnonzero(~half)
    if not len(train) or not len(test):
        return
    leaks = any(share_a_sample(windows[a], windows[b]) for a in train for b in test)
    if leaks:
        with pytest.raises(EvaluationError, match="share samples") as told:
            check_split(windows, train, test, "trial")
        named = [
            (a, b)
            for a in train
            for b in test
            if f"({windows[a]})" in str(told.value) and f"({windows[b]})" in str(told.value)
        ]
        assert any(share_a_sample(windows[a], windows[b]) for a, b in named), "the two that are named do overlap"
    else:
        check_split(windows, train, test, "trial")


def test_a_long_window_overlaps_behind_a_short_one_that_began_later():
    windows = [
        Window("a", "1", "r", start, end, trial=f"{at}") for at, (start, end) in enumerate([(0, 9), (1, 2), (5, 6)])
    ]
    with pytest.raises(EvaluationError, match=r"0 to 9 s\) is trained on and \(.* 5 to 6 s\)"):
        check_split(windows, indices(0, 1), indices(2), "trial")
    with pytest.raises(EvaluationError, match=r"5 to 6 s\) is trained on and \(.* 0 to 9 s\)"):
        check_split(windows, indices(2), indices(0, 1), "trial")


def everything_once(splits: list[Split], count: int) -> bool:
    return sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(count))


@given(window_lists, st.integers(2, 6), st.integers(0, 9))
def test_whatever_the_windows_nobody_is_in_both_halves(windows, folds, seed):
    people = {(w.dataset, w.person) for w in windows}
    if len(people) < folds:
        with pytest.raises(EvaluationError, match="cannot be split"):
            list(folds_by_person(windows, folds, seed))
        return
    splits = list(folds_by_person(windows, folds, seed))
    assert len(splits) == folds
    assert everything_once(splits, len(windows))
    for split in splits:
        halves = [{(windows[at].dataset, windows[at].person) for at in half} for half in (split.train, split.test)]
        assert not halves[0] & halves[1]
        assert len(split.train) + len(split.test) == len(windows)


def test_each_person_is_held_out_once():
    windows = made(datasets=2, people=3)
    splits = list(leave_one_person_out(windows))
    assert [split.name for split in splits] == [f"set {d} P{p}" for d in range(2) for p in range(3)]
    assert everything_once(splits, len(windows))


def test_the_same_number_in_two_sets_is_two_people():
    windows = [Window("a", "01", "r", 0, 4), Window("b", "01", "r", 0, 4)]
    assert len(list(leave_one_person_out(windows))) == 2


def test_trials_are_held_out_within_each_person():
    windows = made(people=2, recordings=6)
    splits = list(trial_wise(windows, 3))
    assert len(splits) == 2 * 3
    assert everything_once(splits, len(windows))
    for split in splits:
        assert {windows[at].person for at in [*split.train, *split.test]} == {split.name.split()[2].rstrip(",")}
        trained, tested = ({windows[at].recording for at in half} for half in (split.train, split.test))
        assert not trained & tested
        assert len(tested) == 2


def test_the_trials_of_one_recording_may_be_parted_where_no_window_reaches_across():
    apart = [Window("a", "1", "r", 10.0 * t, 10.0 * t + 4, trial=f"{t}") for t in range(4)]
    assert len(list(trial_wise(apart, 4))) == 4
    touching = [Window("a", "1", "r", 3.0 * t, 3.0 * t + 4, trial=f"{t}") for t in range(4)]
    with pytest.raises(EvaluationError, match="share samples"):
        list(trial_wise(touching, 4))


def test_each_set_is_held_out_once():
    windows = made(datasets=3, people=2)
    splits = list(cross_corpus(windows))
    assert [split.name for split in splits] == ["set 0", "set 1", "set 2"]
    assert everything_once(splits, len(windows))


def test_folds_are_the_same_for_the_same_seed():
    windows = made(people=10)

    def tests(seed: int) -> list[list[int]]:
        return [split.test.tolist() for split in folds_by_person(windows, 5, seed)]

    assert tests(1) == tests(1) != tests(2)


def test_shuffled_windows_are_refused_by_whatever_group():
    windows = made()
    even, odd = np.arange(0, len(windows), 2), np.arange(1, len(windows), 2)
    for group in ("person", "trial", "dataset"):
        with pytest.raises(EvaluationError, match=f"One {group} is in both halves") as told:
            check_split(windows, even, odd, group)
        assert "P0, recording r0, 0 to 4 s) is trained on" in str(told.value)
        assert "P0, recording r0, 1 to 5 s) tested with" in str(told.value)
        assert f"Split by {group}" in str(told.value)


def test_an_empty_half_is_refused():
    with pytest.raises(EvaluationError, match="0 windows to train on and 1 to test"):
        check_split(made(), indices(), indices(0), "person")


def test_too_few_trials_are_told_with_the_person():
    with pytest.raises(EvaluationError, match=r"1 trial of set 0 P0 .* into 2 parts"):
        list(trial_wise(made(recordings=1), 2))
    with pytest.raises(ValueError, match="2 or more"):
        list(folds_by_person(made(), 1))


def test_a_class_of_one_person_is_refused():
    windows = made(people=3, recordings=1, windows=2)
    check_classes(windows, ["rest", "work"] * 3)
    with pytest.raises(EvaluationError, match=r"class 'work' are of one person \(set 0 P2\)"):
        check_classes(windows, ["rest"] * 4 + ["rest", "work"])


@pytest.mark.parametrize("end_s", [1.0, 0.5, float("nan"), float("inf")])
def test_a_window_without_length_is_a_mistake(end_s):
    with pytest.raises(ValueError, match="later end"):
        Window("a", "1", "r", 1.0, end_s)
