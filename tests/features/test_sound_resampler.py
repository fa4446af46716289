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
    """All that can be had from `sound`, with silence before it; the first output stands at its first sample."""
    resampler = Resampler.design(rate_hz)
    outputs = np.arange(2 * len(sound))
    count = int(np.count_nonzero(resampler.newest_input(outputs) < len(sound)))
    held = np.concatenate([np.zeros(resampler.history), sound])
    return resampler.outputs(held, resampler.history, 0, count)


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
def test_an_output_needs_input_up_to_one_delay_after_its_own_instant(rate_hz):
    resampler = Resampler.design(rate_hz)
    outputs = np.arange(SOUND_RATE_HZ)
    lag_s = resampler.newest_input(outputs) / rate_hz - outputs / SOUND_RATE_HZ
    assert lag_s.max() <= resampler.delay_s + 1e-12
    assert lag_s.min() > resampler.delay_s - 1 / rate_hz


@settings(max_examples=40, deadline=None)
@given(rate_hz=st.sampled_from([*RATES, SOUND_RATE_HZ]), first=st.integers(0, 600), count=st.integers(0, 200))
def test_any_part_of_the_outputs_has_the_bytes_that_it_has_in_the_whole(rate_hz, first, count):
    sound = np.random.default_rng(1).normal(0, 0.1, 6000)
    resampler = Resampler.design(rate_hz)
    whole = resample(rate_hz, sound)
    count = min(count, len(whole) - first)
    newest = resampler.newest_input(np.array([first, first + count]))
    start = int(newest[0]) - resampler.half - resampler.history
    held = np.concatenate([np.zeros(resampler.history), sound])[
        start + resampler.history : newest[1] + resampler.history + 1
    ]
    assert resampler.outputs(held, -start, first, count).tobytes() == whole[first : first + count].tobytes()


def test_outputs_that_cannot_be_made_are_refused():
    resampler = Resampler.design(48_000)
    with pytest.raises(IndexError, match="need more than the 1000 samples"):
        resampler.outputs(np.zeros(1000), resampler.history - 1, 0, 1)
    with pytest.raises(IndexError, match="need more"):
        resampler.outputs(np.zeros(1000), resampler.history, 0, 400)


def test_a_rate_without_a_small_ratio_is_refused():
    with pytest.raises(ValueError, match="44099"):
        Resampler.design(44099)
