"""A PulseAudio of our own with one null sink, whose monitor is a microphone for PortAudio over ALSA's pulse plugin.

Debian: libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins. Without them the tests that ask for it skip,
unless STREAMSENSE_REQUIRE_AUDIO is 1.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DEVICE = "streamsense_test"
RATE_HZ = 48_000
TONE_HZ = 440.0


def tone(seconds: float = 60.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * TONE_HZ * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


class SoundServer:
    """It lives in a folder of its own and plays `sound` (n,), full scale 1, at 48 kHz."""

    def __init__(self, folder: Path, sound: np.ndarray) -> None:
        self.folder = folder
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("PULSE_", "DBUS_"))}
        self.environment = {
            **plain, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PULSE_LATENCY_MSEC": "20",
            "PULSE_SERVER": f"unix:{folder}/pulse/native", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self._server: subprocess.Popen[bytes] | None = None
        self._player: subprocess.Popen[bytes] | None = None
        (folder / ".asoundrc").write_text(
            f'pcm.{DEVICE} {{ type pulse device "{DEVICE}.monitor" hint {{ show on description "{DEVICE}" }} }}\n'
        )
        (folder / "pulse.conf").write_text(
            f"load-module module-null-sink sink_name={DEVICE} rate={RATE_HZ} channels=1\n"
            "load-module module-native-protocol-unix\n"
        )
        (folder / "sound.raw").write_bytes((32767 * sound).astype("<i2").tobytes())

    def start(self) -> None:
        command = ["pulseaudio", "-n", "-F", str(self.folder / "pulse.conf"), "--daemonize=no", "--exit-idle-time=-1"]
        self._server = self._popen([*command, "--disable-shm=yes", "--use-pid-file=no"])
        until = time.monotonic() + 20
        while subprocess.run(["pactl", "info"], env=self.environment, capture_output=True).returncode:
            assert time.monotonic() < until, "PulseAudio did not start"
            time.sleep(0.1)
        # A player makes the null sink work at a short period; it begins with one of two seconds.
        player = ["pacat", "--raw", f"--rate={RATE_HZ}", "--channels=1", "--format=s16le", "--latency-msec=20"]
        self._player = self._popen([*player, f"--device={DEVICE}", str(self.folder / "sound.raw")])

    def stop(self) -> None:
        for process in (self._player, self._server):
            if process is not None:
                process.terminate()
                process.wait(10)
        self._player = self._server = None

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, env=self.environment, stdin=quiet, stdout=quiet, stderr=quiet)


@contextmanager
def sound_served(sound: np.ndarray | None = None) -> Iterator[SoundServer]:
    """A running sound server; the test skips where that cannot be."""
    missing = [name for name in ("pulseaudio", "pactl", "pacat") if shutil.which(name) is None]
    if ctypes.util.find_library("portaudio") is None:
        missing.append("libportaudio2")
    if missing:
        reason = f"no virtual microphone: {', '.join(missing)} not installed"
        if os.environ.get("STREAMSENSE_REQUIRE_AUDIO") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    # A short path: that of the server's socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="mic", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o700)
        server = SoundServer(Path(folder), tone() if sound is None else sound)
        try:
            server.start()
            yield server
        finally:
            server.stop()
