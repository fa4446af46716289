"""Samples that come twice, in the wrong order, or hold no number."""

from __future__ import annotations

import pytest

from tests.helpers.stream_faults import Bench
from tests.helpers.watched_session import assert_unbroken


@pytest.mark.parametrize("damage", ["duplicated", "reordered"])
def test_deliveries_twice_or_in_the_wrong_order_are_told(amplifier: Bench, damage: str) -> None:
    scores, notices = amplifier.suffer(2.4, damage=damage)
    amplifier.ask(do="set", damage="")
    dropped = [notice for notice in notices if notice["kind"] == "samples_dropped"]
    assert 1 <= len(dropped) <= 3
    assert all(notice["stream"] == "eeg" and notice["count"] > 10 for notice in dropped)
    assert {notice["kind"] for notice in notices} <= {"samples_dropped", "gap"}
    assert {score["eeg_presence"] for score in scores} == {1.0}
    assert_unbroken(scores)


@pytest.mark.parametrize("damage", ["nan", "infinite"])
def test_samples_that_are_no_number_never_reach_a_score(amplifier: Bench, damage: str) -> None:
    """Two of twelve samples: the filters never settle, so there is no EEG, until the samples are whole again."""
    session, since = amplifier.session, len(amplifier.session.lines)
    amplifier.ask(do="set", damage=damage)
    session.wait_for_notice("modality_lost", since)
    amplifier.ask(do="set", damage="")
    session.wait_for_notice("modality_regained", since)
    notices = session.notices(since=since)
    earlier = ("samples_dropped", "gap", "quality")  # of the fault before
    kinds = [notice["kind"] for notice in notices if notice["kind"] not in earlier]
    assert kinds == ["modality_lost", "modality_regained"]
    assert_unbroken(session.scores(since))
