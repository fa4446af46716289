"""Which emotion when: segments are told with their onset and offset, and nothing that flickers is one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense import state as snapshots
from streamsense.fusion.emotions import EMOTIONS
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Plan, Score
from streamsense.segments import AMBIVALENT, HOLE_S, LEAST_S, SEGMENT_OFF, SEGMENT_ON, Segments
from streamsense.ticks import tick_time
from streamsense.told_segments import ToldSegments

FIRST = 1000


def score(tick: int, emotion: str = "neutral", ambivalence: float = 0.17, confidence: float = 0.5) -> Score:
    values = np.zeros(len(SCORE_LABELS))
    for name in EMOTIONS:
        values[SCORE_LABELS.index(f"emotion_{name}")] = 0.93 if name == emotion else 0.01
    values[SCORE_LABELS.index("ambivalence")] = ambivalence
    values[SCORE_LABELS.index("confidence")] = confidence
    return Score(
        tick, tick_time(tick), values, np.zeros(len(EXPERT_LABELS)), Plan(tick, tick_time(tick), "complete", ())
    )


def told(segments: Segments, scores: Iterable[Score]) -> list[tuple[str, str, float, float | None]]:
    """Kind, what, onset and offset of each notice, in ticks since the first."""
    found = []
    for one in scores:
        for notice in segments.step(one):
            onset, offset = notice.details["onset"], notice.details.get("offset")
            assert isinstance(onset, float)
            assert notice.time == one.time
            found.append(
                (
                    notice.kind,
                    str(notice.details["what"]),
                    round(onset * 5) - FIRST,
                    None if offset is None else round(float(str(offset)) * 5) - FIRST,
                )
            )
    return found


def shown(*parts: tuple[str, int]) -> list[Score]:
    emotions = [emotion for emotion, ticks in parts for _ in range(ticks)]
    return [score(FIRST + number, emotion) for number, emotion in enumerate(emotions)]


def test_an_emotion_that_lasts_is_a_segment_from_its_onset_to_its_offset() -> None:
    found = told(Segments(), shown(("neutral", 50), ("angry", 50), ("neutral", 50)))
    assert [(kind, what) for kind, what, _, _ in found] == [(SEGMENT_ON, "angry"), (SEGMENT_OFF, "angry")]
    # The mixture is smoothed over a second, so both are told to be a little late.
    assert 50 <= found[0][2] <= 54
    assert found[1][2] == found[0][2]
    assert 100 <= found[1][3] <= 104


def test_one_emotion_after_the_other_ends_the_one_where_the_other_begins() -> None:
    found = told(Segments(), shown(("neutral", 20), ("angry", 50), ("sad", 50)))
    kinds = [kind for kind, *_ in found]
    assert kinds[0] == SEGMENT_ON
    assert kinds[-2:] == [SEGMENT_OFF, SEGMENT_ON]
    assert found[-2][3] == found[-1][2]
    assert found[-1][1] == "sad"


def test_what_flickers_is_no_segment() -> None:
    assert told(Segments(), shown(*[("neutral", 4), ("happy", 2)] * 40)) == []


def test_what_nothing_is_known_of_is_no_segment() -> None:
    assert told(Segments(), [score(FIRST + k, "happy", 0.9 * (k < 0), confidence=0.0) for k in range(100)]) == []


def test_ambivalence_begins_above_and_ends_below_other_limits() -> None:
    levels = [0.2] * 10 + [0.5] * 10 + [0.7] * 10 + [0.5] * 10 + [0.3] * 10
    found = told(Segments(), [score(FIRST + k, ambivalence=level) for k, level in enumerate(levels)])
    assert found == [(SEGMENT_ON, AMBIVALENT, 20, None), (SEGMENT_OFF, AMBIVALENT, 20, 40)]


@given(st.lists(st.tuples(st.sampled_from(EMOTIONS), st.floats(0, 1)), max_size=200), st.integers(0, 200))
def test_segments_follow_each_other_last_a_second_and_go_on_after_a_snapshot(
    rows: list[tuple[str, float]], cut: int
) -> None:
    scores = [score(FIRST + number, emotion, doubt) for number, (emotion, doubt) in enumerate(rows)]
    whole = told(Segments(), scores)
    first, second = Segments(), Segments()
    parts = told(first, scores[:cut])
    snapshots.unpack_into(snapshots.pack(first.state), second.state)
    assert parts + told(second, scores[cut:]) == whole
    for doubtful in (True, False):
        open_since = None
        for kind, what, onset, offset in whole:
            if (what == AMBIVALENT) is not doubtful:
                continue
            if kind == SEGMENT_ON:
                assert open_since is None
                open_since = onset
            else:
                assert onset == open_since
                assert offset is not None
                assert offset - onset >= round(LEAST_S * 5)
                open_since = None


@pytest.mark.parametrize("spacing", [1, 3, 20])
def test_any_spacing_of_ticks_will_do(spacing: int) -> None:
    scores = [score(FIRST + spacing * k, "happy" if k >= 20 else "neutral") for k in range(60)]
    found = told(Segments(), scores)
    assert [kind for kind, *_ in found] == [SEGMENT_ON]
    assert 20 * spacing <= found[0][2] <= 20 * spacing + max(5, spacing)


def test_a_hole_ends_what_was_shown_before_it() -> None:
    hole = round(HOLE_S * 5) + 1
    found = told(Segments(), [score(FIRST + k + hole * (k >= 50), "happy", 0.9) for k in range(100)])
    assert [(kind, what, onset, offset) for kind, what, onset, offset in found if offset is not None] == [
        (SEGMENT_OFF, "happy", 0, 49),
        (SEGMENT_OFF, AMBIVALENT, 0, 49),
    ]
    assert [onset for kind, _, onset, _ in found if kind == SEGMENT_ON] == [0, 0, 50 + hole, 50 + hole]


@st.composite
def acts(draw: st.DrawFn) -> list[Score]:
    """Ticks with holes, in which one or two emotions, ambivalence, or nothing at all is shown."""
    scores, tick = [], FIRST
    for _ in range(draw(st.integers(0, 12))):
        emotion, other = draw(st.sampled_from(EMOTIONS)), draw(st.sampled_from(EMOTIONS))
        doubt, confidence = draw(st.sampled_from([0.1, 0.5, 0.9])), draw(st.sampled_from([0.0, 0.5]))
        tick += draw(st.sampled_from([0, 0, 4, 30, 500]))
        for _ in range(draw(st.integers(1, 20))):
            one = score(tick, emotion, doubt, confidence)
            one.values[SCORE_LABELS.index(f"emotion_{other}")] += 0.5
            scores.append(one)
            tick += 1
    return scores


@given(acts(), st.sets(st.integers(0, 240), max_size=10))
def test_segments_never_overlap_and_are_told_in_order_however_the_ticks_come(
    scores: list[Score], cuts: set[int]
) -> None:
    segments, gathered = Segments(), ToldSegments()
    notices = [notice for one in scores for notice in segments.step(one)]
    for notice in notices:
        gathered.take(notice)
    # Anew with another object every now and then, as after a snapshot.
    again, parts = [], Segments()
    for number, one in enumerate(scores):
        if number in cuts:
            after = Segments()
            snapshots.unpack_into(snapshots.pack(parts.state), after.state)
            parts = after
        again += parts.step(one)
    assert again == notices
    assert [notice.time for notice in notices] == sorted(notice.time for notice in notices)
    whole = gathered.until(scores[-1].time if scores else 0.0)
    for track in (True, False):
        own = [one for one in whole if one.is_ambivalence is track]
        assert all(one.onset < one.offset for one in own)
        assert all(one.offset <= other.onset for one, other in itertools.pairwise(own))
        onsets = [n.details["onset"] for n in notices if n.kind == SEGMENT_ON and (n.text == AMBIVALENT) is track]
        assert onsets == [one.onset for one in own], "told in the order in which they began, each once"
    there = {one.time for one in scores}
    assert all({one.onset, one.offset} <= there for one in whole), "a segment begins and ends where there was a tick"
