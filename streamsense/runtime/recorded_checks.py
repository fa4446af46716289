"""Whether the chunks of a recording are those that were written."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

from streamsense.errors import RecordingError
from streamsense.journal_lines import WrittenChunk
from streamsense.sinks.journal_file import NO_CHECKSUM
from streamsense.sources.xdf_chunks import Chunk
from streamsense.sources.xdf_header import BadHeader, parse_xml


class ChangedRecording(RecordingError):
    """A recording that is not as it was written."""


def compare_chunks(expected: Sequence[WrittenChunk], found: Sequence[tuple[WrittenChunk, int]], path: Path) -> None:
    """Raise ChangedRecording where the chunks of the file are not those that were written."""
    for position, (wanted, (there, offset)) in enumerate(zip(expected, found, strict=False)):
        if wanted != there:
            raise ChangedRecording(
                f"{path} was changed at byte {offset}: the chunk there (kind {there.tag}, stream {there.stream_id}) is "
                f"not what was written as number {position + 1} of its half second."
            )
    if len(expected) != len(found):
        last = found[-1][1] if found else 0
        raise ChangedRecording(
            f"{path} was changed near byte {last}: {len(expected)} chunks were written there, {len(found)} were found."
        )


def check_last_footer(chunk: Chunk, found: Sequence[tuple[WrittenChunk, int]], path: Path) -> None:
    """The journal's footer vouches for all chunks since its last line, and for itself."""
    try:
        root = parse_xml(chunk.payload)
        checksum = root.findtext("checksum") or ""
        listed = json.loads(root.findtext("written") or "[]")
        expected = [WrittenChunk(*map(int, entry)) for entry in listed]
    except (BadHeader, RecordingError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ChangedRecording(f"{path} was changed at byte {chunk.offset}, in its last footer: {error}.") from error
    if not checksum:
        return  # made anew by salvaging
    blank = chunk.payload.replace(f"<checksum>{checksum}<".encode(), f"<checksum>{NO_CHECKSUM}<".encode())
    if checksum != f"{zlib.crc32(blank):08x}":
        raise ChangedRecording(f"{path} was changed at byte {chunk.offset}, in its last footer.")
    compare_chunks(expected, found, path)
