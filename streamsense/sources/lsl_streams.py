"""Finding Lab Streaming Layer streams: exactly one must match, and the error lists what there is."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

import pylsl

from streamsense.errors import AmbiguousStream, SourceError, StreamNotFound
from streamsense.streams import Kind, StreamInfo

_FORMATS = {
    pylsl.cf_float32: "float32", pylsl.cf_double64: "float64", pylsl.cf_string: "string", pylsl.cf_int32: "int32",
    pylsl.cf_int16: "int16", pylsl.cf_int8: "int8", pylsl.cf_int64: "int64",
}  # fmt: skip
_MOST_CHANNELS = 4096
_LONGEST_DESCRIPTION = 1 << 20
_NEXT_WAVE_S = 0.7


@dataclass(frozen=True)
class StreamQuery:
    """The properties that a wanted stream must have; None means any."""

    name: str | None = None
    type: str | None = None
    source_id: str | None = None

    def __post_init__(self) -> None:
        if not (self.name or self.type or self.source_id):
            raise SourceError("A stream must be asked for by at least one of name, type and source_id; found none.")

    def matches(self, info: pylsl.StreamInfo) -> bool:
        """Whether a stream found on the network is the wanted one."""
        found = {"name": info.name(), "type": info.type(), "source_id": info.source_id()}
        return all(value is None or found[key] == value for key, value in vars(self).items())

    def __str__(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in vars(self).items() if value is not None)


class LslClock:
    """The clock of Lab Streaming Layer on this machine."""

    def now(self) -> float:
        """Seconds of the LSL clock."""
        return float(pylsl.local_clock())


def list_streams(wait_s: float) -> list[pylsl.StreamInfo]:
    """All streams that answer within `wait_s`, sorted by type, name and source."""
    return sorted(pylsl.resolve_streams(wait_s), key=lambda info: (info.type(), info.name(), info.source_id()))


def describe_stream(info: pylsl.StreamInfo) -> str:
    """One line that identifies a stream."""
    rate = info.nominal_srate()
    speed = f"{rate:g} Hz" if rate > 0 else "irregular"
    return (
        f"{info.name()!r} (type {info.type()!r}, {info.channel_count()} channels, {speed}, "
        f"source_id {info.source_id()!r}, host {info.hostname()!r})"
    )


def find_stream(query: StreamQuery, timeout_s: float) -> pylsl.StreamInfo:
    """The one stream that matches `query`. Raises StreamNotFound or AmbiguousStream, listing what was found."""
    deadline = time.monotonic() + timeout_s
    resolver = pylsl.ContinuousResolver()
    matching: list[pylsl.StreamInfo] = []
    while not matching and time.monotonic() < deadline:
        time.sleep(0.1)
        matching = [info for info in resolver.results() if query.matches(info)]
    if matching:
        # Answers come in waves, one each half second: a second match may be in the next one.
        time.sleep(_NEXT_WAVE_S)
        matching = [info for info in resolver.results() if query.matches(info)] or matching
    if len(matching) == 1:
        return matching[0]
    listing = "; ".join(describe_stream(info) for info in matching or resolver.results())
    if matching:
        alike = len({(info.name(), info.source_id()) for info in matching}) == 1
        remedy = "Add the name or the source_id of the one you mean to the configuration."
        if alike:
            remedy = "They have one name and source_id: stop all but one."
        raise AmbiguousStream(f"{len(matching)} streams match {query}: {listing}. Expected exactly one. {remedy}")
    raise StreamNotFound(
        f"No stream matches {query} after {timeout_s:g} s. Streams present: {listing or 'none'}. Start the device's "
        "LSL program, or correct the name or type in the configuration (`streamsense streams` lists what there is)."
    )


def same_machine(info: pylsl.StreamInfo) -> bool:
    """Whether the sender shares this machine's clock."""
    return bool(info.hostname() == socket.gethostname())


def channel_texts(values: list[str | None] | None, count: int, default: str) -> tuple[str, ...]:
    """Labels or units as they were declared, or `default` (with the channel's number where it has a place for it)."""
    declared = values if values is not None and len(values) == count else [None] * count
    return tuple(value or default.format(index + 1) for index, value in enumerate(declared))


def stream_info(key: str, kind: Kind, info: pylsl.StreamInfo) -> StreamInfo:
    """The description of a resolved stream, its metadata fetched by the caller (`inlet.info()`)."""
    count = info.channel_count()
    if not 1 <= count <= _MOST_CHANNELS:
        raise SourceError(f"{describe_stream(info)} has {count} channels, expected 1 to {_MOST_CHANNELS}.")
    return StreamInfo(
        key=key,
        kind=kind,
        name=info.name(),
        type=info.type(),
        source_id=info.source_id(),
        channel_labels=channel_texts(info.get_channel_labels(), count, "ch{}"),
        channel_units=channel_texts(info.get_channel_units(), count, ""),
        nominal_rate_hz=info.nominal_srate(),
        dtype=_FORMATS[info.channel_format()],
        same_clock=same_machine(info),
        description=_description(info),
    )


def _description(info: pylsl.StreamInfo) -> str:
    """The `desc` element of a stream's header as it was sent, "" where there is none or it is beyond all measure."""
    text = info.as_xml()
    begin, end = text.find("<desc>"), text.rfind("</desc>")
    found = text[begin : end + len("</desc>")] if 0 <= begin < end else ""
    return found if len(found) <= _LONGEST_DESCRIPTION else ""
