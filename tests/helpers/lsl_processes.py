"""Processes that send and receive over LSL, from the side of the test that tells them what to do.

liblsl reads its settings once in a process, so nothing of LSL happens in the test's own.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Report = dict[str, Any]


class Told:
    """A helper process that takes JSON lines and prints JSON lines."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.helpers.{module}", *arguments],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.reports: list[Report] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.reports.append(json.loads(line))
                self._more.notify_all()

    def tell(self, **what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def wait_for(self, there: Callable[[list[Report]], bool], timeout_s: float = 15.0) -> list[Report]:
        """The reports, as soon as `there` is true of them."""
        with self._more:
            if not self._more.wait_for(lambda: there(self.reports), timeout_s):
                seen = [{name: str(value)[:200] for name, value in report.items()} for report in self.reports[-12:]]
                raise TimeoutError(f"not reported within {timeout_s} s; the last reports: {seen}")
            return list(self.reports)

    def ask(self, **what: Any) -> Report:
        """Tell it something that it answers with exactly one report."""
        before = len(self.reports)
        self.tell(**what)
        return self.wait_for(lambda reports: len(reports) > before)[before]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._close()

    def finish(self) -> list[Report]:
        """End its input, let it stop by itself: what it reported meanwhile."""
        before = len(self.reports)
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(timeout=20)
        self._reader.join()
        self._close()
        assert code == 0
        return self.reports[before:]

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def outlets(session_id: str) -> Iterator[Told]:
    """A sending process; it is killed at the end, which every receiver must survive."""
    sender = Told("lsl_outlets", session_id)
    try:
        yield sender
    finally:
        sender.kill()


def counted(start: int, count: int, channels: int = 1) -> list[list[int]]:
    """Samples that count: every value in the session is another."""
    return [[(start + row) * channels + column for column in range(channels)] for row in range(count)]


def stamps_from(start: float, count: int, rate_hz: float = 100.0) -> list[float]:
    return [start + row / rate_hz for row in range(count)]


def wait_until(there: Callable[[], bool], timeout_s: float = 10.0) -> None:
    until = time.monotonic() + timeout_s
    while not there():
        if time.monotonic() > until:
            raise TimeoutError(f"not so within {timeout_s} s")
        time.sleep(0.02)
