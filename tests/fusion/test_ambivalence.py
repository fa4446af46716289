"""The ambivalence score: bounded, the prior without evidence, and each cue counts in the right direction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.fusion.ambivalence import (
    CUES,
    PRIOR,
    Ambivalence,
    AmbivalenceSettings,
    AmbivalenceState,
    hesitancy,
    step_ambivalence,
)
from streamsense.ticks import tick_time

SETTINGS = AmbivalenceSettings()
any_float = st.floats(allow_nan=False, allow_infinity=False)
any_cues = st.dictionaries(st.sampled_from([*CUES, "speaking", "some other cue"]), any_float)


def settled(
    discord: float, bivalence: float, cues: dict[str, float], evidence: float = 1.0, ticks: int = 100
) -> Ambivalence:
    """The score after a while of the same input."""
    state = AmbivalenceState()
    for tick in range(ticks):
        result = step_ambivalence(state, SETTINGS, discord, bivalence, cues, evidence, tick_time(tick))
    return result


@given(st.lists(st.tuples(any_float, any_float, any_cues, any_float, st.floats(0.01, 1e6)), max_size=20))
def test_everything_is_within_0_and_1_for_any_finite_input(
    rows: list[tuple[float, float, dict[str, float], float, float]],
) -> None:
    state, time = AmbivalenceState(), 100.0
    for discord, bivalence, cues, evidence, step in rows:
        time += step
        result = step_ambivalence(state, SETTINGS, discord, bivalence, cues, evidence, time)
        for part in (result.ambivalence, result.discord, result.bivalence, result.hesitancy):
            assert 0.0 <= part <= 1.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), any_cues), min_size=1, max_size=20))
def test_without_evidence_the_score_is_exactly_the_prior(rows: list[tuple[float, float, dict[str, float]]]) -> None:
    state = AmbivalenceState()
    for tick, (discord, bivalence, cues) in enumerate(rows):
        result = step_ambivalence(state, SETTINGS, discord, bivalence, cues, 0.0, tick_time(tick))
        assert result.ambivalence == PRIOR == 0.17


@given(
    st.sampled_from(sorted(CUES)),
    st.dictionaries(st.sampled_from(sorted(CUES)), st.floats(0, 10)),
    st.tuples(st.floats(0, 10), st.floats(0, 10)),
    st.sampled_from([0.0, 1.0]),
)
def test_more_of_a_cue_is_never_less_hesitant(
    name: str, others: dict[str, float], levels: tuple[float, float], speaking: float
) -> None:
    low, high = sorted(levels)
    others = others | {"speaking": speaking}
    assert hesitancy(others | {name: low}) <= hesitancy(others | {name: high}) + 1e-12


@pytest.mark.parametrize("name", sorted(CUES))
def test_each_cue_alone_counts_half_at_its_half_point_and_fully_at_twice_that(name: str) -> None:
    half = CUES[name].half
    speaking = {"speaking": 1.0}
    assert hesitancy(speaking | {name: 0.0}) == 0.0
    assert hesitancy(speaking | {name: half}) == pytest.approx(0.5)
    assert hesitancy(speaking | {name: 2 * half}) == hesitancy(speaking | {name: 50 * half}) == 1.0


def test_the_silence_of_a_listener_is_no_hesitation() -> None:
    silence = {"pause_fraction": 1.0, "long_pause": 1.0, "filled_pause": 1.0, "breath": 1.0, "speaking": 0.0}
    assert hesitancy(silence) == 0.0
    assert hesitancy({**silence, "speaking": 1.0}) == 1.0
    # Nor does it take anything away from what the listener's face shows.
    face = {"gaze_aversion": 0.6, "lip_press": 0.3}
    assert hesitancy(face | silence) == hesitancy(face) > 0


def test_more_bivalence_and_more_discord_are_more_ambivalent() -> None:
    by_bivalence = [settled(0.0, level, {}).ambivalence for level in (0.0, 0.2, 0.5, 1.0)]
    assert by_bivalence[0] == PRIOR
    assert by_bivalence == sorted(by_bivalence)
    assert by_bivalence[-1] == pytest.approx(1.0)
    by_evidence = [settled(0.0, 0.5, {}, evidence).ambivalence for evidence in (0.0, 0.3, 1.0)]
    assert by_evidence == sorted(by_evidence)
    assert by_evidence[0] == PRIOR < by_evidence[1]
    assert PRIOR == settled(0.0, 0.0, {}).ambivalence < settled(0.5, 0.0, {}).ambivalence


def test_smoothing_takes_the_time_that_it_says() -> None:
    state = AmbivalenceState()
    step_ambivalence(state, SETTINGS, 0.0, 0.0, {}, 1.0, 0.0)
    result = step_ambivalence(state, SETTINGS, 0.0, 1.0, {}, 1.0, SETTINGS.smoothing_s)
    assert result.ambivalence == pytest.approx(PRIOR + (1 - PRIOR) * (1 - 0.36787944))
