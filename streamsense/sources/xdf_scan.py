"""The first reading of an XDF file: which streams it has, and what of them cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.sources import xdf_chunks
from streamsense.sources.recorded import RecordedStream
from streamsense.sources.xdf_chunks import Chunk, Damage, read_chunks
from streamsense.sources.xdf_header import BadHeader, StreamHeader, footer_sample_count, parse_stream_header
from streamsense.sources.xdf_samples import DamagedChunk, SampleDecoder
from streamsense.streams import FloatArray

MAX_TIME_S = 1e12
"""No clock in seconds shows more, nor one in milliseconds by much: a time beyond it is damage."""

Probe = tuple[float, float]
"""One clock offset as recorded: collection time on the stream's own clock, and the offset to be added (s)."""


def usable(times: FloatArray) -> npt.NDArray[np.bool_]:
    """Which times can be times: finite and within MAX_TIME_S."""
    return np.abs(times) < MAX_TIME_S


def parse_probe(payload: bytes) -> Probe | None:
    """The content of a clock offset chunk, None where it cannot be two times."""
    if len(payload) != 16:
        return None
    pair = np.frombuffer(payload, "<f8")
    return (float(pair[0]), float(pair[1])) if usable(pair).all() else None


@dataclass
class StreamScan:
    """What the first reading learns about one stream."""

    stream_id: int
    header: StreamHeader
    sample_count: int = 0
    first_stamp: float = np.nan
    last_stamp: float = np.nan
    first_probe: Probe | None = None
    same_clock: bool = True
    dropped_samples: int = 0
    dropped_probes: int = 0
    declared_count: int | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        header = self.header
        self._decoder = SampleDecoder(header.channel_format, len(header.channel_labels), header.nominal_rate_hz)

    def take(self, chunk: Chunk, damage: Damage) -> None:
        """Learn from one chunk of the stream, its header excepted."""
        if chunk.tag == xdf_chunks.SAMPLES:
            try:
                self._take_stamps(self._decoder.decode(chunk.payload)[0])
            except DamagedChunk as error:
                damage.add(f"Stream {self.stream_id}: the samples at byte {chunk.offset} were left out: {error}.")
        elif chunk.tag == xdf_chunks.CLOCK_OFFSET:
            self._take_probe(parse_probe(chunk.payload))
        else:
            self.closed = True
            self.declared_count = footer_sample_count(chunk.payload)

    def _take_stamps(self, stamps: FloatArray) -> None:
        kept = stamps[usable(stamps)]
        self.dropped_samples += len(stamps) - len(kept)
        if len(kept):
            if self.sample_count == 0:
                self.first_stamp = float(kept[0])
            self.last_stamp = float(kept[-1])
            self.sample_count += len(kept)

    def _take_probe(self, probe: Probe | None) -> None:
        if probe is None:
            self.dropped_probes += 1
            return
        self.first_probe = self.first_probe or probe
        self.same_clock = self.same_clock and probe[1] == 0

    def report(self, damage: Damage) -> None:
        """Note in `damage` what of the stream is missing or was left out."""
        name = f"Stream {self.stream_id} ({self.header.name!r})"
        if self.dropped_samples:
            damage.add(f"{name}: {self.dropped_samples} samples were left out, because their stamps are no times.")
        if self.dropped_probes:
            damage.add(f"{name}: {self.dropped_probes} clock offsets were left out, because they are no times.")
        if not self.closed:
            damage.add(f"{name} has no footer: its recorder did not finish the file.")
        elif self.declared_count is not None and self.declared_count > self.sample_count + self.dropped_samples:
            damage.add(f"{name}: its recorder wrote {self.declared_count} samples, {self.sample_count} were found.")

    def stream(self) -> RecordedStream:
        """The stream as far as it can be used."""
        return RecordedStream(
            stream_id=self.stream_id,
            sample_count=self.sample_count,
            first_stamp=self.first_stamp,
            last_stamp=self.last_stamp,
            same_clock=self.same_clock,
            **vars(self.header),
        )


def scan(path: Path, damage: Damage) -> dict[int, StreamScan]:
    """Read the file through once: its usable streams by id. Raises RecordingError when it is no readable XDF."""
    scans: dict[int, StreamScan] = {}
    unusable: set[int] = set()
    # A sample takes a byte for each channel at least, so no file has more channels in use than bytes.
    channels_left = path.stat().st_size if path.is_file() else 0
    for chunk in read_chunks(path, damage):
        stream_id = chunk.stream_id
        if chunk.tag == xdf_chunks.STREAM_HEADER and stream_id in scans:
            damage.add(f"Stream {stream_id} has a second header at byte {chunk.offset}: it was ignored.")
        elif chunk.tag == xdf_chunks.STREAM_HEADER:
            try:
                scans[stream_id] = StreamScan(stream_id, parse_stream_header(chunk.payload, channels_left))
                channels_left -= len(scans[stream_id].header.channel_labels)
            except BadHeader as error:
                unusable.add(stream_id)
                damage.add(f"Stream {stream_id} was left out: {error}.")
        elif stream_id in scans:
            scans[stream_id].take(chunk, damage)
        elif stream_id not in unusable:
            unusable.add(stream_id)
            damage.add(f"Stream {stream_id} has no header before byte {chunk.offset}: what is there was left out.")
    for stream in scans.values():
        stream.report(damage)
    return scans
