"""Which emotion when: segments are told with their onset and offset, and nothing that flickers is one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense import state as snapshots
from streamsense.fusion.emotions import EMOTIONS
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Plan, Score
from streamsense.segments import AMBIVALENT, LEAST_S, SEGMENT_OFF, SEGMENT_ON, Segments
from streamsense.ticks import tick_time

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
