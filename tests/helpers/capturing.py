"""A microphone that is captured in a process of its own (`capture_microphone`), from its first block on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.helpers.sound_server import DEVICE, SoundServer

ROOT = Path(__file__).parents[2]


@dataclass
class Capture:
    """The process, and the file that it writes in the end."""

    process: subprocess.Popen[str]
    output: Path

    def next_events(self, count: int) -> list[str]:
        """The names of the next events that are of another kind than the one before."""
        assert self.process.stdout is not None
        return [self.process.stdout.readline().strip() for _ in range(count)]

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def finish(self) -> np.lib.npyio.NpzFile:
        """All that it captured; no event came that was not read."""
        rest, errors = self.process.communicate("enough\n", timeout=30)
        assert self.process.returncode == 0, errors
        assert rest == ""
        return np.load(self.output)


@contextmanager
def capturing(server: SoundServer, output: Path, rate_hz: int = 0) -> Iterator[Capture]:
    """Sound at `rate_hz`, or at the device's own rate, for a minute at most; the first block has come."""
    command = [sys.executable, "-m", "tests.helpers.capture_microphone", DEVICE, str(rate_hz), "60", str(output)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=server.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        capture = Capture(process, output)
        assert capture.next_events(2) == ["StreamOpened", "Block"]
        yield capture
