"""Reads our own recordings back: the entries of the journal in their order, each with the samples that it refers to.

Any changed byte is noticed: every line is chained to the one before, every block carries the checksum of its samples,
and every chunk of the file that of its content. A file that ends anywhere (a kill) simply ends earlier.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import RecordingError
from streamsense.journal_lines import (
    BadLine,
    BlockReference,
    End,
    Head,
    Line,
    LineReader,
    OpenedStream,
    Snapshot,
    Written,
    WrittenChunk,
    block_checksum,
)
from streamsense.runtime.recorded_checks import ChangedRecording, check_last_footer, compare_chunks
from streamsense.runtime.recorded_samples import WaitingSamples
from streamsense.score import Plan, Skip
from streamsense.sinks.journal_file import EVENTS_ID, EXPERTS_ID, JOURNAL_ID, JOURNAL_TYPE, SCORES_ID
from streamsense.sources import xdf_chunks
from streamsense.sources.recorded import marker_texts
from streamsense.sources.xdf_chunks import Chunk, Damage, read_chunks
from streamsense.sources.xdf_header import BadHeader, StreamHeader, parse_stream_header
from streamsense.sources.xdf_samples import DamagedChunk
from streamsense.streams import MODALITIES, VOICE_FRAMES, Block, Event, StreamInfo

_MOST_WAITING_BYTES = 1 << 27
"""Samples that no line has referred to yet: of our recordings 32 MB at the most, and usually half a second's."""
_MOST_WAITING_CHUNKS = 1 << 16
_MOST_CHANNELS = 1 << 16


@dataclass(frozen=True, eq=False)
class RecordedScore:
    """The score that was recorded for a tick: values and experts' opinions."""

    time: float
    values: FloatArray
    experts: FloatArray


@dataclass(frozen=True, eq=False)
class RecordedPlan:
    """A plan, and the score that was recorded with it."""

    plan: Plan
    score: RecordedScore


Recorded = Snapshot | Event | RecordedPlan | Skip


class JournalReader:
    """One of our recordings, opened: `head` says what it was made with. Raises RecordingError for any other file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end: str | None = None
        """Why the recording ended; None while it was not read to its end, and for one that was cut off."""
        self.damage = Damage()
        self.entered: dict[str, str] = {}
        """What of each modality entered the core."""
        first = next((line for line in self._lines() if isinstance(line, Head)), None)
        if first is None:
            raise RecordingError(
                f"{path} has no journal, so there is nothing that it could be compared with. Expected a recording "
                "made by streamsense (`live --record`); `streamsense replay` scores any other file."
            )
        self.head = first.content

    def entries(self) -> Iterator[Recorded]:
        """Everything that entered the core, and its decisions with the scores that were recorded, in order.

        Raises ChangedRecording, with the place, as soon as something is not as it was written.
        """
        self._opened: dict[int, StreamInfo] = {}
        for line in self._lines():
            match line:
                case Snapshot(_, streams, stream_ids):
                    for stream_id, info in zip(stream_ids, streams, strict=True):
                        self._note_opened(stream_id, info)
                    yield line
                case OpenedStream(stream_id, opened):
                    self._note_opened(stream_id, opened.info)
                    yield opened
                case BlockReference():
                    yield self._block(line)
                case Plan():
                    yield RecordedPlan(line, self._score(line))
                case End(reason):
                    self.end = reason
                case Head() | Written():
                    pass
                case _:
                    yield line

    def _note_opened(self, stream_id: int, info: StreamInfo) -> None:
        self._opened[stream_id] = info
        texts = {"eeg": "raw samples", "face": "face vectors", "voice": "raw sound", "text": "counts of words"}
        if info.kind in texts:
            self.entered[info.kind] = "voice front end's frames" if info.type == VOICE_FRAMES else texts[info.kind]

    # -- the file --------------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[Line]:
        """The journal's lines, once the samples that they refer to are waiting and all chunks are as written."""
        self._waiting: dict[int, WaitingSamples] = {}
        reader, seen, lost_at = LineReader(), list[tuple[WrittenChunk, int]](), -1
        for chunk in read_chunks(self.path, self.damage):
            is_ours = chunk.stream_id == JOURNAL_ID and JOURNAL_ID in self._waiting
            is_lines = is_ours and chunk.tag == xdf_chunks.SAMPLES
            is_last = is_ours and chunk.tag == xdf_chunks.STREAM_FOOTER
            if lost_at >= 0:
                if is_lines or is_last:
                    raise ChangedRecording(f"{self.path} was changed at byte {lost_at}: no chunk can be read there.")
                continue  # a torn tail, in which a chunk was found by chance
            if chunk.tag == xdf_chunks.LOST:
                lost_at = chunk.offset
            elif is_last:
                check_last_footer(chunk, seen, self.path)
            else:
                self._take(chunk, len(seen))
                seen.append((WrittenChunk(chunk.tag, chunk.stream_id, zlib.crc32(chunk.payload)), chunk.offset))
            if is_lines and lost_at < 0:
                lines = self._read(chunk, reader)
                written = lines[-1] if lines else None
                if not isinstance(written, Written):
                    raise ChangedRecording(f"{self.path} was changed: the journal at byte {chunk.offset} has no end.")
                compare_chunks(written.chunks, seen[:-1], self.path)
                del seen[:-1]
                yield from lines
            elif chunk.tag == xdf_chunks.STREAM_HEADER and not self._waiting:
                return  # the journal's header comes first in all recordings of ours

    def _read(self, chunk: Chunk, reader: LineReader) -> list[Line]:
        """The lines that one chunk of the journal brought."""
        journal = self._waiting[JOURNAL_ID]
        try:
            return [reader.read(row[0]) for row in journal.take(journal.count)[2]]
        except BadLine as error:
            raise ChangedRecording(
                f"{self.path} was changed: a line of the journal at byte {chunk.offset} is not as it was written, "
                f"{error}."
            ) from error

    def _take(self, chunk: Chunk, chunks: int) -> None:
        """Keep what one chunk, the latest of `chunks` so far, brings until a line refers to it.

        Of a file without a journal nothing is kept.
        """
        try:
            if chunk.tag == xdf_chunks.STREAM_HEADER:
                header = parse_stream_header(chunk.payload, _MOST_CHANNELS)
                # No line ever names an event: kept, they would fill the memory.
                if (self._waiting or _is_journal(chunk.stream_id, header)) and chunk.stream_id != EVENTS_ID:
                    self._waiting[chunk.stream_id] = WaitingSamples(header)
            elif chunk.tag == xdf_chunks.SAMPLES and chunk.stream_id in self._waiting:
                self._waiting[chunk.stream_id].add(chunk.payload)
        except (BadHeader, DamagedChunk) as error:
            if not self._waiting:
                return
            raise ChangedRecording(f"{self.path} was changed at byte {chunk.offset}: {error}.") from error
        size = sum(waiting.size for waiting in self._waiting.values())
        if size > _MOST_WAITING_BYTES or chunks > _MOST_WAITING_CHUNKS:
            raise RecordingError(
                f"{self.path} holds {chunks} chunks, {size >> 20} MB of samples, before a line of its journal names "
                "them, which no recording of ours does. It cannot be verified."
            )

    def _block(self, line: BlockReference) -> Block:
        info = self._opened.get(line.stream_id)
        waiting = self._waiting.get(line.stream_id)
        if info is None or waiting is None:
            raise ChangedRecording(f"{self.path} was changed: its journal names stream {line.stream_id}, not there.")
        stamps, values, rows = waiting.take(line.count)
        texts = marker_texts(rows or values) if info.kind in ("markers", "pictures") or rows else ()
        block = Block(info.key, line.first_sample, stamps, values, line.received, texts)
        if block_checksum(block) != line.checksum:
            raise ChangedRecording(
                f"{self.path} was changed: {line.count} samples of {info.key} ({info.name!r}) that were received at "
                f"{line.received:.3f} s do not have the checksum that the journal has for them."
            )
        return block

    def _score(self, plan: Plan) -> RecordedScore:
        found = {}
        for stream_id in (SCORES_ID, EXPERTS_ID):
            waiting = self._waiting.get(stream_id)
            if waiting is None or not waiting.count:
                raise ChangedRecording(f"{self.path} was changed: the score of tick {plan.tick} is not there.")
            found[stream_id] = waiting.take(1)
        (times, values, _), (_, experts, _) = found[SCORES_ID], found[EXPERTS_ID]
        return RecordedScore(float(times[0]), np.asarray(values[0], float), np.asarray(experts[0], float))


def was_scored(path: Path) -> bool:
    """Whether a file is a recording of ours that holds scores; a file that cannot be read is none."""
    try:
        for chunk in read_chunks(path, Damage()):
            if chunk.tag == xdf_chunks.STREAM_HEADER:
                is_ours = parse_stream_header(chunk.payload, _MOST_CHANNELS).type == JOURNAL_TYPE
                config = JournalReader(path).head.get("config") if is_ours else None
                return isinstance(config, dict) and any(config.get(modality) for modality in MODALITIES)
    except ChangedRecording:
        return True  # whoever opens it is told: else it would be scored as any other file without a word
    except (RecordingError, BadHeader):
        return False
    return False


def _is_journal(stream_id: int, header: StreamHeader) -> bool:
    return stream_id == JOURNAL_ID and header.type == JOURNAL_TYPE and header.channel_format == "string"
