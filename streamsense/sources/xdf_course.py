"""Which stamps of a recorded stream can be right: tells damage from what a sender's clock really did.

A file may be damaged where no format can show it, within a stamp. What follows is judged on the order of a stream's
stamps alone, in units that damage hits as a whole: a stamp that the file has, with those deduced from it.

- A stamp that is no time (not finite, or beyond MAX_TIME_S) is left out.
- Where the stamps step back, the fewest are left out (at most PATIENCE - 1) that makes the rest go on. If it takes
  more, the new course lasts: the sender's clock was set anew, and all is kept. In a regular stream "goes on" means at
  the nominal interval; a step back of less than STEP_BACK_S from which the stream does not return to its course is
  the sender's jitter and kept. In an irregular one the order alone cannot tell stamps too late from a clock that was
  set back after them: in a file that is otherwise whole, a step back that is shorter than the stream's longest pause,
  and than DISORDER_S, is the sender's way.
- A whole chunk of a regular stream without which the stream is on its course is left out; so is a chunk that steps
  back and repeats an earlier one byte for byte (as far as its ends tell).
- Fewer than PATIENCE stamps at either end of a stream that are apart from the rest are kept only where something else
  in the file confirms them, the stamps of a very short stream where nothing else speaks against them (see `Evidence`).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.sources.xdf_chunk_table import STEP_BACK_S, ChunkTable, off_course
from streamsense.sources.xdf_evidence import End, Evidence, Row
from streamsense.sources.xdf_groups import Groups, grouped

MAX_TIME_S = 1e12
"""No clock in seconds shows more, nor one in milliseconds by much: a time beyond it is damage."""
PATIENCE = 4
"""Stamps after which a new course is believed."""
DISORDER_S = 60.0
"""Stamps of a whole file may be out of order by as much: markers of several threads, a clock that was set."""
_APART_S = (1.0, 5.0)
"""What parts the ends of a stream from the rest, regular and irregular."""
_MOST_BREAKS = 10_000
_MOST_ROWS = 64
_MOST_PAUSES = 16
_HABIT = 0.01
"""Single stamps out of order that are more than this share of all are the sender's way."""
Mask = npt.NDArray[np.bool_]


def usable(times: FloatArray) -> Mask:
    """Which times can be times: finite and within MAX_TIME_S."""
    return np.abs(times) < MAX_TIME_S


class Course:
    """Judges one stream's stamps, chunk by chunk in file order; `finish` says which samples are to be left out.

    Some chunks' groups are kept until it is clear what follows them; of all others only what `ChunkTable` has.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self.samples = 0
        self.no_times = 0
        self.given_up = False
        self._chunks = ChunkTable()
        self._left_out: list[tuple[int, int]] = []
        self._jitter: list[tuple[int, int]] = []
        self._disorder: list[tuple[tuple[int, int], float]] = []
        self._pauses: list[tuple[float, int]] = []
        self._doubtful: list[tuple[Row, End]] = []
        self._lasting: list[int] = []
        # The newest rows, those of `_recent` excepted, and which are kept; what follows `_junction` is not judged yet.
        self._rows: list[Row] = []
        self._kept: list[bool] = []
        self._junction = 0
        self._decided = True
        self._recent: list[Groups] = []
        self._head: list[Row] = []
        self._places: dict[float, int] = {}
        self._last = -math.inf
        self._trimmed = False
        self._group_count = 0
        self._break_count = 0

    def take(self, stamps: FloatArray, own: Mask | None, payload: bytes = b"", offset: int = 0) -> None:
        """The next chunk: its stamps (n,), which of them the file has (None: all), its content, where it is."""
        if not len(stamps):
            return
        start = self.samples
        self.samples += len(stamps)
        groups = grouped(stamps, own, start)
        first, last = groups.first.item(0), groups.last.item(-1)
        in_order = bool((groups.first[1:] >= groups.last[:-1]).all()) and abs(first) < MAX_TIME_S > abs(last)
        goes_back = first < self._last
        if self._chunks.comes_again(payload, first, own is None or bool(own[0]), goes_back):
            self._left_out.append((start, self.samples))
            self._chunks.add(start, len(stamps), offset, math.nan, math.nan)
            return
        self._chunks.add(start, len(stamps), offset, first, last)
        self._group_count += len(groups.first)
        if self._interval_s == 0:
            self._note_pauses(groups)
        if in_order and not goes_back and self._decided:
            self._follow(groups)
        else:
            self._judge(groups)

    def lose(self) -> None:
        """Some chunks may be missing here, and some may come again."""
        self._chunks.lose()

    def close(self) -> tuple[float, float]:
        """No more chunks. The range of the stamps that are beyond doubt (s), NaN where there are none."""
        self._settle()
        self._places = {}
        self._decide(len(self._rows) - 1, closing=True)
        doubtful = {row[2] for row, end in (*self._doubtful, *self._ends()) if end != "few"}
        rows = [row for row in (*self._head, *self._kept_rows()) if row[2] not in doubtful]
        if not rows:
            return math.nan, math.nan
        return min(row[0] for row in rows), max(row[1] for row in rows)

    def finish(self, evidence: Evidence) -> npt.NDArray[np.int64]:
        """After `close`: ranges of samples (k, 2) to be left out, from first to before last, in order."""
        if self.given_up:
            return np.array([[0, self.samples]])
        ranges = [*self._left_out, *self._chunks.torn(self._lasting), *self._chunks.copied(self._lasting)]
        if self._interval_s > 0:
            ranges += self._chunks.astray(self._lasting, self._interval_s)
        if len(self._jitter) <= max(10, _HABIT * self._group_count):
            ranges += self._jitter
        usual_s = self._longest_pause() if evidence.whole_file else 0.0
        ranges += [samples for samples, step_back in self._disorder if step_back > usual_s]
        doubtful = self._doubtful + self._ends()
        ranges += [
            (row[2], row[2] + row[3]) for row, end in doubtful if not evidence.confirms(row, end, self._interval_s)
        ]
        return _merged(ranges)

    @property
    def ends(self) -> tuple[float, float]:
        """After `close`: first and last stamp of a stream of which all is kept, NaN where it is empty."""
        return (self._head[0][0], self._rows[-1][1]) if self._rows else (math.nan, math.nan)

    def offset_of(self, sample: int) -> int:
        """Where in the file the chunk begins that has the sample of this index."""
        return self._chunks.offset_of(sample)

    def _follow(self, groups: Groups) -> None:
        """The quick way, for a chunk that goes on in order after others that do: only its newest rows may matter."""
        if len(self._head) < PATIENCE:
            self._head += groups.rows(0, PATIENCE - len(self._head))
        if len(groups.first) >= 2 * PATIENCE:
            self._trimmed = self._trimmed or bool(self._rows or self._recent) or len(groups.first) > 2 * PATIENCE
            self._rows, self._kept, self._recent = [], [], []
        self._recent.append(groups)
        self._last = groups.last.item(-1)
        if len(self._recent) > 2 * PATIENCE:
            self._settle()

    def _settle(self) -> None:
        """Make rows of the chunks that only went on."""
        if not self._recent:
            return
        for groups in self._recent:
            size = len(groups.first)
            self._trimmed = self._trimmed or size > 2 * PATIENCE
            self._rows += groups.rows(max(0, size - 2 * PATIENCE), size)
        self._recent = []
        self._kept += [True] * (len(self._rows) - len(self._kept))
        self._junction = len(self._rows) - 1
        self._trim()

    def _trim(self) -> None:
        extra = len(self._rows) - 2 * PATIENCE
        if extra > 0:
            del self._rows[:extra], self._kept[:extra]
            self._junction -= extra
            self._trimmed = True

    def _judge(self, groups: Groups) -> None:
        """The slow way, for a chunk in or before which something steps back."""
        self._settle()
        rows = groups.rows(0, len(groups.first))
        fine = (usable(groups.first) & usable(groups.last)).tolist()
        for row in itertools.compress(rows, (not is_time for is_time in fine)):
            self._left_out.append((row[2], row[2] + row[3]))
            self.no_times += row[3]
        rows = list(itertools.compress(rows, fine))
        self._head += rows[: max(0, PATIENCE - len(self._head))]
        self._rows += rows
        self._kept += [True] * len(rows)
        self._places = {row[0]: index for index, row in reversed(list(enumerate(self._rows)))}
        self._decide(max(0, len(self._rows) - PATIENCE), closing=False)
        self._last = self._rows[-1][1] if self._rows else self._last
        rest = self._rows[max(0, self._junction) :]
        self._decided = all(after[0] >= before[1] for before, after in itertools.pairwise(rest))
        self._trim()

    def _decide(self, stop: int, closing: bool) -> None:
        """Judge the junctions between one row and the next, up to `stop`."""
        rows = self._rows
        begin, self._junction = max(0, self._junction), max(self._junction, stop)
        for junction in range(begin, stop):
            if rows[junction + 1][0] < rows[junction][1]:
                self._break_count += 1
                if self._break_count > _MOST_BREAKS and 4 * self._break_count > self._group_count:
                    self.given_up = True
                    return
                self._mend(junction, closing)

    def _mend(self, junction: int, closing: bool) -> None:
        """Leave out what makes the stamps step back after the row `junction`, if that is what it takes."""
        rows, kept = self._rows, self._kept
        before = range(junction, max(-1, junction - _MOST_ROWS), -1)
        after = range(junction + 1, min(len(rows), junction + _MOST_ROWS))
        left = list(itertools.islice((index for index in before if kept[index]), PATIENCE))
        right = list(itertools.islice((index for index in after if kept[index]), PATIENCE))
        if not left or not right or rows[left[0]][1] <= rows[right[0]][0]:
            return
        step_back = rows[left[0]][1] - rows[right[0]][0]
        if self._interval_s > 0 and step_back < STEP_BACK_S:
            self._mend_small(left, right, step_back, closing)
            return
        if self._interval_s > 0 and (astray := self._fewest(left, right, PATIENCE - 1, on_course=True)):
            self._leave_out(astray, self._left_out)
            return
        if astray := self._fewest(left, right, PATIENCE - 1, on_course=False):
            self._leave_out_disorder(astray, step_back)
            return
        self._lasting.append(rows[junction + 1][2])
        at_head = not self._trimmed and len(left) == sum(kept[: junction + 1]) < PATIENCE
        at_tail = closing and len(right) < PATIENCE
        if at_head and (not at_tail or len(left) <= len(right)):
            self._doubt(left, "head")
        elif at_tail:
            self._doubt(right, "tail")

    def _mend_small(self, left: list[int], right: list[int], step_back: float, closing: bool) -> None:
        """The same for a step back that may be the jitter of a regular stream: then it is not one stamp alone."""
        rows = self._rows
        far = step_back > 2 * self._interval_s
        if astray := self._fewest(left, right, 1, on_course=True):
            self._leave_out(astray, self._jitter)
        elif far and (astray := self._fewest(left, right, 1, on_course=False)):
            self._leave_out_disorder(astray, step_back)
        elif self._places.get(rows[right[0]][0], right[0]) < right[0]:
            again = itertools.takewhile(lambda i: rows[i][0] <= rows[left[0]][1], range(right[0], len(rows)))
            self._leave_out(list(again), self._left_out)
        elif len(left) == 1 and not self._trimmed:
            self._doubt(left, "head")
        elif len(right) == 1 and closing:
            self._doubt(right, "tail")
        else:
            self._lasting.append(rows[right[0]][2])

    def _doubt(self, rows: list[int], end: End) -> None:
        for index in rows:
            self._doubtful.append((self._rows[index], end))
            self._kept[index] = False

    def _leave_out(self, rows: list[int], where: list[tuple[int, int]]) -> None:
        for index in rows:
            self._kept[index] = False
            where.append((self._rows[index][2], self._rows[index][2] + self._rows[index][3]))

    def _leave_out_disorder(self, rows: list[int], step_back: float) -> None:
        found: list[tuple[int, int]] = []
        self._leave_out(rows, found)
        if step_back < DISORDER_S:
            self._disorder += [(samples, step_back) for samples in found]
        else:
            self._left_out += found

    def _note_pauses(self, groups: Groups) -> None:
        """Keep the longest steps forward, each with the index of the sample after it."""
        steps = groups.first - np.append(self._last, groups.last[:-1])
        longest = np.argsort(-steps, kind="stable")[:_MOST_PAUSES]
        found = [(steps.item(at), groups.rows(at, at + 1)[0][2]) for at in longest.tolist() if steps[at] < math.inf]
        self._pauses = sorted(self._pauses + found, reverse=True)[:_MOST_PAUSES]

    def _longest_pause(self) -> float:
        """The longest step forward (s) to or from a sample that is in order, 0 in a regular stream."""
        disordered = {edge for samples, _ in self._disorder for edge in samples}
        return max((step for step, sample in self._pauses if sample not in disordered), default=0.0)

    def _fewest(self, left: list[int], right: list[int], most: int, on_course: bool) -> list[int]:
        """The fewest rows around a step back without which the stamps go on, [] where it takes more than `most`."""
        rows = self._rows
        best: tuple[float, list[int]] | None = None
        for total in range(1, most + 1):
            for after in range(total, -1, -1):
                before = total - after
                if before >= len(left) or after >= len(right):
                    continue
                astray = left[:before] + right[:after]
                step = rows[right[after]][0] - rows[left[before]][1]
                missing = sum(rows[index][3] for index in astray)
                error = off_course(step, missing, self._interval_s) if on_course else (0.0 if step >= 0 else math.inf)
                if error < math.inf and (best is None or error < best[0]):
                    best = (error, astray)
            if best is not None:
                return best[1]
        return []

    def _kept_rows(self) -> list[Row]:
        return [row for row, kept in zip(self._rows, self._kept, strict=True) if kept]

    def _ends(self) -> list[tuple[Row, End]]:
        """The few rows at the head and at the tail that are apart from the rest."""
        if self._group_count < 2 * PATIENCE:
            return [(row, "few") for row in self._kept_rows()]
        apart = max(_APART_S[self._interval_s == 0], 10 * self._interval_s)
        left_out = [*self._left_out, *self._jitter, *(samples for samples, _ in self._disorder)]
        gone = {start for start, _ in left_out} | {row[2] for row, _ in self._doubtful}
        head = [row for row in self._head if row[2] not in gone][:PATIENCE]
        tail = self._kept_rows()[-PATIENCE:]
        first = max((i for i in range(1, len(head)) if head[i][0] - head[i - 1][1] > apart), default=0)
        last = min((i for i in range(1, len(tail)) if tail[i][0] - tail[i - 1][1] > apart), default=len(tail))
        ends: list[tuple[Row, End]] = [(row, "head") for row in head[:first]]
        return ends + [(row, "tail") for row in tail[last:]]


def _merged(ranges: list[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """The ranges (k, 2) in order, none overlapping another."""
    merged: list[list[int]] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(stop, merged[-1][1])
        else:
            merged.append([start, stop])
    return np.array(merged, np.int64).reshape(-1, 2)
