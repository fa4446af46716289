"""A slow or broken sink in its thread: the core never waits nor fails, and what went wrong is told."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from streamsense.errors import SinkError
from streamsense.score import Notice, Score
from streamsense.sinks import base
from streamsense.sinks.base import ThreadedSink
from streamsense.sinks.table import CsvSink
from tests.helpers.lsl_processes import wait_until
from tests.helpers.made_scores import made_notice, made_score


class Gated:
    """A sink that does not take anything before its gate opens, and fails at one item if it is told to."""

    name = "the printer"

    def __init__(self, fails_at: int = -1, failure: Exception | None = None) -> None:
        self.gate = threading.Event()
        self.taken: list[Score | Notice] = []
        self.closed = 0
        self._fails_at = fails_at
        self._failure = failure or OSError("no space left on device")

    def write_score(self, score: Score, compute_s: float) -> None:
        self._take(score)

    def write_notice(self, notice: Notice) -> None:
        self._take(notice)

    def _take(self, item: Score | Notice) -> None:
        self.gate.wait()
        if len(self.taken) == self._fails_at:
            raise self._failure
        self.taken.append(item)

    def close(self) -> None:
        self.closed += 1


def closed_within(sink: ThreadedSink, seconds: float) -> list[BaseException]:
    """Close it in a thread of its own: what it raised."""
    raised: list[BaseException] = []

    def close() -> None:
        try:
            sink.close()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=close, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "close hangs"
    return raised


def test_a_stuck_sink_never_holds_up_the_core_and_what_it_loses_is_counted() -> None:
    inner = Gated()
    sink = ThreadedSink(inner)
    score = made_score(0)
    began = time.perf_counter()
    slowest = 0.0
    for _ in range(10_000):
        before = time.perf_counter()
        sink.write_score(score, 0.0)
        slowest = max(slowest, time.perf_counter() - before)
    assert slowest < 0.1
    assert time.perf_counter() - began < 2.0
    assert 5000 < sink.lost < 10_000
    inner.gate.set()
    (error,) = closed_within(sink, 10.0)
    assert isinstance(error, SinkError)
    assert str(error).startswith(f"{sink.lost} scores and notices were lost by the printer")
    assert len(inner.taken) + sink.lost == 10_000
    assert inner.closed == 1


def test_losses_are_told_once_a_second() -> None:
    inner = Gated()
    sink = ThreadedSink(inner, room=3)

    def lose(count: int) -> None:
        before = sink.lost
        while sink.lost < before + count:
            sink.write_score(made_score(0), 0.0)

    assert sink.take_notices(100.0) == []
    lose(2)
    (told,) = sink.take_notices(100.0)
    assert (told.time, told.kind, told.details) == (100.0, "sink_slow", {"sink": "the printer"})
    assert told.text == "2 scores and notices were lost by the printer"
    lose(5)
    assert sink.take_notices(100.9) == []
    lose(1)
    assert [notice.text[:2] for notice in sink.take_notices(101.0)] == ["6 "]
    assert sink.take_notices(110.0) == []
    inner.gate.set()
    (error,) = closed_within(sink, 5.0)
    assert str(error).startswith("8 scores and notices were lost by the printer")


def test_closing_waits_for_a_slow_sink_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_PATIENCE_S", 0.3)

    class Slow(Gated):
        def write_score(self, score: Score, compute_s: float) -> None:
            time.sleep(0.1)
            super().write_score(score, compute_s)

    inner = Slow()
    inner.gate.set()
    sink = ThreadedSink(inner)
    for number in range(20):
        sink.write_score(made_score(number), 0.0)
    (error,) = closed_within(sink, 2.0)
    assert 2 <= len(inner.taken) <= 6
    assert str(error).startswith(f"{20 - len(inner.taken)} scores and notices were lost by the printer")
    assert inner.closed == 1


@pytest.mark.parametrize("room", [2, 100])
def test_a_sink_that_hangs_is_left_behind(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_PATIENCE_S", 0.3)
    inner = Gated()
    sink = ThreadedSink(inner, room)
    for number in range(10):
        sink.write_score(made_score(number), 0.0)
    (error,) = closed_within(sink, 3.0)
    assert isinstance(error, SinkError)
    assert "the printer hangs" in str(error)
    assert inner.closed == 0, "it is still being written"
    inner.gate.set()


def test_everything_arrives_in_order(tmp_path: Path) -> None:
    inner = Gated()
    inner.gate.set()
    sink = ThreadedSink(inner)
    sent: list[Score | Notice] = []
    for number in range(200):
        sent += [made_score(number), made_notice(number)]
        sink.write_score(sent[-2], 0.0)  # type: ignore[arg-type]
        sink.write_notice(sent[-1])  # type: ignore[arg-type]
    sink.close()
    assert sink.lost == 0
    assert len(inner.taken) == 400
    assert all(a is b for a, b in zip(inner.taken, sent, strict=True))


def test_a_failure_is_told_once_and_the_core_goes_on() -> None:
    inner = Gated(fails_at=3)
    inner.gate.set()
    sink = ThreadedSink(inner)
    for number in range(10):
        sink.write_score(made_score(number), 0.0)
    notices: list[Notice] = []
    wait_until(lambda: bool(notices.extend(sink.take_notices(7.0)) or notices))
    assert [(notice.kind, notice.time) for notice in notices] == [("sink_failed", 7.0)]
    since = f"It has nothing from {made_score(3).time:.1f} s on."
    assert notices[0].text == f"the printer failed: no space left on device. {since} The session goes on without it."
    for number in range(10):
        sink.write_notice(made_notice(number))
    assert sink.take_notices(100.0) == []
    (error,) = closed_within(sink, 5.0)
    assert isinstance(error, SinkError)
    assert str(error) == f"the printer failed: no space left on device. {since}"
    assert isinstance(error.__cause__, OSError)
    assert inner.closed == 1
    assert len(inner.taken) == 3


def test_a_bug_in_a_sink_is_raised_as_it_is_at_the_end() -> None:
    bug = ZeroDivisionError("division by zero")
    inner = Gated(fails_at=0, failure=bug)
    inner.gate.set()
    sink = ThreadedSink(inner)
    sink.write_score(made_score(0), 0.0)
    assert closed_within(sink, 5.0) == [bug]


def test_a_reader_that_has_gone_ends_it_at_once() -> None:
    inner = Gated(fails_at=0, failure=BrokenPipeError("the reader has gone"))
    inner.gate.set()
    sink = ThreadedSink(inner)

    def broken() -> bool:
        try:
            sink.write_score(made_score(0), 0.0)
        except BrokenPipeError:
            return True
        return False

    wait_until(broken)


def test_what_fails_at_its_end_is_told_too() -> None:
    class Unfinished(Gated):
        def close(self) -> None:
            raise SinkError("the last row cannot be written")

    (error,) = closed_within(ThreadedSink(Unfinished()), 5.0)
    assert str(error) == "the printer failed: the last row cannot be written."


def test_closing_does_not_hang_when_the_sink_fails_with_a_full_queue() -> None:
    inner = Gated(fails_at=0)
    sink = ThreadedSink(inner)
    score = made_score(0)
    while not sink.lost:
        sink.write_score(score, 0.0)
    threading.Timer(0.2, inner.gate.set).start()
    (error,) = closed_within(sink, 5.0)
    assert "no space left on device" in str(error)
    assert inner.closed == 1


def test_a_real_sink_in_a_thread_writes_all(tmp_path: Path) -> None:
    sink = ThreadedSink(CsvSink(tmp_path))
    for number in range(100):
        sink.write_score(made_score(number), 0.0)
    sink.close()
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 101
