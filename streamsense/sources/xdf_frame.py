"""How one XDF chunk is framed, and what can be told of a chunk without decoding it."""

from __future__ import annotations

import contextlib
import struct
from typing import NamedTuple

from streamsense.errors import RecordingError
from streamsense.sources.xdf_header import BadHeader, parse_stream_header
from streamsense.sources.xdf_samples import SampleDecoder

MAGIC = b"XDF:"
FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY, STREAM_FOOTER = range(1, 7)
BOUNDARY_UUID = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
OF_ONE_STREAM = frozenset({STREAM_HEADER, SAMPLES, CLOCK_OFFSET, STREAM_FOOTER})
KNOWN_TAGS = frozenset(range(1, 7))
HEAD_BYTES = 1 + 8 + 2 + 4
"""The most that comes before the payload: width of the length, length, tag, stream id."""
_FIXED_LENGTHS = {CLOCK_OFFSET: 2 + 4 + 16, BOUNDARY: 2 + 16}
_LAYOUTS = {1: struct.Struct("<BH"), 4: struct.Struct("<IH"), 8: struct.Struct("<QH")}
_STREAM_ID = struct.Struct("<I")
_XML_TAGS = frozenset({FILE_HEADER, STREAM_HEADER, STREAM_FOOTER})


class Frame(NamedTuple):
    """What the head of a chunk says: where it, its content (tag first) and its payload begin, and where it ends.

    `known` says whether the specification has such a chunk, of this length as far as it fixes one.
    """

    offset: int
    content: int
    payload: int
    end: int
    tag: int
    stream_id: int
    known: bool

    @property
    def length(self) -> int:
        """The bytes of the content: tag, stream id and payload."""
        return self.end - self.content


def parse(head: bytes, offset: int, size: int) -> Frame | None:
    """The frame that `head` (HEAD_BYTES, fewer at the end) begins; None where it cannot be one.

    Its end may lie beyond the file's `size`: nothing but the head was looked at.
    """
    width = head[0] if head else 0
    if width not in _LAYOUTS or len(head) < 3 + width:
        return None
    length, tag = _LAYOUTS[width].unpack_from(head, 1)
    content = offset + 1 + width
    own = tag in OF_ONE_STREAM
    # A head that ends with the file is a torn one; its stream is not known.
    if length < (6 if own else 2) or (own and len(head) < 7 + width) or content > size:
        return None
    stream_id = _STREAM_ID.unpack_from(head, 3 + width)[0] if own else -1
    known = tag in KNOWN_TAGS and _FIXED_LENGTHS.get(tag, length) == length
    return Frame(offset, content, content + (6 if own else 2), content + length, tag, stream_id, known)


class Streams:
    """The streams announced so far, as far as it takes to tell their chunks from chance.

    All together they have at most `most_channels`, the rest is not known.
    """

    def __init__(self, most_channels: int) -> None:
        self._channels_left = most_channels
        self._decoders: dict[int, SampleDecoder | None] = {}

    def add(self, stream_id: int, header: bytes) -> None:
        """Learn from a stream's header; the first one counts."""
        if stream_id in self._decoders:
            return
        self._decoders[stream_id] = None
        with contextlib.suppress(BadHeader, RecordingError):
            found = parse_stream_header(header, self._channels_left)
            channels = len(found.channel_labels)
            self._channels_left -= channels
            self._decoders[stream_id] = SampleDecoder(found.channel_format, channels, found.nominal_rate_hz)

    @property
    def ids(self) -> list[int]:
        """The ids of all streams announced."""
        return list(self._decoders)

    def can_be(self, frame: Frame) -> bool:
        """Whether the head is one that the specification has, of no stream or of one that was announced."""
        announced = frame.tag not in OF_ONE_STREAM or frame.tag == STREAM_HEADER or frame.stream_id in self._decoders
        return frame.known and announced

    def fits(self, tag: int, stream_id: int, payload: bytes, length: int) -> bool:
        """Whether `payload`, the beginning of a payload of `length` bytes, can be what its tag says.

        False also where nothing speaks for it: samples of a stream whose header cannot be used.
        """
        if tag == SAMPLES:
            decoder = self._decoders.get(stream_id)
            return decoder is not None and decoder.fits(payload, length)
        if tag in _XML_TAGS:
            return payload.startswith(b"<") and (len(payload) < length or payload.rstrip(b"\0\r\n\t ").endswith(b">"))
        return payload == BOUNDARY_UUID if tag == BOUNDARY else tag == CLOCK_OFFSET
