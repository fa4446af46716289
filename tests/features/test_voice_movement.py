"""How a voice moves within a window, against the same numbers computed plainly with numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.contours import (
    CHANGE,
    CONTOURS,
    LOUDNESS,
    PERIODICITY,
    SEMITONES,
    USUAL_LOUDNESS,
    USUAL_SEMITONES,
)
from streamsense.features.voice_movement import MOVEMENT, voice_movement

HOP_S = 0.01


def window(seed: int, count: int):
    """Times, contours, tilt and voicing of a made-up window: stretches of voice and of pitch, with octave errors."""
    rng = np.random.default_rng(seed)
    contours = np.zeros((count, CONTOURS), np.float32)
    has_pitch = np.repeat(rng.random(count // 9 + 1) < 0.6, 9)[:count]
    pitch = 30 + np.cumsum(rng.normal(0, 0.4, count)) + 12 * (rng.random(count) < 0.05)
    contours[:, SEMITONES] = np.where(has_pitch, pitch, 0.0)
    contours[:, PERIODICITY] = rng.random(count)
    contours[:, LOUDNESS] = -40 + np.cumsum(rng.normal(0, 1, count))
    contours[:, CHANGE] = rng.gamma(2, 1, count)
    contours[:, USUAL_SEMITONES], contours[:, USUAL_LOUDNESS] = 29.5, -38.0
    voiced = np.repeat(rng.random(count // 7 + 1) < 0.8, 7)[:count]
    return HOP_S * np.arange(count), contours, rng.normal(0, 1, count).astype(np.float32), voiced


def plainly(times, contours, tilt, voiced) -> dict[str, float]:
    """The numbers that are there, by name."""
    contours, tilt = contours.astype(np.float64), tilt.astype(np.float64)
    has = voiced & (contours[:, SEMITONES] > 0)
    in_order = np.sort(contours[has, SEMITONES])
    pitched = has & (np.abs(contours[:, SEMITONES] - in_order[len(in_order) // 2]) <= 9)
    pitch, loudness = contours[:, SEMITONES] - 29.5, contours[:, LOUDNESS] + 38.0
    found = {}
    for name, values, shares in (
        ("pitch_p{:02d}_st", pitch[pitched], (5, 20, 50, 80, 95)),
        ("loudness_p{:02d}_db", loudness[voiced], (20, 50, 80, 95)),
    ):
        for share in shares:
            found[name.format(share)] = np.sort(values)[int(share / 100 * (len(values) - 1))]
    for name, values in (
        ("tilt_pitched", tilt[pitched]),
        ("periodicity_voiced", contours[voiced, PERIODICITY]),
    ):
        found[name], found[f"{name}_sd"] = values.mean(), values.std()
    for name, rows in (("change", voiced), ("change_pitched", pitched)):
        found[f"{name}_db"], found[f"{name}_sd_db"] = contours[rows, CHANGE].mean(), contours[rows, CHANGE].std()
    for name, values, rows, unit in (("pitch", pitch, pitched, "st"), ("loudness", loudness, voiced, "db")):
        for frames in (2, 6, 12):
            steps = (values[frames:] - values[:-frames])[rows[frames:] & rows[:-frames]]
            found[f"{name}_step_{10 * frames}ms_{unit}"] = np.sqrt((steps**2).mean()) if len(steps) else 0.0
            if frames == 6:
                found[f"{name}_rise_{unit}"] = np.maximum(steps, 0).mean() if len(steps) else 0.0
                found[f"{name}_fall_{unit}"] = np.maximum(-steps, 0).mean() if len(steps) else 0.0
    starts = int(pitched[0]) + int((pitched[1:] & ~pitched[:-1]).sum())
    found["pitch_stretches_hz"] = starts / max(0.2, voiced.sum() * HOP_S)
    found["pitch_stretch_s"] = pitched.sum() * HOP_S / starts
    found["pitched_of_voiced"] = pitched.sum() / voiced.sum()
    place, count = np.cumsum(voiced) - 1, voiced.sum()
    thirds = {"begin": voiced & (3 * place < count), "end": voiced & (3 * (place + 1) > 2 * count)}
    for name, third in thirds.items():
        found[f"pitch_{name}_st"] = pitch[third & pitched].mean() if (third & pitched).any() else 0.0
        found[f"loudness_{name}_db"] = loudness[third].mean() - loudness[voiced].mean()
    return found


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(30, 210))
def test_the_numbers_are_those_of_a_plain_computation(seed, count):
    frames = window(seed, count)
    if not (frames[3] & (frames[1][:, SEMITONES] > 0)).any():
        return
    expected = plainly(*frames)
    assert set(expected) == set(MOVEMENT)
    found = dict(zip(MOVEMENT, voice_movement(*frames), strict=True))
    assert found == pytest.approx(expected, abs=1e-5)


def test_without_voice_or_pitch_the_numbers_are_zero():
    times, contours, tilt, voiced = window(1, 100)
    assert not voice_movement(times, contours, tilt, np.zeros(100, bool)).any()
    assert not voice_movement(times[:0], contours[:0], tilt[:0], voiced[:0]).any()
    contours[:, SEMITONES] = 0.0
    found = dict(zip(MOVEMENT, voice_movement(times, contours, tilt, voiced), strict=True))
    assert not any(value for name, value in found.items() if name.startswith(("pitch", "tilt", "change_pitched")))
    assert found["loudness_step_60ms_db"] > 0
    contours[:, USUAL_LOUDNESS] = 0.0
    found = dict(zip(MOVEMENT, voice_movement(times, contours, tilt, voiced), strict=True))
    assert not any(value for name, value in found.items() if name.startswith("loudness")), "the usual one is unknown"


def test_nothing_is_compared_across_a_hole_in_the_data():
    times, contours, tilt, voiced = window(2, 80)
    contours[:, LOUDNESS] = np.repeat([-50.0, -20.0], 40)
    voiced[:] = True
    steps = [list(MOVEMENT).index(f"loudness_step_{length}ms_db") for length in (20, 60, 120)]
    assert (voice_movement(times, contours, tilt, voiced)[steps] > 1).all()
    times[40:] += 0.5
    assert not voice_movement(times, contours, tilt, voiced)[steps].any()
