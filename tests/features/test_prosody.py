"""Loudness, and the window's statistics of pitch and loudness, on sound whose contours are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.errors import ConfigError
from streamsense.features.log_mel import LogMel, LogMelSettings
from streamsense.features.loudness import Loudness
from streamsense.features.prosody import PROSODY, prosody
from streamsense.features.voice_features import VoiceFeatures
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.streams import StreamInfo, TimedBlock
from tests.helpers.talking_clips import wav_clip

RATE_HZ = 16_000
NAMES = list(PROSODY)


def voice(hz: np.ndarray, level_db: np.ndarray | float = -20.0, seed: int = 0) -> np.ndarray:
    """A buzz of the pitch `hz` (n,), its partials falling by 6 dB an octave, of this level, over weak noise.

    But in the last 2 s it has gaps: what never stops is the noise of the room.
    """
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    buzz = sum(np.sin(k * phase + k) / k for k in range(1, 15))
    noise = np.random.default_rng(seed).normal(0, 1e-4, len(hz))
    t = np.arange(len(hz)) / RATE_HZ
    gate = (t % 0.8 < 0.6) | (t >= t[-1] - 2)
    return gate * buzz / np.sqrt(np.mean(buzz**2)) * 10 ** (level_db / 20) + noise


def steady(hz: float, seconds: float) -> np.ndarray:
    return np.full(round(seconds * RATE_HZ), hz)


def operator() -> tuple[VoiceFrontEnd, VoiceFeatures]:
    front, features = VoiceFrontEnd(), VoiceFeatures()
    info = StreamInfo("voice", "voice", "mic", "Audio", "id", ("c",), ("",), float(RATE_HZ), "float64")
    features.open(front.open(info)[0])
    return front, features


def found(sound: np.ndarray, profile: dict[str, object] | None = None) -> dict[str, float]:
    """The numbers of the window of 2 s that ends with the sound."""
    front, features = operator()
    features.use_profile(profile)
    features.push(front.push(TimedBlock("voice", 0, np.arange(len(sound)) / RATE_HZ, sound[:, None])))
    return dict(zip(NAMES, features.feature_at(len(sound) / RATE_HZ).inputs["contours"].tolist(), strict=True))


# ---- loudness


def loudness_of(sound: np.ndarray, settings: LogMelSettings | None = None) -> float:
    settings = settings or LogMelSettings()
    return float(np.median(Loudness(settings).level_db(LogMel(settings).frames(sound).log_mel)))


def tone(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz / RATE_HZ * np.arange(RATE_HZ))


def test_the_reference_of_loudness_is_a_full_scale_tone_of_1_khz():
    assert loudness_of(tone(1000)) == pytest.approx(0, abs=0.1)
    assert loudness_of(tone(1000), LogMelSettings(fmin_hz=100, fmax_hz=7000)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("sound", [tone(300), tone(1000), np.random.default_rng(0).normal(0, 0.2, RATE_HZ)])
def test_loudness_follows_the_level(sound):
    assert loudness_of(0.1 * sound) - loudness_of(sound) == pytest.approx(-20, abs=0.5)


def test_the_ear_hears_3_khz_best_and_low_tones_less():
    # Equal-loudness contours of ISO 226 at 60 phon: 125 Hz about 14 dB, 3 kHz about -4 dB from 1 kHz.
    assert -20 < loudness_of(tone(125)) < -10
    assert 2 < loudness_of(tone(3000)) < 6
    # The same power over many critical bands is louder than in one.
    noise = np.random.default_rng(0).normal(0, np.sqrt(0.5), RATE_HZ)
    assert loudness_of(noise) > loudness_of(tone(1000)) + 10


# ---- statistics of a window


def test_a_glide_has_its_slope_its_spread_and_its_range():
    hz = 150 * 2 ** (np.linspace(0, 6, 2 * RATE_HZ) / 12)
    numbers = found(voice(np.concatenate([steady(150, 6), hz])))
    assert numbers["pitch_slope_st_per_s"] == pytest.approx(3, abs=0.1)
    assert numbers["pitch_sd_st"] == pytest.approx(6 / np.sqrt(12), abs=0.1)
    assert numbers["pitch_range_st"] == pytest.approx(3.6, abs=0.15)
    assert numbers["pitch_mean_st"] == pytest.approx(3, abs=0.3)
    assert numbers["pitched_fraction"] > 0.97
    assert numbers["periodicity"] > 0.95
    assert abs(numbers["loudness_slope_db_per_s"]) < 2


@pytest.mark.parametrize("hz", [90.0, 220.0])
def test_pitch_is_referred_to_what_the_speaker_usually_has(hz):
    usual, higher = steady(hz, 8), steady(hz * 2 ** (4 / 12), 2)
    # The median is known to half a semitone.
    assert found(voice(usual))["pitch_mean_st"] == pytest.approx(0, abs=0.26)
    assert found(voice(np.concatenate([usual, higher])))["pitch_mean_st"] == pytest.approx(4, abs=0.4)


def test_loudness_is_referred_to_the_usual_one_whatever_the_gain():
    level_db = np.concatenate([np.full(8 * RATE_HZ, -26.0), np.linspace(-26, -14, 2 * RATE_HZ)])
    numbers = found(voice(steady(120, 10), level_db))
    assert numbers["loudness_mean_db"] == pytest.approx(6, abs=0.5)
    assert numbers["loudness_slope_db_per_s"] == pytest.approx(6, abs=0.3)
    assert numbers["loudness_sd_db"] == pytest.approx(12 / np.sqrt(12), abs=0.3)
    quieter = found(0.2 * voice(steady(120, 10), level_db))
    assert quieter["loudness_mean_db"] == pytest.approx(numbers["loudness_mean_db"], abs=0.3)


def test_a_shaky_voice_is_less_steady():
    def shaky(size: float) -> float:
        rng = np.random.default_rng(2)
        steps = np.repeat(rng.normal(0, size, 4 * 50), RATE_HZ // 50)
        return found(voice(150 * (1 + steps)))["pitch_unsteadiness_st"]

    unsteady = [shaky(size) for size in (0, 0.01, 0.03, 0.06)]
    assert unsteady[0] < 0.02
    assert all(np.diff(unsteady) > 0.03)


def test_octave_errors_and_the_silence_after_a_word_do_not_count():
    rng = np.random.default_rng(0)
    times, contours = 0.01 * np.arange(200), np.zeros((200, 7), np.float32)
    contours[:, 0] = 24 + rng.normal(0, 1, 200)
    contours[:, 2] = -20 + rng.normal(0, 3, 200)
    plain = prosody(times, contours, np.ones(200, bool))
    contours[20:40:5, 0] -= 12
    contours[90:100, 2] -= 60
    np.testing.assert_allclose(prosody(times, contours, np.ones(200, bool)), plain, atol=0.35)
    assert plain[1] == pytest.approx(1, abs=0.1)
    assert plain[8] == pytest.approx(3, abs=0.3)


def test_noise_and_silence_have_no_pitch():
    noise = found(np.random.default_rng(0).normal(0, 0.1, 4 * RATE_HZ))
    assert noise["pitched_fraction"] < 0.02
    assert not any(found(np.zeros(4 * RATE_HZ)).values())


def test_without_frames_all_is_zero():
    assert not prosody(np.zeros(0), np.zeros((0, 7), np.float32), np.zeros(0, bool)).any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 300))
def test_any_frames_give_finite_numbers(seed, count):
    rng = np.random.default_rng(seed)
    contours = rng.normal(0, 60, (count, 7)).astype(np.float32)
    contours[:, 0] = np.where(rng.random(count) < 0.5, 0, np.abs(contours[:, 0]))
    numbers = dict(zip(NAMES, prosody(np.sort(rng.random(count)), contours, rng.random(count) < 0.6), strict=True))
    assert all(map(np.isfinite, numbers.values()))
    assert (
        min(numbers[name] for name in NAMES if name.rpartition("_")[0].endswith(("sd", "range", "unsteadiness"))) >= 0
    )


# ---- the speaker's usual pitch and loudness in a profile


def learned_from(sound: np.ndarray) -> dict[str, object] | None:
    front, features = operator()
    features.push(front.push(TimedBlock("voice", 0, np.arange(len(sound)) / RATE_HZ, sound[:, None])))
    return features.learned()


def test_a_profile_brings_the_usual_pitch_and_keeps_it():
    profile = learned_from(voice(steady(200, 6)))
    assert profile is not None
    numbers = found(voice(steady(100, 6)), profile)
    assert numbers["pitch_mean_st"] == pytest.approx(-12, abs=0.3)
    _, features = operator()
    features.use_profile(profile)
    features.use_profile(None)
    assert "usual_pitch_and_loudness" not in (features.learned() or {})


def test_a_profile_without_usual_pitch_goes_on_learning_it():
    profile = learned_from(voice(steady(200, 6)))
    del profile["usual_pitch_and_loudness"]
    assert found(voice(steady(100, 6)), profile)["pitch_mean_st"] == pytest.approx(0, abs=0.26)


@pytest.mark.parametrize("bad", [[1.0], [float("nan"), 0.0], [-5.0, 0.0], "high", None, [1e9, 0]])
def test_an_unfit_usual_pitch_is_refused_and_changes_nothing(bad):
    profile = learned_from(voice(steady(200, 6)))
    _, features = operator()
    before = {f.name: np.copy(getattr(features.state, f.name)) for f in dataclasses.fields(features.state)}
    with pytest.raises(ConfigError, match=r"profile has .*usual"):
        features.use_profile({**profile, "usual_pitch_and_loudness": bad})
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(features.state, name), value)


# ---- real voices


@pytest.mark.real_data
def test_anger_is_higher_than_boredom_in_every_actor(data_folder):
    """Sentences of an actor one after the other, angry and bored in turn, as one recording."""
    higher = {}
    paths = sorted((data_folder / "emodb" / "wav").glob("*.wav"))
    for actor in sorted({path.name[:2] for path in paths}):
        groups = [[path for path in paths if path.name[:2] == actor and path.name[5] == kind][:4] for kind in "WL"]
        front, features = VoiceFrontEnd(), VoiceFeatures()
        info = StreamInfo("voice", "voice", "mic", "Audio", "", ("c",), ("",), 22_050.0, "float64")
        features.open(front.open(info)[0])
        pitch_st: dict[str, list[float]] = {"W": [], "L": []}
        for k, path in enumerate(path for pair in zip(*groups, strict=True) for path in pair):
            sound, rate_hz = wav_clip(path)
            times = 2.0 * k + np.arange(2 * rate_hz) / rate_hz
            features.push(front.push(TimedBlock("voice", 0, times, sound[: 2 * rate_hz, None])))
            numbers = dict(zip(NAMES, features.feature_at(2.0 * (k + 1)).inputs["contours"], strict=True))
            assert 0.2 < numbers["pitched_fraction"] < 0.95, path.name
            pitch_st[path.name[5]].append(float(numbers["pitch_mean_st"]))
        higher[actor] = round(float(np.mean(pitch_st["W"]) - np.mean(pitch_st["L"])), 1)
    print(f"pitch in anger above that in boredom, semitones: {higher}")
    assert len(higher) == 8
    assert min(higher.values()) > 2
