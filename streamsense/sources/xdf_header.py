"""The XML in an XDF file: stream headers and footers, read as hostile text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree

from streamsense.errors import RecordingError
from streamsense.sources.recorded import FORMAT_DTYPES

MAX_XML_BYTES = 4 << 20
"""No header known comes near: 64 described channels take about 10 kB, a footer about 1.5 MB a day."""
MAX_CHANNELS = 1 << 22
"""A raw colour picture of 1280 × 1024 sent as one sample has 3.9 million."""


class BadHeader(Exception):
    """A header that cannot be used; its text says why."""


@dataclass(frozen=True)
class StreamHeader:
    """What the header of one stream declares."""

    name: str
    type: str
    source_id: str
    hostname: str
    channel_labels: tuple[str, ...]
    channel_units: tuple[str, ...]
    nominal_rate_hz: float
    channel_format: str


def parse_xml(payload: bytes) -> ElementTree.Element:
    """The root element. Raises RecordingError for a document type or entities, BadHeader for any other fault."""
    if len(payload) > MAX_XML_BYTES:
        raise BadHeader(f"its XML is {len(payload)} bytes long, more than {MAX_XML_BYTES}")
    text = payload.decode("utf-8", "replace")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise RecordingError(
            "The recording's XML declares a document type or entities, which no recorder writes and which can be an "
            "attack on its reader. Expected plain elements. Get the file anew from whom you trust."
        )
    try:
        return ElementTree.fromstring(text)  # noqa: S314 (entities were refused, the size is bounded)
    except (ElementTree.ParseError, ValueError) as error:
        raise BadHeader(f"its XML cannot be read ({error})") from error


def parse_stream_header(payload: bytes, most_channels: int) -> StreamHeader:
    """The header of one stream of at most `most_channels`. Raises what `parse_xml` raises."""
    root = parse_xml(payload)
    channels = _channel_count(root, min(MAX_CHANNELS, most_channels))
    channel_format = _text(root, "channel_format")
    if channel_format not in FORMAT_DTYPES:
        raise BadHeader(f"its channel format is {channel_format!r}, expected one of {', '.join(FORMAT_DTYPES)}")
    described = root.findall("desc/channels/channel")[:channels]
    # Some writers describe fewer channels than there are, or leave a label empty.
    labels = [_text(channel, "label") for channel in described] + [""] * (channels - len(described))
    units = [_text(channel, "unit") for channel in described] + [""] * (channels - len(described))
    return StreamHeader(
        name=_text(root, "name"),
        type=_text(root, "type"),
        source_id=_text(root, "source_id"),
        hostname=_text(root, "hostname"),
        channel_labels=tuple(label or f"ch{index + 1}" for index, label in enumerate(labels)),
        channel_units=tuple(units),
        nominal_rate_hz=_rate(root),
        channel_format=channel_format,
    )


@dataclass(frozen=True)
class Footer:
    """What the recorder wrote when it closed a stream; NaN or None where it did not say or that cannot be read."""

    first_stamp: float
    last_stamp: float
    sample_count: int | None


def parse_footer(payload: bytes) -> Footer:
    """The footer of a stream as far as it can be read."""
    try:
        root = parse_xml(payload)
    except BadHeader:
        return Footer(math.nan, math.nan, None)
    found = _text(root, "sample_count")
    count = int(found) if found.isascii() and found.isdigit() and len(found) < 19 else None
    # Of a stream without samples recorders write 0 and 0.
    first, last = (_number(_text(root, tag)) if count else math.nan for tag in ("first_timestamp", "last_timestamp"))
    return Footer(first, last, count)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _channel_count(root: ElementTree.Element, limit: int) -> int:
    found = _text(root, "channel_count")
    if not (found.isascii() and found.isdigit() and len(found) < 10 and 0 < int(found) <= limit):
        raise BadHeader(f"its channel count is {found[:40]!r}, expected 1 to {limit}")
    return int(found)


def _rate(root: ElementTree.Element) -> float:
    found = _text(root, "nominal_srate")
    rate = _number(found)
    # The lower bound keeps 1 / rate finite.
    if not (rate == 0 or 1e-9 < rate < 1e9):
        raise BadHeader(f"its nominal rate is {found[:40]!r}, expected 0 (irregular) or a rate in Hz")
    return rate
