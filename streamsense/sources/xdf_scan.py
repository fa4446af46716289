"""The first reading of an XDF file: which streams it has, and what of them cannot be used."""

from __future__ import annotations

import contextlib
import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.sources import xdf_chunks
from streamsense.sources.recorded import RecordedStream
from streamsense.sources.xdf_chunks import Chunk, Damage, read_chunks
from streamsense.sources.xdf_course import Course, usable
from streamsense.sources.xdf_evidence import NEAR_PROBE_S, Evidence
from streamsense.sources.xdf_header import BadHeader, Footer, StreamHeader, parse_footer, parse_stream_header
from streamsense.sources.xdf_samples import DamagedChunk, SampleDecoder, starts_bare

Probe = tuple[float, float]
"""One clock offset as recorded: collection time on the stream's own clock, and the offset to be added (s)."""
_MOST_PAUSE_S = 60.0
"""Before the last stamps of a stream of which nothing else in the file tells the session; or as long as the rest."""
Ranges = npt.NDArray[np.int64]
_PROBE_APART_S = 600.0
"""A recorder that could not reach a stream for so long may still measure its clock again."""


def parse_probe(payload: bytes) -> Probe | None:
    """The content of a clock offset chunk, None where it cannot be two times."""
    if len(payload) != 16:
        return None
    pair = np.frombuffer(payload, "<f8")
    return (float(pair[0]), float(pair[1])) if usable(pair).all() else None


@dataclass(frozen=True)
class Verdict:
    """What of a stream is to be left out: ranges (k, 2) of its decodable samples and of its clock offsets, in order."""

    samples: Ranges = field(default_factory=lambda: np.empty((0, 2), np.int64))
    probes: Ranges = field(default_factory=lambda: np.empty((0, 2), np.int64))


def kept(left_out: Ranges, start: int, count: int) -> npt.NDArray[np.bool_] | None:
    """Which of `count` items from number `start` on are kept, None for all."""
    if not len(left_out):
        return None
    first = int(np.searchsorted(left_out[:, 1], start, "right"))
    last = int(np.searchsorted(left_out[:, 0], start + count))
    if first >= last:
        return None
    mask = np.ones(count, np.bool_)
    for begin, end in left_out[first:last].tolist():
        mask[max(0, begin - start) : max(0, end - start)] = False
    return mask


class StreamScan:
    """What the first reading learns about one stream."""

    def __init__(self, stream_id: int, header: StreamHeader) -> None:
        self.stream_id = stream_id
        self.header = header
        self.decoder = SampleDecoder(header.channel_format, len(header.channel_labels), header.nominal_rate_hz)
        self.verdict = Verdict()
        self.probes: list[Probe | None] = []
        self.footer: Footer | None = None
        self.damaged_chunks = 0
        self.course = Course(self.decoder.interval_s)
        self.sample_count = 0
        self.first_stamp = np.nan
        self.last_stamp = np.nan

    def take(self, chunk: Chunk, damage: Damage) -> None:
        """Learn from one chunk of the stream, its header excepted."""
        if chunk.tag == xdf_chunks.SAMPLES:
            try:
                stamps, own = self.decoder.stamps(chunk.payload)
                self.course.take(stamps, own, chunk.payload, chunk.offset)
            except DamagedChunk as error:
                self.damaged_chunks += 1
                damage.add(f"Stream {self.stream_id}: the samples at byte {chunk.offset} were left out: {error}.")
        elif chunk.tag == xdf_chunks.CLOCK_OFFSET:
            self.probes.append(parse_probe(chunk.payload))
        elif chunk.tag == xdf_chunks.STREAM_FOOTER:
            self.footer = parse_footer(chunk.payload)

    def lose(self) -> None:
        """Some chunks may be missing here."""
        self.decoder.lose()
        self.course.lose()

    def judge_probes(self) -> None:
        """Leave out clock offsets that cannot be right: measured, on the recorder's clock, in another order."""
        times = np.array([np.nan if probe is None else probe[0] + probe[1] for probe in self.probes])
        course = Course(0.0)
        course.take(times, None)
        earliest, latest = course.close()
        ranges = course.finish(Evidence(earliest=earliest - _PROBE_APART_S, latest=latest + _PROBE_APART_S))
        self.verdict = Verdict(self.verdict.samples, ranges)

    def kept_probes(self) -> list[Probe]:
        """The clock offsets that can be right."""
        mask = kept(self.verdict.probes, 0, len(self.probes))
        return [p for index, p in enumerate(self.probes) if p is not None and (mask is None or mask[index])]

    def judge_samples(self, session: tuple[float, float] | None, whole_file: bool) -> None:
        """Leave out samples that cannot be right.

        `session` is the other streams' range on this stream's clock, `whole_file` whether no damage is known of.
        """
        collected = [probe[0] for probe in self.kept_probes()]
        if collected:
            earliest, latest, around = min(collected), max(collected), NEAR_PROBE_S
        elif session is not None:
            (earliest, latest), around = session, NEAR_PROBE_S
        else:
            earliest, latest = self.course.close()
            around = max(_MOST_PAUSE_S, latest - earliest)
        footer = self.footer or Footer(math.nan, math.nan, None)
        evidence = Evidence(footer.first_stamp, footer.last_stamp, earliest - around, latest + around, whole_file)
        ranges = self.course.finish(evidence)
        self.verdict = Verdict(ranges, self.verdict.probes)
        self.sample_count = self.course.samples - int((ranges[:, 1] - ranges[:, 0]).sum())

    def count(self, stamps: FloatArray) -> None:
        """Note the first and the last of the stamps that are kept."""
        if len(stamps):
            if np.isnan(self.first_stamp):
                self.first_stamp = float(stamps[0])
            self.last_stamp = float(stamps[-1])

    def report(self, damage: Damage) -> None:
        """Note in `damage` what of the stream is missing or was left out."""
        name = f"Stream {self.stream_id} ({self.header.name!r})"
        left_out = self.course.samples - self.sample_count
        if self.course.no_times:
            damage.add(
                f"{name}: {self.course.no_times} samples were left out, because their stamps are no times or were lost "
                f"with a chunk before them."
            )
        if left_out > self.course.no_times:
            first = self.course.offset_of(int(self.verdict.samples[0, 0]))
            damage.add(
                f"{name}: {left_out - self.course.no_times} samples were left out, because their stamps step back or "
                f"leave the session; the first is in the chunk at byte {first}."
            )
        if dropped := len(self.probes) - len(self.kept_probes()):
            damage.add(f"{name}: {dropped} clock offsets were left out, because they are no times or out of order.")
        declared = None if self.footer is None else self.footer.sample_count
        if self.footer is None:
            damage.add(f"{name} has no footer: its recorder did not finish the file.")
        elif declared is not None and declared > self.course.samples:
            damage.add(f"{name}: its recorder wrote {declared} samples, {self.sample_count} were found.")

    def stream(self) -> RecordedStream:
        """The stream as far as it can be used."""
        return RecordedStream(
            stream_id=self.stream_id,
            sample_count=self.sample_count,
            first_stamp=self.first_stamp,
            last_stamp=self.last_stamp,
            same_clock=all(offset == 0 for _, offset in self.kept_probes()),
            **vars(self.header),
        )


def scan(path: Path, damage: Damage) -> dict[int, StreamScan]:
    """Read the file through: its usable streams by id. Raises RecordingError when it is no readable XDF."""
    scans = _read(path, damage)
    whole_file = not damage.messages
    ranges = {}
    for stream_id, stream in scans.items():
        stream.judge_probes()
        offset = next((probe[1] for probe in stream.kept_probes()), 0.0)
        ranges[stream_id] = (*stream.course.close(), offset)
    for stream_id, stream in scans.items():
        others = [(first + o, last + o) for i, (first, last, o) in ranges.items() if i != stream_id and first == first]
        own_offset = ranges[stream_id][2]
        session = (min(a for a, _ in others) - own_offset, max(b for _, b in others) - own_offset) if others else None
        stream.judge_samples(session, whole_file)
    _find_ends(path, scans)
    for stream in scans.values():
        stream.report(damage)
    return scans


def _read(path: Path, damage: Damage) -> dict[int, StreamScan]:
    scans: dict[int, StreamScan] = {}
    unusable: set[int] = set()
    # A sample takes a byte for each channel at least, so no file has more channels in use than bytes.
    channels_left = path.stat().st_size if path.is_file() else 0
    for chunk in read_chunks(path, damage):
        stream_id = chunk.stream_id
        if chunk.tag == xdf_chunks.LOST:
            for stream in scans.values():
                stream.lose()
        elif stream_id < 0:
            continue
        elif chunk.tag == xdf_chunks.STREAM_HEADER and stream_id in scans:
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
    return scans


def _find_ends(path: Path, scans: dict[int, StreamScan]) -> None:
    """The first and the last stamp of each stream; those of which something was left out are decoded again."""
    again: dict[int, Replay] = {}
    for stream_id, stream in scans.items():
        if len(stream.verdict.samples):
            again[stream_id] = Replay(stream.header, stream.verdict)
        else:
            stream.first_stamp, stream.last_stamp = stream.course.ends
    if not again:
        return
    for chunk in read_chunks(path, Damage()):
        if chunk.tag == xdf_chunks.LOST:
            for replay in again.values():
                replay.lose()
        elif chunk.tag == xdf_chunks.SAMPLES and chunk.stream_id in again:
            with contextlib.suppress(DamagedChunk):
                scans[chunk.stream_id].count(again[chunk.stream_id].stamps(chunk.payload))


class Replay:
    """The second reading of one stream: decodes its chunks in file order and leaves out what the first one said."""

    def __init__(self, header: StreamHeader, verdict: Verdict) -> None:
        self._decoder = SampleDecoder(header.channel_format, len(header.channel_labels), header.nominal_rate_hz)
        self._verdict = verdict
        self._samples = 0
        self._probes = 0

    def lose(self) -> None:
        """Some chunks may be missing here."""
        self._decoder.lose()

    def follows(self, payload: bytes, stamp: float) -> bool:
        """Whether the chunk's stamps are the same where the sample before it has this stamp."""
        return self._decoder.previous_stamp == stamp or not starts_bare(payload)

    def stamps(self, payload: bytes) -> FloatArray:
        """The stamps that are kept. Raises DamagedChunk."""
        stamps, _ = self._decoder.stamps(payload)
        mask = self._mask(len(stamps))
        return stamps if mask is None else stamps[mask]

    def samples(self, payload: bytes) -> tuple[FloatArray, npt.NDArray[np.generic], list[list[str]], bool]:
        """The samples that are kept, as `SampleDecoder.decode` gives them, and whether these are all. Raises as it."""
        stamps, values, rows = self._decoder.decode(payload)
        mask = self._mask(len(stamps))
        if mask is None:
            return stamps, values, rows, True
        return stamps[mask], values[mask], list(itertools.compress(rows, mask)), False

    def probe(self, payload: bytes) -> Probe | None:
        """The clock offset, None where it is left out."""
        mask = kept(self._verdict.probes, self._probes, 1)
        self._probes += 1
        return parse_probe(payload) if mask is None else None

    def _mask(self, count: int) -> npt.NDArray[np.bool_] | None:
        mask = kept(self._verdict.samples, self._samples, count)
        self._samples += count
        return mask
