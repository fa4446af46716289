"""Labels keep every vote, map every scale, and are found by time as a slow search finds them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.datasets.labels import NOT_STATED, Label, LabelTrack, on_unit_scale
from streamsense.errors import DatasetError
from streamsense.fusion.emotions import EMOTIONS

spans = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), max_size=12)


@given(spans, st.integers(0, 40), st.integers(1, 10))
def test_a_window_has_the_label_that_covers_it_all(found, start, length):
    labels = [Label(a / 2, (a + n) / 2, name=str(at)) for at, (a, n) in enumerate(found)]
    label = LabelTrack(labels).within(start / 2, (start + length) / 2)
    covering = [it for it in labels if it.start_s <= start / 2 and (start + length) / 2 <= it.end_s]
    assert label in covering if covering else label is None


@given(spans, st.integers(0, 40))
def test_an_instant_has_the_label_that_holds_then(found, time):
    labels = [Label(a / 2, (a + n) / 2, name=str(at)) for at, (a, n) in enumerate(found)]
    label = LabelTrack(labels).at_end(-99.0, time / 2)
    holding = [it for it in labels if it.start_s < time / 2 <= it.end_s]
    assert label in holding if holding else label is None


def test_rounding_of_times_excludes_no_window():
    label = Label(0.1 + 0.2, 4.3, name="rest")  # 0.30000000000000004
    assert LabelTrack([label]).within(0.3, 4.3) == label


def test_of_several_judgements_that_of_the_modality_counts():
    both = Label(0, 2, votes={"happy": 3}, judged_from=("face", "voice"))
    heard, seen = Label(0, 2, votes={"sad": 3}, judged_from=("voice",)), Label(0, 2, judged_from=("face",))
    track = LabelTrack([heard, both, seen])
    assert track.within(0, 2, "voice") is heard
    assert track.within(0, 2, "face") is seen
    assert track.within(0, 2) is both


def test_votes_are_shares_over_the_emotions_that_are_asked_for():
    label = Label(0, 1, emotion="angry", votes={"angry": 6, "sad": 2, "bored": 8, NOT_STATED: 4})
    shares = label.shares(EMOTIONS)
    assert shares.sum() == 1
    assert (shares[EMOTIONS.index("angry")], shares[EMOTIONS.index("sad")]) == (0.75, 0.25)
    assert label.shares(("bored", "angry", "sad")).tolist() == [0.5, 0.375, 0.125]
    assert label.shares(("happy",)) is None


def test_without_votes_the_acted_emotion_has_all_and_without_both_there_is_no_soft_label():
    assert Label(0, 1, emotion="sad").shares(("happy", "sad")).tolist() == [0, 1]
    assert Label(0, 1, emotion="bored").shares(EMOTIONS) is None
    assert Label(0, 1, name="rest").shares(EMOTIONS) is None


def test_a_label_can_be_moved_against_the_delay_of_those_who_rate():
    moved = Label(10, 12, name="rating", valence=0.5).moved(-1.5)
    assert (moved.start_s, moved.end_s, moved.valence) == (8.5, 10.5, 0.5)


@given(st.floats(1, 9))
def test_a_scale_is_mapped_in_its_order(value):
    mapped = on_unit_scale(value, 1, 9)
    assert -1 <= mapped <= 1
    assert mapped == pytest.approx((value - 5) / 4)


def test_a_missing_rating_is_none_and_one_beyond_its_scale_is_refused():
    assert on_unit_scale(math.nan, 1, 5) is None
    for value in (0.99, 5.01, math.inf):
        with pytest.raises(DatasetError, match="expected 1 to 5"):
            on_unit_scale(value, 1, 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"end_s": 0.0},
        {"end_s": math.nan},
        {"valence": 1.01},
        {"arousal": math.nan},
        {"votes": {"sad": -1}},
        {"votes": {"sad": np.inf}},
    ],
)
def test_an_impossible_label_is_a_mistake(wrong):
    with pytest.raises(ValueError, match="expected"):
        Label(**({"start_s": 0.0, "end_s": 1.0} | wrong))
