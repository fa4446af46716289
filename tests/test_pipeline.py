"""The core: any chunking the same bytes, the rules of time, exact replay of a journal, snapshots."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.features.voice_frames import VoiceFrontEndSettings
from streamsense.features.voice_front_end import VoiceFrontEndState
from streamsense.fusion.emotions import PRIOR_SD
from streamsense.journal import Entry, JournaledPipeline, replay_journal
from streamsense.pipeline import START, Pipeline
from streamsense.schedule import TimingSettings
from streamsense.score import SCORE_CHANNELS, Plan, Score, Skip
from streamsense.streams import Block, Control, Event, Feature, StreamOpened
from streamsense.ticks import tick_at_or_before, tick_time
from tests.helpers import sessions

SECONDS = 7.0
ALL = ("eeg", "face", "voice")
FRAME_COLUMNS = len(VoiceFrontEndSettings().labels)


def cut(track: sessions.Track, sizes: list[int], received) -> list[Block]:
    """The track cut at `sizes` (repeated), each block received at `received(last stamp)`."""
    blocks, start = [], 0
    for size in itertools.cycle(sizes):
        if start >= len(track.stamps):
            return blocks
        stop = min(start + max(size, 1), len(track.stamps))
        blocks.append(track.block(start, stop, received(float(track.stamps[stop - 1]))))
        start = stop
    return blocks


def live(pipeline: Pipeline, events: list[Event], until: float, journal: list[Entry] | None = None) -> list[Score]:
    """Drive a pipeline as the core thread does, with simulated arrival times."""
    core = JournaledPipeline(pipeline, journal)
    core.push(Control(START, "", sessions.START))
    scores: list[Score] = []
    for event in sorted(events, key=lambda event: event.received):
        while pipeline.next_deadline() < event.received:
            scores += core.advance(pipeline.next_deadline())
        core.push(event)
        scores += core.advance(event.received)
    while (deadline := pipeline.next_deadline()) <= until + 0.125:
        scores += core.advance(deadline)
    return scores


def on_plans(pipeline: Pipeline, tracks: list[sessions.Track], sizes: list[int]) -> list[Score]:
    """Score every tick on complete data, the samples between two ticks cut at random."""
    for track in tracks:
        pipeline.push(sessions.opened(track))
    first, last = tick_at_or_before(sessions.START) + 1, tick_at_or_before(sessions.START + SECONDS)
    at = dict.fromkeys(range(len(tracks)), 0)
    lengths = itertools.cycle(sizes)
    scores = []
    for tick in range(first, last + 1):
        for number, track in enumerate(tracks):
            stop = int(np.searchsorted(track.stamps, tick_time(tick) + 0.1))
            while at[number] < stop:
                # Sound comes in larger pieces: sample by sample would only take long.
                scale = 16 if track.info.nominal_rate_hz > 1000 else 1
                to = min(stop, at[number] + next(lengths) * scale)
                pipeline.push(track.block(at[number], to, float(track.stamps[to - 1])))
                at[number] = to
        now = tick_time(tick) + 0.1
        score = pipeline.carry_out(Plan(tick, now, "complete", pipeline.complete_plans(tick_time(tick))))
        assert score is not None
        scores.append(score)
    return scores


def assert_identical(a: list[Score], b: list[Score]) -> None:
    assert [score.tick for score in a] == [score.tick for score in b]
    for one, other in zip(a, b, strict=True):
        assert one.values.tobytes() == other.values.tobytes(), f"tick {one.tick}"
        assert one.experts.tobytes() == other.experts.tobytes(), f"tick {one.tick}"


@functools.cache
def all_tracks() -> list[sessions.Track]:
    return [sessions.MAKERS[modality](SECONDS) for modality in ALL]


@functools.cache
def whole() -> list[Score]:
    return on_plans(sessions.pipeline(*ALL), all_tracks(), [10**6])


@settings(max_examples=6, deadline=None)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_chunking_never_matters(sizes: list[int]) -> None:
    assert_identical(whole(), on_plans(sessions.pipeline(*ALL), all_tracks(), sizes))


def test_all_three_modalities_are_scored() -> None:
    last = whole()[-1]
    for modality in ALL:
        assert last[f"{modality}_presence"] == 1.0, modality
        assert last[f"{modality}_age"] < 0.05
    assert last["confidence"] > 0


def test_every_value_is_within_its_channel() -> None:
    for score in whole():
        assert len(score.values) == len(SCORE_CHANNELS)
        for channel, value in zip(SCORE_CHANNELS, score.values, strict=True):
            assert channel.low - 1e-6 <= value <= channel.high + 1e-6, channel.label
        assert sum(score[f"emotion_{name}"] for name in _emotions()) == pytest.approx(1.0, abs=1e-5)


def _emotions() -> tuple[str, ...]:
    return tuple(c.label.removeprefix("emotion_") for c in SCORE_CHANNELS if c.label.startswith("emotion_"))


def test_with_nothing_the_prior_is_published_with_confidence_0() -> None:
    pipeline = sessions.pipeline(*ALL)
    scores = live(pipeline, [], sessions.START + 3.0)
    assert [score.tick for score in scores] == list(range(5001, 5016))
    for score in scores:
        assert score["confidence"] == 0.0
        assert [score[f"{d}"] for d in ("valence", "arousal", "dominance")] == [0.0, 0.0, 0.0]
        assert score["valence_sd"] == pytest.approx(PRIOR_SD, abs=1e-6)
        assert all(score[f"{modality}_presence"] == 0 for modality in ALL)
        assert score.plan.now == score.time


@pytest.mark.parametrize("used", [c for n in (1, 2) for c in itertools.combinations(ALL, n)])
def test_any_subset_works(used: tuple[str, ...]) -> None:
    tracks = [sessions.MAKERS[modality](4.0) for modality in used]
    events: list[Event] = [sessions.opened(track) for track in tracks]
    for track in tracks:
        events += cut(track, [max(1, len(track.stamps) // 200)], lambda time: time + 0.005)
    scores = live(sessions.pipeline(*ALL), events, sessions.START + 4.0)
    assert [score.tick for score in scores] == list(range(5001, 5021))
    last = scores[-1]
    for modality in ALL:
        assert last[f"{modality}_presence"] == float(modality in used)
    assert last["confidence"] > 0 or used == ("eeg",), "the EEG of published knowledge knows no more than the prior"


def eeg_blocks(delay_s: float, seconds: float = 6.0, without: tuple[float, float] = (0.0, 0.0)) -> list[Event]:
    track = sessions.eeg(seconds)
    blocks = cut(track, [5], lambda time: time + delay_s)
    low, high = (sessions.START + edge for edge in without)
    return [sessions.opened(track), *(b for b in blocks if not low <= b.stamps[-1] < high)]


def test_a_tick_is_scored_as_soon_as_its_data_is_complete() -> None:
    scores = live(sessions.pipeline("eeg"), eeg_blocks(0.03), sessions.START + 6.0)
    waits = [score.plan.now - score.time for score in scores[2:-1]]
    assert max(waits) <= 0.03 + 5 / sessions.EEG_RATE_HZ + 1e-6
    assert {score.plan.reason for score in scores[2:-1]} == {"complete"}


def test_a_missing_stream_holds_ticks_until_the_deadline_then_not_at_all() -> None:
    pipeline = sessions.pipeline("eeg")
    scores = live(pipeline, eeg_blocks(0.01, 9.0, without=(3.0, 5.0)), sessions.START + 9.0)
    assert [score.tick for score in scores] == list(range(5001, 5046))
    assert {score["eeg_presence"] for score in scores if score.time > sessions.START + 7.1} == {1.0}
    for score in scores:
        since = score.time - (sessions.START + 3.0)
        if 0.01 < since < 0.99:
            assert score.plan.reason == "deadline"
            assert score.plan.now == pytest.approx(score.time + 0.12)
            assert score["eeg_age"] == pytest.approx(since, abs=0.01)
        if 1.01 < since < 1.99:
            assert score.plan.now == pytest.approx(score.time, abs=1e-6)
            assert score["eeg_presence"] == 0.0
    kinds = [notice.kind for notice in pipeline.take_notices()]
    assert kinds.count("modality_lost") == 1
    assert kinds.count("modality_present") == 1
    assert kinds.count("modality_regained") == 1
    assert kinds.count("gap") == 1


def test_spread_widens_while_a_modality_is_absent() -> None:
    track = sessions.face(8.0)
    low, high = sessions.START + 5.0, sessions.START + 7.0
    blocks = cut(track, [5], lambda time: time + 0.01)
    events: list[Event] = [sessions.opened(track), *(b for b in blocks if not low <= b.stamps[-1] < high)]
    scores = live(sessions.pipeline("face"), events, sessions.START + 8.0)
    by_tick = {score.tick: score for score in scores}
    assert by_tick[5033]["valence_sd"] > by_tick[5024]["valence_sd"] + 0.01
    assert by_tick[5033]["valence_smoothed_sd"] > by_tick[5024]["valence_smoothed_sd"]


def test_a_stream_that_always_comes_late_is_late_by_design() -> None:
    scores = live(sessions.pipeline("eeg"), eeg_blocks(0.35, 9.0), sessions.START + 9.0)
    for score in scores[25:]:
        (plan,) = score.plan.streams
        assert plan.state == "late"
        assert plan.shift_s == pytest.approx(0.4)
        assert score["eeg_presence"] == 1.0
        assert 0.2 < score["eeg_age"] < 0.45
        assert score.plan.now - score.time <= 0.12 + 1e-9


def test_a_backlog_is_scored_in_order_and_the_rest_is_skipped_with_a_notice() -> None:
    pipeline = sessions.pipeline("eeg")
    journal: list[Entry] = []
    core = JournaledPipeline(pipeline, journal)
    core.push(Control(START, "", sessions.START))
    assert [score.tick for score in core.advance(sessions.START + 1.0)] == [5001, 5002, 5003, 5004, 5005]
    ticks = [score.tick for score in core.advance(sessions.START + 6.0)]
    assert ticks == list(range(5020, 5031))
    assert [entry for entry in journal if isinstance(entry, Skip)] == [Skip(5006, 5019, sessions.START + 6.0)]
    notices = [notice for notice in pipeline.take_notices() if notice.kind == "ticks_skipped"]
    assert [notice.text for notice in notices] == ["14 ticks were skipped to stay live (2.8 s)"]


def journaled_session(seed: int, pipeline: Pipeline) -> tuple[list[Score], list[Entry]]:
    """A live run with random delays, some far beyond the deadline, and a hole."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for modality in ALL:
        track = sessions.MAKERS[modality](SECONDS)
        events.append(sessions.opened(track))
        arrived = 0.0
        for block in cut(track, [max(1, len(track.stamps) // 150)], lambda time: time):
            if modality == "voice" and 3.0 < block.stamps[-1] - sessions.START < 3.5:
                continue
            delay = rng.choice([0.01, 0.04, 0.3], p=[0.7, 0.25, 0.05])
            arrived = max(arrived, block.received + delay)
            events.append(track.block(block.first_sample, block.first_sample + len(block), arrived))
    journal: list[Entry] = []
    return live(pipeline, events, sessions.START + SECONDS, journal), journal


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_journal_replays_to_the_same_bytes(seed: int) -> None:
    scores, journal = journaled_session(seed, sessions.pipeline(*ALL))
    assert {score.plan.reason for score in scores} >= {"complete", "deadline"}
    replayed = [score for score, _ in replay_journal(journal, sessions.pipeline(*ALL)) if score is not None]
    assert_identical(scores, replayed)


def test_a_replay_goes_on_from_a_snapshot() -> None:
    scores, journal = journaled_session(5, sessions.pipeline(*ALL))
    middle = len(journal) * 2 // 3
    first = sessions.pipeline(*ALL)
    head = [score for score, _ in replay_journal(journal[:middle], first) if score is not None]
    snapshot, streams = first.snapshot(), first.open_streams
    second = sessions.pipeline(*ALL)
    second.restore(snapshot, streams)
    assert second.snapshot() == snapshot
    tail = [score for score, _ in replay_journal(journal[middle:], second) if score is not None]
    assert_identical(scores, head + tail)


def test_markers_are_kept_with_their_times() -> None:
    from streamsense.streams import StreamInfo, StreamOpened

    pipeline = sessions.pipeline("eeg")
    info = StreamInfo("markers/task", "markers", "task", "Markers", "m", ("marker",), ("",), 0.0, "string")
    pipeline.push(StreamOpened(info, 0.0))
    stamps = np.array([1.0, 2.0, 2.0, 1.5])
    pipeline.push(Block("markers/task", 0, stamps, np.empty((4, 0), np.float32), 2.0, ("a", "b", "c", "late")))
    kept = [(notice.time, notice.text) for notice in pipeline.take_notices() if notice.kind == "marker"]
    assert kept == [(1.0, "a"), (2.0, "b"), (2.0, "c"), (1.5, "late")]


@pytest.mark.parametrize("wrong", [{"deadline_s": -1.0}, {"stale_after_s": 0.0}, {"least_validity": 0.0}])
def test_impossible_timing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|expected"):
        TimingSettings(**wrong)


@pytest.mark.parametrize("chunk_s", [0.1, 0.5, 1.0])
def test_a_stream_that_comes_in_large_chunks_is_there_all_the_time(chunk_s: float) -> None:
    track = sessions.eeg(20.0)
    blocks = cut(track, [round(chunk_s * sessions.EEG_RATE_HZ)], lambda time: time + 0.01)
    scores = live(sessions.pipeline("eeg"), [sessions.opened(track), *blocks], sessions.START + 20.0)
    settled = [score for score in scores if sessions.START + 8.0 < score.time < sessions.START + 19.0]
    assert {score["eeg_presence"] for score in settled} == {1.0}
    assert max(score["eeg_age"] for score in settled) <= chunk_s + 0.2
    assert max(score.plan.now - score.time for score in settled) <= 0.12 + 1e-9


# ---- what the voice front end gives, in place of the sound


def sound_with_a_hole_that_comes_back_at_another_rate(seed: int) -> list[Event]:
    """EEG and sound in random blocks: 0.3 s of the sound are missing, and after 3 s its sender is another one."""
    rng = np.random.default_rng(seed)
    sound, eeg = sessions.voice(3.0), sessions.eeg(5.5)
    sound_again = sessions.voice(2.5, rate_hz=44_100.0)
    later = dataclasses.replace(sound_again, stamps=sound_again.stamps + 3.1)
    events: list[Event] = [sessions.opened(eeg), sessions.opened(sound), sessions.opened(later, sessions.START + 3.15)]
    hole = 1.2 + rng.uniform(0, 0.5)
    for track in (eeg, sound, later):
        arrived = sessions.START + 3.16 if track is later else 0.0
        for block in cut(track, rng.integers(1, int(0.3 * track.info.nominal_rate_hz), 40).tolist(), lambda time: time):
            arrived = max(arrived, block.received + rng.choice([0.01, 0.04, 0.3], p=[0.7, 0.25, 0.05]))
            missing = 0 <= block.stamps[-1] - sessions.START - hole < 0.3 or arrived > sessions.START + 3.15
            if track is not sound or not missing:
                events.append(dataclasses.replace(block, received=arrived))
    return [Control(START, "", sessions.START), *sorted(events, key=lambda event: event.received)]


def with_frames(pipeline: Pipeline, events: list[Event]) -> tuple[list[Score], list[Entry]]:
    """Scores of a live run, and its journal with the front end's output in place of the sound."""
    pipeline.keep_front_events = True
    scores: list[Score] = []
    journal: list[Entry] = []

    def push(event: Event) -> None:
        pipeline.push(event)
        at_front = pipeline.take_front_events()
        key = event.info.key if isinstance(event, StreamOpened) else getattr(event, "key", "")
        is_sound = key == "voice" and isinstance(event, StreamOpened | Block)
        journal.extend(at_front if is_sound else [event])

    def advance(now: float) -> None:
        for decision in pipeline.due(now):
            journal.append(decision)
            score = pipeline.carry_out(decision)
            scores.extend([] if score is None else [score])

    for event in events:
        while pipeline.next_deadline() < event.received:
            advance(pipeline.next_deadline())
        push(event)
        advance(event.received)
    return scores, journal


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_frames_in_place_of_the_sound_give_the_same_bytes(seed: int) -> None:
    scores, journal = with_frames(
        sessions.pipeline("eeg", "voice"), sound_with_a_hole_that_comes_back_at_another_rate(seed)
    )
    given_frames = [entry for entry in journal if isinstance(entry, Block) and entry.key == "voice"]
    assert {block.values.shape[1] for block in given_frames} == {FRAME_COLUMNS}
    assert np.mean([score["voice_presence"] for score in scores]) > 0.6
    replayed = [score for score, _ in replay_journal(journal, sessions.pipeline("eeg", "voice")) if score is not None]
    assert_identical(scores, replayed)
    for one, other in zip(scores, replayed, strict=True):
        assert_same_features(one.features, other.features)


def assert_same_features(a: Mapping[str, Feature], b: Mapping[str, Feature]) -> None:
    assert a.keys() == b.keys()
    for modality, feature in a.items():
        for name, values in feature.inputs.items():
            assert values.tobytes() == b[modality].inputs[name].tobytes(), name
        assert repr(dataclasses.replace(feature, inputs={})) == repr(dataclasses.replace(b[modality], inputs={}))


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.05, 0.95))
def test_a_snapshot_without_the_front_end_goes_on_at_the_frames(seed: int, share: float) -> None:
    events = sound_with_a_hole_that_comes_back_at_another_rate(seed)
    middle = max(1, round(share * len(events)))
    live, at_frames = sessions.pipeline("eeg", "voice"), sessions.pipeline("eeg", "voice")
    with_frames(live, events[:middle])
    at_frames.restore(live.snapshot(fronts=False), live.open_streams_at_fronts)
    whole = sessions.pipeline("eeg", "voice")
    whole.restore(live.snapshot(), live.open_streams)
    scores, journal = with_frames(live, events[middle:])
    again, _ = with_frames(whole, events[middle:])
    assert_identical(scores, again)
    assert_identical(scores, [score for score, _ in replay_journal(journal, at_frames) if score is not None])


def test_a_snapshot_without_the_front_end_holds_no_sound() -> None:
    pipeline = sessions.pipeline("voice")
    events: list[Event] = [sessions.opened(sessions.voice(2.0)), *cut(sessions.voice(2.0), [1000], lambda time: time)]
    with_frames(pipeline, events)
    front = pipeline._fronts.states()["voice"]
    assert isinstance(front, VoiceFrontEndState)
    sound = front.sound.tobytes()
    assert len(sound) > 1000
    assert sound in pipeline.snapshot()
    assert sound not in pipeline.snapshot(fronts=False)
    assert b"sound_starts" not in pipeline.snapshot(fronts=False)


def test_front_events_are_kept_only_where_they_are_wanted() -> None:
    pipeline = sessions.pipeline("voice")
    track = sessions.voice(1.0)
    pipeline.push(sessions.opened(track))
    pipeline.push(track.block(0, 8000, sessions.START + 0.5))
    assert pipeline.take_front_events() == []
    pipeline.keep_front_events = True
    pipeline.push(track.block(8000, 16_000, sessions.START + 1.0))
    (block,) = pipeline.take_front_events()
    assert isinstance(block, Block)
    assert (block.first_sample, block.received, block.values.shape) == (48, sessions.START + 1.0, (50, FRAME_COLUMNS))
    assert pipeline.take_front_events() == []
