"""Faults of the places where scores go: the disk is full, or a sink takes longer than they come."""

from __future__ import annotations

import csv
import json
import re
import resource
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

from streamsense.errors import SinkError
from streamsense.runtime.live import LiveSession
from streamsense.score import Notice, Score
from streamsense.sinks.base import ThreadedSink
from tests.helpers import sessions
from tests.helpers.command_line import environment, running, write_config
from tests.helpers.lsl_processes import wait_until

SLOW_S = 1.0


def test_a_full_disk_ends_the_csv_files_and_not_the_session(tmp_path: Path) -> None:
    """Of a real session, on the terminal, over LSL and in the exit code."""
    session_id = f"sinks-{uuid.uuid4().hex[:8]}"
    content = {"eeg": {"source": {"required": False}}, "lsl": {"session_id": session_id}, "output": {"name": "full"}}
    config, events = write_config(tmp_path, "full", content), tmp_path / "events.jsonl"
    reader = [sys.executable, "-m", "tests.helpers.receive_scores", "full-events", "--session-id", session_id]
    with (
        running("live", config, "--json", "--csv", "results", folder=tmp_path) as command,
        subprocess.Popen(
            [*reader, "--out", str(events)], env=environment(), stdout=subprocess.PIPE, text=True
        ) as heard,
    ):
        command.wait_for('"tick"', 5)
        assert heard.stdout is not None
        assert heard.stdout.readline() == "ready\n"
        size = (tmp_path / "results" / "scores.csv").stat().st_size
        # A limit on the size of its files, from outside, stands for the disk.
        resource.prlimit(command.process.pid, resource.RLIMIT_FSIZE, (size + 2000, resource.RLIM_INFINITY))
        wait_until(lambda: "sink_failed" in events.read_text())
        time.sleep(2.0)
        done, seconds = command.stop(signal.SIGINT)
        heard.terminate()
    scores = [json.loads(line) for line in done.out.splitlines()]
    assert (np.diff([score["tick"] for score in scores]) == 1).all()
    assert all(np.isfinite(list(score.values())).all() for score in scores)
    assert done.code == 2
    assert seconds < 3
    why = (
        r"the CSV output in results failed: results/scores\.csv cannot be written any more: File too large\. Make room "
        r"or name another folder, and start anew\. It has nothing from (\d+\.\d) s on\."
    )
    told = re.findall(rf"^sink failed: {why} The session goes on without it\.$", done.err, re.M)
    assert len(told) == 1, done.err
    assert re.search(rf"^Error: {why}$", done.err.splitlines()[-1])
    (event,) = [event for event in lsl_events(events) if event["kind"] == "sink_failed"]
    assert event["sink"] == "the CSV output in results"
    with (tmp_path / "results" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    whole = [float(row["tick"]) for row in rows if row["expert_voice_presence"]]
    assert whole == [score["tick"] for score in scores[: len(whole)]]
    assert float(told[0]) == pytest.approx((whole[-1] + 1) / 5)
    assert len(scores) >= len(whole) + 9


def lsl_events(path: Path) -> list[dict[str, object]]:
    _, *lines = path.read_text().splitlines()
    return [json.loads(json.loads(line)[2][0]) for line in lines]


class MonotonicClock:
    def now(self) -> float:
        return time.monotonic()


class Kept:
    """A sink that keeps all, or one that takes a second for each score."""

    name = "the slow display"

    def __init__(self, takes_s: float = 0.0) -> None:
        self.scores: list[Score] = []
        self.received: list[float] = []
        self.notices: list[Notice] = []
        self._takes_s = takes_s

    def write_score(self, score: Score, compute_s: float) -> None:
        time.sleep(self._takes_s)
        self.scores.append(score)
        self.received.append(time.monotonic())

    def write_notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def close(self) -> None:
        pass


def test_a_slow_sink_loses_scores_with_a_word_and_holds_up_nobody() -> None:
    kept, slow = Kept(), Kept(SLOW_S)
    session = LiveSession(sessions.pipeline("eeg"), lambda emit: [], MonotonicClock())
    session.add_sink(kept)
    threaded = ThreadedSink(slow, room=1)
    session.add_sink(threaded)
    with pytest.raises(SinkError, match=r"^\d+ scores and notices were lost by the slow display: it takes longer"):
        session.run(3.3)
    ticks = [score.tick for score in kept.scores]
    assert len(ticks) >= 15
    assert (np.diff(ticks) == 1).all()
    late = np.array(kept.received) - np.array([score.time for score in kept.scores])
    assert late.max() < 0.5, "the core waits for nobody"
    told = [notice for notice in kept.notices if notice.kind == "sink_slow"]
    assert 2 <= len(told) <= 4
    assert (np.diff([notice.time for notice in told]) >= 1.0).all()
    assert all(re.match(r"\d+ scores and notices were lost by the slow display$", notice.text) for notice in told)
    assert len(slow.scores) + threaded.lost >= len(ticks)
    assert sum(int(notice.text.split()[0]) for notice in told) <= threaded.lost
