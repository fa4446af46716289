"""Conflict: opposite valences are one, a delay is none, and what a person always shows is subtracted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense import state as snapshots
from streamsense.fusion.conflict import ConflictSettings, ConflictState, Stand, step_conflict
from streamsense.ticks import tick_time

SETTINGS = ConflictSettings()


def stands(
    eeg: float | None = None, face: float | None = None, voice: float | None = None, at: float = 0.0, sd: float = 0.1
) -> list[Stand | None]:
    return [None if valence is None else Stand(valence, sd**2, 1.0, at) for valence in (eeg, face, voice)]


def run(rows: list[list[Stand | None]], state: ConflictState | None = None) -> list[float]:
    state = state or ConflictState()
    return [step_conflict(state, SETTINGS, row, tick_time(tick)) for tick, row in enumerate(rows)]


def fixed() -> ConflictState:
    """With nothing habitual, and nothing learned."""
    state = ConflictState(is_learning=False)
    state.habitual[:] = 0.0
    return state


any_stand = st.none() | st.builds(Stand, st.floats(-1, 1), st.floats(1e-4, 4), st.floats(0, 1), st.floats(-1e3, 1e3))


@given(st.lists(st.tuples(any_stand, any_stand, any_stand), max_size=30), st.booleans())
def test_it_is_within_0_and_1_for_any_input(rows: list[tuple[Stand | None, ...]], learning: bool) -> None:
    found = run([list(row) for row in rows], ConflictState(is_learning=learning))
    assert all(0.0 <= value <= 1.0 for value in found)


def test_opposite_valences_are_in_conflict_by_their_distance_and_equal_signs_are_not() -> None:
    level = run([stands(face=0.4, voice=-0.4)], fixed())[0]
    z2 = 0.8**2 / (0.02 + SETTINGS.least_sd**2)
    assert level == pytest.approx((1 - math.exp(-z2 / 2)) / (1 + SETTINGS.nothing))
    assert run([stands(face=0.9, voice=0.1)], fixed()) == [0.0]
    assert run([stands(face=0.9)], fixed()) == [0.0]
    unsure = run([stands(face=0.4, voice=-0.4, sd=0.5)], fixed())[0]
    assert 0 < unsure < level


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.05, 2))
def test_discord_is_symmetric_continuous_at_0_and_at_most_that_of_the_distance(a: float, b: float, sd: float) -> None:
    level = run([stands(face=a, voice=b, sd=sd)], fixed())[0]
    assert (
        level
        == run([stands(face=b, voice=a, sd=sd)], fixed())[0]
        == run([stands(face=-a, voice=-b, sd=sd)], fixed())[0]
    )
    z2 = (a - b) ** 2 / (2 * sd**2 + SETTINGS.least_sd**2)
    assert level <= (1 - math.exp(-z2 / 2)) / (1 + SETTINGS.nothing) + 1e-12
    assert (level > 1e-9) <= (a * b < 0)
    assert run([stands(face=math.copysign(1e-6, -b), voice=b, sd=sd)], fixed())[0] < 1e-3, "just across 0"


def test_one_pair_in_conflict_is_not_drowned_by_one_that_agrees() -> None:
    alone = run([stands(face=0.6, voice=-0.6)], fixed())[0]
    with_a_third = run([stands(eeg=0.6, face=0.6, voice=-0.6)], fixed())[0]
    assert with_a_third > 0.6 * alone


def test_what_comes_late_is_compared_with_what_the_others_were_then() -> None:
    """All three turn from joy to anger; EEG shows it two seconds later than the others."""
    valence = [0.8] * 40 + [-0.8] * 40
    rows, naive = [], []
    for tick in range(80):
        now, then = tick_time(tick), tick_time(tick) - 2.0
        late = Stand(valence[max(0, tick - 10)], 0.01, 1.0, then)
        rows.append([late, Stand(valence[tick], 0.01, 1.0, now), Stand(valence[tick], 0.01, 1.0, now)])
        naive.append([Stand(late.valence, 0.01, 1.0, now), *rows[-1][1:]])
    assert max(run(rows[11:], fixed())) == 0.0
    assert max(run(naive[11:], fixed())) > 0.5


def test_the_discord_that_a_person_always_shows_is_subtracted_on_its_own_side_only() -> None:
    usual = [stands(face=0.2, voice=-0.2)] * 300
    more = run([*usual, stands(face=0.9, voice=-0.9)])
    assert max(more[:300]) < 1e-9
    assert 0 < more[-1] < run([stands(face=0.9, voice=-0.9)], fixed())[0]
    turned = run([*usual, stands(face=-0.2, voice=0.2)])
    assert turned[-1] == pytest.approx(run([stands(face=-0.2, voice=0.2)], fixed())[0])


def test_what_is_habitual_is_not_learned_or_forgotten_while_nothing_can_be_compared() -> None:
    # The second modality comes a minute late, and is away for another minute later on.
    usual, alone = [stands(face=0.2, voice=-0.2)], [stands(face=0.2)]
    assert max(run(alone * 300 + usual * 300 + alone * 300 + usual * 5)) < 1e-9


@given(st.lists(st.tuples(any_stand, any_stand, any_stand), max_size=20), st.integers(0, 20))
def test_it_goes_on_after_a_snapshot(rows: list[tuple[Stand | None, ...]], cut: int) -> None:
    listed = [list(row) for row in rows]
    whole = run(listed)
    first, second = ConflictState(), ConflictState()
    parts = run(listed[:cut], first)
    snapshots.unpack_into(snapshots.pack(first), second)
    rest = [step_conflict(second, SETTINGS, row, tick_time(tick)) for tick, row in enumerate(listed[cut:], start=cut)]
    assert np.array_equal(parts + rest, whole)
