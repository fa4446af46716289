"""The simulated participant over real LSL: one process sends, another receives."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamsense.errors import ConfigError
from streamsense.sources.lsl_configuration import configuration_text
from streamsense.sources.simulator import SCRIPTS, eeg
from streamsense.sources.simulator.outlets import run
from streamsense.ticks import tick_time

ROOT = Path(__file__).parents[2]
SESSION = f"streamsense-test-simulator-{os.getpid()}"
SECONDS = 4.5


def start_simulator(*options: str) -> subprocess.Popen[str]:
    simulator = subprocess.Popen(
        [sys.executable, "-m", "streamsense.sources.simulator", "--session-id", SESSION, *options],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert simulator.stdout is not None
    assert simulator.stdout.readline().startswith("sending ")
    return simulator


@pytest.fixture(scope="module")
def received() -> Iterator[dict[str, dict[str, Any]]]:
    pytest.importorskip("skimage")
    simulator = start_simulator("--script", "brisk")
    try:
        receiver = subprocess.run(
            [sys.executable, "-m", "tests.helpers.lsl_receiver", SESSION, "5", str(SECONDS)],
            cwd=ROOT, text=True, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert receiver.returncode == 0, receiver.stderr
        yield json.loads(receiver.stdout)
    finally:
        simulator.send_signal(signal.SIGTERM)
        _, complaints = simulator.communicate(timeout=10)
    assert simulator.returncode == 0
    assert complaints == ""


def test_the_streams_say_what_they_are(received: dict[str, dict[str, Any]]) -> None:
    assert {name: (got["type"], got["rate"]) for name, got in received.items()} == {
        "SimEEG": ("EEG", 250.0),
        "SimVoice": ("Audio", 16000.0),
        "SimCamera": ("VideoFrames", 0.0),
        "SimMarkers": ("Markers", 0.0),
        "SimTruth": ("Truth", 5.0),
    }
    assert received["SimEEG"]["channels"] == [[label, "microvolts"] for label in eeg.LABELS]
    truth = [label for label, _ in received["SimTruth"]["channels"]]
    assert truth == ["valence", "arousal", "dominance", "ambivalence"]
    assert (received["SimCamera"]["encoding"], received["SimCamera"]["fps"]) == ("jpeg-base64", "25")
    assert {got["source_id"] for got in received.values()} == {f"streamsense-simulator-{name}" for name in received}


@pytest.mark.parametrize(("name", "rate"), [("SimEEG", 250), ("SimVoice", 16000), ("SimCamera", 25), ("SimTruth", 5)])
def test_samples_come_at_their_rate_with_no_hole_and_never_from_the_future(
    received: dict[str, dict[str, Any]], name: str, rate: float
) -> None:
    stamps, arrived = np.array(received[name]["stamps"]), np.array(received[name]["received"])
    assert len(stamps) >= (SECONDS - 1) * rate
    # The camera drops a picture when the machine is busy, and nothing else may be missing.
    tolerance = 0.1 if name == "SimCamera" else 0.02
    assert (len(stamps) - 1) / (stamps[-1] - stamps[0]) == pytest.approx(rate, rel=tolerance)
    steps = np.diff(stamps) * rate
    whole = np.rint(steps) if name == "SimCamera" else 1.0
    np.testing.assert_allclose(steps, whole, rtol=0, atol=1e-3)
    delay = arrived - stamps
    assert delay.min() > -1e-9
    assert np.median(delay[len(delay) // 2 :]) < 0.1


def test_pictures_decode(received: dict[str, dict[str, Any]]) -> None:
    pictures = received["SimCamera"]["values"]
    for (text,) in (pictures[0], pictures[-1]):
        jpeg = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
        assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape == (480, 640, 3)
    assert pictures[0] != pictures[-1]


def test_markers_name_the_states_as_they_begin(received: dict[str, dict[str, Any]]) -> None:
    names = [name for (name,) in received["SimMarkers"]["values"]]
    assert len(names) >= 2
    order = [state.name for state in SCRIPTS["brisk"].states]
    first = order.index(names[0])
    assert names == [order[(first + step) % len(order)] for step in range(len(names))]
    lengths = [SCRIPTS["brisk"].states[order.index(name)].duration_s for name in names[:-1]]
    np.testing.assert_allclose(np.diff(received["SimMarkers"]["stamps"]), lengths, atol=1e-6)


def test_the_truth_is_on_the_grid_of_the_ticks(received: dict[str, dict[str, Any]]) -> None:
    stamps = received["SimTruth"]["stamps"]
    assert stamps == [tick_time(round(stamp * 5)) for stamp in stamps]
    values = np.array(received["SimTruth"]["values"])
    assert (np.abs(values) <= 1).all()


def test_only_some_streams_for_some_seconds() -> None:
    began = time.monotonic()
    simulator = start_simulator("--only", "eeg,markers", "--seconds", "0.5")
    _, complaints = simulator.communicate(timeout=10)
    assert (simulator.returncode, complaints) == (0, "")
    assert time.monotonic() - began < 8


def test_a_wrong_wish_is_refused_in_words() -> None:
    simulator = subprocess.run(
        [sys.executable, "-m", "streamsense.sources.simulator", "--only", "eeg,smell"],
        cwd=ROOT, text=True, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert simulator.returncode == 2
    assert "smell" in simulator.stderr
    assert "Traceback" not in simulator.stderr
    with pytest.raises(ConfigError, match="no script 'opera'"):
        run(script="opera")
    with pytest.raises(ConfigError, match="expected some of"):
        run(only=())


def test_lsl_settings_are_applied_once_and_other_ones_refused() -> None:
    program = (
        "from streamsense.sources.lsl_configuration import configure\n"
        "from streamsense.errors import ConfigError\n"
        "import pylsl\n"
        "configure('lab-7'); configure('lab-7')\n"
        "outlet = pylsl.StreamOutlet(pylsl.StreamInfo('x', 'y', 1, 0, 'float32', 'z'))\n"
        "assert outlet.get_info().session_id() == 'lab-7'\n"
        "try:\n    configure('lab-8')\n"
        "except ConfigError as error:\n    assert 'lab-7' in str(error) and 'lab-8' in str(error)\n"
        "else:\n    raise SystemExit('not refused')\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_lsl_settings_are_checked() -> None:
    text = configuration_text("lab-7", "link", ("10.0.0.2", "eeg-pc.local"), "allow")
    assert "ResolveScope = link" in text
    assert "KnownPeers = {10.0.0.2, eeg-pc.local}" in text
    for wrong in (
        {"scope": "world"}, {"ipv6": "no"}, {"known_peers": ("a}\n[log]",)}, {"known_peers": ("",)},
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="expected"):
            configuration_text(None, **wrong)  # type: ignore[arg-type]
    for session_id in ("", "a b", "a\nSessionID = b", "x" * 200):
        with pytest.raises(ConfigError, match="session id"):
            configuration_text(session_id)
