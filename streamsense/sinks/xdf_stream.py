"""One stream of an XDF file that is being written: gathers samples, gives them as one chunk, counts for the footer."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.score import Channel
from streamsense.sinks import xdf_writer
from streamsense.streams import Block, StreamInfo


class XdfStream:
    """Numbers or texts of one stream, as its header says. Stamps are kept raw, to the bit."""

    def __init__(self, stream_id: int, dtype: str, channels: int, rate_hz: float, header: bytes) -> None:
        self.stream_id = stream_id
        self.header = header
        self.dtype = dtype
        self.channels = channels
        self.count = 0
        self.first_stamp = self.last_stamp = 0.0
        self._interval_s = 1 / rate_hz if rate_hz > 0 else 0.0
        self._stamps: list[FloatArray] = []
        self._values: list[npt.NDArray[np.generic]] = []
        self._rows: list[Sequence[str]] = []

    def take_block(self, block: Block) -> None:
        """Add a block of samples. Raises ValueError where it is not of the kind that the header declares."""
        if self.dtype == "string":
            # Several texts of one sample travel as a JSON list (`sources.recorded.marker_texts`).
            self.take_texts(block.stamps, [[t] if self.channels == 1 else json.loads(t) for t in block.texts])
        else:
            self.take_values(block.stamps, block.values)

    def take_values(self, stamps: FloatArray, values: npt.NDArray[np.generic]) -> None:
        """Add samples (n, channels) of numbers."""
        if values.dtype.name != self.dtype or values.shape[1] != self.channels:
            raise ValueError(
                f"stream {self.stream_id} got {values.dtype} × {values.shape[1]}, not {self.dtype} × {self.channels}"
            )
        self._note(stamps)
        self._values.append(values)

    def take_texts(self, stamps: FloatArray, rows: Sequence[Sequence[str]]) -> None:
        """Add samples of texts, one row (channels) each."""
        self._note(stamps)
        self._rows.extend(rows)

    def _note(self, stamps: FloatArray) -> None:
        self._stamps.append(stamps)
        if len(stamps):
            if self.count == 0:
                self.first_stamp = float(stamps[0])
            self.last_stamp = float(stamps[-1])
            self.count += len(stamps)

    @property
    def pending(self) -> bool:
        """Whether samples wait for `take_content`."""
        return any(len(stamps) for stamps in self._stamps)

    def take_content(self) -> bytes:
        """The content of a chunk with all samples since the last call; nothing where there are none."""
        stamps = np.concatenate([np.empty(0), *self._stamps])
        values, rows = self._values, self._rows
        self._stamps, self._values, self._rows = [], [], []
        if len(stamps) == 0:
            return b""
        if self.dtype == "string":
            return xdf_writer.texts_content(stamps, rows)
        return xdf_writer.samples_content(stamps, np.concatenate(values), self._interval_s)

    def footer(self, more: Mapping[str, str] | None = None) -> bytes:
        """The content of the footer."""
        return xdf_writer.footer_xml(self.first_stamp, self.last_stamp, self.count, more)


def source_stream(stream_id: int, info: StreamInfo, earlier: int | None = None) -> XdfStream:
    """A stream that was taken in, under its sender's name; `earlier` is the one that it took the place of."""
    described = {"key": info.key} | ({} if earlier is None else {"replaces": str(earlier)})
    # A stream of texts from a sender of several is one of lists; the header keeps their number.
    header = xdf_writer.stream_header_xml(
        name=info.name,
        type=info.type,
        channel_format=xdf_writer.CHANNEL_FORMATS[info.dtype],
        nominal_rate_hz=info.nominal_rate_hz,
        source_id=info.source_id,
        hostname=socket.gethostname() if info.same_clock else "",
        labels=info.channel_labels,
        units=info.channel_units,
        description=described,
        # Our readers see gaps; others must not space the samples evenly over them.
        irregular_output=True,
        sender_description=info.description,
    )
    return XdfStream(stream_id, info.dtype, len(info.channel_labels), info.nominal_rate_hz, header)


def output_stream(
    stream_id: int,
    name: str,
    stream_type: str,
    channels: Sequence[Channel],
    dtype: str,
    description: Mapping[str, str] | None = None,
) -> XdfStream:
    """A stream of our own making: scores, notices, the journal."""
    header = xdf_writer.stream_header_xml(
        name=name,
        type=stream_type,
        channel_format=xdf_writer.CHANNEL_FORMATS[dtype],
        nominal_rate_hz=0.0,
        source_id=name,
        hostname=socket.gethostname(),
        labels=[channel.label for channel in channels],
        units=[channel.unit for channel in channels],
        description=description or {},
        irregular_output=True,
    )
    return XdfStream(stream_id, dtype, len(channels), 0.0, header)
