"""The ring of the voice's frames: written and read as numpy would."""

import contextlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.frame_statistics import mean_and_sd, slots_between
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.features.voice_ring import RingFrames, keep, new_ring, ring_slots
from streamsense.features.voice_window import window_inputs
from streamsense.streams import StreamInfo, TimedBlock


@settings(max_examples=100, deadline=None)
@given(frames=st.integers(0, 60), size=st.integers(1, 25), start=st.floats(-5, 70), length=st.floats(0, 40))
def test_slots_between_are_those_of_the_frames_in_the_window_in_order(frames, size, start, length):
    times = np.full(size, np.nan)
    for frame in range(frames):
        times[ring_slots(frame, 1, size)] = frame
    held = np.arange(max(0, frames - size), frames)
    expected = held[(held >= start) & (held < start + length)]
    assert times[slots_between(times, frames, start, start + length)].tolist() == expected.tolist()


@settings(max_examples=100, deadline=None)
@given(first=st.integers(0, 100), count=st.integers(0, 12), size=st.integers(12, 30))
def test_slots_of_frames_go_round(first, count, size):
    slots = np.arange(size)[ring_slots(first, count, size)]
    assert slots.tolist() == [(first + k) % size for k in range(count)]


def test_mean_and_spread_are_numpys_to_the_bit():
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 3, (300, 66)).astype(np.float32)
    for count in (1, 2, 7, 200):
        slots = np.sort(rng.choice(300, count, replace=False))
        mean, sd = mean_and_sd(rows, slots)
        assert mean.tobytes() == rows[slots].astype(np.float64).mean(axis=0).tobytes()
        assert sd.tobytes() == rows[slots].astype(np.float64).std(axis=0).tobytes()


@pytest.mark.parametrize(
    "spoiled", [{"received": 10**11}, {"newest": 10**12}, {"frame": 0}, {"anchor": 16_000 * 10**7}]
)
def test_a_front_end_whose_snapshot_was_spoiled_takes_no_memory_and_ends_with_an_error_at_worst(spoiled):
    front = VoiceFrontEnd()
    front.open(StreamInfo("voice", "voice", "mic", "Audio", "id", ("c",), ("",), 16_000.0, "float32"))
    sound = np.zeros((16_000, 1), np.float32)
    front.push(TimedBlock("voice", 0, np.arange(16_000) / 16_000, sound))
    assert front.state is not None
    for name, value in spoiled.items():
        setattr(front.state, name, value)
    tracemalloc.start()
    with contextlib.suppress(IndexError):
        front.push(TimedBlock("voice", 0, 1 + np.arange(16_000) / 16_000, sound))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def test_the_log_mel_frames_are_the_newest_voiced_ones_of_the_window_with_the_newest_last():
    rng, mels, size = np.random.default_rng(3), 64, 60
    state = new_ring(size, mels)
    for first in range(0, 90, 15):
        count = 15
        keep(
            state,
            RingFrames(
                np.arange(first, first + count) / 100, rng.normal(size=(count, mels + 2)),
                rng.normal(size=(count, mels)), rng.random(count) < 0.6, *np.zeros((3, count)), np.zeros((count, 7)),
            ),
        )  # fmt: skip
    for begin, frames in ((0.5, 40), (0.5, 25), (0.85, 40), (9.0, 40)):
        slots = slots_between(state.ring_times, state.frames, begin, 9.9)
        found = window_inputs(state, slots, frames, 0.0, 0.0)
        log_mel, mask = found["log_mel_frames"], found["log_mel_mask"]
        assert (log_mel.shape, mask.shape) == ((frames, mels), (frames,))
        newest = slots[::-1][:frames]
        expected = np.where(state.ring_voiced[newest, None], state.ring_normalised[newest, :mels], 0)[::-1]
        there = len(newest)
        np.testing.assert_array_equal(log_mel[frames - there :], expected)
        np.testing.assert_array_equal(mask[frames - there :], state.ring_voiced[newest][::-1])
        assert not log_mel[: frames - there].any()
        assert not mask[: frames - there].any()
