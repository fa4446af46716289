import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features import voice_activity
from streamsense.features.voice_activity import VoiceActivity, VoiceActivitySettings


def levels(*stretches: tuple[float, float]) -> np.ndarray:
    """Levels (dB) of frames with a little jitter, from (seconds, dB) stretches."""
    flat = np.concatenate([np.full(round(seconds * 100), db) for seconds, db in stretches])
    return flat + np.random.default_rng(0).normal(0, 0.8, len(flat))


def voiced(level_db: np.ndarray, activity: VoiceActivity | None = None) -> np.ndarray:
    activity = activity or VoiceActivity()
    return activity.step(activity.new_state(), level_db)[0]


def test_speech_in_a_quiet_room_is_found_to_the_frame_and_held():
    found = voiced(levels((1.0, -70), (1.0, -30), (1.0, -70)))
    assert np.flatnonzero(found)[[0, -1]].tolist() == [102, 209]
    assert found[102:210].all()


@pytest.mark.parametrize("noise_db", [-80.0, -60.0, -45.0])
def test_steady_noise_is_no_speech_once_the_floor_has_found_it(noise_db):
    found = voiced(levels((30.0, noise_db), (1.0, noise_db + 25), (2.0, noise_db)))
    assert not found[1000:3000].any()
    speech = found[3003:3100]
    assert speech.all() == (noise_db + 25 > -60)
    assert not found[3130:].any()


def test_speech_with_dips_does_not_lift_the_floor():
    syllables = levels(*[(0.15, -25), (0.08, -58)] * 100)
    found = voiced(syllables)
    assert found[3:].all()


def test_hysteresis_keeps_a_level_between_the_thresholds_as_it_was():
    settings_ = VoiceActivitySettings(floor_rise_db_per_s=0.01)
    activity = VoiceActivity(settings_)
    between = np.concatenate([np.full(200, -60.0), np.full(100, -52.5), np.full(20, -40.0), np.full(100, -52.5)])
    found = voiced(between, activity)
    assert not found[:300].any()
    assert found[303:].all()


def test_a_click_shorter_than_the_onset_is_no_speech():
    click = np.full(200, -70.0)
    click[100:102] = -20
    assert not voiced(click).any()


@pytest.mark.parametrize("hold_s", [0.0, 0.1, 0.3])
def test_hold_lasts_as_long_as_it_is_set(hold_s):
    activity = VoiceActivity(VoiceActivitySettings(hold_s=hold_s))
    found = voiced(np.concatenate([np.full(50, -70.0), np.full(50, -30.0), np.full(100, -75.0)]), activity)
    assert np.flatnonzero(found)[-1] == 99 + round(hold_s * 100)


def test_what_is_far_below_the_speaker_is_no_speech():
    found = voiced(np.concatenate([np.full(100, -90.0), np.full(50, -20.0), np.full(50, -55.0)]))
    assert not found[165:].any()


def test_restart_ends_speech_and_keeps_the_floor():
    activity = VoiceActivity()
    state = activity.new_state()
    activity.step(state, levels((5.0, -45), (0.5, -20)))
    floor = state.noise_floor_db
    activity.restart(state)
    assert not activity.step(state, np.array([-20.0]))[0].any()
    assert abs(state.noise_floor_db - floor) < 0.1


@settings(max_examples=50, deadline=None)
@given(level_db=st.lists(st.floats(-100, 0), min_size=1, max_size=200), cuts=st.lists(st.integers(0, 200), max_size=10))
def test_any_chunking_gives_the_same(level_db, cuts):
    activity = VoiceActivity()
    whole = activity.step(activity.new_state(), np.array(level_db))
    state = activity.new_state()
    parts = [activity.step(state, chunk) for chunk in np.split(np.array(level_db), sorted(cuts))]
    for k in range(2):
        assert np.concatenate([part[k] for part in parts]).tobytes() == whole[k].tobytes()


def test_compiled_it_decides_as_the_python_that_is_written(monkeypatch):
    level_db = np.clip(np.cumsum(np.random.default_rng(2).normal(0, 5, 3000)) % 80 - 85, -100, 0)
    activity = VoiceActivity()
    compiled, plain = activity.new_state(), activity.new_state()
    found = activity.step(compiled, level_db)
    monkeypatch.setattr(voice_activity, "_gate", voice_activity._gate.py_func)
    expected = activity.step(plain, level_db)
    assert 300 < found[0].sum() < 2700
    assert [part.tobytes() for part in found] == [part.tobytes() for part in expected]
    assert dataclasses.astuple(compiled) == dataclasses.astuple(plain)


@pytest.mark.parametrize(
    "bad", [{"hold_s": 0.5}, {"off_db": 12.0}, {"floor_fall_s": 0.0}, {"range_db": 0.0}, {"floor_start_db": -95.0}]
)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match="|".join(bad)):
        VoiceActivitySettings(**bad)
