"""Hesitancy: each cue beyond the person's usual, only while it can be believed, and only of who speaks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense import state as snapshots
from streamsense.errors import ConfigError
from streamsense.fusion.emotions import EMOTIONS
from streamsense.fusion.hesitancy import (
    CUES,
    NAMES,
    OF_SADNESS,
    HesitancyCues,
    HesitancyState,
    hesitancy,
    less_what_sadness_explains,
    over_what_is_felt,
)
from streamsense.ticks import tick_time

FOLLOWED = HesitancyCues()
BOTH = {"face": 1.0, "voice": 1.0}
USUAL = {name: cue.usual for name, cue in CUES.items()}
SPEAKING = {"speaking": 1.0, "said": 1.0}
cue_values = st.dictionaries(st.sampled_from([*NAMES, "speaking", "said", "another"]), st.floats(allow_nan=True))


def departed(name: str, spreads: float) -> dict[str, float]:
    """The usual of everything but one cue, which is `spreads` of its spread in the direction of hesitancy."""
    cue = CUES[name]
    return {**USUAL, **SPEAKING, name: cue.usual + (cue.sign or 1) * spreads * cue.spread}


def counted(cues: dict[str, float], state: HesitancyState | None = None, **evidence: float) -> np.ndarray:
    return FOLLOWED.step(state or FOLLOWED.new_state(), cues, {**BOTH, **evidence}, 0.0)


@settings(deadline=None)
@given(st.lists(st.tuples(cue_values, st.floats(0, 1), st.floats(0, 1), st.floats(-10, 1e9)), max_size=10))
def test_any_cues_count_between_0_and_1(rows: list[tuple[dict[str, float], float, float, float]]) -> None:
    state, time = FOLLOWED.new_state(), 0.0
    for cues, face, voice, step in rows:
        time += step
        counts = FOLLOWED.step(state, cues, {"face": face, "voice": voice}, time)
        assert ((counts >= 0) & (counts <= 1)).all()
        assert 0.0 <= hesitancy(counts) < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_a_cue_counts_from_one_spread_on_and_fully_at_three(name: str) -> None:
    place = NAMES.index(name)
    levels = [counted(departed(name, spreads))[place] for spreads in (-3.0, 0.0, 1.0, 2.0, 3.0, 30.0)]
    below = 1.0 if CUES[name].sign == 0 else 0.0
    assert levels == pytest.approx([below, 0.0, 0.0, 0.5, 1.0, 1.0])
    assert counted(departed(name, 3.0)).sum() == pytest.approx(1.0), "and no other does"
    assert 0 < hesitancy(counted(departed(name, 2.0))) < hesitancy(counted(departed(name, 3.0)))


@given(st.sampled_from(NAMES), st.floats(-5, 5), st.floats(0, 5))
def test_more_of_a_cue_is_never_less_hesitant(name: str, level: float, more: float) -> None:
    low, high = sorted((level, level + more), key=abs) if CUES[name].sign == 0 else (level, level + more)
    assert hesitancy(counted(departed(name, low))) <= hesitancy(counted(departed(name, high))) + 1e-12


def test_many_cues_a_little_beyond_the_usual_are_no_hesitancy() -> None:
    slightly = {**SPEAKING}
    for name in NAMES:
        slightly |= {name: departed(name, 1.0)[name]}
    assert hesitancy(counted(slightly)) == pytest.approx(0.0, abs=1e-9)


def test_the_silence_of_a_listener_is_no_hesitation() -> None:
    silence = {name: departed(name, 9.0)[name] for name, cue in CUES.items() if cue.modality == "voice"}
    assert hesitancy(counted(silence | SPEAKING)) > 0.6
    assert hesitancy(counted(silence | {"speaking": 0.0})) == 0.0
    face = {"gaze_aversion": 0.9, "lip_press": 0.9}
    assert hesitancy(counted(face | silence | {"speaking": 0.0})) == hesitancy(counted(face)) > 0


def test_what_cannot_be_believed_counts_less() -> None:
    averted = departed("gaze_aversion", 9.0)
    levels = [hesitancy(counted(averted, face=quality)) for quality in (0.0, 0.3, 1.0)]
    assert levels[0] == 0.0
    assert levels == sorted(levels)
    assert hesitancy(counted(averted, voice=0.0)) == levels[2]


def test_an_articulation_rate_that_is_not_known_is_no_slow_speech() -> None:
    assert hesitancy(counted({**SPEAKING, "articulation_rate_hz": 0.0})) == 0.0
    assert hesitancy(counted({**SPEAKING, "articulation_rate_hz": 1.0})) > 0.2


def live(cues: dict[str, float], seconds: float, state: HesitancyState, start: int = 0) -> np.ndarray:
    counts = np.zeros(len(NAMES))
    for tick in range(start, start + round(seconds * 5)):
        counts = FOLLOWED.step(state, cues, BOTH, tick_time(tick))
    return counts


def test_what_is_usual_with_this_person_stops_counting() -> None:
    state, tilted = FOLLOWED.new_state(), {"head_tilt": 12.0, "gaze_offset": 16.0}
    assert hesitancy(live(tilted, 0.2, state)) > 0.3
    assert hesitancy(live(tilted, 120.0, state, 1)) < 0.02
    upright = live({"head_tilt": -4.0, "gaze_offset": 16.0}, 0.2, state, 700)
    assert upright[NAMES.index("head_tilt")] == 1.0, "and now the other thing is unusual"


def test_what_sets_in_early_is_not_its_own_norm() -> None:
    state = FOLLOWED.new_state()
    live({**SPEAKING, "filled_pause": 0.0}, 20.0, state)
    held = live({**SPEAKING, "filled_pause": 1.0}, 12.0, state, 100)
    assert held[NAMES.index("filled_pause")] > 0.9, "a third of the time so far, and more than a quarter"


@given(st.lists(st.floats(0, 1), min_size=len(EMOTIONS), max_size=len(EMOTIONS)), st.sampled_from(NAMES))
def test_sadness_explains_some_cues_and_makes_none(mixture: list[float], name: str) -> None:
    counts = np.where(np.array(NAMES) == name, 1.0, 0.0)
    left = less_what_sadness_explains(counts, np.array(mixture))
    assert 0 <= left[NAMES.index(name)] <= 1
    assert left.sum() == left[NAMES.index(name)]
    sad, calm = np.eye(len(EMOTIONS))[[EMOTIONS.index("sad"), EMOTIONS.index("neutral")]]
    assert less_what_sadness_explains(counts, sad).sum() == (0.0 if name in OF_SADNESS else 1.0)
    assert less_what_sadness_explains(counts, calm).sum() == 1.0
    halved = 0.5 if name in OF_SADNESS else 1.0
    assert less_what_sadness_explains(counts, 0.4 * sad + 0.4 * calm).sum() == pytest.approx(halved)


def test_silence_teaches_nothing_of_speech() -> None:
    state = FOLLOWED.new_state()
    live({"pause_fraction": 0.9, "speaking": 0.0}, 60.0, state)
    assert not state.seen_s[NAMES.index("pause_fraction")]
    assert counted({"pause_fraction": 0.9, **SPEAKING}, state)[NAMES.index("pause_fraction")] == 1.0


def test_a_profile_keeps_the_usual_and_is_what_was_learned() -> None:
    state, tilted = FOLLOWED.new_state(), {"head_tilt": 12.0}
    live(tilted, 60.0, state)
    learned = FOLLOWED.learned(state)
    assert list(learned) == ["head_tilt"]
    assert learned["head_tilt"] == pytest.approx([12.0, 12.0, 60.0], abs=1.0)
    fresh = FOLLOWED.new_state()
    FOLLOWED.use_usual(fresh, learned)
    assert hesitancy(live(tilted, 0.2, fresh)) == hesitancy(FOLLOWED.step(state, tilted, BOTH, 60.0))
    assert FOLLOWED.learned(fresh) == learned, "a profile is kept as it is"
    FOLLOWED.use_usual(fresh, None)
    assert fresh.is_learning
    assert hesitancy(live(tilted, 0.2, fresh, 1)) > 0.2
    with pytest.raises(ConfigError, match="3 finite numbers"):
        FOLLOWED.use_usual(fresh, {"head_tilt": [1.0]})


def test_a_snapshot_goes_on_exactly() -> None:
    rng = np.random.default_rng(0)
    rows = [{name: float(rng.random()) for name in (*NAMES, "speaking")} for _ in range(60)]
    state, other = FOLLOWED.new_state(), FOLLOWED.new_state()
    for tick, row in enumerate(rows[:30]):
        FOLLOWED.step(state, row, BOTH, tick_time(tick))
    snapshots.unpack_into(snapshots.pack({"hesitancy": state}), {"hesitancy": other})
    for tick, row in enumerate(rows[30:], 30):
        one, two = (FOLLOWED.step(which, row, BOTH, tick_time(tick)) for which in (state, other))
        assert one.tobytes() == two.tobytes()


def test_a_smile_without_cheeks_counts_over_something_negative_only() -> None:
    smile = {"smile_without_cheek": 0.4, "lip_press": 0.2}
    assert over_what_is_felt(smile, 0.0) == {"smile_without_cheek": 0.0, "lip_press": 0.2}
    assert over_what_is_felt(smile, 0.15)["smile_without_cheek"] == pytest.approx(0.2)
    assert over_what_is_felt(smile, 5.0) == smile


WORDS = [name for name, cue in CUES.items() if cue.modality == "text"]


def test_the_cues_of_words_are_the_last() -> None:
    assert list(NAMES[-len(WORDS) :]) == WORDS


def test_without_words_hesitancy_is_to_the_bit_what_its_other_cues_make() -> None:
    others = [place for place, name in enumerate(NAMES) if name not in WORDS]
    hazards = 0.08 * np.array([CUES[NAMES[place]].share for place in others])
    hazards *= np.sqrt([CUES[NAMES[place]].frequency for place in others])
    for seed in range(200):
        counts = np.random.default_rng(seed).uniform(0, 1, len(NAMES))
        counts[[NAMES.index(name) for name in WORDS]] = 0.0
        assert hesitancy(counts) == -math.expm1(-float(hazards @ counts[others]))


@pytest.mark.parametrize("name", WORDS)
def test_words_count_while_they_come_and_as_far_as_they_are_believed(name: str) -> None:
    levels = [hesitancy(counted({**departed(name, 9.0), "said": said})) for said in (0.0, 0.5, 1.0)]
    assert levels[0] == 0.0 < levels[1] < levels[2]
    # Nobody need be seen or heard for that, and an unheard voice takes nothing from it.
    assert hesitancy(counted(departed(name, 9.0), face=0.0, voice=0.0)) == levels[2]
    usual = {**USUAL, **SPEAKING}
    state = FOLLOWED.new_state()
    for tick in range(3000):  # ten minutes of it are this person's way to speak
        counts = FOLLOWED.step(state, {**usual, name: departed(name, 9.0)[name]}, BOTH, tick_time(tick))
    assert counts[NAMES.index(name)] < 0.05


def test_a_filler_sound_that_is_heard_and_recognised_counts_once() -> None:
    both = departed("filled_pause", 9.0) | {"filler_sounds": departed("filler_sounds", 9.0)["filler_sounds"]}
    assert hesitancy(counted(both)) == hesitancy(counted(departed("filled_pause", 9.0)))
    weakly = both | {"filled_pause": departed("filled_pause", 1.5)["filled_pause"]}
    assert hesitancy(counted(weakly)) == hesitancy(counted(departed("filler_sounds", 9.0)))
