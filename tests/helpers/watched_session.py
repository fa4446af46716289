"""A live session in a process of its own, watched from outside: every score and notice comes as it happens.

python -m tests.helpers.watched_session CONFIG

It ends when its standard input does, with the exit code of the command line. A line `overflow` makes the sound system
tell of an overflow with the next block of sound: the one of the tests loses none until it has stood for half a minute.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.command_line import ROOT, environment, write_config

Line = dict[str, Any]
_INPUT_OVERFLOW = 0x2  # paInputOverflow in portaudio.h


class Watched:
    """The watching side: what the session has said so far, in order."""

    def __init__(self, config: Path, **more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.watched_session", str(config)],
            cwd=ROOT, env=environment(**more), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.lines: list[Line] = []
        self.errors = ""
        self._ended = False
        self._more = threading.Condition()
        self._readers = [threading.Thread(target=work, daemon=True) for work in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.lines.append(json.loads(line))
                self._more.notify_all()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self.errors = self._process.stderr.read()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def wait_for(self, there: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Wait until `there()` is true of what was said."""
        with self._more:
            met = self._more.wait_for(lambda: there() or self._ended, timeout_s) and there()
            if not met:
                ended = f"the session has ended: {self.errors}" if self._ended else f"not so within {timeout_s} s"
                raise TimeoutError(f"{ended}; {self.lines[-1:]}, notices: {self.notices()[-20:]}")

    def notices(self, *kinds: str, since: int = 0) -> list[Line]:
        """The notices of these kinds (of all kinds without any), from line `since` on."""
        return [line for line in self.lines[since:] if "kind" in line and (not kinds or line["kind"] in kinds)]

    def scores(self, since: int = 0) -> list[Line]:
        return [line for line in self.lines[since:] if "tick" in line]

    def wait_for_notice(self, kind: str, since: int = 0, timeout_s: float = 20.0) -> Line:
        self.wait_for(lambda: self.notices(kind, since=since), timeout_s)
        return self.notices(kind, since=since)[0]

    def wait_for_presence(self, modality: str, presence: float = 1.0, timeout_s: float = 30.0) -> None:
        """Wait until the newest score says so."""

        def there() -> bool:
            scores = self.scores()[-1:]
            return bool(scores) and scores[0][f"{modality}_presence"] == presence

        self.wait_for(there, timeout_s)

    def run_on(self, seconds: float) -> None:
        """Wait for as many ticks of scores as there are in `seconds`."""
        until = len(self.scores()) + round(5 * seconds)
        self.wait_for(lambda: len(self.scores()) >= until, seconds + 5)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def finish(self, timeout_s: float = 20.0) -> int:
        """End the session: its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(timeout_s)
        for reader in self._readers:
            reader.join()
        return code

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


@contextmanager
def watched(folder: Path, content: Mapping[str, object], **more: str) -> Iterator[Watched]:
    """A session that runs; `more` is added to its environment."""
    session = Watched(write_config(folder, "watched", content), **more)
    try:
        yield session
    finally:
        session.close()


def assert_unbroken(scores: list[Line]) -> None:
    """One finite score per tick, none left out, each at its own time."""
    ticks = [score["tick"] for score in scores]
    assert len(ticks) > 1
    assert (np.diff(ticks) == 1).all(), ticks
    assert_sound(scores)


def assert_sound(scores: list[Line]) -> None:
    """Ticks rise, stamps are exact, numbers are finite."""
    assert (np.diff([score["tick"] for score in scores]) >= 1).all()
    for score in scores:
        assert score["time"] == score["tick"] / 5.0
        assert all(np.isfinite(value) for value in score.values() if isinstance(value, float))


def main(config: str) -> None:
    from streamsense.config import load_config
    from streamsense.runtime.session import open_session
    from streamsense.score import SCORE_LABELS, Notice, Score
    from streamsense.sources.lsl_streams import LslClock

    clock = LslClock()

    class Printer:
        def write_score(self, score: Score, compute_s: float) -> None:
            values = dict(zip(SCORE_LABELS, score.values.tolist(), strict=True))
            plan = score.plan
            states = {stream.modality: stream.state for stream in plan.streams}
            times = {"time": score.time, "decided": plan.now, "received": clock.now(), "time_of_day": time.time()}
            print(json.dumps({**values, **times, "tick": score.tick, "reason": plan.reason, "states": states}))
            sys.stdout.flush()

        def write_notice(self, notice: Notice) -> None:
            said = {"kind": notice.kind, "time": notice.time, "text": notice.text, "received": clock.now()}
            print(json.dumps({**said, **notice.details}), flush=True)

        def close(self) -> None:
            pass

    overflow = threading.Event()
    _tell_of_overflow(overflow)
    session = open_session(load_config(Path(config)), [Printer()])
    try:
        session.start()
        threading.Thread(target=_obey, args=(overflow, done := threading.Event()), daemon=True).start()
        while not done.wait(0.05):
            session.check()
    finally:
        session.stop()


def _tell_of_overflow(overflow: threading.Event) -> None:
    """PortAudio calls this in place of our callback, which gets the flag of an overflow when it is wanted."""
    from streamsense.sources.microphone import MicrophoneSource

    capture = MicrophoneSource._capture

    def flagged(self: MicrophoneSource, sound: Any, frames: int, times: Any, status: Any) -> None:
        if overflow.is_set():
            overflow.clear()
            status = type(status)(_INPUT_OVERFLOW)
        capture(self, sound, frames, times, status)

    MicrophoneSource._capture = flagged  # type: ignore[method-assign]


def _obey(overflow: threading.Event, done: threading.Event) -> None:
    for line in sys.stdin:
        if line == "overflow\n":
            overflow.set()
    done.set()


if __name__ == "__main__":
    from streamsense.errors import StreamsenseError

    try:
        main(sys.argv[1])
    except StreamsenseError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
