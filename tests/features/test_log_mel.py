import librosa
import numpy as np
import pytest

from streamsense.features.log_mel import FRAME_SAMPLES, HOP_SAMPLES, LogMel, LogMelSettings, mel_filters


def frames_of(sound: np.ndarray, log_mel: LogMel | None = None):
    return (log_mel or LogMel()).frames(sound)


def librosa_log_mel(sound: np.ndarray, settings: LogMelSettings) -> np.ndarray:
    # librosa puts the window of 400 in the middle of the 512 samples that it transforms; we start with it.
    power = librosa.feature.melspectrogram(
        y=np.pad(sound, 56), sr=16_000, n_fft=512, hop_length=160, win_length=400, window="hann", center=False,
        power=2.0, n_mels=settings.mels, fmin=settings.fmin_hz, fmax=settings.fmax_hz,
    )  # fmt: skip
    return np.log(np.maximum(power, settings.power_floor)).T


@pytest.mark.parametrize(
    "settings",
    [LogMelSettings(), LogMelSettings(0.0, 8000.0), LogMelSettings(125.0, 7500.0), LogMelSettings(mels=80)],
)
def test_equals_librosa(settings):
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.05, 16_000) + librosa.chirp(fmin=80, fmax=7000, sr=16_000, length=16_000) * 0.3
    expected = librosa_log_mel(sound, settings)
    found = frames_of(sound, LogMel(settings)).log_mel
    assert found.shape == expected.shape == (98, settings.mels)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("mels", [64, 80])
def test_filters_equal_librosa(mels):
    expected = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=mels, fmin=60, fmax=7600, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(60, 7600, mels), expected, atol=1e-12)


def test_a_frames_bytes_do_not_depend_on_how_many_frames_the_call_makes():
    sound = np.random.default_rng(3).normal(0, 0.1, 16_000)
    together = frames_of(sound).log_mel
    for k in range(len(together)):
        alone = frames_of(sound[k * HOP_SAMPLES : k * HOP_SAMPLES + FRAME_SAMPLES]).log_mel
        assert alone.tobytes() == together[k : k + 1].tobytes()


def test_only_whole_frames_are_made():
    assert len(frames_of(np.zeros(FRAME_SAMPLES - 1))) == 0
    assert len(frames_of(np.zeros(FRAME_SAMPLES + 2 * HOP_SAMPLES - 1))) == 2
    assert len(frames_of(np.zeros(FRAME_SAMPLES + 2 * HOP_SAMPLES))) == 3


def test_level_is_the_mean_square_in_decibels():
    sine = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(frames_of(sine).level_db, -3.01, atol=0.01)
    np.testing.assert_allclose(frames_of(0.01 * sine).level_db, -43.01, atol=0.01)
    assert frames_of(np.zeros(16_000)).level_db.max() == -100.0


def test_tilt_compares_the_octaves_above_1_khz_with_those_below():
    t = np.arange(16_000) / 16_000
    both = 0.1 * np.sin(2 * np.pi * 500 * t) + 0.05 * np.sin(2 * np.pi * 3000 * t)
    np.testing.assert_allclose(frames_of(both).tilt_db, -6.02, atol=0.05)


@pytest.mark.parametrize(
    "bad", [{"fmin_hz": 8000.0}, {"fmax_hz": 9000.0}, {"fmin_hz": -1.0}, {"power_floor": 0.0}, {"mels": 72}]
)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match=r"expected|do not rise"):
        LogMelSettings(**bad)


def test_bands_narrower_than_the_spectrums_bins_are_refused():
    with pytest.raises(ValueError, match="80 mel bands do not fit"):
        LogMelSettings(60.0, 300.0, mels=80)
