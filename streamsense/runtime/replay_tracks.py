"""The streams of a recording, each read as far as a replay has come: memory does not grow with the recording."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.pipeline import Pipeline
from streamsense.sources.recorded import Edge, Recording, Selection
from streamsense.streams import Block, OffsetProbe, StreamOpened


def due_times(block: Block, before: float) -> FloatArray:
    """When each sample of a block enters the core, those before it having entered by `before`.

    At its own time on our clock, never before the one ahead of it, and never after its block was received: one stamp
    that lies in the future must not hold up all that follow.
    """
    own = block.stamps + (block.received - block.stamps[-1])
    due: FloatArray = np.maximum.accumulate(np.maximum(np.minimum(own, block.received), before))
    return due


@dataclass
class Outline:
    """What the first reading learns of one stream: its opening, its clock probes, and when its samples are due."""

    opened: StreamOpened
    probes: list[OffsetProbe] = field(default_factory=list)
    first_due: float = math.nan
    last_due: float = -math.inf

    def note(self, block: Block) -> None:
        """Take in one block."""
        due = due_times(block, self.last_due)
        if math.isnan(self.first_due):
            self.first_due = float(due[0])
        self.last_due = float(due[-1])


def outlines(recording: Recording, selection: Selection) -> dict[str, Outline]:
    """Read a recording through once: the outline of each selected stream, by its key."""
    found: dict[str, Outline] = {}
    for event in recording.events(selection):
        match event:
            case StreamOpened():
                found[event.info.key] = Outline(event)
            case Block() if len(event):
                found[event.key].note(event)
            case OffsetProbe():
                found[event.key].probes.append(event)
    return found


class Track:
    """One stream of a recording on its way into the core, a block of the file in memory at a time.

    `edge` turns blocks of texts, pictures or words, into blocks of numbers.
    """

    def __init__(self, recording: Recording, selection: Selection, outline: Outline, edge: Edge | None) -> None:
        info = outline.opened.info
        self._edge = edge
        self.opened = outline.opened if edge is None else replace(outline.opened, info=edge.describe(info))
        self._probes = sorted(outline.probes, key=lambda probe: probe.received)
        own = {stream_id: entry for stream_id, entry in selection.items() if entry[0] == info.key}
        self._blocks = self._read(recording, own)
        self._block: Block | None = None
        self._due = np.empty(0)
        self._used = self._fed = 0
        self._next_block(-math.inf)

    def _read(self, recording: Recording, selection: Selection) -> Iterator[Block]:
        for event in recording.events(selection):
            if isinstance(event, Block) and len(event):
                block = event
                if self._edge is not None:
                    values, stamps = self._edge.convert(block.texts, block.stamps)
                    block = replace(block, stamps=stamps, values=values, texts=())
                if len(block):
                    yield block

    def _next_block(self, before: float) -> None:
        self._block, self._used = next(self._blocks, None), 0
        self._due = np.empty(0) if self._block is None else due_times(self._block, before)

    @property
    def next_due(self) -> float:
        """When the next sample enters the core; infinite after the last."""
        return float(self._due[self._used]) if self._block is not None else math.inf

    def feed(self, pipeline: Pipeline, until: float) -> None:
        """Push all that is due before `until`, probes in their places."""
        while self._probes and self._probes[0].received < until:
            probe = self._probes.pop(0)
            self._feed_samples(pipeline, probe.received)
            pipeline.push(probe)
        self._feed_samples(pipeline, until)

    def _feed_samples(self, pipeline: Pipeline, until: float) -> None:
        while self._block is not None and self.next_due < until:
            block = self._block
            part = slice(self._used, int(np.searchsorted(self._due, until)))
            received = float(self._due[part.stop - 1])
            texts = block.texts[part] if block.texts else ()
            key = self.opened.info.key
            pipeline.push(Block(key, self._fed, block.stamps[part], block.values[part], received, texts))
            self._fed += part.stop - part.start
            self._used = part.stop
            if part.stop == len(block):
                self._next_block(received)
