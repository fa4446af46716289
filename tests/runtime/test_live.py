"""The live session's own promises, with sources that are objects in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from streamsense.errors import SourceError
from streamsense.runtime.live import LiveSession
from streamsense.score import Notice, Score
from streamsense.streams import Block, Event, StreamInfo, StreamOpened
from tests.helpers import sessions


class MonotonicClock:
    def now(self) -> float:
        return time.monotonic()


class Kept:
    def __init__(self) -> None:
        self.scores: list[Score] = []
        self.notices: list[Notice] = []
        self.closed = False

    def write_score(self, score: Score, compute_s: float) -> None:
        self.scores.append(score)

    def write_notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def close(self) -> None:
        self.closed = True


class Pusher:
    """A source that calls `work(emit)` again and again in a thread."""

    def __init__(self, work: Callable[[], None], start: Callable[[], None] = lambda: None) -> None:
        self._work, self._start = work, start
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        pass

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._work()


def markers() -> StreamInfo:
    return StreamInfo("markers/flood", "markers", "flood", "Markers", "f", ("x",), ("",), 0.0, "string")


def test_a_flood_of_markers_does_not_stop_the_scores_nor_the_end() -> None:
    kept = Kept()

    def sources(emit: Callable[[Event], None]) -> list[Pusher]:
        emit(StreamOpened(markers(), 0.0))

        def work() -> None:
            now = time.monotonic()
            texts = tuple("x" * 10 for _ in range(200))
            emit(Block("markers/flood", 0, np.full(200, now), np.empty((200, 0), np.float32), now, texts))
            time.sleep(0.004)  # 50,000 a second, a hundred times what any experiment sends

        return [Pusher(work)]

    session = LiveSession(sessions.pipeline("eeg"), sources, MonotonicClock())
    session.add_sink(kept)
    session.start()
    time.sleep(3.0)
    stopping = time.monotonic()
    session.stop()
    assert time.monotonic() - stopping < 1.0
    assert len(kept.scores) >= 13
    assert kept.closed


def test_a_very_long_marker_is_cut() -> None:
    pipeline = sessions.pipeline("eeg")
    pipeline.push(StreamOpened(markers(), 0.0))
    pipeline.push(Block("markers/flood", 0, np.ones(1), np.empty((1, 0), np.float32), 1.0, ("x" * 10_000_000,)))
    (marker,) = [notice for notice in pipeline.take_notices() if notice.kind == "marker"]
    assert len(marker.text) < 5000
    assert marker.text.endswith("(cut)")


def test_a_source_that_cannot_start_leaves_nothing_open() -> None:
    kept = Kept()

    def refuse() -> None:
        raise SourceError("no camera")

    session = LiveSession(
        sessions.pipeline("eeg"), lambda emit: [Pusher(lambda: time.sleep(0.01), refuse)], MonotonicClock()
    )
    session.add_sink(kept)
    with pytest.raises(SourceError, match="no camera"):
        session.run(1.0)
    assert kept.closed


def test_a_required_stream_that_is_no_use_ends_the_session_and_another_does_not() -> None:
    track = sessions.eeg(1.0)
    nameless = StreamInfo("eeg", "eeg", "amp", "EEG", "a", ("one", "two"), ("uV", "uV"), 250.0, "float32")
    for required in (frozenset({"eeg"}), frozenset[str]()):

        def sources(emit: Callable[[Event], None]) -> list[Pusher]:
            emit(StreamOpened(nameless, 0.0))
            emit(track.block(0, 0, 0.0))
            return [Pusher(lambda: time.sleep(0.01))]

        session = LiveSession(sessions.pipeline("eeg"), sources, MonotonicClock(), None, required)
        if required:
            with pytest.raises(SourceError, match="no electrode that is known"):
                session.run(2.0)
        else:
            session.run(0.6)
            assert session.status.scored >= 2


def test_a_sink_that_cannot_close_does_not_keep_the_others_open() -> None:
    class Broken(Kept):
        def close(self) -> None:
            raise OSError("disk full")

    kept = Kept()
    session = LiveSession(sessions.pipeline("eeg"), lambda emit: [Pusher(lambda: time.sleep(0.01))], MonotonicClock())
    session.add_sink(Broken())
    session.add_sink(kept)
    session.start()
    with pytest.raises(OSError, match="disk full"):
        session.stop()
    assert kept.closed
