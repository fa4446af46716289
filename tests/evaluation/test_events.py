"""Which emotion when: seconds of each error by hand, and by a slow count on a grid; events within their collar."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.errors import EvaluationError
from streamsense.evaluation.events import Event, diarization, event_f1

DURATION_S = 10.0


@st.composite
def event_lists(draw):
    """Events on a grid of half seconds, none overlapping."""
    edges = sorted(draw(st.sets(st.integers(0, 20), max_size=10)))
    pairs = [(a, b) for a, b in itertools.pairwise(edges) if draw(st.booleans())]
    return [Event(a / 2, b / 2, draw(st.sampled_from(["happy", "sad", "angry"]))) for a, b in pairs]


def on_grid(events: list[Event]) -> list[str]:
    middles = np.arange(20) / 2 + 0.25
    return [next((e.name for e in events if e.start_s <= t < e.end_s), "") for t in middles]


@given(event_lists(), event_lists())
def test_diarization_errors_are_those_counted_on_a_grid(truth, found):
    result = diarization(truth, found, DURATION_S)
    pairs = list(zip(on_grid(truth), on_grid(found), strict=True))
    assert result.false_alarm_s == pytest.approx(sum(a == "" != b for a, b in pairs) / 2)
    assert result.missed_s == pytest.approx(sum(b == "" != a for a, b in pairs) / 2)
    assert result.confused_s == pytest.approx(sum("" != a != b != "" for a, b in pairs) / 2)
    assert result.error_rate == pytest.approx(sum(a != b for a, b in pairs) / 20)
    swapped = diarization(found, truth, DURATION_S)
    assert (swapped.missed_s, swapped.error_rate) == pytest.approx((result.false_alarm_s, result.error_rate))
    assert diarization(truth, truth, DURATION_S).error_rate == 0


def test_the_example_of_one_emotion_in_an_utterance():
    # Emotion from 2 to 5 s of 8; found from 3 to 6 s, its last second as another.
    result = diarization([Event(2, 5, "angry")], [Event(3, 5, "angry"), Event(5, 6, "sad")], 8)
    assert (result.missed_s, result.false_alarm_s, result.confused_s) == pytest.approx((1, 1, 0))
    assert result.error_rate == pytest.approx(2 / 8)


def test_events_count_within_half_a_second_of_both_ends():
    truth = [Event(1, 2, "happy"), Event(4, 6, "sad")]
    assert event_f1(truth, [Event(1.4, 1.6, "happy"), Event(3.5, 6.5, "sad")]) == 1.0
    assert event_f1(truth, [Event(1.6, 2.0, "happy"), Event(4, 6, "sad")]) == 0.5
    assert event_f1(truth, [Event(1, 2, "sad"), Event(4, 6, "happy")]) == 0.0
    assert event_f1(truth, []) == 0.0
    assert event_f1([], truth) == 0.0
    assert event_f1([], []) == 1.0


def test_one_found_event_matches_one_true_event_and_as_many_as_can_be_are_matched():
    truth = [Event(1.0, 2.0, "sad"), Event(2.0, 2.6, "sad")]
    # The first fits both, the second only the first: a greedy match would lose one.
    found = [Event(1.5, 2.3, "sad"), Event(0.6, 1.6, "sad")]
    assert event_f1(truth, found) == 1.0
    assert event_f1(truth, found[:1]) == pytest.approx(2 / 3)


@given(event_lists(), event_lists())
def test_event_f1_is_symmetric_and_perfect_for_the_truth(truth, found):
    assert event_f1(truth, found) == pytest.approx(event_f1(found, truth))
    assert event_f1(truth, truth) == 1.0


@pytest.mark.parametrize(
    ("events", "duration_s", "said"),
    [
        ([Event(0, 2, "sad"), Event(1, 3, "angry")], 5, "overlap"),
        ([Event(1, 6, "sad")], 5, "expected 0 to 5 s"),
        ([Event(-1, 2, "sad")], 5, "from -1 to 2 s"),
        ([], 0, "more than 0"),
        ([], float("nan"), "more than 0"),
    ],
)
def test_events_that_cannot_be_compared_are_refused(events, duration_s, said):
    with pytest.raises(EvaluationError, match=said):
        diarization(events, [], duration_s)


def test_an_event_without_length_is_a_mistake():
    with pytest.raises(ValueError, match="later end"):
        Event(2, 2, "sad")
