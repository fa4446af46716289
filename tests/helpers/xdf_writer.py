"""Writes real XDF 1.0 bytes, with every layout a test may want; written from the specification, not the reader."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np

CODES = {"int8": "b", "int16": "h", "int32": "i", "int64": "q", "float32": "f", "double64": "d"}
BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")


def varint(value: int, width: int | None = None) -> bytes:
    width = width or (1 if value < 256 else 4)
    return bytes([width]) + value.to_bytes(width, "little")


class XdfWriter:
    """Collects chunks; `data` is the file so far."""

    def __init__(self) -> None:
        self.data = b"XDF:"
        self.chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        self._formats: dict[int, tuple[str, int]] = {}

    def chunk(self, tag: int, content: bytes, width: int | None = None) -> None:
        body = struct.pack("<H", tag) + content
        self.data += varint(len(body), width) + body

    def of_stream(self, tag: int, stream_id: int, content: bytes) -> None:
        self.chunk(tag, struct.pack("<I", stream_id) + content)

    def header(
        self,
        stream_id: int,
        channel_format: str = "float32",
        channels: int = 1,
        rate_hz: float = 0.0,
        name: str = "stream",
        stream_type: str = "EEG",
        labels: Sequence[str] = (),
        unit: str = "microvolts",
        extra: str = "",
    ) -> None:
        described = "".join(f"<channel><label>{escape(x)}</label><unit>{unit}</unit></channel>" for x in labels)
        xml = (
            f'<?xml version="1.0"?>{extra}<info><name>{escape(name)}</name><type>{stream_type}</type>'
            f"<channel_count>{channels}</channel_count><nominal_srate>{rate_hz!r}</nominal_srate>"
            f"<channel_format>{channel_format}</channel_format><source_id>src{stream_id}</source_id>"
            f"<hostname>lab</hostname><desc><channels>{described}</channels></desc></info>"
        )
        self._formats[stream_id] = (channel_format, channels)
        self.of_stream(2, stream_id, xml.encode())

    def samples(self, stream_id: int, stamps: Sequence[float | None], rows: Sequence[Sequence[object]]) -> None:
        """One sample chunk; a stamp of None is left for the reader to deduce."""
        channel_format, channels = self._formats[stream_id]
        content = varint(len(stamps), 4)
        for stamp, row in zip(stamps, rows, strict=True):
            assert len(row) == channels
            content += b"\0" if stamp is None else b"\x08" + struct.pack("<d", stamp)
            if channel_format == "string":
                for text in row:
                    raw = text if isinstance(text, bytes) else str(text).encode()
                    content += varint(len(raw)) + raw
            else:
                content += struct.pack(f"<{channels}{CODES[channel_format]}", *row)
        self.of_stream(3, stream_id, content)

    def stamped(self, stream_id: int, stamps: np.ndarray, values: np.ndarray) -> None:
        """A chunk of float32 samples that all carry stamps, built quickly."""
        records = np.empty(len(stamps), [("w", "u1"), ("t", "<f8"), ("v", "<f4", (values.shape[1],))])
        records["w"], records["t"], records["v"] = 8, stamps, values
        self.of_stream(3, stream_id, varint(len(stamps), 4) + records.tobytes())

    def clock_offset(self, stream_id: int, collected: float, offset: float) -> None:
        self.of_stream(4, stream_id, struct.pack("<dd", collected, offset))

    def boundary(self) -> None:
        self.chunk(5, BOUNDARY)

    def footer(self, stream_id: int, sample_count: int, first: float | None = None, last: float | None = None) -> None:
        ends = f"<first_timestamp>{first!r}</first_timestamp><last_timestamp>{last!r}</last_timestamp>"
        count = f"<sample_count>{sample_count}</sample_count>"
        self.of_stream(6, stream_id, f"<info>{'' if first is None else ends}{count}</info>".encode())
