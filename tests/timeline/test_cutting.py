"""Cutting what was received at one time into blocks changes nothing: not a byte of the times, gaps or state."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.streams import Block, OffsetProbe, StreamInfo
from streamsense.timeline.timeline import Timeline

Arrival = tuple[float, np.ndarray, OffsetProbe | None]


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    """Deliveries of a stream whose clock jumps, whose samples get lost, repeated and broken, with probes between."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = st.sampled_from([0.0, 0.0, 0.0, 0.0, 5.0, -5.0, 0.7, -3600.0])
    found: list[Arrival] = []
    now, clock_s = 1000.0, 0.0
    for _ in range(draw(st.integers(4, 25))):
        length_s = draw(st.sampled_from([0.004, 0.05, 0.05, 0.05, 0.3, 1.0]))
        clock_s += draw(steps)
        stamps = now + np.arange(round(length_s * 250)) / 250 + clock_s + rng.normal(0, 0.001, round(length_s * 250))
        for broken in draw(st.lists(st.integers(0, len(stamps) - 1), max_size=2)):
            stamps[broken] = draw(st.sampled_from([math.nan, math.inf, -math.inf, 0.0, stamps[0]]))
        now += length_s
        probe = OffsetProbe("eeg", now, draw(st.sampled_from([0.0, 0.01, -clock_s])), 0.001)
        found.append((now + 0.005, stamps, draw(st.sampled_from([None, None, None, probe]))))
        now += draw(st.sampled_from([0.0, 0.0, 0.0, 0.2, 3.0]))
    return found


def run(rate_hz: float, history: list[Arrival], cuts: np.random.Generator | None) -> tuple[object, ...]:
    info = StreamInfo("eeg", "eeg", "amp", "EEG", "amp1", ("Cz",), ("uV",), rate_hz, "float32", same_clock=False)
    timeline, first, seen, gaps = Timeline(info), 0, [], []
    for received, stamps, probe in history:
        if probe is not None:
            timeline.probe(probe)
        edges = [0, len(stamps)] if cuts is None else [0, *sorted(cuts.integers(0, len(stamps) + 1, 3)), len(stamps)]
        for start, stop in itertools.pairwise(edges):
            values = np.arange(first + start, first + stop, dtype=np.float64)[:, None]
            blocks, found = timeline.push(Block("eeg", first + start, stamps[start:stop].copy(), values, received))
            gaps += found
            for block in blocks:
                seen += [(block.segment, *row) for row in zip(block.times, block.values[:, 0], strict=True)]
        first += len(stamps)
    return np.array(seen).tobytes(), gaps, repr(timeline.state)


@pytest.mark.parametrize("rate_hz", [250.0, 0.0])
@settings(max_examples=50, deadline=None)
@given(arrivals(), st.integers(0, 2**32 - 1))
def test_cutting_an_arrival_changes_nothing(rate_hz: float, history: list[Arrival], seed: int) -> None:
    whole = run(rate_hz, history, None)
    assert run(rate_hz, history, np.random.default_rng(seed)) == whole


def test_the_histories_hold_clock_jumps() -> None:
    """So that the property above says something about them."""
    stamps = [1000 + 0.05 * number + np.arange(12) / 250 + (5.0 if number > 20 else 0.0) for number in range(40)]
    history = [(1000.055 + 0.05 * number, part, None) for number, part in enumerate(stamps)]
    _, gaps, _ = run(250.0, history, np.random.default_rng(1))
    assert [round(gap.jump_s) for gap in gaps if gap.jump_s] == [5]
