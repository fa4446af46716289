"""A recording on disk: raw streams, scores, notices and the journal in one XDF file that survives a kill at any byte.

Everything gathered since the last flush is appended with one write: the samples, then the lines of the journal that
refer to them, then a boundary. So a file that ends anywhere is whole up to its last complete journal chunk.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from streamsense.errors import SourceError
from streamsense.journal import Entry
from streamsense.journal_lines import (
    BlockReference,
    End,
    Head,
    Line,
    LineWriter,
    OpenedStream,
    Snapshot,
    Written,
    WrittenChunk,
    block_checksum,
)
from streamsense.score import EXPERT_CHANNELS, SCORE_CHANNELS, Channel, Notice, Plan, Score, Skip
from streamsense.sinks import xdf_writer
from streamsense.sinks.xdf_stream import XdfStream, output_stream, source_stream
from streamsense.streams import Block, OffsetProbe, StreamInfo, StreamOpened

JOURNAL_TYPE, SCORES_TYPE, EXPERTS_TYPE, EVENTS_TYPE = (
    "streamsense-journal", "streamsense-scores", "streamsense-experts", "streamsense-events",
)  # fmt: skip
JOURNAL_ID, SCORES_ID, EXPERTS_ID, EVENTS_ID = range(1, 5)
CLOCKS_EVERY_S = 5.0
NO_CHECKSUM = "00000000"
"""What stands for the last footer's own checksum while it is computed."""
_TEXT = (Channel("text", "json", float("-inf"), float("inf")),)


class JournalFile:
    """Takes entries, scores and notices in the core's order and appends them at each `flush`.

    The file begins with its head, which is written at once: whenever it ends, a reader knows it. `created` is the date
    and time (ISO 8601), `now` the same on the LSL clock. Not safe for two threads. Raises SourceError when the file is
    there already or cannot be made, OSError when it cannot be written on; what is in it is then cut back to whole
    chunks.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], created: str, now: float) -> None:
        self.path = path
        self.size = 0
        self.streams: dict[int, XdfStream] = {}
        self._by_key: dict[str, tuple[StreamInfo, int]] = {}
        self._remote: set[int] = set()
        self._lines = LineWriter()
        self._time = now
        self._clocks_at = -math.inf
        self._pending: list[bytes] = [xdf_writer.MAGIC]
        self._written: list[WrittenChunk] = []
        self._chunk(xdf_writer.FILE_HEADER, -1, xdf_writer.file_header_xml(created))
        self._journal = self._add(output_stream(JOURNAL_ID, "streamsense-journal", JOURNAL_TYPE, _TEXT, "string"))
        self._scores = self._add(output_stream(SCORES_ID, "streamsense-scores", SCORES_TYPE, SCORE_CHANNELS, "float64"))
        self._experts = self._add(
            output_stream(EXPERTS_ID, "streamsense-experts", EXPERTS_TYPE, EXPERT_CHANNELS, "float64")
        )
        self._events = self._add(output_stream(EVENTS_ID, "streamsense-events", EVENTS_TYPE, _TEXT, "string"))
        self._line(Head(dict(head)))
        self._gather()
        self._file = self._made()

    def _made(self) -> FileIO:
        """The new file, with what is gathered in it already: a kill leaves hardly a moment for an empty one."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(f"{folder} cannot be made: {error.strerror}. Name another folder.") from error
        try:
            file = self.path.open("xb", buffering=0)
        except FileExistsError as error:
            raise SourceError(f"{self.path} is there already and is not overwritten. Name another folder.") from error
        except OSError as error:
            raise SourceError(f"{self.path} cannot be made: {error.strerror}. Name another folder.") from error
        try:
            self._append(file)
        except OSError as error:
            file.close()
            self.path.unlink()
            text = f"{self.path} cannot be written: {error.strerror}. Make room on the disk, or name another folder."
            raise SourceError(text) from error
        return file

    # -- in ----------------------------------------------------------------------------------------------------

    def take_snapshot(self, state: bytes, streams: tuple[StreamInfo, ...], offsets_s: Mapping[str, float]) -> None:
        """Note where the core stands as the recording begins, before any entry.

        `offsets_s` are the clock offsets known by then: what is added to a stream's stamps, by its key.
        """
        self._line(Snapshot(state, streams, tuple(self._stream_id(info) for info in streams)))
        for key, offset_s in offsets_s.items():
            self._note_offset(key, self._time, offset_s)

    def take(self, entry: Entry) -> None:
        """Add what entered the core, or a decision of its."""
        match entry:
            case Block():
                self._time = entry.received
                self._take_block(entry)
            case StreamOpened():
                self._time = entry.received
                self._line(OpenedStream(self._stream_id(entry.info), entry))
            case OffsetProbe():
                self._time = entry.received
                self._take_probe(entry)
            case Plan() | Skip():
                self._time = entry.now
                self._line(entry)
            case _:
                self._time = entry.received
                self._line(entry)

    def take_score(self, score: Score) -> None:
        """Add one score with its experts' opinions."""
        stamp = np.array([score.time])
        self._scores.take_values(stamp, score.values[None, :])
        self._experts.take_values(stamp, score.experts[None, :])

    def take_notice(self, notice: Notice) -> None:
        """Add one notice as JSON."""
        text = json.dumps({"kind": notice.kind, "time": notice.time, "text": notice.text, **notice.details})
        self._text(self._events, notice.time, text)

    def _stream_id(self, info: StreamInfo) -> int:
        """The file's stream for what is opened: one that comes back as it was goes on, another one is begun."""
        known, stream_id = self._by_key.get(info.key, (None, None))
        if known != info or stream_id is None:
            stream_id = self._add(source_stream(len(self.streams) + 1, info, stream_id)).stream_id
            self._by_key[info.key] = info, stream_id
            if not info.same_clock:
                self._remote.add(stream_id)
        return stream_id

    def _take_block(self, block: Block) -> None:
        stream = self.streams[self._by_key[block.key][1]]
        stream.take_block(block)
        checksum = block_checksum(block)
        self._line(BlockReference(stream.stream_id, block.first_sample, len(block), block.received, checksum))

    def _take_probe(self, probe: OffsetProbe) -> None:
        self._note_offset(probe.key, probe.received, probe.offset_s)
        self._line(probe)

    def _note_offset(self, key: str, received: float, offset_s: float) -> None:
        _, stream_id = self._by_key.get(key, (None, 0))
        if stream_id in self._remote and math.isfinite(offset_s):
            content = xdf_writer.clock_offset_content(received - offset_s, offset_s)
            self._chunk(xdf_writer.CLOCK_OFFSET, stream_id, content)

    def _note_clocks(self) -> None:
        """Say every 5 s that our own clock is our own: readers that align clocks want to hear of each stream."""
        if self._time < self._clocks_at:
            return
        self._clocks_at = self._time + CLOCKS_EVERY_S
        for stream_id in sorted(set(self.streams) - self._remote):
            self._chunk(xdf_writer.CLOCK_OFFSET, stream_id, xdf_writer.clock_offset_content(self._time, 0.0))

    def _add(self, stream: XdfStream) -> XdfStream:
        self.streams[stream.stream_id] = stream
        self._clocks_at = -math.inf
        self._chunk(xdf_writer.STREAM_HEADER, stream.stream_id, stream.header)
        return stream

    def _line(self, line: Line) -> None:
        self._text(self._journal, self._time, self._lines.write(line))

    def _text(self, stream: XdfStream, time: float, text: str) -> None:
        """Add a text, never stamped before the last one: readers take a step back for a clock that was set."""
        stream.take_texts(np.array([max(time, stream.last_stamp)]), [[text]])

    # -- out ---------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Append all that was taken since the last flush, as whole chunks, and see that it is on the disk."""
        if self._gather():
            self._append(self._file)
            os.fsync(self._file.fileno())

    def _gather(self) -> bool:
        """Make chunks of all that was taken since the last time; whether there is anything."""
        for stream in self.streams.values():
            if stream is not self._journal and (content := stream.take_content()):
                self._chunk(xdf_writer.SAMPLES, stream.stream_id, content)
        if not (self._pending or self._journal.pending):
            return False
        self._note_clocks()
        self._line(Written(tuple(self._written)))
        self._written = []
        self._chunk(xdf_writer.SAMPLES, JOURNAL_ID, self._journal.take_content())
        self._chunk(xdf_writer.BOUNDARY, -1, xdf_writer.BOUNDARY_UUID)
        return True

    def close(self, reason: str) -> None:
        """Flush, write the footers and close; `reason` says why the recording ended."""
        try:
            self._line(End(reason))
            self.flush()
            for stream in self.streams.values():
                if stream is not self._journal:
                    self._chunk(xdf_writer.STREAM_FOOTER, stream.stream_id, stream.footer())
            # The journal's footer comes last and vouches for all since its last line, and for itself.
            more = {"written": json.dumps(self._written), "checksum": NO_CHECKSUM}
            checksum = zlib.crc32(self._journal.footer(more))
            footer = self._journal.footer(more | {"checksum": f"{checksum:08x}"})
            self._chunk(xdf_writer.STREAM_FOOTER, JOURNAL_ID, footer)
            self._append(self._file)
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _chunk(self, tag: int, stream_id: int, content: bytes) -> None:
        self._written.append(WrittenChunk(tag, stream_id, zlib.crc32(content)))
        if stream_id < 0:
            self._pending.append(xdf_writer.chunk(tag, content))
        else:
            self._pending.append(xdf_writer.stream_chunk(tag, stream_id, content))

    def _append(self, file: FileIO) -> None:
        data = memoryview(b"".join(self._pending))
        self._pending = []
        try:
            done = 0
            while done < len(data):
                done += file.write(data[done:])
        except OSError:
            # Half a chunk would be read as damage; what is whole stays.
            file.truncate(self.size)
            raise
        self.size += len(data)
