"""Faults of a microphone: samples lost, a process that stands still, a sound system that goes and comes back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import hilbert

from tests.helpers.capturing import capturing
from tests.helpers.sound_server import DEVICE, RATE_HZ, SoundServer, sound_served
from tests.helpers.watched_session import Watched, assert_unbroken, watched

LOWEST_HZ, HZ_PER_S = 300.0, 100.0
SLICE_S = 0.25
HELD_S, STOPPED_S = 1.0, 2.5
ATTEMPTS = 3
"""Beside other tests the sound server itself, which knows no priorities here, may stand still: then once more."""


def rising_tone(seconds: float = 60.0) -> np.ndarray:
    """Its pitch tells what time it is."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return 0.3 * np.sin(2 * np.pi * (LOWEST_HZ * t + HZ_PER_S / 2 * t**2))


@pytest.fixture(scope="module")
def sound_server() -> Iterator[SoundServer]:
    with sound_served(rising_tone()) as server:
        time.sleep(2.5)
        yield server


@pytest.fixture(scope="module")
def session(sound_server: SoundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    content = {"voice": {"source": {"kind": "microphone", "device": DEVICE}}, "output": {"lsl": False}}
    with watched(tmp_path_factory.mktemp("microphone"), content, **sound_server.environment) as session:
        session.wait_for_presence("voice")
        yield session
        assert session.finish() == 0, session.errors
        assert_unbroken(session.scores())


def errors_of_stamps(stamps: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """How wrong the stamps are, slice by slice, in seconds; the tone's own start is taken off."""
    errors = []
    for first in range(0, len(sound) - (count := round(SLICE_S * 44_100)) + 1, count):
        phase = np.unwrap(np.angle(hilbert(sound[first : first + count])))
        pitch_hz = np.polyfit(np.arange(count) / 44_100, phase, 1)[0] / (2 * np.pi)
        errors.append(float(stamps[first : first + count].mean()) - (pitch_hz - LOWEST_HZ) / HZ_PER_S)
    return np.array(errors) - np.median(errors)


def test_stamps_are_right_after_a_standstill(sound_server: SoundServer, tmp_path: Path) -> None:
    """Python's lock is held for 1 s, as a bad extension module does; then the whole process is stopped for 2.5 s."""
    apart_s: list[float] = []
    while len(apart_s) < ATTEMPTS and (not apart_s or apart_s[-1] >= 0.02):
        with capturing(sound_server, tmp_path / f"out{len(apart_s)}.npz") as capture:
            time.sleep(1.0)
            capture.tell(f"hold {HELD_S}")
            time.sleep(HELD_S + 1.0)
            capture.process.send_signal(signal.SIGSTOP)
            time.sleep(STOPPED_S)
            capture.process.send_signal(signal.SIGCONT)
            time.sleep(1.0)
            got = capture.finish()  # the device never fell silent
        assert (np.diff(got["stamps"]) > 0).all()
        assert (got["received"] - got["ends"]).min() > -0.001
        assert (got["received"] - got["ends"]).max() > STOPPED_S - 0.5, "the halt was there"
        settled = got["stamps"] > got["stamps"][0] + 0.3
        apart_s.append(float(np.abs(errors_of_stamps(got["stamps"][settled], got["sound"][settled])).max()))
    assert apart_s[-1] < 0.02, apart_s
    assert np.ptp(got["stamps"]) * 44_100 == pytest.approx(len(got["stamps"]), rel=0.02), "nothing is lost"


def test_lost_samples_are_told(session: Watched) -> None:
    for _ in range(ATTEMPTS):
        since = len(session.lines)
        session.tell("overflow")
        told = session.wait_for_notice("microphone_overflow", since)
        session.run_on(1.0)
        assert str(told["text"]).startswith("voice: the sound system lost samples, the computer is too busy (")
        assert {score["voice_presence"] for score in session.scores(since)} == {1.0}
        if not (gaps := session.notices("gap", since=since)):
            break
    assert gaps == []


def test_a_microphone_that_goes_away_comes_back(session: Watched, sound_server: SoundServer) -> None:
    since = len(session.lines)
    sound_server.stop()
    lost = session.wait_for_notice("modality_lost", since)
    assert session.wait_for_notice("stream_lost", since)["text"] == "voice: the device sends no more sound"
    sound_server.start()
    regained = session.wait_for_notice("modality_regained", since)
    session.run_on(1.0)
    assert lost["modality"] == regained["modality"] == "voice"
    between = [score for score in session.scores(since) if lost["time"] <= score["time"] < regained["time"]]
    assert {(score["voice_presence"], score["voice_weight"]) for score in between} == {(0.0, 0.0)}
