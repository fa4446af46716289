"""Streams from a computer with another clock, clocks that are set, and streams that come back: times stay right."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.fusion.combination import Fusion
from streamsense.models.expert import ExpertOutput
from streamsense.models.session import OnnxModel
from streamsense.pipeline import START, Pipeline
from streamsense.resources import shipped
from streamsense.streams import (
    Block,
    Control,
    Event,
    Feature,
    OffsetProbe,
    StreamInfo,
    StreamLost,
    StreamOpened,
    TimedBlock,
)
from streamsense.timeline.timeline import Gap, Timeline

OFFSET_S = 1234.5
FUSION = OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu")


def info(rate_hz: float = 250.0, *, same_clock: bool = False) -> StreamInfo:
    return StreamInfo("eeg", "eeg", "amp", "EEG", "amp1", ("Cz",), ("uV",), rate_hz, "float32", same_clock)


class OtherComputer:
    """A clock that runs `drift` too fast and is OFFSET_S behind; at `set_at` it is set by `set_by_s`."""

    def __init__(self, drift: float = 50e-6, set_at: float = math.inf, set_by_s: float = 0.0) -> None:
        self._drift, self._set_at, self._set_by_s = drift, set_at, set_by_s

    def reads(self, true: np.ndarray) -> np.ndarray:
        return true * (1 + self._drift) - OFFSET_S + np.where(true >= self._set_at, self._set_by_s, 0.0)

    def probe(self, true: float, rng: np.random.Generator) -> OffsetProbe:
        """As over a busy network: the way there and back takes from 0.2 to 40 ms, and not the same both ways."""
        trip = float(rng.choice([0.0002, 0.002, 0.04])) * rng.uniform(0.5, 1.0)
        error = rng.uniform(-trip / 2, trip / 2)
        return OffsetProbe("eeg", true, true - float(self.reads(np.array(true))) + error, trip)


def run(
    clock: OtherComputer,
    seconds: float,
    rate_hz: float,
    declared_hz: float,
    *,
    seed: int = 0,
    first_probe_s: float = 0.0,
    delay_s: float = 0.01,
    trips_known: bool = True,
) -> tuple[np.ndarray, np.ndarray, list[Gap]]:
    """True times of what was kept, the times that it was given, and the gaps; blocks of 40 ms, a probe each 5 s."""
    rng = np.random.default_rng(seed)
    timeline = Timeline(info(declared_hz))
    true = 100.0 + np.arange(int(seconds * rate_hz)) / rate_hz
    stamps = clock.reads(true) + rng.normal(0, 0.0005, len(true))
    size = max(1, int(0.04 * rate_hz))
    next_probe = true[0] + first_probe_s
    kept, times, gaps = [], [], []
    for start in range(0, len(true), size):
        part = slice(start, min(start + size, len(true)))
        received = float(true[part][-1]) + delay_s
        if received >= next_probe:
            probe = clock.probe(received, rng)
            timeline.probe(probe if trips_known else replace(probe, round_trip_s=math.nan))
            next_probe += 5.0
        values = np.arange(part.start, part.stop, dtype=np.float64)[:, None]
        blocks, found = timeline.push(Block("eeg", start, stamps[part].copy(), values, received))
        gaps += found
        for block in blocks:
            kept.append(true[block.values[:, 0].astype(int)])
            times.append(block.times)
    return np.concatenate(kept), np.concatenate(times), gaps


@pytest.mark.parametrize("trips_known", [True, False])
def test_a_drifting_clock_is_followed_for_a_regular_stream(trips_known: bool) -> None:
    kept, times, gaps = run(OtherComputer(), 300.0, 250.0, 250.0, trips_known=trips_known)
    assert len(kept) == 300 * 250
    assert gaps == []
    assert (np.diff(times) > 0).all()
    # 50 ppm over the minute for which a probe is kept are 3 ms; without round trips the median has to do.
    assert np.abs(times - kept)[250:].max() < (0.005 if trips_known else 0.015)


@pytest.mark.parametrize("seed", range(3))
def test_a_drifting_clock_is_followed_for_an_irregular_stream(seed: int) -> None:
    kept, times, gaps = run(OtherComputer(), 300.0, 25.0, 0.0, seed=seed)
    assert len(kept) == 300 * 25
    assert gaps == []
    assert (np.diff(times) > 0).all()
    # A single probe errs by up to half its 40 ms; of a minute of probes one is good.
    assert np.abs(times - kept).max() < 0.022
    assert np.abs(times - kept)[kept > 160].max() < 0.006


@pytest.mark.parametrize("declared_hz", [250.0, 0.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_first_probe_that_comes_late_puts_things_right(declared_hz: float, sign: float) -> None:
    class Ahead(OtherComputer):
        def reads(self, true: np.ndarray) -> np.ndarray:
            return true + sign * OFFSET_S

    kept, times, _ = run(Ahead(), 20.0, 250.0, declared_hz, first_probe_s=3.0)
    late = kept > 104.0
    assert np.count_nonzero(late) >= 15.9 * 250
    assert np.abs(times - kept)[late].max() < 0.05
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("declared_hz", [250.0, 0.0])
@pytest.mark.parametrize("set_by_s", [5.0, -5.0, 0.8, -3600.0])
def test_a_clock_that_is_set_is_corrected_once_not_twice(declared_hz: float, set_by_s: float) -> None:
    """First the jump is deduced from the arrival; then the probes measure it too."""
    kept, times, gaps = run(OtherComputer(0.0, set_at=132.0, set_by_s=set_by_s), 120.0, 250.0, declared_hz)
    assert (np.diff(times) > 0).all()
    assert np.abs(times - kept).max() < max(0.06, min(abs(set_by_s), 0.2))
    assert np.abs(times - kept)[kept > 140].max() < 0.022
    assert np.abs(times - kept)[kept > 190].max() < 0.005
    # All that is lost are the few blocks that it takes to be sure.
    assert len(kept) > 120 * 250 - 0.5 * 250
    assert len([gap for gap in gaps if gap.jump_s]) <= 1
    assert len(gaps) <= 4


def test_a_slow_delivery_with_a_hole_in_it_is_no_clock_jump() -> None:
    """The radio link gets slower within a second, until the samples are 0.8 s late, and then there is a dropout."""
    timeline = Timeline(info(100.0, same_clock=True))
    true = 50 + np.arange(3000) / 100
    gaps: list[Gap] = []
    errors = []
    for start in range(0, 3000, 10):
        if 2000 <= start < 2070:
            continue
        stamps = true[start : start + 10]
        delay = 0.02 + 0.8 * min(1.0, max(0.0, (start - 1900) / 100))
        block = Block("eeg", start, stamps.copy(), np.zeros((10, 1), np.float32), float(stamps[-1]) + delay)
        blocks, found = timeline.push(block)
        gaps += found
        errors += [np.abs(timed.times - stamps).max() for timed in blocks]
    assert [gap.jump_s for gap in gaps] == [0.0]
    assert gaps[0].hole_s == pytest.approx(0.7, abs=1e-6)
    assert max(errors) < 1e-6


# -- the whole core ----------------------------------------------------------------------------------------------


@dataclass
class Seen:
    blocks: int = 0


@dataclass
class Listener:
    """An operator that only notes what comes to it."""

    modality: str = "eeg"
    delay_s: float = 0.0
    state: Seen = field(default_factory=Seen)
    timed: list[TimedBlock] = field(default_factory=list)

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        return ()

    def push(self, block: TimedBlock) -> None:
        self.timed.append(block)

    def feature_at(self, tick: float) -> Feature:
        return Feature("eeg", {}, 0.0, 0.0, math.nan, tick)

    def contract(self) -> dict[str, object]:
        return {}


class Nobody:
    """The expert of an operator that never has a window."""

    vad_evidence = np.zeros(3)
    emotion_evidence = np.zeros(8)

    def evaluate(self, feature: Feature) -> ExpertOutput:
        raise AssertionError("there is no window")


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Openings, losses, probes and blocks in any order, with clocks that are anywhere."""
    now = 1000.0
    rate_hz, offset, sent = 100.0, 0.0, 0
    events: list[Event] = [Control(START, "", now)]
    for what in [
        "open",
        *draw(st.lists(st.sampled_from(["open", "lose", "probe", "block", "block", "block"]), max_size=40)),
    ]:
        now += draw(st.sampled_from([0.001, 0.05, 0.1, 0.7, 30.0]))
        if what == "open":
            rate_hz = draw(st.sampled_from([0.0, 30.0, 100.0]))
            offset = draw(st.sampled_from([0.0, 0.0, 0.3, OFFSET_S, -OFFSET_S, 1e6]))
            events.append(StreamOpened(info(rate_hz, same_clock=offset == 0.0), now))
            sent = 0
        elif what == "lose":
            events.append(StreamLost("eeg", now))
        elif what == "probe":
            error = draw(st.sampled_from([0.0, 0.002, -0.002, 0.6, -0.6, math.nan]))
            events.append(OffsetProbe("eeg", now, offset + error, draw(st.sampled_from([0.001, 0.05, math.nan]))))
        else:
            count = draw(st.integers(0, 30))
            late = draw(st.sampled_from([0.0, 0.01, 2.0]))
            ahead = draw(st.sampled_from([0.0, 0.0, 0.0, 5.0, -5.0]))
            stamps = now - late - offset + ahead + (np.arange(count) - count) / (rate_hz or 25.0)
            events.append(Block("eeg", sent, stamps, np.zeros((count, 1), np.float32), now))
            sent += count
    return events


@settings(max_examples=200, deadline=None)
@given(histories())
def test_time_never_runs_backwards_into_an_operator(events: list[Event]) -> None:
    listener = Listener()
    pipeline = Pipeline({"eeg": listener}, {"eeg": Nobody()}, Fusion(FUSION))  # type: ignore[dict-item]
    received = -math.inf
    for event in events:
        before = len(listener.timed)
        pipeline.push(event)
        pipeline.advance(event.received)
        received = event.received
        for timed in listener.timed[before:]:
            assert (timed.times <= received + 0.05 + 0.01 * len(timed)).all()
    times = np.concatenate([np.empty(0), *(timed.times for timed in listener.timed)])
    assert np.isfinite(times).all()
    assert (np.diff(times) > 0).all()
    segments = [timed.segment for timed in listener.timed]
    assert segments == sorted(segments)
