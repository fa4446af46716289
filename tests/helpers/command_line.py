"""The `streamsense` command as a user starts it, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "streamsense"]


def environment(**more: str) -> dict[str, str]:
    """This process's, with the checkout to import from; `PYTHONPATH` in `more` comes before it."""
    paths = [more.pop("PYTHONPATH", ""), str(ROOT)]
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(*arguments: object, folder: Path, timeout_s: float = 60.0, **more: str) -> Done:
    """Run the command to its end in `folder`."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def run_together(
    commands: Sequence[Sequence[object]], folder: Path, timeout_s: float = 60.0, **more: str
) -> list[Done]:
    """Run commands to their end in `folder`, one after the other in one process: started and imported only once."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.many_commands"],
        input="".join(json.dumps(list(map(str, arguments))) + "\n" for arguments in commands),
        cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Done(**json.loads(line)) for line in done.stdout.splitlines()]


def write_config(folder: Path, name: str, content: Mapping[str, object]) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(dict(content)))
    return file


class Running:
    """A command that runs until it is stopped; its output is read meanwhile."""

    def __init__(self, *arguments: object, folder: Path) -> None:
        pipe, unbuffered = subprocess.PIPE, environment(PYTHONUNBUFFERED="1")
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], cwd=folder, env=unbuffered, stdout=pipe, stderr=pipe, text=True
        )
        self._lines: list[str] = []
        self._errors: list[str] = []
        self._more = threading.Condition()
        streams = ((self.process.stdout, self._lines), (self.process.stderr, self._errors))
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in streams]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Iterator[str], lines: list[str]) -> None:
        for line in stream:
            with self._more:
                lines.append(line)
                self._more.notify_all()

    def wait_for(self, part: str, count: int = 1, timeout_s: float = 40.0) -> None:
        """Wait until so many lines of standard output have `part` in them."""

        def there() -> bool:
            return sum(part in line for line in self._lines) >= count

        with self._more:
            assert self._more.wait_for(there, timeout_s), (self._lines, self._errors)

    def stop(self, number: signal.Signals) -> tuple[Done, float]:
        """Send a signal: how the command ended, and after how many seconds."""
        started = time.monotonic()
        self.process.send_signal(number)
        return self.wait(), time.monotonic() - started

    def wait(self, timeout_s: float = 60.0) -> Done:
        code = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join()
        return Done(code, "".join(self._lines), "".join(self._errors))

    def close(self) -> None:
        self.process.kill()
        self.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def running(*arguments: object, folder: Path) -> Iterator[Running]:
    command = Running(*arguments, folder=folder)
    try:
        yield command
    finally:
        command.close()


@contextmanager
def simulator(session_id: str, *streams: str) -> Iterator[None]:
    """The simulated participant's `streams` on the network, from a process of its own."""
    command = [sys.executable, "-m", "streamsense.sources.simulator", "--only", ",".join(streams)]
    with subprocess.Popen(
        [*command, "--session-id", session_id, "--seconds", "150"], env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("sending ")
            yield
        finally:
            process.terminate()
