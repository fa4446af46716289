"""One live session for all that befalls its streams: an amplifier that obeys, and a sound stream that never sends."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.lsl_processes import Told
from tests.helpers.watched_session import Line, Watched, assert_unbroken, watched

LABELS = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2"]
RATE_HZ = 250.0


@contextmanager
def amplifiers(session_id: str) -> Iterator[Told]:
    process = Told("faulty_amplifier", session_id)
    try:
        yield process
    finally:
        process.kill()


def new_session_id() -> str:
    return f"streamsense-test-faults-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def configuration(session_id: str, **sections: object) -> dict[str, object]:
    return {"lsl": {"session_id": session_id}, "output": {"lsl": False}, **sections}


@dataclass
class Bench:
    """The session with its amplifier, which may be switched off and on again."""

    session_id: str
    session: Watched
    _stack: ExitStack = field(default_factory=ExitStack)
    sender: Told = None  # type: ignore[assignment]

    def switch_on(self, **more: object) -> None:
        """An amplifier in a process of its own."""
        self.sender = self._stack.enter_context(amplifiers(self.session_id))
        self.ask(do="open", **{"source_id": "amp-1", "labels": LABELS, "rate": RATE_HZ} | more)

    def switch_off(self) -> None:
        """Kill its process."""
        self._stack.close()

    def ask(self, **what: object) -> None:
        self.sender.ask(name="amplifier", **what)

    def suffer(self, seconds: float, **faults: object) -> tuple[list[Line], list[Line]]:
        """The scores and notices of so many seconds with these faults; they stay."""
        since = len(self.session.lines)
        self.ask(do="set", **faults)
        self.session.run_on(seconds)
        return self.session.scores(since), self.session.notices(since=since)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """EEG from an amplifier whose inlet holds one second; sound from a stream that never sends a sample.

    In the end every tick must have had its score, all finite, and the session must end well.
    """
    session_id = new_session_id()
    content = configuration(
        session_id,
        eeg={"source": {"name": "amplifier", "buffer_s": 1}},
        voice={"source": {"kind": "lsl", "name": "silent", "required": False}},
    )
    with amplifiers(session_id) as silent:
        silent.ask(
            do="open", name="silent", type="Audio", source_id="silent", labels=["mono"], rate=16_000.0, frozen=True
        )
        with ExitStack() as stack:
            made = Bench(session_id, None)  # type: ignore[arg-type]
            stack.callback(made.switch_off)
            made.switch_on()
            made.session = stack.enter_context(watched(folder, content))
            made.session.wait_for_notice("stream_frozen")
            made.session.wait_for_presence("eeg")
            yield made
            started = time.monotonic()
            assert made.session.finish() == 0, made.session.errors
            assert time.monotonic() - started < 5.0
            assert made.session.errors == ""
            assert_unbroken(made.session.scores())
