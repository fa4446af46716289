import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.log_mel import LogMel
from streamsense.features.sound_highpass import HighPass

RATE_HZ = 16_000
T = np.arange(RATE_HZ) / RATE_HZ


def filtered(sound: np.ndarray) -> np.ndarray:
    highpass = HighPass(70.0, RATE_HZ)
    return highpass.step(highpass.new_state(), sound)


def test_offset_and_rumble_are_gone_and_a_deep_voice_is_not():
    assert np.abs(filtered(np.full(RATE_HZ, 0.5))).max() < 1e-9
    assert np.abs(filtered(np.sin(2 * np.pi * 10 * T)))[RATE_HZ // 2 :].max() < 1e-3
    assert 0.95 < np.abs(filtered(np.sin(2 * np.pi * 100 * T)))[RATE_HZ // 2 :].max() <= 1.01


def test_an_offset_no_longer_reaches_the_level():
    log_mel = LogMel()
    assert log_mel.frames(np.full(RATE_HZ, 0.5)).level_db.max() > -30
    assert log_mel.frames(filtered(np.full(RATE_HZ, 0.5))).level_db.max() < -99


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_any_chunking_gives_the_same_bytes(cuts):
    sound = np.random.default_rng(4).normal(0.2, 0.1, 2000)
    highpass = HighPass(70.0, RATE_HZ)
    state = highpass.new_state()
    parts = [highpass.step(state, chunk) for chunk in np.split(sound, sorted(cuts))]
    assert np.concatenate(parts).tobytes() == filtered(sound).tobytes()
