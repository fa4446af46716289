"""Silero's net in the voice front end: run as its authors run it, whatever the cutting of the sound; and its gate."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.errors import SourceError
from streamsense.features.contours import CHANGE
from streamsense.features.log_mel import FRAME_SAMPLES, HOP_SAMPLES
from streamsense.features.sound_highpass import HighPass
from streamsense.features.speech_gate import SpeechGate, SpeechGateSettings, new_gate_state, restart_gate
from streamsense.features.speech_probability import SILERO_SHA256
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_frames import SEGMENT, VOICE_PROBABILITY, VoiceFrontEndSettings
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.models.published import CATALOGUE
from streamsense.models.silero import SILERO, SileroNet
from streamsense.state import pack, unpack_into
from streamsense.streams import StreamInfo, TimedBlock

BY_NET = VoiceFrontEndSettings(voice_activity="silero")
START = 1000.0


@pytest.fixture(scope="module")
def net() -> SileroNet:
    return SileroNet()


def info(rate_hz: float = 16_000) -> StreamInfo:
    return StreamInfo("voice", "voice", "mic", "Audio", "id", ("c",), ("",), rate_hz, "float32")


def vowels(seconds: float, rate_hz: int = 16_000, seed: int = 0) -> np.ndarray:
    """A buzz through three formants with four syllables a second: the net takes it for speech. (n,) float32."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * t)) / rate_hz
    heights = [sum(np.exp(-(((120 * k - f) / 120) ** 2)) for f in (600, 1200, 2500)) + 0.03 for k in range(1, 30)]
    buzz = sum(height * np.sin(k * phase) for k, height in enumerate(heights, 1))
    envelope = np.clip(np.sin(2 * np.pi * 4 * t), 0.05, 1) * (np.mod(t, 1.6) < 1.1)
    return (0.05 * buzz * envelope + rng.normal(0, 1e-4, len(t))).astype(np.float32)


def front_end(net: SileroNet, rate_hz: int = 16_000) -> VoiceFrontEnd:
    front = VoiceFrontEnd(BY_NET, net)
    front.open(info(rate_hz))
    return front


def block(sound: np.ndarray, first: int = 0, rate_hz: int = 16_000, segment: int = 0, anchors=()) -> TimedBlock:
    times = START + (first + np.arange(len(sound))) / rate_hz
    return TimedBlock("voice", segment, times, sound[:, None], (), tuple(anchors))


def probabilities(front: VoiceFrontEnd, *blocks: TimedBlock) -> np.ndarray:
    return np.concatenate([front.push(part).values[:, VOICE_PROBABILITY] for part in blocks])


def as_its_authors_do(net: SileroNet, sound: np.ndarray) -> np.ndarray:
    """`OnnxWrapper` of silero-vad: each 512 samples behind the last 64 of the ones before, at first zeros."""
    memory, context, found = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
    for start in range(0, len(sound) - 511, 512):
        window = sound[start : start + 512].astype(np.float32)
        probability, memory = net(np.concatenate([context, window]), memory)
        context = window[-64:]
        found.append(probability)
    return np.array(found, np.float32)


def test_each_frame_has_the_newest_whole_window_of_the_authors_own_loop(net):
    sound = vowels(3.0)
    highpass = HighPass(70.0, 16_000)
    expected = as_its_authors_do(net, highpass.step(highpass.new_state(), sound.astype(np.float64)))
    found = probabilities(front_end(net), block(sound))
    windows = (np.arange(len(found)) * HOP_SAMPLES + FRAME_SAMPLES) // 512 - 1
    assert windows[0] == -1
    assert found.tobytes() == np.where(windows < 0, 0, expected[windows]).astype(np.float32).tobytes()
    assert found.max() > 0.9
    assert found[10:].min() < 0.1


@settings(max_examples=12, deadline=None)
@given(
    rate_hz=st.sampled_from([8000, 16_000, 22_050, 48_000]),
    cuts=st.lists(st.floats(0, 1), max_size=10),
    anchors=st.lists(st.floats(0, 1), max_size=3),
    gap=st.floats(0.1, 0.9),
)
def test_any_chunking_gives_the_same_bytes_across_anchors_and_a_gap(net, rate_hz, cuts, anchors, gap):
    sound = vowels(1.2, rate_hz)
    split = round(gap * len(sound))
    begun = sorted({round(anchor * (len(sound) - 1)) for anchor in anchors})

    def given(edges: list[int]) -> np.ndarray:
        blocks = [
            block(sound[a:b], a, rate_hz, int(a >= split), [k - a for k in begun if a <= k < b])
            for a, b in itertools.pairwise(edges)
        ]
        return probabilities(front_end(net, rate_hz), *blocks)

    edges = sorted({0, split, len(sound), *(round(cut * len(sound)) for cut in cuts)})
    assert given(edges).tobytes() == given([0, split, len(sound)]).tobytes()


def test_after_a_gap_the_net_knows_nothing_of_what_was_before(net):
    sound = vowels(1.5)
    front = front_end(net)
    probabilities(front, block(vowels(2.0, seed=5)))
    assert (
        probabilities(front, block(sound, 50_000, segment=1)).tobytes()
        == probabilities(front_end(net), block(sound)).tobytes()
    )


def test_the_state_of_the_net_is_saved_and_goes_on(net):
    sound = vowels(3.0)
    whole, resumed = front_end(net), front_end(net)
    probabilities(whole, block(sound[:20_001]))
    assert whole.state.speech_memory.any()
    unpack_into(pack(whole.state), resumed.state)
    rest = block(sound[20_001:], 20_001)
    found = probabilities(resumed, rest)
    assert found.tobytes() == probabilities(whole, rest).tobytes()
    assert found.max() > 0.7


def test_two_streams_may_share_one_net(net):
    sounds = [vowels(1.0, seed=seed) for seed in (0, 1)]
    alone = [probabilities(front_end(net), block(sound)) for sound in sounds]
    fronts = [front_end(net), front_end(net)]
    parts = [[], []]
    for first in range(0, 16_000, 3000):
        for k in range(2):
            parts[k].append(probabilities(fronts[k], block(sounds[k][first : first + 3000], first)))
    for k in range(2):
        assert np.concatenate(parts[k]).tobytes() == alone[k].tobytes()


def test_hostile_sound_gives_a_probability_all_the_same(net):
    sound = vowels(1.0)
    sound[3000:9000] = np.resize([np.nan, np.inf, -np.inf, 3e38], 6000)
    found = probabilities(front_end(net), block(sound))
    assert ((found >= 0) & (found <= 1)).all()


def test_the_catalogues_file_is_the_one_of_the_contract(net):
    (file,) = CATALOGUE[SILERO].files
    assert file.sha256 == net.sha256 == SILERO_SHA256
    contract = VoiceFeatures(VoiceFeaturesSettings(front_end=BY_NET)).contract()
    assert contract["voice_activity"]["method"] == "silero"
    assert contract["front_end"]["voice_probability"]["net_sha256"] == SILERO_SHA256


def test_without_its_net_the_front_end_does_not_open():
    with pytest.raises(ValueError, match="no net"):
        VoiceFrontEnd(BY_NET).open(info())


def test_frames_without_a_probability_are_refused_where_one_is_needed():
    frames, _ = VoiceFrontEnd().open(info())
    with pytest.raises(SourceError, match="voice_activity: energy"):
        VoiceFeatures(VoiceFeaturesSettings(front_end=BY_NET)).open(frames)


def test_frames_with_a_probability_serve_the_energy_gate_too(net):
    front, by_level, plain = VoiceFrontEnd(BY_NET, net), VoiceFeatures(), VoiceFeatures()
    by_level.open(front.open(info())[0])
    front_plain = VoiceFrontEnd()
    plain.open(front_plain.open(info())[0])
    by_level.push(front.push(block(vowels(3.0))))
    frames = front_plain.push(block(vowels(3.0)))
    assert not frames.values[:, VOICE_PROBABILITY].any()
    plain.push(frames)
    assert by_level.feature_at(START + 2.8).cues == plain.feature_at(START + 2.8).cues


def test_a_gap_closes_the_gate_and_no_spectrum_is_compared_across_it(net):
    voice = VoiceFeatures(VoiceFeaturesSettings(front_end=BY_NET))
    voice.open(VoiceFrontEnd(BY_NET, net).open(info())[0])
    rows = np.zeros((40, len(BY_NET.labels)), np.float32)
    rows[:, VOICE_PROBABILITY] = np.where(np.arange(40) < 20, 0.9, 0.4)  # neither speech nor none: as it was before
    rows[20:, :32] = -9.0
    for segments, voiced, change in (((0, 0), True, True), ((1, 2), False, False)):
        rows[:20, SEGMENT], rows[20:, SEGMENT] = segments
        first = voice.state.frames
        voice.push(TimedBlock("voice", 0, START + first + 0.01 * np.arange(40), rows))
        assert voice.state.ring_voiced[first : first + 20].all()
        assert (voice.state.ring_voiced[first + 20 : first + 40] == voiced).all()
        assert (voice.state.ring_contours[first + 20, CHANGE] > 1) == change


# ---- the gate


def voiced(probability: list[float], gate: SpeechGate | None = None) -> list[bool]:
    return (gate or SpeechGate()).step(new_gate_state(), np.array(probability)).tolist()


def test_speech_begins_at_once_and_ends_after_a_tenth_of_a_second_of_silence():
    assert voiced([0.49] * 5 + [0.5] * 5 + [0.34] * 20) == [False] * 5 + [True] * 15 + [False] * 10


def test_between_the_thresholds_it_stays_as_it_was():
    assert voiced([0.49] * 30) == [False] * 30
    assert voiced([0.6, *[0.36] * 30]) == [True] * 31


def test_a_word_within_the_tenth_of_a_second_begins_it_anew():
    assert voiced([0.9, *[0.1] * 9, 0.5, *[0.1] * 10, 0.1]) == [True] * 21 + [False]


def test_only_a_low_probability_ends_speech_but_the_time_runs_from_the_first_low_one():
    assert voiced([0.9, 0.1, *[0.4] * 15, 0.1, 0.4]) == [True] * 17 + [False] * 2


def test_after_a_gap_nobody_speaks():
    state, gate = new_gate_state(), SpeechGate()
    assert gate.step(state, np.array([0.9])).all()
    restart_gate(state)
    assert dataclasses.astuple(state) == (False, 0)
    assert not gate.step(state, np.array([0.4])).any()


@settings(max_examples=50, deadline=None)
@given(
    probability=st.lists(st.floats(0, 1), min_size=1, max_size=100),
    cuts=st.lists(st.integers(0, 100), max_size=8),
    silence_s=st.sampled_from([0.0, 0.03, 0.1]),
)
def test_any_chunking_of_the_gate_gives_the_same(probability, cuts, silence_s):
    gate, state = SpeechGate(SpeechGateSettings(silence_s=silence_s)), new_gate_state()
    parts = [gate.step(state, part) for part in np.split(np.array(probability), sorted(cuts))]
    assert np.concatenate(parts).tolist() == voiced(probability, gate)


@pytest.mark.parametrize("bad", [{"onset": 0.3}, {"offset": 0.0}, {"onset": 1.0}, {"silence_s": 0.5}])
def test_settings_of_the_gate_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match="|".join(bad)):
        SpeechGateSettings(**bad)
