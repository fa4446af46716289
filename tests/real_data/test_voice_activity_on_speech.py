"""The two kinds of voice activity on real speech, and on sounds that are none: the table of docs/explanation.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_frames import VoiceActivityMethod, VoiceFrontEndSettings
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.models.silero import SileroNet
from streamsense.streams import StreamInfo, TimedBlock
from tests.helpers.talking_clips import film_sound, wav_clip

Sound = tuple[np.ndarray, int]
Voiced = Callable[[Sound, VoiceActivityMethod], tuple[np.ndarray, np.ndarray]]
NOISE_HZ = 16_000


@pytest.fixture(scope="module")
def voiced() -> Voiced:
    """A function that gives the times of a sound's frames, and which of them are voiced."""
    net = SileroNet()

    def found(sound: Sound, method: VoiceActivityMethod) -> tuple[np.ndarray, np.ndarray]:
        samples, rate_hz = sound
        settings = VoiceFrontEndSettings(voice_activity=method)
        front = VoiceFrontEnd(settings, net if method == "silero" else None)
        features = VoiceFeatures(VoiceFeaturesSettings(front_end=settings, ring_s=300.0))
        info = StreamInfo("voice", "voice", "mic", "Audio", "", ("c",), ("",), float(rate_hz), "float32")
        features.open(front.open(info)[0])
        times = np.arange(len(samples)) / rate_hz
        features.push(front.push(TimedBlock("voice", 0, times, samples.astype(np.float32)[:, None])))
        count = features.state.frames
        return features.state.ring_times[:count], features.state.ring_voiced[:count]

    return found


def acted(folder: Path) -> list[Sound]:
    return [wav_clip(path) for path in sorted((folder / "emodb" / "wav").glob("*.wav"))[::16]]


def talking(folder: Path) -> list[Sound]:
    return [film_sound(path) for path in sorted((folder / "av_talking").rglob("*.mpg"))]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("clips", "energy_share", "silero_share", "agreement"),
    [(acted, 0.89, 0.89, 0.955), (talking, 0.60, 0.60, 0.944)],
)
def test_both_find_the_speech_in_every_clip_and_agree(
    data_folder, voiced, clips, energy_share, silero_share, agreement
):
    found = [(voiced(clip, "energy")[1], voiced(clip, "silero")[1]) for clip in clips(data_folder)]
    assert len(found) >= 11
    shares = np.array([(energy.mean(), silero.mean()) for energy, silero in found])
    assert shares.min() > 0.4
    assert shares.mean(axis=0) == pytest.approx((energy_share, silero_share), abs=0.025)
    assert np.mean([(energy == silero).mean() for energy, silero in found]) == pytest.approx(agreement, abs=0.01)


@pytest.mark.real_data
@pytest.mark.parametrize("method", ["energy", "silero"])
def test_speech_is_where_a_person_marked_the_words(data_folder, voiced, method):
    folder = data_folder / "av_talking"
    marked = [line.split() for line in (folder / "swwp2s.align").read_text().splitlines()]
    words = [(int(begin) / 25_000, int(end) / 25_000) for begin, end, word in marked if word != "sil"]
    times, found = voiced(film_sound(folder / "id2_vcd_swwp2s.mpg"), method)
    begins, ends = words[0][0], words[-1][1]
    inside = (times > begins) & (times <= ends)
    assert found[inside].mean() > 0.94
    assert begins <= times[found][0] <= begins + 0.12
    # Voice activity holds on for 0.1 s, and the net's windows are 32 ms long.
    assert ends <= times[found][-1] <= ends + 0.2


@pytest.mark.real_data
def test_the_net_does_not_tire_in_a_long_session(data_folder, voiced):
    clips = acted(data_folder)
    together = np.concatenate([samples for samples, _ in clips])
    thirds = np.array_split(voiced((together, clips[0][1]), "silero")[1], 3)
    assert len(together) / clips[0][1] > 55
    assert min(third.mean() for third in thirds) > 0.85


def noises(seconds: float = 20.0) -> dict[str, np.ndarray]:
    """Sounds without speech: (n,) at 16 kHz, full scale 1."""
    rng = np.random.default_rng(0)
    n = round(seconds * NOISE_HZ)
    t = np.arange(n) / NOISE_HZ
    white = rng.normal(0, 1, n)
    hz = np.fft.rfftfreq(n, 1 / NOISE_HZ)
    hz[0] = hz[1]
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(hz), n)
    pink /= pink.std()
    knocks = np.convolve(np.bincount(rng.integers(0, n, 60), minlength=n), np.exp(-np.arange(400) / 60))[:n]
    return {
        "digital silence": np.zeros(n),
        "white noise, -60 dB": 1e-3 * white,
        "white noise, -30 dB": 0.03 * white,
        "pink noise, -30 dB": 0.03 * pink,
        "pink noise that begins after 5 s": 0.03 * pink * (t >= 5) + 3e-5 * pink,
        "bursts of noise, 0.4 s every 2 s": 0.1 * white * (np.mod(t, 2) < 0.4),
        "knocks": 0.5 * white * knocks,
        "a ringing bell": 0.1 * sum(np.sin(2 * np.pi * f * t) for f in (700, 1400, 2100)) * (np.mod(t, 3) < 1),
    }


ENERGY_SHARE = {
    "white noise, -30 dB": 0.40,
    "pink noise, -30 dB": 0.35,
    "pink noise that begins after 5 s": 0.75,
    "bursts of noise, 0.4 s every 2 s": 0.25,
    "knocks": 0.32,
    "a ringing bell": 0.38,
}
"""What the gate by level takes for speech, in 20 s: whatever is new and loud, until the floor has risen to it."""


def test_the_net_finds_no_speech_in_noise_where_the_energy_gate_does(voiced):
    for name, samples in noises().items():
        assert not voiced((samples, NOISE_HZ), "silero")[1].any(), name
        share = voiced((samples, NOISE_HZ), "energy")[1].mean()
        assert share == pytest.approx(ENERGY_SHARE.get(name, 0.0), abs=0.08), name
