"""The lengths of pauses: the same whatever microseconds the frames' times are apart from the grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.contours import CHANGE, CONTOURS, SEMITONES
from streamsense.features.hesitation_sounds import hesitation_sounds
from streamsense.features.speech_timing import speech_timing

FRAMES = 900


@pytest.mark.parametrize(("silent_frames", "pause", "long"), [(23, 0, 0), (24, 1, 0), (98, 1, 0), (99, 1, 1)])
@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_silence_just_as_long_as_a_pause_is_one_at_any_clock(silent_frames, pause, long, seed):
    voiced = np.ones(FRAMES, np.bool_)
    voiced[600 : 600 + silent_frames] = False
    times = 1000.0 + 0.01 * np.arange(FRAMES) + np.random.default_rng(seed).uniform(-4e-6, 4e-6, FRAMES)
    contours, above_noise_db = np.zeros((FRAMES, CONTOURS), np.float32), np.full(FRAMES, 20, np.float32)
    cues = speech_timing(times, voiced, contours, above_noise_db, 1009.005, hold_frames=0)
    assert cues["pause_fraction"] == pytest.approx(pause * (silent_frames + 1) / 600, abs=2e-3)
    assert cues["long_pause"] == long


@pytest.mark.parametrize(("hole_frames", "whole"), [(5, True), (6, False)])
@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_hole_just_as_long_as_is_overlooked_is_overlooked_at_any_clock(hole_frames, whole, seed):
    voiced = np.ones(FRAMES, np.bool_)
    voiced[600:650] = False
    times = 1000.0 + 0.01 * np.arange(FRAMES) + np.random.default_rng(seed).uniform(-4e-6, 4e-6, FRAMES)
    times[620:] += 0.01 * hole_frames
    contours, above_noise_db = np.zeros((FRAMES, CONTOURS), np.float32), np.full(FRAMES, 20, np.float32)
    cues = speech_timing(times, voiced, contours, above_noise_db, 1009.065, hold_frames=0)
    assert (cues["pause_fraction"] > 0) is whole


@pytest.mark.parametrize(("step_frames", "evidence"), [(5, 1.0), (6, 0.0)])
@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_so_is_one_in_a_filled_pause(step_frames, evidence, seed):
    """A drawled vowel of 0.3 s in the middle of which frames are missing; each half alone is too short."""
    times = 1000.0 + 0.01 * np.arange(FRAMES) + np.random.default_rng(seed).uniform(-4e-6, 4e-6, FRAMES)
    times[815:] += 0.01 * (step_frames - 1)
    contours = np.zeros((FRAMES, CONTOURS), np.float32)
    contours[:, CHANGE] = 20.0
    contours[795:825, SEMITONES] = 24.0
    contours[795:825, CHANGE] = np.where(np.arange(795, 825) < 805, 20.0, 0.0)
    spoken, above_noise_db = np.ones(FRAMES, np.bool_), np.full(FRAMES, 20, np.float32)
    filled, _ = hesitation_sounds(times, contours, spoken, above_noise_db, 1003.0)
    assert (filled > 0.3) == (evidence > 0.3)
