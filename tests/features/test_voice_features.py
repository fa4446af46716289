"""The voice operator on speech-like generated sound, and on real clips where they are at hand."""

import copy
import dataclasses
import itertools
import json
import wave
from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.errors import SourceError
from streamsense.features.log_mel import LogMel, LogMelSettings
from streamsense.features.sound_resampler import Resampler
from streamsense.features.speech_timing import CUES
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_frames import VoiceFrontEndSettings
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.features.voice_normalisation import NormalisationSettings
from streamsense.streams import Feature, StreamInfo, TimedBlock

START = 1000.0


def info(rate_hz: float = 16_000, channels: int = 1, dtype: str = "float32") -> StreamInfo:
    return StreamInfo("voice", "voice", "mic", "Audio", "id", ("c",) * channels, ("",) * channels, rate_hz, dtype)


def speech(seconds: float, rate_hz: int = 16_000, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """A buzz of 120 Hz with four syllables a second, over weak noise: (n,) float32."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 120 * k * t + k) / k for k in range(1, 20))
    envelope = 0.5 - 0.49 * np.cos(2 * np.pi * 4 * t)
    return (level * buzz * envelope + rng.normal(0, 1e-4, len(t))).astype(np.float32)


def hush(seconds: float, rate_hz: int = 16_000) -> np.ndarray:
    return np.random.default_rng(9).normal(0, 1e-4, round(seconds * rate_hz)).astype(np.float32)


def block(sound: np.ndarray, start: float = START, rate_hz: float = 16_000, segment: int = 0) -> TimedBlock:
    values = sound[:, None] if sound.ndim == 1 else sound
    return TimedBlock("voice", segment, start + np.arange(len(values)) / rate_hz, values)


class Voice(VoiceFeatures):
    """The front end and the features behind it, taken together: sound in."""

    def __init__(self, channel: int | None = None) -> None:
        self.front = VoiceFrontEnd(VoiceFrontEndSettings(channel=channel))
        super().__init__()

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        frames, warnings = self.front.open(info)
        return warnings + super().open(frames)

    def push(self, block: TimedBlock) -> None:
        super().push(self.front.push(block))


def operator(sound: np.ndarray | None = None, rate_hz: int = 16_000, channel: int | None = None) -> Voice:
    voice = Voice(channel)
    channels = 1 if sound is None or sound.ndim == 1 else sound.shape[1]
    voice.open(info(rate_hz, channels))
    if sound is not None:
        voice.push(block(sound, rate_hz=rate_hz))
    return voice


def assert_same(a: Feature, b: Feature) -> None:
    for name in a.inputs:
        assert a.inputs[name].tobytes() == b.inputs[name].tobytes()
    for field in ("validity", "quality", "last_time", "effective_time", "reasons", "cues"):
        assert repr(getattr(a, field)) == repr(getattr(b, field)), field


def test_speech_gives_a_whole_feature():
    feature = operator(speech(5)).feature_at(START + 4)
    statistics, prosody = feature.inputs["log_mel_statistics"], feature.inputs["prosody"]
    assert statistics.shape == (64, 4)
    assert prosody.shape == (4,)
    assert statistics.dtype == prosody.dtype == np.float32
    assert np.isfinite(statistics).all()
    assert (statistics[:, 1] > 0).all()
    assert (statistics[:, 3] > 0).all()
    assert (feature.validity, feature.quality, feature.reasons) == (1.0, 1.0, ())
    assert START + 4 - 0.01 <= feature.last_time < START + 4
    assert feature.effective_time == pytest.approx(START + 3 - 0.0125)
    assert feature.cues["speaking"] == 1
    assert feature.cues["pause_fraction"] == 0
    assert feature.cues["articulation_rate_hz"] == pytest.approx(4, abs=0.5)
    assert feature.cues["articulation_variability"] < 0.1
    assert set(feature.cues) == {*CUES, "voiced_fraction"}


@settings(max_examples=20, deadline=None)
@given(
    rate_hz=st.sampled_from([8000, 16_000, 22_050, 48_000]),
    cuts=st.lists(st.floats(0, 1), max_size=15),
    gap=st.floats(0.05, 0.95),
)
def test_any_chunking_gives_the_same_bytes_across_a_gap(rate_hz, cuts, gap):
    sound = np.concatenate([speech(1.3, rate_hz), hush(0.6, rate_hz), speech(0.5, rate_hz, seed=2)])
    split = round(gap * len(sound))
    halves = [block(sound[:split], START, rate_hz), block(sound[split:], START + split / rate_hz + 0.4, rate_hz, 1)]
    whole, parts = operator(rate_hz=rate_hz), operator(rate_hz=rate_hz)
    for half in halves:
        whole.push(half)
        edges = [0, *sorted(round(cut * len(half)) for cut in cuts), len(half)]
        for a, b in itertools.pairwise(edges):
            parts.push(TimedBlock("voice", half.segment, half.times[a:b], half.values[a:b]))
    for k in range(16):
        assert_same(whole.feature_at(START + k / 5), parts.feature_at(START + k / 5))


@settings(max_examples=15, deadline=None)
@given(rate_hz=st.sampled_from([16_000, 44_100, 48_000]), seconds=st.floats(0.0, 3.0), more=st.floats(0.0, 2.0))
def test_samples_beyond_the_tick_change_nothing(rate_hz, seconds, more):
    sound = np.concatenate([speech(2.0, rate_hz), hush(3.1, rate_hz)])
    tick = START + seconds
    short, long = operator(rate_hz=rate_hz), operator(rate_hz=rate_hz)
    everything = block(sound, START, rate_hz)
    before = int(np.searchsorted(everything.times, tick))
    short.push(TimedBlock("voice", 0, everything.times[:before], everything.values[:before]))
    after = before + round(more * rate_hz)
    long.push(TimedBlock("voice", 0, everything.times[:after], everything.values[:after]))
    assert_same(short.feature_at(tick), long.feature_at(tick))


def test_feature_at_changes_no_state():
    voice = operator(speech(3))
    before = copy.deepcopy(vars(voice.state))
    voice.feature_at(START + 2)
    for name, value in vars(voice.state).items():
        np.testing.assert_array_equal(value, before[name])


def test_the_state_can_be_saved_in_mid_stream():
    sound, voice = speech(4, 48_000), operator(rate_hz=48_000)
    voice.push(block(sound[:100_001], rate_hz=48_000))
    resumed = operator(rate_hz=48_000)
    resumed.state, resumed.front.state = copy.deepcopy((voice.state, voice.front.state))
    for one in (voice, resumed):
        one.push(block(sound[100_001:], START + 100_001 / 48_000, 48_000))
    assert_same(voice.feature_at(START + 3.8), resumed.feature_at(START + 3.8))


def test_the_state_is_made_of_plain_parts():
    voice = operator(speech(1))
    for state in (voice.state, voice.front.state):
        for field in dataclasses.fields(state):
            assert isinstance(getattr(state, field.name), np.ndarray | int | float | bool), field.name


def test_the_other_rates_give_nearly_the_same_feature():
    reference = operator(speech(4)).feature_at(START + 3.6).inputs["log_mel_statistics"]
    for rate_hz in (44_100, 48_000):
        found = operator(speech(4, rate_hz), rate_hz).feature_at(START + 3.6).inputs["log_mel_statistics"]
        # Up to 2 kHz, where the buzz stands above the noise, which differs.
        assert np.abs(found - reference)[:30].max() < 0.1


def test_int16_and_float_sound_are_the_same():
    counts = (speech(3) * 32768).round().astype(np.int16)
    as_float = operator(counts.astype(np.float32) / 32768).feature_at(START + 2.8)
    assert_same(operator(counts).feature_at(START + 2.8), as_float)


def test_channels_are_averaged_or_chosen():
    stereo = np.stack([speech(3), np.zeros(48_000, np.float32)], axis=1)
    mean = operator(stereo).feature_at(START + 2.8)
    first = operator(stereo, channel=0).feature_at(START + 2.8)
    assert_same(operator(stereo[:, 0] / 2).feature_at(START + 2.8), mean)
    assert_same(operator(stereo[:, 0]).feature_at(START + 2.8), first)
    assert operator(stereo, channel=1).feature_at(START + 2.8).quality == 0


def test_louder_than_the_speakers_own_running_mean_gives_positive_loudness():
    voice = operator(np.concatenate([speech(8), speech(2, level=0.3)]))
    usual, louder = (voice.feature_at(START + t).inputs["prosody"][0] for t in (7.8, 9.8))
    assert louder > usual + 0.3


def test_silence_has_full_validity_and_no_quality():
    feature = operator(hush(4)).feature_at(START + 3.8)
    assert (feature.validity, feature.quality, feature.reasons) == (1.0, 0.0, ("no speech",))
    assert feature.cues["speaking"] == feature.cues["voiced_fraction"] == 0
    assert not feature.inputs["log_mel_statistics"].any()
    assert feature.last_time == pytest.approx(START + 3.8, abs=0.0101)


def test_a_muted_microphone_is_named():
    assert operator(np.zeros(64_000, np.float32)).feature_at(START + 3.8).reasons == ("muted",)


def test_no_sound_at_all():
    feature = operator().feature_at(START)
    assert (feature.validity, feature.quality, feature.reasons) == (0.0, 0.0, ("no sound",))
    assert np.isnan(feature.last_time)


def test_half_a_window_has_half_the_validity():
    assert operator(speech(3)).feature_at(START + 4).validity == pytest.approx(0.5, abs=0.02)


def test_clipped_sound_and_noise_lower_the_quality():
    clipped = operator(np.clip(speech(4) * 12, -1, 1)).feature_at(START + 3.8)
    assert "clipped" in clipped.reasons
    assert clipped.quality < 0.5
    noise = np.random.default_rng(5).normal(0, 0.015, 16_000 * 14).astype(np.float32)
    noisy_sound = noise + np.concatenate([np.zeros(16_000 * 10, np.float32), speech(4)])
    noisy = operator(noisy_sound).feature_at(START + 13.8)
    assert noisy.cues["speaking"] == 1
    assert "noisy" in noisy.reasons
    assert noisy.quality < 0.8


def test_hostile_samples_do_no_lasting_harm():
    bad = speech(3)
    bad[20_000:20_100] = [np.nan, np.inf, -np.inf, 3e38] * 25
    voice = operator(bad)
    assert "clipped" in voice.feature_at(START + 2).reasons
    voice.push(block(speech(4), START + 3))
    later = voice.feature_at(START + 6.8)
    assert later.quality == 1.0
    assert np.isfinite(later.inputs["log_mel_statistics"]).all()


@pytest.mark.parametrize(("silence_s", "pause", "long"), [(0.15, 0, 0), (0.6, 1, 0), (1.5, 1, 1)])
def test_a_pause_inside_a_turn_counts(silence_s, pause, long):
    voice = operator(np.concatenate([speech(3), hush(silence_s), speech(2)]))
    cues = voice.feature_at(START + 3 + silence_s + 1.9).cues
    turn_s = min(6.0, 4.9 + silence_s)
    # A syllable fades before it ends, so that a pause is heard a little longer than it was made.
    assert cues["pause_fraction"] == pytest.approx(pause * silence_s / turn_s, abs=0.025)
    assert cues["long_pause"] == long


def test_who_listens_makes_no_pause():
    voice = operator(np.concatenate([speech(3), hush(5.0), speech(1)]))
    assert voice.feature_at(START + 8.8).cues["pause_fraction"] == 0
    assert voice.feature_at(START + 5.4).cues["speaking"] == 1
    assert voice.feature_at(START + 7.4).cues["speaking"] == 0


def test_a_hole_in_the_data_is_no_pause():
    voice = operator(speech(2))
    voice.push(block(speech(2, seed=1), START + 3.2, segment=1))
    feature = voice.feature_at(START + 5)
    assert feature.cues["pause_fraction"] == pytest.approx(0, abs=0.03)
    assert feature.cues["long_pause"] == 0
    assert feature.validity == pytest.approx(0.9, abs=0.03)


def test_one_huge_block_equals_many():
    sound = np.tile(speech(4), 10)
    many = operator()
    for k in range(0, len(sound), 1600):
        many.push(block(sound[k : k + 1600], START + k / 16_000))
    assert_same(operator(sound).feature_at(START + 39.8), many.feature_at(START + 39.8))


def test_reopening_keeps_the_speaker_and_another_rate_does_not():
    voice = operator(speech(4))
    state = voice.state
    assert voice.open(info()) == ()
    assert voice.state is state
    (warning,) = voice.open(info(48_000))
    assert warning == "the sound came back with another rate: what was learned of the person is forgotten"
    assert voice.state is not state
    assert voice.open(info()) == (), "there is nothing that could be forgotten"


def test_streams_that_are_no_sound_are_refused():
    for bad in (info(0), info(250), info(16_000, dtype="string"), info(44_099), info(22_050.5)):
        with pytest.raises(SourceError, match="voice stream"):
            VoiceFrontEnd().open(bad)
    with pytest.raises(SourceError, match="channel 2"):
        Voice(channel=2).open(info(channels=2))
    with pytest.raises(SourceError, match="int32"):
        operator(np.zeros(100, np.int32))
    with pytest.raises(SourceError, match="opened"):
        VoiceFrontEnd().push(block(speech(1)))
    with pytest.raises(SourceError, match="expected the 71 of the voice front end"):
        VoiceFeatures().open(info())


def test_telephone_sound_warns_of_its_empty_bands():
    (warning,) = Voice().open(info(8000))
    assert "4000 Hz" in warning


def test_the_contract_is_json_and_changes_with_every_setting():
    def text(window_s: float = 2.0, **kwargs) -> str:
        settings = VoiceFeaturesSettings(window_s, front_end=VoiceFrontEndSettings(**kwargs))
        return json.dumps(VoiceFeatures(settings).contract(), allow_nan=False)

    others = text(3.0), text(channel=0), text(highpass_hz=80.0), text(voice_activity="silero")
    assert len({text(), *others, text(log_mel=LogMelSettings(mels=80))}) == 6


def test_eighty_bands_are_another_feature_that_frames_of_64_do_not_fit():
    front_end = VoiceFrontEndSettings(log_mel=LogMelSettings(mels=80))
    front, voice = VoiceFrontEnd(front_end), VoiceFeatures(VoiceFeaturesSettings(front_end=front_end))
    frames, _ = front.open(info())
    voice.open(frames)
    voice.push(front.push(block(speech(5))))
    feature, of_64 = voice.feature_at(START + 4), operator(speech(5)).feature_at(START + 4)
    assert feature.inputs["log_mel_statistics"].shape == (80, 4)
    assert np.abs(feature.inputs["log_mel_statistics"][:, 0]).max() < 3
    assert feature.cues == of_64.cues
    np.testing.assert_array_equal(feature.inputs["prosody"], of_64.inputs["prosody"])
    with pytest.raises(SourceError, match="with 64 log-Mel bands"):
        VoiceFeatures().open(frames)
    with pytest.raises(ValueError, match="for 64 bands, the frames have 80"):
        VoiceFeaturesSettings(front_end=front_end, normalisation=NormalisationSettings())


def test_frames_are_float32_rows_stamped_with_their_newest_sample():
    front = VoiceFrontEnd()
    given, _ = front.open(info(48_000))
    assert (given.type, given.nominal_rate_hz, given.dtype, given.same_clock) == ("VoiceFrames", 0.0, "float32", True)
    assert given.channel_labels == VoiceFrontEndSettings().labels
    assert given.delay_s == front.delay_s > 0
    sound = block(speech(1, 48_000), START, 48_000, segment=7)
    frames = front.push(sound)
    assert frames.values.dtype == np.float32
    assert set(frames.values[:, -1]) == {7.0}
    assert set(frames.times) <= set(sound.times)
    needed = START + np.arange(len(frames)) * 0.01 + 0.025 + front.delay_s
    assert np.abs(frames.times - needed).max() < 2 / 16_000


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.floats(0, 1), max_size=15))
def test_frames_may_be_cut_anywhere(cuts):
    front, whole, parts = VoiceFrontEnd(), VoiceFeatures(), VoiceFeatures()
    given, _ = front.open(info())
    halves = [front.push(block(speech(1.5))), front.push(block(speech(1, seed=1), START + 2, segment=1))]
    times, rows = (np.concatenate([getattr(half, name) for half in halves]) for name in ("times", "values"))
    for voice, edges in (
        (whole, [0, len(times)]),
        (parts, [0, *sorted(round(c * len(times)) for c in cuts), len(times)]),
    ):
        voice.open(given)
        for a, b in itertools.pairwise(edges):
            voice.push(TimedBlock("voice", 0, times[a:b], rows[a:b]))
    for k in range(16):
        assert_same(whole.feature_at(START + k / 5), parts.feature_at(START + k / 5))


def test_hostile_frames_do_no_lasting_harm():
    front, voice = VoiceFrontEnd(), VoiceFeatures()
    voice.open(front.open(info())[0])
    frames = front.push(block(speech(6)))
    rows = frames.values.copy()
    rows[100, 5], rows[110, 64], rows[120, :-1], rows[130, -1] = np.nan, np.inf, 3e38, 3e38
    voice.push(TimedBlock("voice", 0, frames.times, rows))
    feature = voice.feature_at(START + 5.8)
    assert all(np.isfinite(values).all() for values in feature.inputs.values())
    assert feature.quality > 0.9


# ---- real speech


def clip(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22_050, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.mark.real_data
def test_log_mel_of_a_real_clip_equals_librosa(data_folder):
    resampler, log_mel = Resampler.design(22_050), LogMel()
    for path in sorted((data_folder / "emodb" / "wav").glob("*.wav"))[::60]:
        samples = clip(path) / 32768
        count = len(samples) * resampler.up // resampler.down - 400
        held = np.concatenate([np.zeros(resampler.history), samples])
        sound = resampler.outputs(held, resampler.history, 0, count)
        power = librosa.feature.melspectrogram(
            y=np.pad(sound, 56), sr=16_000, n_fft=512, hop_length=160, win_length=400, center=False, n_mels=64,
            fmin=60, fmax=7600,
        )  # fmt: skip
        found = log_mel.frames(sound).log_mel
        np.testing.assert_allclose(found, np.log(np.maximum(power, 1e-10)).T, atol=1e-4)


@pytest.mark.real_data
def test_speech_is_found_in_every_clip_and_anger_is_brighter_than_sadness(data_folder):
    tilts: dict[tuple[str, str], list[float]] = {}
    paths = sorted((data_folder / "emodb" / "wav").glob("*.wav"))
    for path in paths:
        voice = Voice()
        voice.open(info(22_050, dtype="int16"))
        voice.push(block(clip(path), rate_hz=22_050))
        feature = voice.feature_at(START + 2)
        assert feature.cues["voiced_fraction"] > 0.4, path.name
        assert feature.quality > 0.5, path.name
        tilts.setdefault((path.name[:2], path.name[5]), []).append(float(feature.inputs["prosody"][1]))
    speakers = sorted({speaker for speaker, _ in tilts})
    assert len(speakers) == 8
    # The clips are brought to one peak level by their publisher, so that loudness says nothing here.
    for speaker in speakers:
        assert np.mean(tilts[speaker, "W"]) > np.mean(tilts[speaker, "T"]) + 0.3, speaker
