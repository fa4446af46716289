"""The samples of a recording that wait for the line of its journal that refers to them."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.runtime.recorded_checks import ChangedRecording
from streamsense.sources.recorded import FORMAT_DTYPES
from streamsense.sources.xdf_header import StreamHeader
from streamsense.sources.xdf_samples import SampleDecoder

_TEXT_BYTES = 120
Samples = tuple[FloatArray, npt.NDArray[np.generic], list[list[str]]]
"""Stamps (n,), values (n, channels) and, of a stream of texts, rows of texts instead of values."""


class WaitingSamples:
    """The samples of one stream that no line has referred to yet."""

    def __init__(self, header: StreamHeader) -> None:
        self.header = header
        self._decoder = SampleDecoder(header.channel_format, len(header.channel_labels), header.nominal_rate_hz)
        self._pieces: deque[Samples] = deque()
        self._taken = 0  # of the first piece
        self.count = 0
        self._bytes = 0
        is_text = header.channel_format == "string"
        dtype = np.float32 if is_text else np.dtype(FORMAT_DTYPES[header.channel_format])
        self._none: Samples = np.empty(0), np.empty((0, 0 if is_text else len(header.channel_labels)), dtype), []

    def add(self, payload: bytes) -> None:
        """Take in one chunk. Raises DamagedChunk."""
        piece = self._decoder.decode(payload)
        if len(piece[0]):
            self._pieces.append(piece)
            self.count += len(piece[0])
            self._bytes += len(payload)

    @property
    def size(self) -> int:
        """About the bytes that wait, and may stay in memory until the last of their chunk is taken."""
        is_text = self.header.channel_format == "string"
        return self._bytes + self.count * (_TEXT_BYTES * len(self.header.channel_labels) if is_text else 8)

    def take(self, count: int) -> Samples:
        """The next `count` samples. Raises ChangedRecording where fewer wait."""
        if count > self.count:
            raise ChangedRecording(
                f"Its journal refers to {count} samples of stream {self.header.name!r} where {self.count} are"
            )
        self.count -= count
        found = []
        while count:
            stamps, values, rows = self._pieces[0]
            part = slice(self._taken, self._taken + count)
            found.append((stamps[part], values[part], rows[part]))
            count -= len(found[-1][0])
            self._taken += len(found[-1][0])
            if self._taken == len(stamps):
                self._pieces.popleft()
                self._taken = 0
        if not self._pieces:
            self._bytes = 0
        if len(found) <= 1:
            return found[0] if found else self._none
        stamps, values = (np.concatenate([piece[part] for piece in found]) for part in (0, 1))
        return stamps, values, [row for piece in found for row in piece[2]]
