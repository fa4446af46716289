"""The stamps of one XDF chunk in groups: a stamp that the file has, and those deduced from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.sources.xdf_evidence import Row


class Groups(NamedTuple):
    """A chunk's stamps in units that damage hits as a whole, each begun by a stamp that the file has.

    First and last stamp of each, where in the chunk they begin (None: each sample is one), the index of the chunk's
    first sample and the number of its samples.
    """

    first: FloatArray
    last: FloatArray
    heads: npt.NDArray[np.intp] | None
    start: int
    samples: int

    def rows(self, begin: int, end: int) -> list[Row]:
        """Some of them, one by one."""
        end = min(end, len(self.first))
        part = slice(begin, end)
        if self.heads is None:
            indexes, counts = np.arange(begin, end), np.ones(end - begin, np.intp)
        else:
            indexes, counts = self.heads[part], np.diff(np.append(self.heads, self.samples))[part]
        columns = self.first[part].tolist(), self.last[part].tolist(), (self.start + indexes).tolist(), counts.tolist()
        return list(zip(*columns, strict=True))


def grouped(stamps: FloatArray, own: npt.NDArray[np.bool_] | None, start: int) -> Groups:
    """A chunk's stamps (n,) as groups; `own` says which of them the file has (None: all)."""
    if own is None or own.all():
        return Groups(stamps, stamps, None, start, len(stamps))
    begins = own.copy()
    begins[0] = True
    heads = np.flatnonzero(begins)
    last = stamps[np.append(heads[1:], len(stamps)) - 1]
    return Groups(stamps[heads], last, heads, start, len(stamps))
