"""Keeps what an edge looked at, pictures or words, as a stream of its own beside the numbers that it made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.streams import Block, Event, StreamInfo, StreamOpened
from streamsense.ticks import Clock


class RawKeeper:
    """Emits texts as a stream that is only recorded; `described` makes its description of that of the edge's stream.

    It is opened with its first text.
    """

    def __init__(
        self, clock: Clock, emit: Callable[[Event], None], described: Callable[[StreamInfo], StreamInfo]
    ) -> None:
        self._clock = clock
        self._emit = emit
        self._described = described
        self._unopened: StreamInfo | None = None
        self._key = ""
        self._count = 0

    def begin(self, info: StreamInfo) -> None:
        """The edge's stream `info` begins, or begins anew, and the stream that is kept with it."""
        self._unopened = self._described(info)
        self._key = self._unopened.key

    def keep(self, texts: Sequence[str], stamps: FloatArray) -> None:
        """Emit texts; what was made of them is emitted after them."""
        if not len(texts):
            return
        now = self._clock.now()
        if self._unopened is not None:
            self._emit(StreamOpened(self._unopened, now))
            self._unopened, self._count = None, 0
        no_values = np.empty((len(texts), 0), np.float32)
        self._emit(Block(self._key, self._count, stamps.copy(), no_values, now, tuple(texts)))
        self._count += len(texts)
