"""Recordings of one stream in parts, one after the other on one clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from streamsense.sources.recorded import RecordedStream, Selection, check_selection
from streamsense.streams import Block, Event, Kind, StreamOpened

STREAM_ID = 1
ReadPart = Callable[[str, Kind], Iterator[Block]]
"""Gives a part's blocks under a key and as a kind, with stamps from 0 s on."""


@dataclass(frozen=True, eq=False)
class RecordingInParts:
    """A recording of one stream: part k starts at `starts[k]` s. Each part is read when its turn comes."""

    path: Path
    streams: tuple[RecordedStream, ...]
    parts: tuple[ReadPart, ...]
    starts: tuple[float, ...]
    warnings: tuple[str, ...] = ()

    def events(self, selection: Selection) -> Iterator[Event]:
        """The stream's events (see `Recording.events`)."""
        check_selection(self.streams, selection)
        if STREAM_ID not in selection:
            return
        key, kind = selection[STREAM_ID]
        yield StreamOpened(self.streams[0].info(key, kind), self.starts[0])
        count = 0
        for read, start_s in zip(self.parts, self.starts, strict=True):
            for block in read(key, kind):
                stamps = block.stamps + start_s
                yield replace(block, first_sample=count, stamps=stamps, received=float(stamps[-1]))
                count += len(block)
