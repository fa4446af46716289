"""Sound whose stamps do not match the count of its samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from streamsense.score import Notice, Score
from streamsense.segments import SEGMENT_OFF, SEGMENT_ON
from streamsense.streams import Block, Control
from tests.helpers import sessions

SECONDS, SETTLED_S = 12.0, 4.0
CHUNK = 320  # 20 ms at the declared rate
RATE_HZ = sessions.VOICE_RATE_HZ


@dataclass(frozen=True)
class Errors:
    """Of the newest sample's time, once it has settled."""

    mean_s: float
    sd_s: float
    largest_s: float


def scored(
    period_s: float, stamps_of: Callable[[np.ndarray], np.ndarray], seconds: float = SECONDS
) -> tuple[list[Score], list[Notice], Errors]:
    """Sound whose samples come every `period_s`, in chunks, with stamps that are made of the samples' true times.

    Returns scores and notices, and how wrong the times were that the samples were given.
    """
    pipeline, track = sessions.pipeline("voice"), sessions.voice(seconds)
    truth = sessions.START + np.arange(len(track.values)) * period_s
    pipeline.push(sessions.opened(track))
    pipeline.push(Control("session_started", "", sessions.START))
    scores: list[Score] = []
    errors = []
    for start in range(0, len(truth), CHUNK):
        chunk = truth[start : start + CHUNK]
        received = float(chunk[-1]) + 0.003
        stamps = stamps_of(chunk)
        pipeline.push(Block("voice", start, stamps.copy(), track.values[start : start + CHUNK].copy(), received))
        timeline = pipeline.timeline("voice")
        assert timeline is not None
        errors.append(timeline.last_time - float(chunk[-1]))
        scores += pipeline.advance(received)
    settled = np.array(errors)[round(SETTLED_S / 0.02) :]
    return scores, pipeline.take_notices(), Errors(settled.mean(), settled.std(), settled.max())


@pytest.fixture(scope="module")
def as_it_should_be() -> list[Score]:
    return scored(1 / RATE_HZ, lambda times: times)[0]


@pytest.mark.parametrize("faster", [1.01, 0.99])
def test_stamps_that_run_faster_or_slower_than_the_samples(faster: float, as_it_should_be: list[Score]) -> None:
    """By 1 %: the card's real rate is not the one that it declares."""
    scores, notices, error = scored(faster / RATE_HZ, lambda times: times)
    assert_like(scores, notices, as_it_should_be)
    assert abs(error.mean_s) < 0.002
    assert error.sd_s < 0.001


@pytest.mark.parametrize("place", [0, -1])
def test_one_stamp_for_all_samples_of_a_chunk(place: int, as_it_should_be: list[Score]) -> None:
    """That of its first or of its last sample."""
    scores, notices, error = scored(1 / RATE_HZ, lambda times: np.full(len(times), times[place]))
    assert_like(scores, notices, as_it_should_be)
    assert abs(error.mean_s) < 0.021, "nobody knows where in the chunk it belongs"
    assert error.sd_s < 0.002


def test_stamps_that_run_away_from_the_arrival(as_it_should_be: list[Score]) -> None:
    """The samples come at their declared rate, and their stamps count 1 % more: soon they lie in the future."""
    seconds = 20.0

    def running_away(times: np.ndarray) -> np.ndarray:
        return sessions.START + 1.01 * (times - sessions.START)

    scores, notices, error = scored(1 / RATE_HZ, running_away, seconds)
    assert_like(scores[: len(as_it_should_be)], notices, as_it_should_be)
    assert all(score["voice_presence"] == 1.0 for score in scores if score.time > sessions.START + SETTLED_S)
    assert error.largest_s < 0.06, "nothing happens more than 50 ms after it was received"


def assert_like(scores: list[Score], notices: list[Notice], right: list[Score]) -> None:
    """Every tick scored, no gap, and the voice is there, as good and as fresh as with the right stamps."""
    told = [notice.kind for notice in notices if notice.kind not in ("quality", SEGMENT_ON, SEGMENT_OFF)]
    assert told == [
        "stream_opened", "session_started", "modality_present"
    ]  # fmt: skip
    assert (np.diff([score.tick for score in scores]) == 1).all()
    assert abs(len(scores) - len(right)) <= 1
    quality = {score.tick: score["voice_quality"] for score in right}
    for score in scores:
        assert np.isfinite(score.values).all()
        if score.time > sessions.START + SETTLED_S:
            assert score["voice_presence"] == 1.0
            assert score["voice_age"] < 0.06
            if score.tick in quality:
                assert score["voice_quality"] > quality[score.tick] - 0.15
