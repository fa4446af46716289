"""All chunks of one recorded stream in short, to tell those that are not where they belong: foreign, copied, cut."""

from __future__ import annotations

import bisect
import math
from array import array

STEP_BACK_S = 1.0
"""Jitter of a regular stream stays below this."""


class ChunkTable:
    """The sample chunks of a stream in file order, some numbers of each: it takes 64 bytes a chunk."""

    def __init__(self) -> None:
        self._starts, self._counts, self._offsets = array("q"), array("q"), array("q")
        self._first, self._last = array("d"), array("d")
        self._before_loss = array("q")
        self._keys = array("q")
        self._seen: set[int] | None = None
        self._after_loss = False
        self._repeating = False

    def lose(self) -> None:
        """Some chunks may be missing here, and some may come again."""
        self._after_loss = True
        if self._starts and self._starts[-1] not in self._before_loss[-1:]:
            self._before_loss.append(self._starts[-1])

    def comes_again(self, payload: bytes, first: float, stamped: bool, goes_back: bool) -> bool:
        """Whether the next chunk is a copy of an earlier one, or among such.

        `first` is its first stamp, `stamped` whether the file has that, `goes_back` whether it is before the last one.
        A copy steps back, or follows a loss. It has the content of an earlier one or, after a loss, its first stamp;
        a chunk without a stamp of its own may well be as another one. Among copies may be what was lost before.
        """
        key = hash((payload[:64], payload[-64:], len(payload)))
        seen = (goes_back or self._after_loss) and (stamped or self._repeating) and self._was_seen(key, first)
        self._repeating = seen or (goes_back and self._after_loss and self._repeating)
        if not self._repeating:
            self._after_loss = False
            self._keys.append(key)
            if self._seen is not None:
                self._seen |= {key, hash(first)}
        return self._repeating

    def add(self, start: int, count: int, offset: int, first: float, last: float) -> None:
        """A chunk: index of its first sample, how many it has, where it is in the file, its first and last stamp."""
        self._starts.append(start)
        self._counts.append(count)
        self._offsets.append(offset)
        self._first.append(first)
        self._last.append(last)

    def offset_of(self, sample: int) -> int:
        """Where in the file the chunk begins that has the sample of this index."""
        return self._offsets[bisect.bisect_right(self._starts, sample) - 1]

    def astray(self, steps_back: list[int], interval_s: float) -> list[tuple[int, int]]:
        """Whole chunks (ranges of samples) of a regular stream that are not of its course.

        Such is one between two steps of the stream, one of them back, without which it is on its course: with no
        sample missing (another stream's chunk), or with those of the chunk (one that was moved as a whole, where
        that is by more than jitter). `steps_back` are the samples at which the stream steps back.
        """
        first, last = self._first, self._last
        found: list[tuple[int, int]] = []
        for sample in steps_back:
            chunk = bisect.bisect_left(self._starts, sample)
            if chunk == len(first) or self._starts[chunk] != sample:
                continue
            for at in (chunk - 1, chunk):
                if 0 < at < len(first) - 1:
                    moved = max(last[at] - first[at + 1], last[at - 1] - first[at]) >= STEP_BACK_S
                    missing = (0, self._counts[at]) if moved else (0,)
                    step = first[at + 1] - last[at - 1]
                    if min(off_course(step, number, interval_s) for number in missing) < math.inf:
                        found.append((self._starts[at], self._starts[at] + self._counts[at]))
                        break
        return found

    def torn(self, steps_back: list[int]) -> list[tuple[int, int]]:
        """What follows a step back within the last chunk before a loss (ranges of samples): of another place."""
        found = []
        for sample in steps_back:
            at = bisect.bisect_left(self._before_loss, sample) - 1
            chunk = bisect.bisect_right(self._starts, sample) - 1
            if at >= 0 and self._before_loss[at] == self._starts[chunk]:
                found.append((sample, self._starts[chunk] + self._counts[chunk]))
        return found

    def copied(self, steps_back: list[int]) -> list[tuple[int, int]]:
        """Chunks (ranges of samples) from a step back right after a loss on, where those that follow were there before.

        The first of them is in the file once only: the loss before it took the other.
        """
        found: list[tuple[int, int]] = []
        places = {first: chunk for chunk, first in reversed(list(enumerate(self._first)))} if self._before_loss else {}
        for sample in steps_back:
            chunk = bisect.bisect_left(self._starts, sample)
            if not 0 < chunk < len(self._starts) - 1 or self._starts[chunk] != sample:
                continue
            if found and sample < found[-1][1]:
                continue
            at = bisect.bisect_left(self._before_loss, self._starts[chunk - 1])
            after_loss = at < len(self._before_loss) and self._before_loss[at] == self._starts[chunk - 1]
            if after_loss and places.get(self._first[chunk + 1], chunk) < chunk:
                before = self._last[chunk - 1]
                end = next((k for k in range(chunk, len(self._first)) if self._first[k] > before), len(self._first))
                found.append((sample, self._starts[end - 1] + self._counts[end - 1]))
        return found

    def _was_seen(self, key: int, first: float) -> bool:
        if self._seen is None:
            self._seen = {*self._keys, *map(hash, self._first)}
        return key in self._seen or (self._after_loss and hash(first) in self._seen)


def off_course(step: float, missing: int, interval_s: float) -> float:
    """By how much a step over `missing` samples departs from the nominal interval (s), inf where by half of it."""
    error = abs(step - (missing + 1) * interval_s)
    return error if error <= 0.5 * interval_s else math.inf
