import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.sound_resampler import SOUND_RATE_HZ, Resampler

RATES = (8000, 11025, 22050, 24000, 32000, 44100, 48000, 96000)


def tone(rate_hz: int, hz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)


def resample(rate_hz: int, sound: np.ndarray) -> np.ndarray:
    resampler = Resampler.design(rate_hz)
    return resampler.step(resampler.new_state(), sound)[0]


def level_db(sound: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(2) * sound[2000:-2000].std()))


@pytest.mark.parametrize("rate_hz", RATES)
def test_equals_soxr_within_80_db(rate_hz):
    rng = np.random.default_rng(rate_hz)
    sound = sum(tone(rate_hz, hz) * rng.uniform(0.05, 0.2) for hz in (100, 440, 1000, 2500, 3400))
    ours = resample(rate_hz, sound)
    theirs = soxr.resample(sound, rate_hz, SOUND_RATE_HZ, quality="VHQ")[: len(ours)]
    assert np.abs(ours - theirs)[800:-800].max() < 1e-4 * np.abs(sound).max()


@pytest.mark.parametrize("rate_hz", [22050, 44100, 48000, 96000])
def test_pass_band_is_flat_and_stop_band_80_db_down(rate_hz):
    assert abs(level_db(resample(rate_hz, tone(rate_hz, 7500)))) < 0.01
    assert level_db(resample(rate_hz, tone(rate_hz, 8450))) < -80
    assert level_db(resample(rate_hz, tone(rate_hz, 10_000))) < -80


@pytest.mark.parametrize("rate_hz", [*RATES, SOUND_RATE_HZ])
def test_an_output_comes_one_delay_after_its_own_instant(rate_hz):
    resampler = Resampler.design(rate_hz)
    _, newest = resampler.step(resampler.new_state(), tone(rate_hz, 100))
    lag_s = newest / rate_hz - np.arange(len(newest)) / SOUND_RATE_HZ
    assert lag_s.max() <= resampler.delay_s + 1e-12
    assert lag_s.min() > resampler.delay_s - 1 / rate_hz
    assert len(newest) >= SOUND_RATE_HZ * (1 - resampler.delay_s) - 1


@settings(max_examples=40, deadline=None)
@given(rate_hz=st.sampled_from([*RATES, SOUND_RATE_HZ]), cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_any_chunking_gives_the_same_bytes(rate_hz, cuts):
    sound = np.random.default_rng(1).normal(0, 0.1, 4000)
    resampler = Resampler.design(rate_hz)
    whole, newest = resampler.step(resampler.new_state(), sound)
    state = resampler.new_state()
    outs, sources, start = [], [], 0
    for chunk in np.split(sound, sorted(cuts)):
        out, source = resampler.step(state, chunk)
        outs.append(out)
        sources.append(source + start)
        start += len(chunk)
    assert np.concatenate(outs).tobytes() == whole.tobytes()
    assert np.array_equal(np.concatenate(sources), newest)


def test_a_rate_without_a_small_ratio_is_refused():
    with pytest.raises(ValueError, match="44099"):
        Resampler.design(44099)


def test_restart_forgets_the_sound_before():
    resampler = Resampler.design(48000)
    sound = tone(48000, 300)
    state = resampler.new_state()
    resampler.step(state, np.ones(1234))
    resampler.restart(state)
    assert np.array_equal(resampler.step(state, sound)[0], resample(48000, sound))
