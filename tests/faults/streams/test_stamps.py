"""Faults of an amplifier's clock: it jumps, it runs at another rate than was declared, it drifts, it comes in bursts.

How right the times are is measured in tests/timeline/test_times_are_right.py.
"""

from __future__ import annotations

import pytest

from tests.helpers.stream_faults import Bench
from tests.helpers.watched_session import assert_unbroken


@pytest.mark.parametrize("jump_s", [5.0, 0.0], ids=["forwards", "backwards"])
def test_a_clock_that_jumps_by_5_s_is_told_and_costs_no_score(amplifier: Bench, jump_s: float) -> None:
    scores, notices = amplifier.suffer(2.4, jump_s=jump_s)  # told within 1 s, later where a delivery is held up
    (gap,) = [notice for notice in notices if notice["kind"] == "gap"]
    expected = 5.0 if jump_s else -5.0
    assert gap["jump_s"] == pytest.approx(expected, abs=0.1)
    assert gap["text"].startswith("eeg: the sender's clock jumped by ")
    # The filters settle for a second after the hole, in which EEG may be absent for a tick or two.
    told = {notice["kind"] for notice in notices}
    # "quality" may be told of what an earlier test did to the signal.
    assert told <= {"gap", "samples_dropped", "modality_lost", "modality_regained", "quality"}
    assert sum(score["eeg_presence"] == 0.0 for score in scores) <= 5
    assert scores[-1]["eeg_presence"] == 1.0
    assert max(score["eeg_age"] for score in scores) < 2.0
    assert_unbroken(scores)


@pytest.mark.parametrize("fault", [{"speed": 1.02}, {"speed": 0.98}, {"drift": 200e-6}])
def test_a_rate_2_percent_off_and_200_ppm_of_drift_are_followed_without_a_word(
    amplifier: Bench, fault: dict[str, float]
) -> None:
    scores, notices = amplifier.suffer(1.6, **fault)
    amplifier.ask(do="set", speed=1.0, drift=0.0)
    assert notices == []
    assert {score["eeg_presence"] for score in scores} == {1.0}
    assert max(score["eeg_age"] for score in scores) < 0.3
    assert_unbroken(scores)
