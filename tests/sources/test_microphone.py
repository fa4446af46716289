"""The microphone, captured for real: PortAudio from a sound server of our own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from streamsense.errors import AmbiguousStream, SourceError, StreamNotFound
from streamsense.sources.microphone import BlockStamps, InputDevice, MicrophoneSettings, find_device
from tests.helpers.capturing import capturing
from tests.helpers.sound_server import DEVICE, TONE_HZ, SoundServer, sound_served

ROOT = Path(__file__).parents[2]
CAPTURE = ROOT / "tests" / "helpers" / "capture_microphone.py"


def capture(server: SoundServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CAPTURE), *arguments]
    return subprocess.run(
        command, env=server.environment, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def sound_server() -> Iterator[SoundServer]:
    with sound_served() as server:
        time.sleep(2.5)
        yield server


@pytest.fixture
def own_sound_server() -> Iterator[SoundServer]:
    """For tests that stop it."""
    with sound_served() as server:
        yield server


RATES_HZ = (0, 16_000, 48_000)


@pytest.fixture(scope="module")
def captured(sound_server, tmp_path_factory) -> Iterator[dict[int, Future[Path]]]:
    """What was captured at each rate, all at the same time."""
    folder = tmp_path_factory.mktemp("captured")

    def captured_at(rate_hz: int) -> Path:
        done = capture(sound_server, DEVICE, str(rate_hz), "4", str(folder / f"{rate_hz}.npz"))
        assert done.returncode == 0, done.stderr
        return folder / f"{rate_hz}.npz"

    with ThreadPoolExecutor(len(RATES_HZ)) as pool:
        yield {rate_hz: pool.submit(captured_at, rate_hz) for rate_hz in RATES_HZ}


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_sound_arrives_whole_and_with_right_times(captured, rate_hz):
    got = np.load(captured[rate_hz].result())
    rate, stamps, sound = float(got["rate"]), got["stamps"], got["sound"]
    assert (str(got["name"]), str(got["dtype"])) == (DEVICE, "float32")
    assert rate == (rate_hz or 44_100)
    assert json.loads(str(got["events"])) == ["StreamOpened"]
    assert (np.diff(stamps) > 0).all()
    assert stamps[-1] - stamps[0] > 3
    assert np.array_equal(got["first_samples"], np.concatenate([[0], np.cumsum(got["lengths"])[:-1]]))
    # Every sample of the span came, and the stamps run at the rate of the sound.
    settled = stamps > stamps[0] + 0.5
    assert np.count_nonzero(settled) >= 0.98 * rate * (stamps[-1] - stamps[0] - 0.5)
    assert (np.count_nonzero(settled) - 1) / np.ptp(stamps[settled]) == pytest.approx(rate, rel=0.01)
    # No sample is stamped after it was received, and none long before.
    age = got["received"] - got["ends"]
    assert age.min() > -0.001
    assert np.median(age) < 0.15
    steady = sound[round(rate) :]
    spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady))))
    assert np.argmax(spectrum) * rate / len(steady) == pytest.approx(TONE_HZ, rel=0.002)
    assert np.median(np.abs(steady)) == pytest.approx(0.3 * np.sqrt(0.5), rel=0.03)
    assert float(got["stop_s"]) < 2


def test_a_microphone_that_goes_away_is_taken_up_again(own_sound_server, tmp_path):
    with capturing(own_sound_server, tmp_path / "out.npz", 48_000) as capture:
        own_sound_server.stop()
        assert capture.next_events(1) == ["StreamLost"]
        own_sound_server.start()
        assert capture.next_events(2) == ["StreamOpened", "Block"]
        time.sleep(0.5)
        got = capture.finish()
    assert json.loads(str(got["events"])) == ["StreamOpened", "StreamLost", "StreamOpened"]
    assert (np.diff(got["stamps"]) > 0).all()
    assert np.count_nonzero(got["first_samples"] == 0) == 2


def test_an_unknown_microphone_is_refused_with_a_list(sound_server, tmp_path):
    done = capture(sound_server, "Neumann", "0", "1", str(tmp_path / "out.npz"))
    assert done.returncode != 0
    assert "StreamNotFound" in done.stderr
    assert DEVICE in done.stderr


def test_a_device_that_cannot_be_opened_is_named(own_sound_server):
    program = (
        "from streamsense.sources.microphone import *; from streamsense.ticks import ManualClock\n"
        "load_portaudio(); print('loaded', flush=True); input()\n"
        f"MicrophoneSource('voice', MicrophoneSettings('{DEVICE}'), ManualClock(), print).start()"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, env=own_sound_server.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loaded\n"
        own_sound_server.stop()
        _, errors = process.communicate("\n", timeout=30)
    assert process.returncode == 1
    assert "streamsense.errors.SourceError: The microphone" in errors
    assert f"{DEVICE} (ALSA) cannot be opened at 44100 Hz" in errors


def test_missing_portaudio_names_the_package():
    # The loader is told that the system has no such library; all else is sounddevice's own behaviour.
    program = (
        "import ctypes.util; ctypes.util.find_library = lambda name: None\n"
        "from streamsense.errors import DependencyError\n"
        "from streamsense.sources.microphone import input_devices\n"
        "try:\n    input_devices()\nexcept DependencyError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "libportaudio2" in done.stdout


DEVICES = [
    InputDevice(0, "USB microphone", "ALSA", 48_000.0),
    InputDevice(3, "Webcam C920", "ALSA", 32_000.0),
    InputDevice(5, "Webcam C920", "JACK", 48_000.0),
]


def test_devices_are_found_by_name_number_or_default():
    assert find_device("USB microphone", DEVICES, -1).index == 0
    assert find_device("usb", DEVICES, -1).index == 0
    assert find_device("c920 (jack", DEVICES, -1).index == 5
    assert find_device(3, DEVICES, -1).index == 3
    assert find_device(None, DEVICES, 5).index == 5


def test_devices_that_are_missing_or_ambiguous_are_refused_with_the_list():
    with pytest.raises(AmbiguousStream, match=r"2 microphones(.|\n)*5: Webcam C920 \(JACK\)"):
        find_device("webcam", DEVICES, 0)
    with pytest.raises(AmbiguousStream):
        find_device("Webcam C920", DEVICES, 0)
    for wanted in ("Neumann", 1, None):
        with pytest.raises(StreamNotFound, match=r"0: USB microphone \(ALSA\)"):
            find_device(wanted, DEVICES, -1)
    with pytest.raises(SourceError, match="none"):
        find_device(None, [], -1)


def test_stamps_rise_under_jitter_and_an_error_is_not_carried_on():
    rng = np.random.default_rng(0)
    stamps_of, true_rate, count = BlockStamps(48_000), 48_005.0, 960
    starts = np.arange(3000) * count / true_rate
    measured = starts + rng.exponential(0.002, len(starts))
    measured[1000] += 0.05
    blocks = [stamps_of.of(start, count) for start in measured]
    assert (np.diff(np.concatenate(blocks)) > 0).all()
    ends = np.array([stamps[-1] for stamps in blocks])
    error = ends - (starts + (count - 1) / true_rate)
    assert np.abs(error[-500:]).max() < 0.03
    assert error[-1500:].mean() == pytest.approx(0.002, abs=0.002)


@pytest.mark.parametrize("bad", [{"rate_hz": 4000}, {"block_s": 0.0}, {"latency_s": 2.0}])
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        MicrophoneSettings(**bad)
