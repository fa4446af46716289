"""Proves that a recording's scores can be computed again: byte for byte, or says where not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from streamsense.config import parse_config
from streamsense.errors import RecordingError
from streamsense.journal_lines import Snapshot
from streamsense.runtime.assembly import build_replay_pipeline
from streamsense.runtime.fingerprint import differing_parts, fingerprint
from streamsense.runtime.recorded_checks import ChangedRecording
from streamsense.runtime.recorded_journal import JournalReader, RecordedPlan, RecordedScore
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Notice, Score, Skip
from streamsense.streams import MODALITIES

DIFFERENT, ELSEWHERE = 1, 3
"""Exit codes: the file or a score is not as it was; it was computed with other software or on another computer."""
TOLERANCE = 1e-5
"""How far scores may differ under another fingerprint without being called wrong."""
_LABELS = (*SCORE_LABELS, *(f"expert_{label}" for label in EXPERT_LABELS))


@dataclass(frozen=True)
class Difference:
    """One value that is not as it was recorded."""

    tick: int
    channel: str
    recorded: float
    computed: float

    @property
    def size(self) -> float:
        """How far the two are from each other."""
        return abs(self.recorded - self.computed)

    def __str__(self) -> str:
        return f"tick {self.tick}, {self.channel}: recorded {self.recorded!r}, computed {self.computed!r}"


@dataclass
class Verification:
    """What came out of computing a recording again."""

    ticks: int = 0
    identical: int = 0
    skipped: int = 0
    first: Difference | None = None
    largest: Difference | None = None
    fingerprint: list[str] = field(default_factory=list)
    entered: dict[str, str] = field(default_factory=dict)
    end: str | None = None
    """Why the recording ended; None where its recorder was killed, so that it stops at its last whole half second."""
    tolerance: float = TOLERANCE
    change: str = ""
    """What was changed in the file since it was written, if anything was."""

    @property
    def exit_code(self) -> int:
        """0 identical, 1 different or changed, 3 computed under another fingerprint and different."""
        if self.change or (self.first is not None and not self.fingerprint):
            return DIFFERENT
        return ELSEWHERE if self.fingerprint else 0

    def compare(self, recorded: RecordedScore, computed: Score) -> None:
        """Count one tick. Raises RecordingError where the scores are not of the same kind."""
        if (recorded.values.shape, recorded.experts.shape) != (computed.values.shape, computed.experts.shape):
            raise RecordingError(
                f"The recording's scores have {len(recorded.values)} and {len(recorded.experts)} channels, those of "
                f"this version of streamsense {len(computed.values)} and {len(computed.experts)}. Verify it with the "
                "version that recorded it."
            )
        before = np.concatenate([recorded.values, recorded.experts, [recorded.time]])
        after = np.concatenate([computed.values, computed.experts, [computed.time]])
        self.ticks += 1
        if before.tobytes() == after.tobytes():
            self.identical += 1
            return
        differing = np.flatnonzero(before.view(np.uint64) != after.view(np.uint64))
        labels = (*_LABELS, "time")
        found = [Difference(computed.tick, labels[i], float(before[i]), float(after[i])) for i in differing]
        self.first = self.first or found[0]
        worst = max(found, key=lambda difference: difference.size)
        if self.largest is None or worst.size > self.largest.size:
            self.largest = worst


class RecordedSession:
    """A recording of ours with a pipeline built as the recording says, ready to be computed again."""

    def __init__(self, path: Path) -> None:
        self.reader = JournalReader(path)
        head = self.reader.head
        self.config = parse_config(head.get("config"), f"The configuration in {path}")
        self.pipeline, description = build_replay_pipeline(self.config)
        recorded = head.get("fingerprint")
        if not isinstance(recorded, dict):
            raise RecordingError(f"{path} does not say what its scores were computed with. It cannot be verified.")
        self.differences = differing_parts(recorded, fingerprint(self.config, description))

    def run(self) -> Iterator[Notice | tuple[RecordedScore, Score]]:
        """Compute everything again: notices, and what was recorded for each tick with its score."""
        used = {modality for modality in MODALITIES if getattr(self.config, modality) is not None}
        for entry in self.reader.entries():
            if isinstance(entry, RecordedPlan):
                if not {stream.modality for stream in entry.plan.streams} <= used:
                    tick, path = entry.plan.tick, self.reader.path
                    raise ChangedRecording(
                        f"{path} was changed: tick {tick} names what its configuration does not use."
                    )
                score = self.pipeline.carry_out(entry.plan)
                yield from self.pipeline.take_notices()
                if score is not None:
                    yield entry.score, score
                continue
            if isinstance(entry, Snapshot):
                self.pipeline.restore(entry.state, entry.streams)
            elif isinstance(entry, Skip):
                self.pipeline.carry_out(entry)
            else:
                self.pipeline.push(entry)
            yield from self.pipeline.take_notices()


def verify(path: Path, progress: Callable[[int], None] = lambda _: None) -> Verification:
    """Compute a recording's scores again and compare; `progress` is told the number of ticks so far.

    Raises StreamsenseError where the file cannot be read or its models and settings are not here.
    """
    found = Verification()
    try:
        session = RecordedSession(path)
        found.fingerprint, found.entered = session.differences, session.reader.entered
        for item in session.run():
            if isinstance(item, tuple):
                found.compare(*item)
                progress(found.ticks)
            elif isinstance(item, Notice) and item.kind == "ticks_skipped":
                found.skipped += int(str(item.details["count"]))
        found.end = session.reader.end
    except ChangedRecording as error:
        found.change = str(error)
    return found
