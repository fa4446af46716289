"""The whole process is stopped (SIGSTOP) and continued, while its senders, which are other processes, go on."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from tests.helpers.command_line import simulator
from tests.helpers.watched_session import Line, Watched, assert_sound, assert_unbroken, watched

MODALITIES = ("eeg", "voice")
LONGEST_BACKLOG_S = 2.0
LIVE_AGAIN_S = 1.0
FRESH_S = 0.1


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    session_id = f"standstill-{uuid.uuid4().hex[:8]}"
    content = {
        "eeg": {"source": {"name": "SimEEG"}},
        "voice": {"source": {"kind": "lsl", "name": "SimVoice"}},
        "lsl": {"session_id": session_id},
        "output": {"lsl": False},
    }
    with simulator(session_id, *MODALITIES), watched(tmp_path_factory.mktemp("standstill"), content) as session:
        for modality in MODALITIES:
            session.wait_for_presence(modality)
        session.run_on(2.0)
        yield session
        assert session.finish() == 0, session.errors
        assert session.errors == ""


def stopped(session: Watched, seconds: float) -> tuple[list[Line], list[Line]]:
    """Stop the session for so long, let it run on: the last score before with all that came after, and the notices."""
    session.run_on(0.2)  # the stop is to come while it waits for the next tick
    since = len(session.lines)
    last = session.scores()[-1]
    session.signal(signal.SIGSTOP)
    time.sleep(seconds)
    session.signal(signal.SIGCONT)
    session.run_on(min(seconds, LONGEST_BACKLOG_S) + LIVE_AGAIN_S + 1.0)
    return [last, *session.scores(since)], session.notices(since=since)


def assert_caught_up(scores: list[Line]) -> None:
    """The backlog was scored at once, late and on whole data; within a second the session was live again."""
    backlog = [score for score in scores if score["reason"] == "backlog"]
    assert backlog
    resumed = backlog[0]["decided"]
    assert all(score["decided"] - score["time"] <= LONGEST_BACKLOG_S + 0.2 for score in backlog)
    for score in scores:
        assert set(score["states"].values()) == {"live"}
        for modality in MODALITIES:
            assert score[f"{modality}_presence"] == 1.0
            assert score[f"{modality}_age"] < FRESH_S
        if score["time"] >= resumed + LIVE_AGAIN_S:
            assert score["reason"] in ("complete", "deadline")
            assert score["decided"] - score["time"] < 0.3


def test_after_one_second_all_ticks_are_scored_late_and_in_order(session: Watched) -> None:
    scores, notices = stopped(session, 1.0)
    assert_unbroken(scores)
    assert_caught_up(scores)
    assert sum(score["reason"] == "backlog" for score in scores) >= 2
    assert notices == [], "no gap, no clock jump, nothing lost"


def test_after_five_seconds_the_oldest_ticks_are_skipped_with_a_word(session: Watched) -> None:
    scores, notices = stopped(session, 5.0)
    assert_sound(scores)
    ticks = np.array([score["tick"] for score in scores])
    (hole,) = np.flatnonzero(np.diff(ticks) > 1)
    (told,) = notices
    assert told["kind"] == "ticks_skipped"
    assert told["count"] == ticks[hole + 1] - ticks[hole] - 1
    assert told["text"] == f"{told['count']} ticks were skipped to stay live ({told['count'] / 5:.1f} s)"
    assert 10 <= told["count"] <= 20
    assert scores[hole + 1]["reason"] == "backlog"
    assert_caught_up(scores)
