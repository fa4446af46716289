"""Generated sessions with all that a recording must keep, written through the library's own parts, and compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from streamsense.config import Config
from streamsense.journal import Entry, JournaledPipeline
from streamsense.journal_lines import Snapshot
from streamsense.pipeline import START
from streamsense.runtime.assembly import build_pipeline
from streamsense.runtime.recorded_journal import Recorded, RecordedPlan
from streamsense.runtime.recording_head import recording_head
from streamsense.score import Notice, Plan, Score, Skip
from streamsense.sinks.journal_file import JournalFile
from streamsense.streams import Block, Control, Event, OffsetProbe, StreamInfo, StreamLost, StreamOpened
from streamsense.ticks import tick_time
from tests.helpers import sessions

Item = Entry | Score | Notice
REMOTE_S = 37.5
"""What is added to the stamps of the remote computer (the camera's)."""
CONFIG: Config = sessions.config("eeg", "face", "voice")


def blocks(track: sessions.Track, size: int, delay_s: float = 0.01, offset_s: float = 0.0) -> list[Block]:
    """A track cut into blocks, each received so long after its last sample; stamps on a clock `offset_s` behind."""
    starts = range(0, len(track.stamps), size)
    cut = [track.block(start, min(start + size, len(track.stamps)), 0.0) for start in starts]
    return [replace(block, stamps=block.stamps - offset_s, received=float(block.stamps[-1]) + delay_s) for block in cut]


def marker_stream(name: str, dtype: str = "string", channels: int = 1) -> StreamInfo:
    labels = tuple(f"column {number}" for number in range(channels))
    return StreamInfo(f"markers/{name}", "markers", name, "Markers", f"m-{name}", labels, ("",) * channels, 0.0, dtype)


def texts(info: StreamInfo, first: int, received: float, *rows: str) -> Block:
    stamps = received - 0.01 - 0.001 * np.arange(len(rows))[::-1]
    return Block(info.key, first, stamps, np.empty((len(rows), 0), np.float32), received, rows)


def spoilt(block: Block) -> Block:
    """The block with samples that are no numbers, and a stamp that is no time."""
    values, stamps = block.values.copy(), block.stamps.copy()
    values[1], values[2, 0], stamps[3] = np.nan, np.inf, np.nan
    return replace(block, values=values, stamps=stamps)


def int16_sound(seconds: float) -> sessions.Track:
    track = sessions.voice(seconds)
    info = replace(track.info, dtype="int16", channel_units=("counts",))
    return sessions.Track(info, track.stamps, (track.values * 30_000).astype(np.int16))


def fewer_channels(track: sessions.Track, count: int) -> sessions.Track:
    labels, units = track.info.channel_labels[:count], track.info.channel_units[:count]
    info = replace(track.info, channel_labels=labels, channel_units=units)
    return sessions.Track(info, track.stamps, np.ascontiguousarray(track.values[:, :count]))


def eventful(seconds: float = 4.0) -> list[Event]:
    """Three modalities, markers of each kind, and all that happens to streams; in the order of arrival."""
    begin = sessions.START
    eeg, voice = sessions.eeg(seconds), int16_sound(seconds)
    face = sessions.face(seconds)
    face = replace(face, info=replace(face.info, same_clock=False))
    text, number, several = (
        marker_stream("text"),
        marker_stream("number", "int32", 2),
        marker_stream("several", channels=3),
    )
    events: list[Event] = [StreamOpened(info, begin) for info in (eeg.info, face.info, voice.info, text)]
    events.append(OffsetProbe("face", begin, REMOTE_S, 0.0004))
    events += [StreamOpened(number, begin + 1.0), StreamOpened(several, begin + 1.1)]
    # Amplifiers send in handfuls; a second block is lost, and one comes later than its deadline.
    own = blocks(eeg, 20)
    own[4] = spoilt(own[4])
    third = len(own) // 3
    events += own[:third]
    reopened = [replace(block, first_sample=block.first_sample - 20 * third) for block in own[third : 2 * third]]
    events += [
        StreamLost("eeg", reopened[0].received - 0.005, "the sender has gone"),
        StreamOpened(eeg.info, reopened[0].received - 0.004),
        *reopened,
    ]
    other = fewer_channels(eeg, 12)
    changed = blocks(other, 20)[2 * third :]
    changed = [replace(block, first_sample=block.first_sample - 40 * third) for block in changed]
    events += [StreamOpened(other.info, changed[0].received - 0.004), *changed]
    events += blocks(face, 1, 0.06, REMOTE_S)
    sound = blocks(voice, 320, 0.03)
    events += [*sound[:60], replace(sound[60], received=sound[60].received + 0.4), *sound[61:]]
    events += [
        OffsetProbe("face", begin + 1.5, REMOTE_S + 1e-4, float("nan")),
        OffsetProbe("face", begin + 2.5, float("nan"), float("inf")),
        Block("eeg", 0, np.empty(0), np.empty((0, len(eeg.info.channel_labels)), np.float32), begin + 0.005),
        Block("voice", 0, np.empty(0), np.empty((0, 1), np.int16), begin + 0.5),
        texts(text, 0, begin + 0.7),
        texts(text, 0, begin + 0.8, "start", "", 'ä😀\x00\x1f"\\', "x" * 300),
        texts(text, 4, begin + 2.8, "\udcff not UTF-8"),
        Block(number.key, 0, np.array([begin + 1.2]), np.array([[5, -7]], np.int32), begin + 1.21, ('["5", "-7"]',)),
        texts(several, 0, begin + 1.3, '["a", "ä😀", ""]', '["1", "2", "\\n"]'),
        Control("note", '{"text": "a note"}', begin + 1.4),
    ]
    return sorted(events, key=lambda event: event.received)


def key_of(event: Event) -> str:
    """The stream that an event is about, "" for none."""
    return event.info.key if isinstance(event, StreamOpened) else getattr(event, "key", "")


class Gathered:
    """Keeps what a recording is handed, in a list; the tests write it when and as they want."""

    def __init__(self, at_fronts: bool) -> None:
        self.items: list[Item] = []
        self._at_fronts = at_fronts

    def write_event(self, event: Event, at_fronts: list[Event]) -> None:
        self.items += at_fronts if self._at_fronts and key_of(event) == "voice" else [event]

    def write(self, item: Plan | Skip | Score | Notice) -> None:
        self.items.append(item)


def drive(
    core: JournaledPipeline, events: Iterable[Event], until: float, visit: Callable[[float], None] = lambda _: None
) -> Iterator[Score]:
    """Run a core as its thread does, on the times of arrival; `visit` is called between any two events."""
    for event in events:
        while core.pipeline.next_deadline() < event.received:
            yield from advanced(core, core.pipeline.next_deadline())
        visit(event.received)
        core.push(event)
        yield from advanced(core, event.received)
    while (deadline := core.pipeline.next_deadline()) <= until:
        yield from advanced(core, deadline)


def advanced(core: JournaledPipeline, now: float) -> Iterator[Score]:
    yield from core.advance(now)
    for notice in core.pipeline.take_notices():
        if core.recording is not None:
            core.recording.write(notice)


@dataclass(frozen=True)
class Made:
    """A session that was run: what a recording that began at `snapshot` was handed."""

    head: dict[str, Any]
    snapshot: Snapshot
    items: list[Item]

    @property
    def scores(self) -> list[Score]:
        return [item for item in self.items if isinstance(item, Score)]

    def entries(self) -> list[Recorded]:
        """What must be read back, in order; a recorded score stands with its plan."""
        scores = iter(self.scores)
        entries: list[Recorded] = [self.snapshot]
        for item in self.items:
            if isinstance(item, Plan):
                score = next(scores)
                entries.append(RecordedPlan(item, score))  # type: ignore[arg-type]  # compared by its parts
            elif not isinstance(item, Score | Notice):
                entries.append(item)
        return entries


def make(
    events: Sequence[Event], record_after_s: float = 0.0, config: Config = CONFIG, at_fronts: bool = False
) -> Made:
    """Run a session; from `record_after_s` on it is recorded, the voice as sound or `at_fronts`."""
    pipeline, description = build_pipeline(config)
    core = JournaledPipeline(pipeline)
    core.push(Control(START, "", sessions.START))
    kept = Gathered(at_fronts)
    pipeline.keep_front_events = at_fronts
    snapshots: list[Snapshot] = []

    def visit(now: float) -> None:
        if not snapshots and now >= sessions.START + record_after_s:
            streams = pipeline.open_streams_at_fronts if at_fronts else pipeline.open_streams
            # The ids that the file gives them: after the four of its own, in this order.
            snapshots.append(
                Snapshot(pipeline.snapshot(fronts=not at_fronts), streams, tuple(range(5, 5 + len(streams))))
            )
            core.recording = kept

    for _ in drive(core, events, events[-1].received + 0.1, visit):
        pass
    return Made(recording_head(config, description, None), snapshots[0], kept.items)


@dataclass(frozen=True)
class Flush:
    """How large the file was after a flush, and how many entries it then held."""

    size: int
    entries: int


def write(path: Path, made: Made, flush_every_s: float = 0.5, reason: str = "done") -> list[Flush]:
    """Write a session into a file that is flushed on the session's own time; the last flush is its closing."""
    file = JournalFile(path, made.head, "2026-01-01T00:00:00+00:00", sessions.START)
    flushes, entries = [Flush(file.size, 0)], 1
    file.take_snapshot(made.snapshot.state, made.snapshot.streams, {"face": REMOTE_S})
    flush_at = -np.inf
    for item in made.items:
        now = time_of(item)
        if now >= flush_at:
            file.flush()
            flushes.append(Flush(file.size, entries))
            flush_at = now + flush_every_s
        put(file, item)
        entries += not isinstance(item, Score | Notice)
    file.close(reason)
    return [*flushes, Flush(file.size, entries)]


def put(file: JournalFile, item: Item) -> None:
    match item:
        case Score():
            file.take_score(item)
        case Notice():
            file.take_notice(item)
        case _:
            file.take(item)


def time_of(item: Item) -> float:
    """When an item came to be (s)."""
    match item:
        case Score() | Plan():
            return tick_time(item.tick)
        case Skip():
            return item.now
        case Notice():
            return item.time
        case _:
            return item.received


def same(one: Any, other: Any) -> bool:
    """Equal to the bit: arrays with their type and shape, numbers that are none too."""
    if isinstance(one, np.ndarray):
        same_kind = isinstance(other, np.ndarray) and one.dtype == other.dtype and one.shape == other.shape
        return same_kind and one.tobytes() == other.tobytes()
    if isinstance(one, RecordedPlan):
        scores = [(pair.score.time, pair.score.values, pair.score.experts) for pair in (one, other)]
        return isinstance(other, RecordedPlan) and same(one.plan, other.plan) and same(*scores)
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return type(one) is type(other) and all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def first_difference(expected: Sequence[Recorded], found: Sequence[Recorded]) -> str:
    """The first entry that is not as expected, "" where `found` is a beginning of `expected`."""
    if len(found) > len(expected):
        return f"{len(found)} entries where {len(expected)} are expected"
    for index, (one, other) in enumerate(zip(expected, found, strict=False)):
        if not same(one, other):
            return f"entry {index}: {one!r:.600}\nwas read as {other!r:.600}"
    return ""


def rewritten(path: Path, out: Path, change: Callable[[Made], Made]) -> None:
    """A recording written anew, with checksums that fit, after `change`: as a lab that cheats would do it."""
    from streamsense.runtime.recorded_journal import JournalReader

    reader = JournalReader(path)
    items: list[Item] = []
    snapshot: Snapshot | None = None
    for entry in reader.entries():
        if isinstance(entry, Snapshot):
            snapshot = entry
        elif isinstance(entry, RecordedPlan):
            score = entry.score
            items += [Score(entry.plan.tick, score.time, score.values, score.experts, entry.plan), entry.plan]
        else:
            items.append(entry)
    assert snapshot is not None
    write(out, change(Made(json.loads(json.dumps(reader.head)), snapshot, items)))
