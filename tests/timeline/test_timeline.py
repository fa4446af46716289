"""Originating times: right, rising, independent of chunking, honest about gaps and jumps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.streams import Block, OffsetProbe, StreamInfo
from streamsense.timeline.timeline import Gap, Timeline


def info(rate_hz: float, *, same_clock: bool = True) -> StreamInfo:
    return StreamInfo("eeg", "eeg", "amp", "EEG", "amp1", ("Cz",), ("uV",), rate_hz, "float32", same_clock)


def block(stamps: np.ndarray, received: float | None = None, first: int = 0) -> Block:
    stamps = np.array(stamps, dtype=np.float64)
    values = np.arange(first, first + len(stamps), dtype=np.float32)[:, None]
    if received is None:
        received = float(stamps[-1]) if len(stamps) else 0.0
    return Block("eeg", first, stamps, values, received)


def run(timeline: Timeline, stamps: np.ndarray, sizes: list[int], received: float | None = None):
    times, segments, values, gaps = [], [], [], []
    start = 0
    for size in sizes:
        blocks, found = timeline.push(block(stamps[start : start + size], received, start))
        start += size
        gaps += found
        for timed in blocks:
            times.append(timed.times)
            values.append(timed.values[:, 0])
            segments.append(np.full(len(timed), timed.segment))
    empty = np.empty(0)
    return (np.concatenate([empty, *times]), np.concatenate([empty, *segments]), np.concatenate([empty, *values]), gaps)


@st.composite
def jittered_stream_with_cuts(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    stamps = 1000 + np.arange(400) / 250 + rng.normal(0, draw(st.sampled_from([0.0, 0.0005, 0.004])), 400)
    hole = draw(st.sampled_from([0.0, 0.3, 2.0]))
    stamps[draw(st.integers(1, 399)) :] += hole
    return stamps, [*draw(st.lists(st.integers(0, 120), max_size=30)), len(stamps)]


@settings(max_examples=60, deadline=None)
@given(jittered_stream_with_cuts())
def test_chunking_never_matters(case: tuple[np.ndarray, list[int]]) -> None:
    stamps, sizes = case
    whole = run(Timeline(info(250)), stamps, [len(stamps)])
    cut = run(Timeline(info(250)), stamps, sizes)
    for a, b in zip(whole[:3], cut[:3], strict=True):
        assert a.tobytes() == b.tobytes()
    assert whole[3] == cut[3]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=1, max_size=80))
def test_times_rise_and_are_finite_whatever_the_stamps(stamps: list[float]) -> None:
    with np.errstate(all="ignore"):
        times, _, _, _ = run(Timeline(info(250)), np.array(stamps), [len(stamps)], received=5000.0)
    assert np.isfinite(times).all()
    assert (np.diff(times) > 0).all()
    assert (times <= 5000.05 + 1e-3 * len(stamps)).all()


def test_perfect_stamps_stay_as_they_are() -> None:
    stamps = 5000 + np.arange(2000) / 500
    times, _, _, gaps = run(Timeline(info(500)), stamps, [2000])
    np.testing.assert_allclose(times, stamps, atol=1e-9)
    assert gaps == []


def test_jitter_is_smoothed() -> None:
    rng = np.random.default_rng(1)
    truth = 100 + np.arange(20_000) / 500
    stamps = truth + rng.normal(0, 0.002, len(truth))
    times, _, _, gaps = run(Timeline(info(500)), stamps, [500] * 40, received=1e6)
    assert np.std(times[5000:] - truth[5000:]) < 0.0003
    assert gaps == []


@pytest.mark.parametrize("rate_hz", [30.0, 256.0, 16_000.0])
def test_times_are_right_straight_after_a_hole(rate_hz: float) -> None:
    n = int(4 * rate_hz)
    truth = 100 + np.arange(n) / rate_hz
    truth[n // 2 :] += 1.0
    times, segments, _, gaps = run(Timeline(info(rate_hz)), truth, [n], received=1e6)
    np.testing.assert_allclose(times, truth, atol=1e-6)
    assert set(segments) == {0, 1}
    assert len(gaps) == 1
    assert gaps[0].hole_s == pytest.approx(1.0, abs=1e-6)


def test_a_straggler_is_dropped_and_counted() -> None:
    timeline = Timeline(info(100))
    stamps = 10 + np.arange(200) / 100
    late = np.concatenate([stamps[:100], stamps[20:30], stamps[100:]])
    times, _, values, _ = run(timeline, late, [len(late)])
    np.testing.assert_allclose(times, stamps, atol=1e-9)
    assert len(values) == 200
    assert timeline.state.smoothing.stragglers == 10


@pytest.mark.parametrize("jump_s", [5.0, -5.0])
def test_a_clock_jump_is_found_and_undone(jump_s: float) -> None:
    timeline = Timeline(info(100))
    rise = 50 + np.arange(3000) / 100
    gaps: list[Gap] = []
    last = []
    for start in range(0, 3000, 10):
        now = float(rise[start + 9]) + 0.01
        stamps = rise[start : start + 10] + (jump_s if start >= 1500 else 0.0)
        blocks, found = timeline.push(block(stamps, now, start))
        gaps += found
        last = [timed.times[-1] for timed in blocks]
    assert [gap for gap in gaps if gap.jump_s] != []
    assert next(gap.jump_s for gap in gaps if gap.jump_s) == pytest.approx(jump_s, abs=0.05)
    assert last[0] == pytest.approx(rise[-1], abs=0.05)


@pytest.mark.parametrize("jump_s", [5.0, -5.0])
@pytest.mark.parametrize("held_up", [1, 2])
def test_a_clock_jump_is_found_although_a_delivery_just_after_it_is_held_up(jump_s: float, held_up: int) -> None:
    timeline = Timeline(info(100))
    rise = 50 + np.arange(2000) / 100
    gaps: list[Gap] = []
    for start in range(0, 2000, 10):
        late_s = 0.25 if start == 1500 + 10 * held_up else 0.01
        stamps = rise[start : start + 10] + (jump_s if start >= 1500 else 0.0)
        gaps += timeline.push(block(stamps, float(rise[start + 9]) + late_s, start))[1]
    assert [gap.jump_s for gap in gaps if gap.jump_s] == pytest.approx([jump_s], abs=0.3)


@pytest.mark.parametrize("jump_s", [5.0, -5.0, -3600.0])
@pytest.mark.parametrize("samples", [10, 40, 100])
def test_a_clock_jump_is_found_however_uneven_the_deliveries_are(jump_s: float, samples: int) -> None:
    """Else a clock that was set back by an hour costs an hour: what it sends is older than what was there."""
    random = np.random.default_rng(samples)
    for _ in range(5):
        rise, timeline = 50 + np.arange(3000) / 200, Timeline(info(200))
        received, kept, gaps = 0.0, 0, list[float]()
        for start in range(0, len(rise), samples):
            stamps = rise[start : start + samples]
            received = max(received + 0.005, float(stamps[-1]) + random.uniform(0.0, 0.4))
            blocks, found = timeline.push(block(stamps + (jump_s if start >= 1000 else 0.0), received))
            kept += sum(map(len, blocks))
            gaps += [gap.jump_s for gap in found if gap.jump_s]
        assert gaps == [pytest.approx(jump_s, abs=0.5)]
        assert kept >= len(rise) - 4 * samples


def test_a_delivery_that_hangs_is_no_clock_jump() -> None:
    timeline = Timeline(info(100))
    rise = 50 + np.arange(1000) / 100
    gaps: list[Gap] = []
    times = []
    for start in range(0, 1000, 10):
        stamps = rise[start : start + 10]
        # The samples of second 2 to 4 arrive together at second 4.
        now = max(float(stamps[-1]), 54.0) if 52 <= stamps[0] < 54 else float(stamps[-1])
        blocks, found = timeline.push(block(stamps, now, start))
        gaps += found
        times += [timed.times for timed in blocks]
    assert gaps == []
    np.testing.assert_allclose(np.concatenate(times), rise, atol=1e-9)


def test_the_probe_with_the_least_round_trip_wins() -> None:
    timeline = Timeline(info(100, same_clock=False))
    for offset, trip in [(2.5, 0.2), (3.0, 0.001), (3.4, 0.05)]:
        timeline.probe(OffsetProbe("eeg", 0.0, offset, trip))
    times, _, _, _ = run(timeline, np.array([100.0, 100.01]), [2], received=1e6)
    np.testing.assert_allclose(times, [103.0, 103.01])


def test_nothing_happens_after_it_was_received() -> None:
    times, _, _, _ = run(Timeline(info(0.0)), np.array([1.0, 2.0, 99.0]), [3], received=2.0)
    assert times.max() <= 2.05


@pytest.mark.parametrize("handful", [5, 25, 50])
def test_samples_sent_in_handfuls_and_stamped_as_they_leave_are_all_kept(handful: int) -> None:
    """An amplifier's bridge that sends so many samples at once, each stamped with the moment of its sending."""
    timeline = Timeline(info(250))
    truth = 100 + np.arange(5000) / 250
    times, gaps = [], []
    for start in range(0, 5000, handful):
        sent = truth[start + handful - 1] + np.arange(handful) * 5e-6
        blocks, found = timeline.push(block(sent, float(sent[-1]) + 0.002, start))
        times += [timed.times for timed in blocks]
        gaps += found
    given = np.concatenate(times)
    assert len(given) == 5000
    assert gaps == []
    settled = slice(2500, None)
    assert np.abs(given[settled] - truth[settled]).max() < handful / 250 + 0.01
    assert np.std(given[settled] - truth[settled]) < 0.25 * handful / 250


def test_a_hole_is_still_found_in_a_stream_of_handfuls() -> None:
    timeline = Timeline(info(250))
    gaps: list[Gap] = []
    for start in range(0, 5000, 25):
        at = 100 + (start + 24) / 250 + (1.0 if start >= 2500 else 0.0)
        gaps += timeline.push(block(at + np.arange(25) * 5e-6, at + 0.002, start))[1]
    assert [gap.hole_s for gap in gaps] == [pytest.approx(1.0, abs=0.2)]


def test_a_backlog_after_a_long_suspension_is_no_clock_jump() -> None:
    """60 s asleep, half of it lost to the buffer; the rest comes in pieces of a second, then all is as before."""
    timeline = Timeline(info(250))
    rise = 100 + np.arange(120 * 250) / 250
    gaps: list[Gap] = []
    last = 0.0
    for start in range(0, len(rise), 250):
        first, end = float(rise[start]), float(rise[start + 249])
        if 130 <= first < 160:
            continue
        received = 190.0 + (end - 160) * 0.001 if 160 <= first < 190 else end + 0.01
        blocks, found = timeline.push(block(rise[start : start + 250], received, start))
        gaps += found
        last = blocks[-1].times[-1]
    assert timeline.state.clock_jump.correction_s == 0.0
    assert last == pytest.approx(rise[-1], abs=1e-6)
    assert [gap.hole_s for gap in gaps] == [pytest.approx(30.0, abs=0.01)]


def test_stamps_of_another_clock_are_put_where_they_arrived() -> None:
    """A sender that stamps with the time of day: 1.7e9 s ahead of the LSL clock."""
    timeline = Timeline(info(250))
    rise = 100 + np.arange(2500) / 250
    for start in range(0, 2500, 25):
        blocks, _ = timeline.push(block(rise[start : start + 25] + 1.7e9, float(rise[start + 24]) + 0.01, start))
    assert blocks[-1].times[-1] == pytest.approx(rise[-1], abs=0.05)


def test_markers_keep_their_times_however_late_they_come() -> None:
    markers = StreamInfo("markers/task", "markers", "task", "Markers", "m", ("x",), ("",), 0.0, "string")
    timeline = Timeline(markers)
    times = []
    for now in np.arange(10.0, 20.0, 0.5):
        stamp = np.array([now - 2.0]) if now < 15 else np.array([now])
        blocks, _ = timeline.push(Block("markers/task", 0, stamp, np.empty((1, 0), np.float32), float(now), ("t",)))
        times.append(float(blocks[0].times[0]))
    assert times == [now - 2.0 if now < 15 else now for now in np.arange(10.0, 20.0, 0.5)]


def test_one_wrong_probe_without_a_round_trip_changes_nothing() -> None:
    timeline = Timeline(info(100, same_clock=False))
    for number in range(24):
        timeline.probe(OffsetProbe("eeg", 5.0 * number, 4.0 if number == 12 else 1.0, float("nan")))
        assert timeline.state.offset.offset_s == 1.0
    for _ in range(2):
        timeline.probe(OffsetProbe("eeg", 200.0, 7.0, float("nan")))
    assert timeline.state.offset.offset_s == 7.0
