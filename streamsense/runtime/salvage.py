"""Salvage of a damaged XDF recording: a clean file with all of it that is whole, and a report of what is not.

Whole chunks are copied byte for byte; an undamaged file comes out as it went in. Only where samples of a chunk cannot
be right is it written anew without them, and a stream's footer where it is missing or says other than what is there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streamsense.errors import RecordingError
from streamsense.sinks import xdf_writer
from streamsense.sources import xdf_chunks
from streamsense.sources.recorded import unreadable
from streamsense.sources.xdf_chunks import Chunk, Damage, read_chunks
from streamsense.sources.xdf_file import opened
from streamsense.sources.xdf_samples import DamagedChunk
from streamsense.sources.xdf_scan import Replay, StreamScan, scan

Progress = Callable[[int, int], None]
"""Told how many bytes of the file have been gone through, and how many it has."""


@dataclass(frozen=True)
class StreamReport:
    """What became of one stream. `declared_samples` is what its footer said, None where it has none."""

    stream_id: int
    name: str
    samples: int
    left_out_samples: int
    damaged_chunks: int
    declared_samples: int | None
    new_footer: bool


@dataclass(frozen=True)
class SalvageReport:
    """What became of a file; `skipped_bytes` of it are in no chunk."""

    source: str
    target: str
    source_bytes: int
    target_bytes: int
    skipped_bytes: int
    streams: tuple[StreamReport, ...]
    warnings: tuple[str, ...]


def salvage(source: Path, target: Path, progress: Progress = lambda _done, _size: None) -> SalvageReport:
    """Write what of `source` is whole to `target`, which must not exist.

    The file gets its name when it is complete. Raises RecordingError when the source cannot be read, when it has no
    stream that can, or when the target exists or cannot be written.
    """
    if target.exists():
        raise RecordingError(f"{target} exists already and is never overwritten. Give another name, or move it away.")
    damage = Damage()
    scans = scan(source, damage)
    if not scans:
        raise RecordingError(f"{source} has no stream that can be read: nothing can be salvaged. {damage.messages[:1]}")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with opened(source) as (file, size), unfinished.open("xb") as out:
            writer = _Writer(file, out, scans)
            for chunk in read_chunks(source, Damage()):
                writer.take(chunk)
                progress(chunk.offset + chunk.size, size)
            writer.close()
        _rename(unfinished, target)
    except FileExistsError as error:
        raise RecordingError(f"{error.filename} exists already and is never overwritten. Move it away.") from error
    except OSError as error:
        _remove(unfinished)
        if error.filename == str(source):
            raise unreadable(source, error) from error
        raise RecordingError(f"{target} cannot be written: {error.strerror or error}.") from error
    except BaseException:
        _remove(unfinished)
        raise
    return SalvageReport(
        source=str(source),
        target=str(target),
        source_bytes=size,
        target_bytes=target.stat().st_size,
        skipped_bytes=damage.skipped_bytes,
        streams=tuple(_report(stream) for stream in scans.values()),
        warnings=damage.warnings(),
    )


def _rename(unfinished: Path, target: Path) -> None:
    """Give the file its name; fails where that exists, which a plain rename does not on every system."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        _remove(unfinished)
        raise
    except OSError:  # a file system without links
        if target.exists():
            _remove(unfinished)
            raise FileExistsError(17, "exists", str(target)) from None
        unfinished.rename(target)
    else:
        unfinished.unlink()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _keeps_footer(stream: StreamScan) -> bool:
    """Whether the footer is there and right; LabRecorder's may be one short."""
    declared = None if stream.footer is None else stream.footer.sample_count
    return declared in (stream.sample_count, stream.sample_count - 1) and not len(stream.verdict.samples)


def _report(stream: StreamScan) -> StreamReport:
    return StreamReport(
        stream_id=stream.stream_id,
        name=stream.header.name,
        samples=stream.sample_count,
        left_out_samples=stream.course.samples - stream.sample_count,
        damaged_chunks=stream.damaged_chunks,
        declared_samples=None if stream.footer is None else stream.footer.sample_count,
        new_footer=not _keeps_footer(stream),
    )


class _Writer:
    """Copies chunks from `file` to `out`, or writes them anew."""

    def __init__(self, file: IO[bytes], out: IO[bytes], scans: dict[int, StreamScan]) -> None:
        self._file = file
        self._out = out
        self._scans = scans
        self._replays = {stream_id: Replay(stream.header, stream.verdict) for stream_id, stream in scans.items()}
        self._last_stamps = dict.fromkeys(scans, 0.0)
        self._written: set[tuple[int, int]] = set()
        out.write(xdf_writer.MAGIC)

    def take(self, chunk: Chunk) -> None:
        """Write one chunk as far as it is whole."""
        if chunk.tag == xdf_chunks.LOST:
            for replay in self._replays.values():
                replay.lose()
            return
        if not self._written and chunk.tag != xdf_chunks.FILE_HEADER:
            self._out.write(xdf_writer.chunk(xdf_chunks.FILE_HEADER, xdf_writer.file_header_xml("")))
            self._written.add((xdf_chunks.FILE_HEADER, -1))
        if chunk.stream_id < 0:
            if chunk.tag != xdf_chunks.FILE_HEADER or self._is_first(chunk):
                self._copy(chunk)
        elif chunk.stream_id in self._scans:
            self._take_of_stream(chunk)

    def close(self) -> None:
        """Write the footers that are missing, and see that all is on the disk."""
        for stream_id, stream in self._scans.items():
            if (xdf_chunks.STREAM_FOOTER, stream_id) not in self._written:
                xml = xdf_writer.footer_xml(stream.first_stamp, stream.last_stamp, stream.sample_count)
                self._out.write(xdf_writer.stream_chunk(xdf_chunks.STREAM_FOOTER, stream_id, xml))
        self._out.flush()
        os.fsync(self._out.fileno())

    def _take_of_stream(self, chunk: Chunk) -> None:
        match chunk.tag:
            case xdf_chunks.STREAM_HEADER if self._is_first(chunk):
                self._copy(chunk)
            case xdf_chunks.STREAM_FOOTER if _keeps_footer(self._scans[chunk.stream_id]) and self._is_first(chunk):
                self._copy(chunk)
            case xdf_chunks.CLOCK_OFFSET if self._replays[chunk.stream_id].probe(chunk.payload) is not None:
                self._copy(chunk)
            case xdf_chunks.SAMPLES if (xdf_chunks.STREAM_HEADER, chunk.stream_id) in self._written:
                with contextlib.suppress(DamagedChunk):  # the first reading has told of it
                    self._take_samples(chunk)

    def _take_samples(self, chunk: Chunk) -> None:
        stream_id, replay = chunk.stream_id, self._replays[chunk.stream_id]
        follows = replay.follows(chunk.payload, self._last_stamps[stream_id])
        stamps, values, rows, whole = replay.samples(chunk.payload)
        if whole and follows:
            self._copy(chunk)
        elif len(stamps):
            interval_s = self._scans[stream_id].decoder.interval_s
            if rows:
                content = xdf_writer.texts_content(stamps, rows)
            else:
                content = xdf_writer.samples_content(stamps, values, interval_s)
            self._out.write(xdf_writer.stream_chunk(xdf_chunks.SAMPLES, stream_id, content))
        if len(stamps):
            self._last_stamps[stream_id] = float(stamps[-1])

    def _is_first(self, chunk: Chunk) -> bool:
        """Whether no chunk of this kind was written for its stream; notes that one was."""
        key = (chunk.tag, chunk.stream_id)
        first = key not in self._written
        self._written.add(key)
        return first

    def _copy(self, chunk: Chunk) -> None:
        self._file.seek(chunk.offset)
        self._out.write(self._file.read(chunk.size))
