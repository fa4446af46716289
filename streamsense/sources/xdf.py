"""XDF recordings (LabRecorder's, and our own) as a source of events.

Stamps are given as they were recorded; nothing is smoothed or corrected here. The clock offset of a stream is
what must be *added* to its stamps to get the recorder's clock, and the time at which it was collected is written
on the stream's own clock (LabRecorder writes `now - offset`), so the probe arrived at their sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamsense.sources import xdf_chunks
from streamsense.sources.recorded import RecordedStream, Selection, check_selection, marker_texts
from streamsense.sources.xdf_chunks import Chunk, Damage, read_chunks
from streamsense.sources.xdf_samples import DamagedChunk
from streamsense.sources.xdf_scan import Probe, Replay, StreamScan, scan
from streamsense.streams import Block, Event, Kind, OffsetProbe, StreamOpened


@dataclass(frozen=True, eq=False)
class XdfRecording:
    """An XDF file that was read through once: `streams` and `warnings` are about the whole file."""

    path: Path
    streams: tuple[RecordedStream, ...]
    warnings: tuple[str, ...]
    scans: dict[int, StreamScan]

    def events(self, selection: Selection) -> Iterator[Event]:
        """The selected streams' events in file order (see `Recording.events`).

        A recorder measures a stream's first clock offset seconds after its first samples, which need it too:
        the first probe is given right after the stream was opened, all later ones where they are in the file.
        A block was received at its last stamp plus the offset so far.
        """
        check_selection(self.streams, selection)
        players = {
            stream.stream_id: _Player(stream, *selection[stream.stream_id], self.scans[stream.stream_id])
            for stream in self.streams
            if stream.stream_id in selection
        }
        for chunk in read_chunks(self.path, Damage()):
            if chunk.tag == xdf_chunks.LOST:
                for player in players.values():
                    player.lose()
            elif chunk.stream_id in players:
                yield from players[chunk.stream_id].events(chunk)


def open_recording(path: Path | str) -> XdfRecording:
    """Read through an XDF file once. Raises RecordingError when it cannot be read or is not an XDF."""
    path = Path(path)
    damage = Damage()
    scans = scan(path, damage)
    return XdfRecording(path, tuple(stream.stream() for stream in scans.values()), damage.warnings(), scans)


class _Player:
    """Turns the chunks of one selected stream into events."""

    def __init__(self, stream: RecordedStream, key: str, kind: Kind, scanned: StreamScan) -> None:
        self._stream = stream
        self._key = key
        self._kind = kind
        self._replay = Replay(scanned.header, scanned.verdict)
        self._first_probe = next(iter(scanned.kept_probes()), None)
        self._offset = 0.0 if self._first_probe is None else self._first_probe[1]
        self._opened = False
        self._probes_seen = 0
        self._delivered = 0

    def lose(self) -> None:
        """Some chunks may be missing here."""
        self._replay.lose()

    def events(self, chunk: Chunk) -> Iterator[Event]:
        """What one chunk of the stream stands for."""
        if chunk.tag == xdf_chunks.STREAM_HEADER and not self._opened:
            self._opened = True
            yield from self._opening()
        elif chunk.tag == xdf_chunks.SAMPLES and self._opened:
            yield from self._block(chunk.payload)
        elif chunk.tag == xdf_chunks.CLOCK_OFFSET and self._opened:
            yield from self._probe(self._replay.probe(chunk.payload))

    def _opening(self) -> Iterator[Event]:
        begin = self._stream.first_stamp
        if np.isnan(begin):
            begin = 0.0 if self._first_probe is None else self._first_probe[0]
        received = begin + self._offset
        yield StreamOpened(self._stream.info(self._key, self._kind), received)
        if self._first_probe is not None:
            yield OffsetProbe(self._key, received, self._offset, np.nan)

    def _probe(self, probe: Probe | None) -> Iterator[Event]:
        if probe is None:
            return
        self._probes_seen += 1
        if self._probes_seen > 1:  # the first one was given when the stream was opened
            collected, self._offset = probe
            yield OffsetProbe(self._key, collected + self._offset, self._offset, np.nan)

    def _block(self, payload: bytes) -> Iterator[Event]:
        try:
            stamps, values, rows, _ = self._replay.samples(payload)
        except DamagedChunk:
            return  # the first reading has warned of it
        if len(stamps):
            texts = marker_texts(rows or values) if self._kind == "markers" else ()
            yield Block(self._key, self._delivered, stamps, values, float(stamps[-1]) + self._offset, texts)
            self._delivered += len(stamps)
