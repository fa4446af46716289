"""A slow or broken sink in its thread: the core never waits, and what went wrong comes back."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from streamsense.score import Notice, Score
from streamsense.sinks.base import ThreadedSink
from streamsense.sinks.table import CsvSink
from tests.helpers.lsl_processes import wait_until
from tests.helpers.made_scores import made_notice, made_score


class Gated:
    """A sink that does not take anything before its gate opens, and fails at one item if it is told to."""

    def __init__(self, fails_at: int = -1) -> None:
        self.gate = threading.Event()
        self.taken: list[Score | Notice] = []
        self.closed = 0
        self._fails_at = fails_at

    def write_score(self, score: Score, compute_s: float) -> None:
        self._take(score)

    def write_notice(self, notice: Notice) -> None:
        self._take(notice)

    def _take(self, item: Score | Notice) -> None:
        self.gate.wait()
        if len(self.taken) == self._fails_at:
            raise OSError("no space left on device")
        self.taken.append(item)

    def close(self) -> None:
        self.closed += 1


def closed_within(sink: ThreadedSink, seconds: float) -> list[BaseException]:
    """Close it in a thread of its own: what it raised."""
    raised: list[BaseException] = []

    def close() -> None:
        try:
            sink.close()
        except OSError as error:
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
    assert closed_within(sink, 10.0) == []
    assert len(inner.taken) + sink.lost == 10_000
    assert inner.closed == 1


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


def test_a_failure_comes_back_from_check_from_the_next_write_and_from_close() -> None:
    inner = Gated(fails_at=3)
    inner.gate.set()
    sink = ThreadedSink(inner)
    for number in range(4):
        sink.write_score(made_score(number), 0.0)
    with pytest.raises(OSError, match="no space left"):
        wait_until(lambda: sink.check() is not None)  # check has no answer but the failure
    with pytest.raises(OSError, match="no space left"):
        sink.check()
    with pytest.raises(OSError, match="no space left"):
        sink.write_notice(made_notice(0))
    assert [str(error) for error in closed_within(sink, 5.0)] == ["no space left on device"]
    assert inner.closed == 1
    assert len(inner.taken) == 3


def test_closing_does_not_hang_when_the_sink_fails_with_a_full_queue() -> None:
    inner = Gated(fails_at=0)
    sink = ThreadedSink(inner)
    score = made_score(0)
    while not sink.lost:
        sink.write_score(score, 0.0)
    threading.Timer(0.2, inner.gate.set).start()
    assert [str(error) for error in closed_within(sink, 5.0)] == ["no space left on device"]
    assert inner.closed == 1


def test_a_real_sink_in_a_thread_writes_all(tmp_path: Path) -> None:
    sink = ThreadedSink(CsvSink(tmp_path))
    for number in range(100):
        sink.write_score(made_score(number), 0.0)
    sink.close()
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 101
