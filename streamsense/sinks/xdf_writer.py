"""The bytes of an XDF 1.0 file: chunks, stream headers, samples, clock offsets, boundaries, footers.

Format: https://github.com/sccn/xdf/wiki/Specifications. Nothing here writes; whoever has a file puts `MAGIC` and the
file header first, then chunks in any order, a stream's header before its samples.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray

MAGIC = b"XDF:"
FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY, STREAM_FOOTER = range(1, 7)
BOUNDARY_UUID = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
CHANNEL_FORMATS = {
    "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64",
    "float32": "float32", "float64": "double64", "string": "string",
}  # fmt: skip
"""The name of a block's dtype in XDF."""


def chunk(tag: int, content: bytes) -> bytes:
    """One chunk with its length in front."""
    return _length(len(content) + 2) + struct.pack("<H", tag) + content


def stream_chunk(tag: int, stream_id: int, content: bytes) -> bytes:
    """One chunk that belongs to a stream: header, samples, clock offset or footer."""
    return chunk(tag, struct.pack("<I", stream_id) + content)


def file_header_xml(created: str) -> bytes:
    """The content of the file header; `created` is a date and time, ISO 8601."""
    text = f'<?xml version="1.0"?><info><version>1.0</version><datetime>{xml_text(created)}</datetime></info>'
    return text.encode()


def stream_header_xml(
    *,
    name: str,
    type: str,  # noqa: A002  (the field's own word)
    channel_format: str,
    nominal_rate_hz: float,
    source_id: str,
    hostname: str,
    labels: Sequence[str],
    units: Sequence[str],
    description: Mapping[str, str],
    irregular_output: bool = False,
    sender_description: str = "",
) -> bytes:
    """The content of a stream header, with the fields that readers of LabRecorder's files expect.

    A stream without a name gets one, without which some readers fail. `description` is added to `<desc>`.
    `irregular_output` tells readers not to space the samples evenly. `sender_description` is a `<desc>` as it was
    sent, hostile until parsed: what it says is kept where it can be read.
    """
    fields = {
        "name": name if xml_text(name) else "unnamed", "type": type, "channel_count": len(labels),
        "nominal_srate": repr(float(nominal_rate_hz)), "channel_format": channel_format, "source_id": source_id,
        "version": "1.1", "created_at": "0", "uid": "", "session_id": "", "hostname": hostname,
    }  # fmt: skip
    head = "".join(f"<{tag}>{xml_text(str(value))}</{tag}>" for tag, value in fields.items())
    sent, channels = _of_sender(sender_description, labels)
    channels = channels or "".join(
        f"<channel><label>{xml_text(label)}</label><unit>{xml_text(unit)}</unit><type>{xml_text(type)}</type></channel>"
        for label, unit in zip(labels, units, strict=True)
    )
    more = sent + "".join(f"<{tag}>{xml_text(value)}</{tag}>" for tag, value in description.items())
    if irregular_output:
        more += "<synchronization><can_drop_samples>true</can_drop_samples></synchronization>"
    return f'<?xml version="1.0"?><info>{head}<desc>{more}<channels>{channels}</channels></desc></info>'.encode()


def _of_sender(text: str, labels: Sequence[str]) -> tuple[str, str]:
    """What a sender's `<desc>` says, without its channels, and these where they are the stream's own."""
    if not text or "<!" in text:  # a document type can be an attack, and comments are nothing to keep
        return "", ""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 (it declares nothing, its size was bounded by the source)
    except ElementTree.ParseError:
        return "", ""
    found = root.findall("channels/channel")
    fits = [(channel.findtext("label") or "").strip() for channel in found] == list(labels)
    rest = [child for child in root if child.tag not in ("channels", "synchronization")]
    try:
        of_stream, of_channels = ("".join(map(_as_text, items)) for items in (rest, found if fits else []))
    except RecursionError:  # nested deeper than any description is
        return "", ""
    return of_stream, of_channels


def _as_text(element: ElementTree.Element) -> str:
    return str(ElementTree.tostring(element, encoding="unicode"))


def footer_xml(first: float, last: float, count: int, more: Mapping[str, str] | None = None) -> bytes:
    """The content of a stream footer: raw stamps of the first and last sample (s; any for none), and their number."""
    first, last = (first, last) if count else (0.0, 0.0)
    rate_hz = (count - 1) / (last - first) if count > 1 and last > first else 0.0
    fields = {
        "first_timestamp": repr(float(first)), "last_timestamp": repr(float(last)), "sample_count": str(count),
        "measured_srate": repr(rate_hz), **(more or {}),
    }  # fmt: skip
    body = "".join(f"<{tag}>{xml_text(value)}</{tag}>" for tag, value in fields.items())
    return f'<?xml version="1.0"?><info>{body}<clock_offsets></clock_offsets></info>'.encode()


def clock_offset_content(collected: float, offset_s: float) -> bytes:
    """A clock offset: what is added to the stream's stamps, and when it was measured on the stream's own clock."""
    return struct.pack("<dd", collected, offset_s)


def samples_content(stamps: FloatArray, values: npt.NDArray[np.generic], interval_s: float) -> bytes:
    """A chunk's samples: `stamps` (n,), `values` (n, channels) of numbers.

    A stamp is left out where a reader that adds `interval_s` (1 / nominal rate, 0 for none) to the one before gets it
    to the bit; the first of a chunk never is, so that a lost chunk does not move those that follow.
    """
    count, channels = values.shape
    little = values.dtype.newbyteorder("<")
    records = np.zeros(count, np.dtype([("width", "u1"), ("stamp", "<f8"), ("values", little, (channels,))]))
    records["stamp"], records["values"] = stamps, values
    bare = np.zeros(count, np.bool_)
    if interval_s > 0:
        bare[1:] = stamps[1:].view(np.int64) == (stamps[:-1] + interval_s).view(np.int64)
    records["width"] = np.where(bare, 0, 8)
    content = records.view(np.uint8).reshape(count, records.dtype.itemsize)
    if bare.any():
        kept = np.ones(content.shape, np.bool_)
        kept[bare, 1:9] = False
        return _count(count) + content[kept].tobytes()
    return _count(count) + content.tobytes()


def texts_content(stamps: FloatArray, rows: Sequence[Sequence[str]]) -> bytes:
    """A chunk's samples of texts, one row (channels) a sample, each with its stamp."""
    parts = [_count(len(rows))]
    for stamp, row in zip(stamps, rows, strict=True):
        parts.append(b"\x08" + struct.pack("<d", stamp))
        for text in row:
            encoded = text.encode("utf-8", "surrogateescape")
            parts.append(_length(len(encoded)) + encoded)
    return b"".join(parts)


def xml_text(text: str) -> str:
    """Text that can stand in XML: escaped, and without the characters that XML 1.0 cannot hold."""
    allowed = (c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff")
    return escape("".join(allowed))


def _length(value: int) -> bytes:
    """A length in the least of the three widths."""
    if value < 1 << 8:
        return struct.pack("<BB", 1, value)
    return struct.pack("<BI", 4, value) if value < 1 << 32 else struct.pack("<BQ", 8, value)


def _count(value: int) -> bytes:
    """A number of samples, four bytes wide as LabRecorder has it: some readers know no other."""
    return struct.pack("<BI", 4, value)
