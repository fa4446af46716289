"""EEG that declares no rate: it is found in the first stamps, however they are cut, or the stream is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.pipeline import REFUSED, START, Pipeline
from streamsense.score import Notice, Score
from streamsense.streams import Control, StreamOpened
from streamsense.timeline.undeclared_rate import RateSearch, search_rate
from tests.helpers import sessions

UNDECLARED = replace(sessions.eeg(5.0), info=replace(sessions.eeg(0.1).info, nominal_rate_hz=0.0))


def search(stamps: np.ndarray) -> tuple[int, float, RateSearch]:
    state = RateSearch()
    taken, rate_hz = search_rate(state, stamps)
    return taken, rate_hz, state


@pytest.mark.parametrize("rate_hz", [125.0, 128.0, 250.0, 256.0, 500.0, 512.0, 1000.0, 137.0])
def test_the_rate_is_found(rate_hz: float) -> None:
    true = 1000 + np.arange(int(3 * rate_hz)) / rate_hz
    stamps = true + np.random.default_rng(1).normal(0, 0.003, len(true))
    taken, found, state = search(stamps)
    assert found == rate_hz
    assert stamps[taken - 1] - stamps[0] == pytest.approx(2.0, abs=0.02)
    assert not state.is_hopeless


def test_handfuls_stamped_on_arrival_have_a_rate_too() -> None:
    true = 1000 + np.arange(800) / 256
    _, found, _ = search(true[11::12].repeat(12) + np.tile(np.arange(12) * 1e-6, len(true[11::12])))
    assert found == 256.0


def test_after_a_hole_the_search_begins_anew() -> None:
    true = 1000 + np.arange(2000) / 250
    taken, found, _ = search(true[(true < 1001) | (true > 1003)])
    assert found == 250.0
    assert taken == 250 + 501


@pytest.mark.parametrize("stamps", [
    np.zeros(400_000),
    np.full(400_000, np.nan),
    1000.0 + np.arange(50) * 0.9,
    np.random.default_rng(2).uniform(-1e9, 1e9, 400_000),
    1000 + np.cumsum(np.random.default_rng(3).choice([0.0, 0.4], 400)),
])  # fmt: skip
def test_stamps_that_tell_no_rate_are_given_up_with_little_kept(stamps: np.ndarray) -> None:
    _, found, state = search(stamps)
    assert found == 0.0
    assert len(state.stamps) < 65_536
    assert state.is_hopeless or np.isnan(stamps).all()


def run(pipeline: Pipeline, cuts: list[int], opened: StreamOpened) -> tuple[list[Score], list[Notice]]:
    """The whole of UNDECLARED: each piece of 50 ms received at one time, but cut into blocks at `cuts`."""
    track = UNDECLARED
    pipeline.push(opened)
    pipeline.push(Control(START, "", sessions.START))
    scores: list[Score] = []
    edges = sorted({*range(0, len(track.stamps), 12), *(cut % len(track.stamps) for cut in cuts), len(track.stamps)})
    for start, stop in itertools.pairwise(edges):
        received = float(track.stamps[min(start - start % 12 + 11, len(track.stamps) - 1)]) + 0.01
        pipeline.push(track.block(start, stop, received))
        if stop % 12 == 0:
            scores += pipeline.advance(received)
    return scores, pipeline.take_notices()


@pytest.fixture(scope="module")
def whole() -> tuple[list[Score], list[Notice]]:
    return run(sessions.pipeline("eeg"), [], sessions.opened(UNDECLARED))


def test_the_stream_is_opened_with_the_rate_that_was_found_and_scored(whole: tuple[list[Score], list[Notice]]) -> None:
    scores, notices = whole
    (opened,) = [notice for notice in notices if notice.kind == "stream_opened"]
    assert "17 channels, 250 Hz" in opened.text
    (warning,) = [notice.text for notice in notices if notice.kind == "warning"]
    assert warning == "eeg: it declares no rate; 250 Hz was found in its time stamps"
    assert opened.time == pytest.approx(sessions.START + 2.0, abs=0.1)
    assert [notice.text for notice in notices if notice.kind == "modality_present"] == ["eeg"]
    assert len(scores) == 24
    assert all(np.isfinite(score.values).all() for score in scores)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(400, 700), max_size=8))
def test_cutting_never_matters(whole: tuple[list[Score], list[Notice]], cuts: list[int]) -> None:
    scores, notices = run(sessions.pipeline("eeg"), cuts, sessions.opened(UNDECLARED))
    assert [score.values.tobytes() for score in scores] == [score.values.tobytes() for score in whole[0]]
    assert notices == whole[1]


def test_a_stream_that_comes_back_may_have_another_rate() -> None:
    pipeline = sessions.pipeline("eeg")
    run(pipeline, [], sessions.opened(UNDECLARED))
    pipeline.push(sessions.opened(UNDECLARED, sessions.START + 6))
    assert pipeline.take_notices() == []
    faster = replace(UNDECLARED, stamps=sessions.START + 6 + np.arange(len(UNDECLARED.stamps)) / 500)
    pipeline.push(faster.block(0, len(faster.stamps), sessions.START + 9))
    assert "17 channels, 500 Hz" in next(notice.text for notice in pipeline.take_notices())


def test_a_snapshot_in_the_middle_of_the_search_goes_on(whole: tuple[list[Score], list[Notice]]) -> None:
    before = sessions.pipeline("eeg")
    before.push(sessions.opened(UNDECLARED))
    before.push(Control(START, "", sessions.START))
    before.push(UNDECLARED.block(0, 300, sessions.START + 1.2))
    after = sessions.pipeline("eeg")
    after.restore(before.snapshot(), before.open_streams)
    for pipeline in (before, after):
        pipeline.push(UNDECLARED.block(300, 1000, sessions.START + 4.0))
    assert after.take_notices() != []
    ticks = [[score.values.tobytes() for score in core.advance(sessions.START + 4.1)] for core in (before, after)]
    assert ticks[0] == ticks[1] != []


def test_a_snapshot_in_the_search_of_a_stream_that_came_back_goes_on(whole: tuple[list[Score], list[Notice]]) -> None:
    """What was learned and filtered of the stream before it is still there, and is still looked at."""
    before, after = sessions.pipeline("eeg"), sessions.pipeline("eeg")
    before.push(Control(START, "", sessions.START))
    before.push(sessions.opened(UNDECLARED))
    before.push(UNDECLARED.block(0, 700, sessions.START + 2.8))
    for received in (2.9, 2.95):  # the second time it is lost before its rate was found
        before.push(sessions.opened(UNDECLARED, sessions.START + received))
    before.push(UNDECLARED.block(750, 900, sessions.START + 3.6))
    after.restore(before.snapshot(), before.open_streams)
    assert after.snapshot() == before.snapshot()
    assert after.open_streams == before.open_streams
    ticks = []
    for pipeline in (before, after):
        scores = pipeline.advance(sessions.START + 3.7)
        pipeline.push(UNDECLARED.block(900, 1250, sessions.START + 5.0))
        ticks.append([score.values.tobytes() for score in (*scores, *pipeline.advance(sessions.START + 5.1))])
    assert ticks[0] == ticks[1] != []


def test_irregular_stamps_are_refused_with_what_to_do() -> None:
    pipeline = sessions.pipeline("eeg")
    pipeline.push(sessions.opened(UNDECLARED))
    track = replace(UNDECLARED, stamps=sessions.START + np.arange(len(UNDECLARED.stamps)) * 0.7)
    pipeline.push(track.block(0, 40, sessions.START + 30))
    pipeline.push(track.block(40, 80, sessions.START + 60))
    (refused,) = pipeline.take_notices()
    assert refused.kind == REFUSED
    assert "declares no rate" in refused.text
    assert "Set the rate" in refused.text
