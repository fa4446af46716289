"""Pitch against tones of known frequency, and on real speech against librosa's pYIN."""

from __future__ import annotations

import itertools

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.log_mel import FRAME_SAMPLES, HOP_SAMPLES
from streamsense.features.pitch import LEAD_SAMPLES, SPAN_SAMPLES, pitch
from streamsense.features.sound_resampler import Resampler
from tests.helpers.talking_clips import film_sound, wav_clip

RATE_HZ = 16_000
AGE = 340
"""How long before a frame's end the middle lies of what is compared, at a pitch of 150 Hz."""


def complex_tone(hz: np.ndarray | float, partials: range, seconds: float = 1.0) -> np.ndarray:
    """Partials of `hz` that fall by 6 dB an octave, those above 7.5 kHz left out."""
    hz = np.broadcast_to(np.asarray(hz, float), round(seconds * RATE_HZ))
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    return 0.1 * sum(np.sin(k * phase + k) / k for k in partials if k * hz.max() < 7500)


def with_noise(sound: np.ndarray, ratio_db: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, len(sound))
    return sound + noise * np.sqrt(np.mean(sound**2)) * 10 ** (-ratio_db / 20)


@pytest.mark.parametrize("hz", [62, 85, 100, 123.4, 150, 200, 251.7, 300, 350, 400, 450, 490])
@pytest.mark.parametrize("partials", [range(1, 2), range(1, 40), range(2, 9)], ids=["tone", "buzz", "no fundamental"])
def test_a_tone_of_known_pitch_is_measured_within_1_percent(hz, partials):
    found, periodicity = pitch(complex_tone(hz, partials))
    assert np.abs(found / hz - 1).max() < 0.01
    assert periodicity.min() > 0.9
    noisy, periodicity = pitch(with_noise(complex_tone(hz, partials), 10))
    assert (noisy > 0).mean() > 0.95
    assert np.abs(noisy[noisy > 0] / hz - 1).max() < 0.05
    assert 0.7 < np.median(periodicity) < 1


@pytest.mark.parametrize(("first", "last"), [(80, 160), (300, 150), (180, 420)])
def test_a_glide_is_followed(first, last):
    hz = np.geomspace(first, last, 2 * RATE_HZ)
    found, _ = pitch(with_noise(complex_tone(hz, range(1, 40), 2.0), 20))
    ends = SPAN_SAMPLES + HOP_SAMPLES * np.arange(len(found))
    assert np.abs(found / hz[ends - AGE] - 1).max() < 0.02


def test_noise_silence_and_an_offset_have_no_pitch():
    noise = np.random.default_rng(1).normal(0, 0.1, 5 * RATE_HZ)
    found, periodicity = pitch(noise)
    assert (found > 0).mean() < 0.01
    assert np.median(periodicity) < 0.4
    for still in (np.zeros(RATE_HZ), np.full(RATE_HZ, 0.5), 1e-7 * noise):
        found, periodicity = pitch(still)
        assert not found.any()
        assert np.isfinite(periodicity).all()


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=8), seed=st.integers(0, 100))
def test_a_frame_depends_on_its_own_sound_alone(cuts, seed):
    sound = with_noise(complex_tone(np.geomspace(70, 480, RATE_HZ), range(1, 40)), 15, seed)
    sound = sound[: SPAN_SAMPLES + 59 * HOP_SAMPLES]
    whole = np.array(pitch(sound))
    edges = [0, *sorted(cuts), 60]
    parts = [
        pitch(sound[a * HOP_SAMPLES : (b - 1) * HOP_SAMPLES + SPAN_SAMPLES] if b > a else sound[:0])
        for a, b in itertools.pairwise(edges)
    ]
    assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), size=st.floats(0, 30))
def test_any_sound_gives_numbers_in_range(seed, size):
    rng = np.random.default_rng(seed)
    sound = np.clip(rng.standard_cauchy(3 * SPAN_SAMPLES) * 10 ** (size - 15), -1, 1)
    found, periodicity = pitch(sound)
    assert ((found == 0) | ((found >= 60) & (found <= 500))).all()
    assert ((periodicity >= 0) & (periodicity <= 1)).all()


# ---- real speech


def beside_pyin(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pitch found here and by pYIN at the same instants, and whether the frame is loud; all of every other frame."""
    theirs, is_voiced, _ = librosa.pyin(
        sound, fmin=60, fmax=500, sr=RATE_HZ, frame_length=1024, hop_length=2 * HOP_SAMPLES, center=False
    )
    ours, _ = pitch(np.concatenate([np.zeros(LEAD_SAMPLES), sound]))
    middles = 320 + 2 * HOP_SAMPLES * np.arange(len(theirs))  # pYIN's window begins with its frame, too
    frames = np.round((middles - FRAME_SAMPLES + AGE) / HOP_SAMPLES).astype(int)
    kept = frames < len(ours)
    middles, frames, theirs, is_voiced = middles[kept], frames[kept], theirs[kept], is_voiced[kept]
    power = np.array([np.mean(sound[middle - 256 : middle + 256] ** 2) for middle in middles])
    return ours[frames], np.where(is_voiced, theirs, 0.0), power > 1e-3 * power.max(), frames


def agreement(sounds: list[np.ndarray]) -> tuple[float, float, float]:
    """Shares: gross errors (> 20 %) where both find a pitch; fine errors' median; same decision in loud frames."""
    columns = zip(*(beside_pyin(sound) for sound in sounds), strict=True)
    ours, theirs, loud, _ = (np.concatenate(column) for column in columns)
    both = (ours > 0) & (theirs > 0)
    error = np.abs(ours[both] / theirs[both] - 1)
    same = ((ours > 0) == (theirs > 0))[loud]
    return float((error > 0.2).mean()), float(np.median(error)), float(same.mean())


def at_16_khz(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    resampler = Resampler.design(rate_hz)
    held = np.concatenate([np.zeros(resampler.history), sound])
    return resampler.outputs(held, resampler.history, 0, len(sound) * resampler.up // resampler.down - 400)


@pytest.mark.real_data
@pytest.mark.parametrize("kind", ["acted", "talking"])
def test_real_speech_has_the_pitch_that_pyin_finds(data_folder, kind):
    if kind == "acted":
        paths = sorted((data_folder / "emodb" / "wav").glob("*.wav"))[7::37]
        assert len({path.name[:2] for path in paths}) >= 6
        sounds = [at_16_khz(*wav_clip(path)) for path in paths]
    else:
        sounds = [at_16_khz(*film_sound(path)) for path in sorted((data_folder / "av_talking" / "GRID").glob("*"))[::2]]
    gross, fine, same = agreement(sounds)
    print(f"{len(sounds)} clips: gross errors {gross:.3f}, median error {fine:.4f}, same decision {same:.3f}")
    assert gross < 0.03
    assert fine < 0.015
    assert same > 0.8
