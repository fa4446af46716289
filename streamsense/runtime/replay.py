"""Replay of a recording without a journal: every tick scored on the complete data, the same each time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streamsense.errors import RecordingError
from streamsense.pipeline import REFUSED, START, Pipeline
from streamsense.score import Notice, Plan, Score, Skip
from streamsense.sources.pictures import PictureFront
from streamsense.sources.recorded import Recording, Selection
from streamsense.streams import Block, Control, FloatArray, OffsetProbe, StreamOpened
from streamsense.ticks import tick_at_or_before, tick_time

_AHEAD_S = 0.1
"""Samples are fed until this long after the tick, so that smoothing cannot leave one behind."""
_IDLE_S = 5.0
"""A stretch without any sample that is longer than this is skipped, with a notice."""


@dataclass
class _Track:
    """One stream's samples, all of them, and how far they have been fed; `due` is when each enters the core."""

    opened: StreamOpened
    probes: list[OffsetProbe]
    stamps: FloatArray
    values: npt.NDArray[np.generic]
    texts: tuple[str, ...]
    due: FloatArray
    fed: int = 0

    @property
    def next_due(self) -> float:
        return float(self.due[self.fed]) if self.fed < len(self.due) else math.inf

    def feed(self, pipeline: Pipeline, until: float) -> None:
        """Push all that is due before `until`, probes in their places."""
        while self.probes and self.probes[0].received < until:
            probe = self.probes.pop(0)
            self._feed_samples(pipeline, probe.received)
            pipeline.push(probe)
        self._feed_samples(pipeline, until)

    def _feed_samples(self, pipeline: Pipeline, until: float) -> None:
        stop = int(np.searchsorted(self.due, until))
        if stop > self.fed:
            part = slice(self.fed, stop)
            received = float(self.due[stop - 1])
            key = self.opened.info.key
            texts = self.texts[part] if self.texts else ()
            pipeline.push(Block(key, self.fed, self.stamps[part], self.values[part], received, texts))
            self.fed = stop


class ReplaySession:
    """Replays the selected streams of a recording through a pipeline as fast as it goes.

    `pictures` turns a stream of texts that was selected as the face into face vectors.
    """

    def __init__(
        self, recording: Recording, selection: Selection, pipeline: Pipeline, pictures: PictureFront | None = None
    ) -> None:
        self._pipeline = pipeline
        self._tracks = _load(recording, selection, pictures)
        filled = [track for track in self._tracks if len(track.due)]
        if not filled:
            raise RecordingError(
                f"{recording.path} has no sample in the streams that were chosen. Choose others, or another file."
            )
        self.first_tick = tick_at_or_before(min(float(track.due[0]) for track in filled)) + 1
        self.last_tick = tick_at_or_before(max(float(track.due[-1]) for track in filled))

    def run(self) -> Iterator[Score | Notice]:
        """Every score in order, with the notices before it."""
        pipeline = self._pipeline
        for track in self._tracks:
            pipeline.push(track.opened)
        pipeline.push(Control(START, "", tick_time(self.first_tick - 1)))
        yield from self._notices()
        tick = self.first_tick
        while tick <= self.last_tick:
            time = tick_time(tick)
            for track in self._tracks:
                track.feed(pipeline, time + _AHEAD_S)
            streams = pipeline.complete_plans(time)
            decision: Plan | Skip = Plan(tick, time, "complete", streams)
            upcoming = min(track.next_due for track in self._tracks)
            if upcoming - time > _IDLE_S and all(stream.state in ("stale", "absent") for stream in streams):
                last = self.last_tick if math.isinf(upcoming) else tick_at_or_before(upcoming)
                decision = Skip(tick, last, time)
            score = pipeline.carry_out(decision)
            yield from self._notices()
            if score is not None:
                yield score
            tick = decision.last + 1 if isinstance(decision, Skip) else tick + 1

    def _notices(self) -> list[Notice]:
        notices = self._pipeline.take_notices()
        for notice in notices:
            if notice.kind == REFUSED:
                raise RecordingError(notice.text)
        return notices


def _load(recording: Recording, selection: Selection, pictures: PictureFront | None) -> list[_Track]:
    """Gather the events of each stream; their order across streams is found again from their times."""
    opened: dict[str, StreamOpened] = {}
    blocks: dict[str, list[Block]] = {}
    probes: dict[str, list[OffsetProbe]] = {}
    for event in recording.events(selection):
        match event:
            case StreamOpened():
                opened[event.info.key] = event
                blocks[event.info.key], probes[event.info.key] = [], []
            case Block() if len(event):
                blocks[event.key].append(event)
            case OffsetProbe():
                probes[event.key].append(event)
    if pictures is not None:
        opened["face"] = replace(opened["face"], info=pictures.describe(opened["face"].info))
        blocks["face"] = [_seen(block, pictures) for block in blocks["face"]]
    return [_track(opened[key], [b for b in blocks[key] if len(b)], probes[key]) for key in sorted(opened)]


def _seen(block: Block, pictures: PictureFront) -> Block:
    """A block of pictures as a block of face vectors."""
    values, stamps = pictures.convert(block.texts, block.stamps)
    return replace(block, stamps=stamps, values=values, texts=())


def _track(opened: StreamOpened, blocks: list[Block], probes: list[OffsetProbe]) -> _Track:
    # The columns of no samples at all: numpy cannot stack nothing.
    empty = np.empty((0, len(opened.info.channel_labels)), np.float32)
    stamps = np.concatenate([np.empty(0), *(block.stamps for block in blocks)])
    received = np.concatenate([np.empty(0), *(np.full(len(block), block.received) for block in blocks)])
    last = np.concatenate([np.empty(0), *(np.full(len(block), block.stamps[-1]) for block in blocks)])
    return _Track(
        opened,
        sorted(probes, key=lambda probe: probe.received),
        stamps,
        np.concatenate([block.values for block in blocks]) if blocks else empty,
        tuple(text for block in blocks for text in block.texts),
        # A sample enters the core at its own time on our clock, never before the one ahead of it, and never after its
        # block was received: one stamp that lies in the future must not hold up all that follow.
        np.maximum.accumulate(np.minimum(stamps + (received - last), received)) if len(stamps) else stamps,
    )
