"""The journal as lines of text for a file: one entry each as JSON, chained by checksums so that no change goes unseen.

A line is eight hexadecimal digits, a space, and a JSON list whose first item is the kind of the entry. The digits are
the CRC-32 of the JSON, begun with the checksum of the line before. Blocks stand as references to the samples in the
file's other streams, with the CRC-32 of what was consumed.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, get_args

from streamsense.score import Plan, Skip, StreamPlan
from streamsense.streams import Block, Control, Kind, OffsetProbe, StreamInfo, StreamLost, StreamOpened

FORMAT = 1
_NOT_FINITE = ("nan", "inf", "-inf")
_LONGEST_SHIFT_S = 60.0
_LARGEST_SNAPSHOT = 1 << 26
"""Thirty times what three modalities with their models take."""


class BadLine(Exception):
    """A line of the journal that was changed or cannot be understood; its text says why."""


@dataclass(frozen=True)
class Head:
    """The first line: what the recording was made with (see `runtime/recording_head.py`)."""

    content: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of the core where the recording begins, and the streams that were open, with their ids in the file."""

    state: bytes
    streams: tuple[StreamInfo, ...]
    stream_ids: tuple[int, ...]


@dataclass(frozen=True)
class OpenedStream:
    """A stream was opened; its samples are those of the file's stream `stream_id`."""

    stream_id: int
    opened: StreamOpened


@dataclass(frozen=True)
class BlockReference:
    """The next `count` samples of a stream of the file entered the core as one block."""

    stream_id: int
    first_sample: int
    count: int
    received: float
    checksum: int


class WrittenChunk(NamedTuple):
    """One chunk of the file: its tag, its stream (-1 for none) and the CRC-32 of its content."""

    tag: int
    stream_id: int
    checksum: int


@dataclass(frozen=True)
class Written:
    """The chunks that were written since the last line of this kind, in order: what the file must hold."""

    chunks: tuple[WrittenChunk, ...]


@dataclass(frozen=True)
class End:
    """The last line of a recording that was ended on purpose, and why."""

    reason: str


Line = (
    Head | Snapshot | OpenedStream | BlockReference | StreamLost | OffsetProbe | Control | Plan | Skip | Written | End
)


def block_checksum(block: Block) -> int:
    """CRC-32 of a block's stamps and of its values or texts."""
    checksum = zlib.crc32(block.stamps.tobytes())
    if block.texts:
        return zlib.crc32("\0".join(block.texts).encode("utf-8", "surrogateescape"), checksum)
    return zlib.crc32(block.values.tobytes(), checksum)


class LineWriter:
    """Writes lines, each chained to the one before."""

    def __init__(self) -> None:
        self.checksum = 0

    def write(self, line: Line) -> str:
        """The text of one line."""
        text = json.dumps(_described(line), separators=(",", ":"), allow_nan=False, ensure_ascii=True)
        self.checksum = zlib.crc32(text.encode(), self.checksum)
        return f"{self.checksum:08x} {text}"


class LineReader:
    """Reads lines in order; a changed, lost or added one is noticed at the next."""

    def __init__(self) -> None:
        self.checksum = 0

    def read(self, line: str) -> Line:
        """What a line says. Raises BadLine where it was changed, does not follow the last one, or is no line at all."""
        text = line[9:]
        if not line.isascii():
            raise BadLine("it has characters that are never written")
        checksum = zlib.crc32(text.encode(), self.checksum)
        if line[:9] != f"{checksum:08x} ":
            raise BadLine("its checksum does not fit: it, or a line before it, was changed or lost")
        self.checksum = checksum
        try:
            entry = json.loads(text)
            if not isinstance(entry, list):
                raise ValueError("it is no list")
            kind, *content = entry
            return _PARSERS[kind](*content)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, zlib.error) as error:
            raise BadLine(f"it cannot be understood ({type(error).__name__}: {error!s:.200})") from error


def _described(line: Line) -> list[Any]:
    match line:
        case Head(content):
            return ["head", FORMAT, content]
        case Snapshot(state, streams, stream_ids):
            packed = base64.b64encode(zlib.compress(state, 1)).decode()
            return ["snapshot", len(state), packed, [asdict(info) for info in streams], list(stream_ids)]
        case OpenedStream(stream_id, opened):
            return ["opened", stream_id, asdict(opened.info), opened.received]
        case BlockReference(stream_id, first_sample, count, received, checksum):
            return ["block", stream_id, first_sample, count, received, checksum]
        case StreamLost(key, received, reason):
            return ["lost", key, received, reason]
        case OffsetProbe(key, received, offset_s, round_trip_s):
            return ["probe", key, received, _described_number(offset_s), _described_number(round_trip_s)]
        case Control(name, payload, received):
            return ["control", name, payload, received]
        case Plan(tick, now, reason, streams):
            standings = [[s.modality, _described_number(s.horizon), s.state, s.shift_s] for s in streams]
            return ["plan", tick, now, reason, standings]
        case Skip(first, last, now):
            return ["skip", first, last, now]
        case Written(chunks):
            return ["written", [list(chunk) for chunk in chunks]]
        case End(reason):
            return ["end", reason]


def _described_number(value: float) -> float | str:
    """A number as JSON knows it: what is not finite becomes text."""
    return value if math.isfinite(value) else str(float(value))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r:.40} stands where a number is expected")
    return float(value)


def _any_number(value: Any) -> float:
    return float(value) if value in _NOT_FINITE else _number(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 62:
        raise ValueError(f"{value!r:.40} stands where a whole number is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} stands where a text is expected")
    return value


def _head(version: Any, content: Any) -> Head:
    if version != FORMAT:
        raise ValueError(f"it is of version {version!r:.40}, this version of streamsense reads {FORMAT}")
    if not isinstance(content, dict):
        raise ValueError("its head is no object")
    return Head(content)


def _snapshot(size: Any, packed: Any, streams: Any, stream_ids: Any) -> Snapshot:
    if not 0 <= _integer(size) <= _LARGEST_SNAPSHOT:
        raise ValueError(f"a snapshot of {size} bytes is too large")
    # Unpacked only as far as it says that it goes, so that a small text cannot become a large state.
    state = zlib.decompressobj().decompress(base64.b64decode(_text(packed), validate=True), size + 1)
    if len(state) != size:
        raise ValueError(f"a snapshot has {len(state)} bytes or more, {size} are expected")
    if len(streams) != len(stream_ids):
        raise ValueError(f"a snapshot has {len(streams)} streams with {len(stream_ids)} ids")
    return Snapshot(state, tuple(_info(info) for info in streams), tuple(_integer(number) for number in stream_ids))


def _info(content: Any) -> StreamInfo:
    parse = {"str": _text, "Kind": _kind, "float": _number, "bool": _truth, "tuple[str, ...]": _texts}
    types = {field.name: str(field.type) for field in fields(StreamInfo)}
    if not isinstance(content, dict) or not set(content) <= set(types):
        raise ValueError("a stream's description has unknown fields")
    values: dict[str, Any] = {name: parse[types[name]](value) for name, value in content.items()}
    return StreamInfo(**values)


def _kind(value: Any) -> str:
    if value not in get_args(Kind):
        raise ValueError(f"{value!r:.40} is no kind of stream")
    return _text(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r:.40} stands where true or false is expected")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.40} stands where a list of texts is expected")
    return tuple(map(_text, value))


def _plan(tick: Any, now: Any, reason: Any, standings: Any) -> Plan:
    return Plan(_integer(tick), _number(now), _text(reason), tuple(_standing(*standing) for standing in standings))


def _standing(modality: Any, horizon: Any, state: Any, shift_s: Any) -> StreamPlan:
    if modality not in ("eeg", "face", "voice"):
        raise ValueError(f"{modality!r:.40} is no modality")
    if not 0 <= _number(shift_s) <= _LONGEST_SHIFT_S:
        raise ValueError(f"a window is shifted by {shift_s!r:.40} s")
    return StreamPlan(modality, _any_number(horizon), _text(state), _number(shift_s))


def _probe(key: Any, received: Any, offset_s: Any, round_trip_s: Any) -> OffsetProbe:
    return OffsetProbe(_text(key), _number(received), _any_number(offset_s), _any_number(round_trip_s))


def _block(stream_id: Any, first_sample: Any, count: Any, received: Any, checksum: Any) -> BlockReference:
    if min(_integer(stream_id), _integer(first_sample), _integer(count)) < 0:
        raise ValueError("a block counts below 0")
    return BlockReference(stream_id, first_sample, count, _number(received), _integer(checksum))


def _written(chunks: Sequence[Sequence[Any]]) -> Written:
    return Written(tuple(WrittenChunk(*(_integer(value) for value in chunk)) for chunk in chunks))


_PARSERS: dict[str, Callable[..., Line]] = {
    "head": _head,
    "snapshot": _snapshot,
    "opened": lambda stream_id, info, received: OpenedStream(
        _integer(stream_id), StreamOpened(_info(info), _number(received))
    ),
    "block": _block,
    "lost": lambda key, received, reason: StreamLost(_text(key), _number(received), _text(reason)),
    "probe": _probe,
    "control": lambda name, payload, received: Control(_text(name), _text(payload), _number(received)),
    "plan": _plan,
    "skip": lambda first, last, now: Skip(_integer(first), _integer(last), _number(now)),
    "written": _written,
    "end": lambda reason: End(_text(reason)),
}
