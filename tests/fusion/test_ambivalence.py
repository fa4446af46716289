"""The ambivalence score: bounded, the prior without evidence, and each part counts in the right direction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.fusion.ambivalence import (
    COUNTS,
    GAIN,
    HEAD_INPUTS,
    PRIOR,
    AmbivalenceSettings,
    AmbivalenceState,
    Parts,
    proxy,
    step_ambivalence,
)
from streamsense.fusion.bivalence import activation, griffin, least, pooled
from streamsense.fusion.emotions import EMOTIONS
from streamsense.fusion.hesitancy import NAMES
from streamsense.ticks import tick_time

SETTINGS = AmbivalenceSettings()
any_float = st.floats(allow_nan=False, allow_infinity=False)
unit = st.floats(0, 1)
cues = st.lists(unit, min_size=len(NAMES), max_size=len(NAMES)).map(np.array)
any_parts = st.builds(Parts, any_float, any_float, any_float, cues, any_float)


def parts(
    discord: float = 0.0, positive: float = 0.0, negative: float = 0.0, evidence: float = 1.0, **counts: float
) -> Parts:
    return Parts(discord, positive, negative, np.array([counts.get(name, 0.0) for name in NAMES]), evidence)


@given(st.lists(st.tuples(any_parts, st.floats(0.01, 1e6)), max_size=20))
def test_everything_is_within_0_and_1_for_any_finite_input(rows: list[tuple[Parts, float]]) -> None:
    state, time = AmbivalenceState(), 100.0
    for given_parts, step in rows:
        time += step
        score = step_ambivalence(state, SETTINGS, given_parts, time)
        for part in (score, given_parts.discord, given_parts.bivalence, given_parts.hesitancy):
            assert 0.0 <= part <= 1.0
        assert given_parts.vector().shape == (len(HEAD_INPUTS),)
        assert ((given_parts.vector() >= 0) & (given_parts.vector() <= 1)).all()


@given(st.lists(st.tuples(unit, unit, unit), min_size=1, max_size=20))
def test_without_evidence_the_score_is_exactly_the_prior(rows: list[tuple[float, float, float]]) -> None:
    state = AmbivalenceState()
    for tick, (discord, positive, negative) in enumerate(rows):
        given_parts = parts(discord, positive, negative, evidence=0.0, gaze_offset=1.0)
        assert step_ambivalence(state, SETTINGS, given_parts, tick_time(tick)) == PRIOR == 0.17
    assert proxy(parts()) == PRIOR, "and where there is evidence of nothing"


@given(any_parts, st.sampled_from(["discord", "positive", "negative", *NAMES]), unit)
def test_more_of_anything_is_never_less_ambivalent(one: Parts, name: str, level: float) -> None:
    values = {key: getattr(one, key) for key in ("discord", "positive", "negative", "evidence")}
    counts = one.cues.copy()
    if name in NAMES:
        counts[NAMES.index(name)] = max(level, counts[NAMES.index(name)])
    else:
        values[name] = max(level, values[name])
    more = Parts(values["discord"], values["positive"], values["negative"], counts, values["evidence"])
    assert proxy(more) >= proxy(one) - 1e-12


def test_one_part_alone_reaches_what_it_says() -> None:
    assert proxy(parts(discord=1.0)) == pytest.approx(1 / (1 + 0.83 / 0.17 * math.exp(-GAIN)))
    assert proxy(parts(discord=0.5 / COUNTS)) == pytest.approx(1 / (1 + 0.83 / 0.17 * math.exp(-GAIN / 2)))
    assert proxy(parts(positive=1.0)) == PRIOR, "one clear feeling is not two"
    assert proxy(parts(positive=0.6, negative=0.6)) > 0.6


def test_smoothing_takes_the_time_that_it_says() -> None:
    state = AmbivalenceState()
    step_ambivalence(state, SETTINGS, parts(), 0.0)
    score = step_ambivalence(state, SETTINGS, parts(discord=1.0), SETTINGS.smoothing_s)
    assert score == pytest.approx(PRIOR + (proxy(parts(discord=1.0)) - PRIOR) * (1 - math.exp(-1)))


def test_a_head_takes_the_place_of_the_formula_but_not_of_the_prior() -> None:
    class Head:
        answer: float | None = 2.0

        def log_odds(self, given_parts: np.ndarray) -> float | None:
            assert given_parts[HEAD_INPUTS.index("discord")] == np.float32(0.3)
            return self.answer

    head = Head()
    assert step_ambivalence(AmbivalenceState(), SETTINGS, parts(0.3), 0.0, head) == pytest.approx(
        1 / (1 + math.exp(-2))
    )
    assert step_ambivalence(AmbivalenceState(), SETTINGS, parts(0.3, evidence=0.0), 0.0, head) == PRIOR
    head.answer = None
    assert step_ambivalence(AmbivalenceState(), SETTINGS, parts(0.3), 0.0, head) == PRIOR
    for extreme in (-1e30, 1e30):
        head.answer = extreme
        assert 0 <= step_ambivalence(AmbivalenceState(), SETTINGS, parts(0.3), 0.0, head) <= 1


@given(unit, unit)
def test_both_indices_of_bivalence_are_0_where_one_side_is_absent(positive: float, negative: float) -> None:
    for index in (least, griffin):
        assert 0 <= index(positive, negative) <= 1
        assert index(positive, negative) == index(negative, positive)
        assert index(positive, 0.0) == 0.0
        assert index(0.0, 0.0) == 0.0, "neutral is not ambivalent"
        assert index(1.0, 1.0) == 1.0
    assert griffin(positive, negative) <= least(positive, negative) + 1e-12


def test_griffins_index_falls_as_the_stronger_feeling_grows_and_the_lesser_does_not() -> None:
    assert griffin(0.4, 0.3) > griffin(0.8, 0.3) == pytest.approx(0.05)
    assert least(0.4, 0.3) == least(0.8, 0.3) == 0.3


def test_an_expert_of_emotions_sees_both_sides_and_doubt_is_no_feeling() -> None:
    known = np.ones(len(EMOTIONS))
    logits = np.full(len(EMOTIONS), -20.0)
    logits[[EMOTIONS.index("happy"), EMOTIONS.index("sad")]] = 5.0
    positive, negative = activation(0.0, logits, known)
    sure = 1 - math.log(2) / math.log(len(EMOTIONS))
    assert (positive, negative) == pytest.approx((0.405 * sure, 0.315 * sure), abs=0.01)
    assert activation(0.0, np.zeros(len(EMOTIONS)), known) == pytest.approx((0.0, 0.0), abs=1e-12), "all alike is doubt"
    logits[EMOTIONS.index("sad")] = -20.0
    assert activation(0.0, logits, known) == pytest.approx((0.81, 0.0), abs=1e-6)
    assert activation(0.0, logits, np.eye(len(EMOTIONS))[1]) == pytest.approx((0.81, 0.0)), "one that knows one emotion"
    assert activation(-0.4, np.zeros(8), np.zeros(8)) == (0.0, 0.4)
    assert activation(0.0, np.zeros(8), np.zeros(8)) == (0.0, 0.0)
    assert pooled({}, {}) == (0.0, 0.0)
    both = {"face": (1.0, 0.0), "voice": (0.0, 1.0)}
    assert pooled(both, {"face": 0.75, "voice": 0.25}) == (0.75, 0.25)
    assert pooled(both, {"voice": 0.25}) == (0.0, 1.0)
