"""Texts of a stream, pictures or words, turned into rows of numbers; what is damaged or too much is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from streamsense.arrays import Float32Array, FloatArray
from streamsense.sources.raw_keeper import RawKeeper
from streamsense.streams import StreamInfo


class Row(NamedTuple):
    """Numbers (width,), and when what they tell of was (s), which need not be the text's own stamp."""

    values: Sequence[float] | npt.NDArray[np.floating]
    time: float


class TextReader(Protocol):
    """Makes a row of `width` numbers of a text. `left_out` is the kind of the event that tells of those without one."""

    left_out: str
    width: int

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The description of the rows that are made of stream `info`, which begins, or begins anew."""
        ...

    def read(self, text: str | bytes, stamp: float) -> list[Row] | None:
        """The text's row; none where nothing is to be told. None for a text that cannot be read."""
        ...


class TextFront:
    """Turns texts into rows. With `most_at_once`, only the newest of a pile-up are looked at.

    With a `keeper`, what a row was made of is emitted as well.
    """

    def __init__(self, reader: TextReader, most_at_once: int | None = None, keeper: RawKeeper | None = None) -> None:
        self.left_out = reader.left_out
        self._reader = reader
        self._most_at_once = most_at_once
        self._keeper = keeper
        self._skipped = self._unreadable = 0

    def take_left_out(self) -> tuple[int, int]:
        """How many texts were skipped to stay live, and how many could not be read, since the last call."""
        left_out, self._skipped, self._unreadable = (self._skipped, self._unreadable), 0, 0
        return left_out

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The rows' description, under the text stream's own name."""
        if self._keeper is not None:
            self._keeper.begin(info)
        return self._reader.describe(info)

    def convert(self, samples: Sequence[str | bytes], stamps: FloatArray) -> tuple[Float32Array, FloatArray]:
        """A row (n, width) and its time for each text that has one."""
        rows, kept = list[Row](), list[tuple[str, float]]()
        skipped = 0 if self._most_at_once is None else max(0, len(samples) - self._most_at_once)
        self._skipped += skipped
        for text, stamp in zip(samples[skipped:], stamps[skipped:].tolist(), strict=True):
            found = self._reader.read(text, stamp)
            if found is None:
                self._unreadable += 1
            elif found:
                rows += found
                kept.append((text if isinstance(text, str) else bytes(text).decode("utf-8", "replace"), stamp))
        if self._keeper is not None:
            self._keeper.keep([text for text, _ in kept], np.array([stamp for _, stamp in kept], np.float64))
        values = np.array([row.values for row in rows], np.float32).reshape(len(rows), self._reader.width)
        return values, np.array([row.time for row in rows], np.float64)
