"""With a profile, what a feature says depends on the last half minute only: not on when listening began."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from streamsense.features.band_entropy import BAND_NAMES, BandEntropy, BandEntropySettings
from streamsense.features.face_features import FaceFeatures
from streamsense.features.operator import FeatureOperator
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_frames import VoiceFrontEndSettings
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.features.voice_priors import PRIOR_MEAN, PRIOR_SD
from streamsense.models.silero import SileroNet
from streamsense.streams import Block, Feature, OffsetProbe, StreamInfo, TimedBlock
from streamsense.ticks import tick_at_or_before, tick_time
from streamsense.timeline.timeline import STRETCH_S, Timeline, stretch_starts
from tests.helpers import sessions

SETTLED_S = 30.0
START = sessions.START + 3.000_123  # no sample lies on a tick


def blocks(times: np.ndarray, values: np.ndarray, edges: list[int], segment: int = 0) -> Iterator[TimedBlock]:
    """The samples cut at `edges`, as a timeline gives them."""
    stretches = np.floor(times / STRETCH_S)
    reached = stretches[edges[0]]
    for a, b in itertools.pairwise(edges):
        anchors, reached = stretch_starts(stretches[a:b], reached)
        yield TimedBlock("key", segment, times[a:b], values[a:b], (), anchors)


def assert_agree(early: FeatureOperator, late: FeatureOperator, first: float, last: float) -> None:
    ticks = range(tick_at_or_before(first) + 1, tick_at_or_before(last))
    assert len(ticks) > 20
    for tick in ticks:
        a, b = early.feature_at(tick_time(tick)), late.feature_at(tick_time(tick))
        for name, found in numbers(a).items():
            np.testing.assert_allclose(found, numbers(b)[name], rtol=0, atol=1e-5, err_msg=f"{name} at tick {tick}")
        assert a.reasons == b.reasons


def numbers(feature: Feature) -> dict[str, object]:
    whole = {"validity": feature.validity, "quality": feature.quality, "last_time": feature.last_time}
    return {**feature.inputs, **feature.cues, **whole}


@settings(max_examples=25, deadline=None)
@given(
    offset=st.floats(-1000, 1000),
    later=st.integers(0, 400),
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=8),
)
def test_anchors_are_the_same_samples_whatever_the_start_the_cutting_and_the_clocks(
    offset: float, later: int, sizes: list[int]
) -> None:
    stamps = 987.65 + np.arange(1200) / 50 + np.random.default_rng(3).normal(0, 0.002, 1200)

    def anchors(start: int, sizes: list[int], offset_s: float) -> set[int]:
        timeline = Timeline(dataclasses.replace(voice_info(50.0), same_clock=False))
        timeline.probe(OffsetProbe("voice", 0.0, offset_s, 0.001))
        found, lengths = set(), itertools.cycle(sizes)
        while start < len(stamps):
            part = stamps[start : start + next(lengths)]
            values = (start + np.arange(len(part)))[:, None]
            for block in timeline.push(Block("voice", start, part.copy(), values, float(part[-1]) + offset_s))[0]:
                found |= {int(block.values[index, 0]) for index in block.anchors}
            start += len(part)
        return found

    whole = anchors(0, [1200], 0.0)
    assert len(whole) == 3
    assert all(stamps[index] // STRETCH_S > stamps[:index].max() // STRETCH_S for index in whole)
    assert anchors(later, sizes, offset) == {index for index in whole if index > later}


# ---- EEG


@settings(max_examples=6, deadline=None)
@given(later_s=st.floats(0.1, 15.0), seed=st.integers(0, 1000), reference=st.sampled_from(["average", "none"]))
def test_eeg(later_s: float, seed: int, reference: str) -> None:
    seconds = later_s + SETTLED_S + 6.0
    track = sessions.eeg(seconds, seed)
    values = track.values + 4000
    values[: int(0.3 * len(values)), 3] += 3000 * np.random.default_rng(seed).normal(size=int(0.3 * len(values))) ** 9
    operators = [BandEntropy(BandEntropySettings(reference=reference)) for _ in range(2)]
    times = START + np.arange(len(values)) / sessions.EEG_RATE_HZ
    for operator, start in zip(operators, (0, int(later_s * sessions.EEG_RATE_HZ)), strict=True):
        operator.use_profile(
            {"baseline": {"Cz": [2.0] * len(BAND_NAMES), "O1": [1.0] * len(BAND_NAMES)}, "weight": 0.7}
        )
        operator.open(track.info)
        for block in blocks(times, values, [start, len(values)]):
            operator.push(block)
    assert_agree(*operators, START + later_s + SETTLED_S, times[-1])


# ---- face


@settings(max_examples=6, deadline=None)
@given(later_s=st.floats(0.1, 15.0), seed=st.integers(0, 1000))
def test_face(later_s: float, seed: int) -> None:
    seconds = later_s + SETTLED_S + 6.0
    track = sessions.face(seconds, seed)
    rng = np.random.default_rng(seed)
    values = track.values.copy()
    values[:, track.info.channel_labels.index("yaw_deg")] += 20 * np.sin(np.arange(len(values)) / 7)
    values[rng.random(len(values)) < 0.1, track.info.channel_labels.index("tracked")] = 0.0
    seen = FaceFeatures()
    seen.open(track.info)
    seen.push(TimedBlock("key", 0, START + np.arange(400) / 25, sessions.face(16.0, 5).values))
    operators = [FaceFeatures(), FaceFeatures()]
    times = START + np.arange(len(values)) / sessions.FACE_RATE_HZ
    for operator, start in zip(operators, (0, int(later_s * sessions.FACE_RATE_HZ)), strict=True):
        operator.use_profile(seen.learned())
        operator.open(track.info)
        for block in blocks(times, values, [start, len(values)]):
            operator.push(block)
    assert_agree(*operators, START + later_s + SETTLED_S, times[-1])


# ---- voice


def voice_info(rate_hz: float) -> StreamInfo:
    return StreamInfo("voice", "voice", "mic", "Audio", "", ("c",), ("",), rate_hz, "float32")


class Voice:
    """The front end and the features behind it, with a profile."""

    def __init__(self, rate_hz: float, net: SileroNet | None = None) -> None:
        front_end = VoiceFrontEndSettings(voice_activity="silero" if net else "energy")
        self.front = VoiceFrontEnd(front_end, net)
        self.features = VoiceFeatures(VoiceFeaturesSettings(front_end=front_end))
        usual = {"usual_pitch_and_loudness": [25.0, -10.0]}
        self.features.use_profile({"mean": list(PRIOR_MEAN[64]), "variance": [sd**2 for sd in PRIOR_SD[64]], **usual})
        self.features.open(self.front.open(voice_info(rate_hz))[0])
        self.feature_at: Callable[[float], Feature] = self.features.feature_at

    def push(self, times: np.ndarray, sound: np.ndarray, edges: list[int]) -> list[TimedBlock]:
        frames = [self.front.push(block) for block in blocks(times, sound, edges)]
        for part in frames:
            self.features.push(part)
        return frames


def talk(seconds: float, rate_hz: int, seed: int) -> np.ndarray:
    """Syllables in turns and pauses, over noise that comes and goes: (n, 1) float32."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.3 * t + seed)
    buzz = sum(np.sin(2 * np.pi * k * np.cumsum(pitch) / rate_hz + k) / k for k in range(1, 20))
    turn = np.repeat(rng.random(math.ceil(seconds / 0.7) + 1) < 0.6, round(0.7 * rate_hz))[: len(t)]
    noise = rng.normal(0, 1, len(t)) * 10 ** (rng.uniform(-4.5, -2.5) + np.sin(2 * np.pi * t / 23) / 2)
    return (0.1 * buzz * turn * (0.5 - 0.49 * np.cos(2 * np.pi * 4 * t)) + noise).astype(np.float32)[:, None]


def compare_voice(sound: np.ndarray, rate_hz: int, later_s: float, net: SileroNet | None = None) -> None:
    times = START + np.arange(len(sound)) / rate_hz
    operators = [Voice(rate_hz, net), Voice(rate_hz, net)]
    for operator, start in zip(operators, (0, int(later_s * rate_hz)), strict=True):
        operator.push(times, sound, [*range(start, len(sound), rate_hz // 2), len(sound)])
    assert_agree(*operators, START + later_s + SETTLED_S, times[-1])


@settings(max_examples=5, deadline=None)
@given(
    later_s=st.floats(0.1, 15.0),
    seed=st.integers(0, 1000),
    rate_hz=st.sampled_from([16_000, 44_100, 48_000]),
)
def test_voice(later_s: float, seed: int, rate_hz: int) -> None:
    compare_voice(talk(later_s + SETTLED_S + 6.0, rate_hz, seed), rate_hz, later_s)


@pytest.mark.real_data
@pytest.mark.parametrize("voice_activity", ["energy", "silero"])
def test_real_voices(data_folder, voice_activity: str) -> None:
    paths = sorted((data_folder / "emodb" / "wav").glob("*.wav"))[::16]
    sound = np.concatenate([wavfile.read(path)[1] for path in paths])[:, None]
    assert len(sound) > 40 * 22_050
    net = SileroNet() if voice_activity == "silero" else None
    compare_voice(sound, 22_050, len(sound) / 22_050 - SETTLED_S - 6.0, net)


@settings(max_examples=15, deadline=None)
@given(
    rate_hz=st.sampled_from([8000, 16_000, 22_050, 44_100, 48_000]),
    cuts=st.lists(st.floats(0, 1), max_size=12),
    begins=st.lists(st.floats(0, 1), max_size=4),
)
def test_any_chunking_gives_the_same_frames_across_anchors(
    rate_hz: int, cuts: list[float], begins: list[float]
) -> None:
    sound = talk(1.0, rate_hz, 1)
    times = START + np.arange(len(sound)) / rate_hz
    for begin in begins:  # a stretch may begin at any sample, and two at once
        times[int(begin * len(sound)) :] += STRETCH_S
    whole, parts = (Voice(rate_hz).push(times, sound, edges) for edges in (
        [0, len(sound)], [0, *sorted(round(cut * len(sound)) for cut in cuts), len(sound)]
    ))  # fmt: skip
    for column in ("times", "values"):
        joined = np.concatenate([getattr(part, column) for part in parts])
        assert joined.tobytes() == getattr(whole[0], column).tobytes()
    newest = np.searchsorted(times, whole[0].times)
    steps_s = np.diff(newest) / rate_hz
    assert (steps_s > 0.0049).all()
    assert (steps_s < 0.0151).all()
    assert len(newest) == pytest.approx(98, abs=4)
