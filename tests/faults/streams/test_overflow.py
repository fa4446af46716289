"""More samples than buffers hold: a delivery that hangs and comes all at once, a marker stream that floods.

That an inlet whose reader is paused tells of its overflow is tested in tests/sources/test_lsl.py.
"""

from __future__ import annotations

import json

from tests.helpers.stream_faults import Bench, amplifiers
from tests.helpers.watched_session import assert_unbroken


def test_what_the_senders_buffer_could_not_hold_is_told_as_a_gap(amplifier: Bench) -> None:
    """It holds a second, as the inlet does, and drops the oldest samples while it fills faster than it empties."""
    session, since = amplifier.session, len(amplifier.session.lines)
    amplifier.ask(do="set", held_back=True)
    session.wait_for_notice("modality_lost", since)
    session.wait_for_notice("stream_frozen", since)
    session.run_on(0.6)
    amplifier.ask(do="set", held_back=False)
    session.wait_for_notice("modality_regained", since)
    missing_s = sum(gap["hole_s"] for gap in session.notices("gap", since=since))
    (resumed,) = session.notices("stream_resumed", since=since)
    silent_s = json.loads(resumed["text"])["silent_s"]
    assert 0.2 < missing_s < silent_s
    assert session.notices("stream_opened", since=since) == []


def test_a_marker_flood_is_taken_in_slowly_and_told(amplifier: Bench) -> None:
    session, since = amplifier.session, len(amplifier.session.lines)
    with amplifiers(amplifier.session_id) as flooding:
        for _ in range(6):
            flooding.ask(do="markers", name="flood", count=2000, length=100)
            session.run_on(0.2)
    session.wait_for_notice("stream_lost", since)
    overflow = session.notices("inlet_overflow", since=since)
    assert 1 <= len(overflow) <= 6
    assert {json.loads(notice["text"])["key"] for notice in overflow} == {"markers/flood"}
    markers = session.notices("marker", since=since)
    assert 500 < len(markers) < 8000
    scores = session.scores(since)
    assert_unbroken(scores)
    assert {score["eeg_presence"] for score in scores} == {1.0}
    assert max(score["received"] - score["time"] for score in scores) < 0.5
