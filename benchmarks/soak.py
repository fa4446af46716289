"""A long live session on the simulated participant, recorded and published: misses no tick, grows no memory.

    python -m benchmarks.soak --minutes 10

Prints a line each ten seconds and a verdict at the end; exit code 1 where a tick was missed, memory grew after the
settling time, or a thread or socket was left behind. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from streamsense.cli.demo import SimulatedParticipant, demo_config
from streamsense.cli.live import recorded_into
from streamsense.config import Config, EegSection, FaceSection, VoiceSection
from streamsense.runtime.session import open_session
from streamsense.runtime.verify import verify
from streamsense.score import Notice, Score

LOOK_EVERY_S = 2.0
TELL_EVERY_S = 10.0
MOST_GROWTH_MB = 12.0
MOST_SLOPE_MB_PER_MINUTE = 1.0


@dataclass
class Watch:
    """A sink that counts ticks, and what the process holds over time."""

    ticks: list[int] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    minutes: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)

    def write_score(self, score: Score, compute_s: float) -> None:
        """Count one tick, and how late it was decided."""
        self.ticks.append(score.tick)
        self.late_ms.append(1e3 * (score.plan.now - score.time + compute_s))

    def write_notice(self, notice: Notice) -> None:
        """Keep what is worth a look."""
        if notice.kind not in ("marker", "session_started"):
            self.notices.append(f"{notice.kind}: {notice.text}")

    def close(self) -> None:
        """Nothing to finish."""

    @property
    def missed(self) -> int:
        """Ticks between the first and the last that were not scored exactly once."""
        wanted = self.ticks[-1] - self.ticks[0] + 1 if self.ticks else 1
        return wanted - len(set(self.ticks)) + len(self.ticks) - len(set(self.ticks))


def resident_mb() -> float:
    """Memory of this process that is in use (MB)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def threads() -> int:
    """Threads of this process, those of libraries too."""
    return len(os.listdir("/proc/self/task"))


def sockets() -> int:
    """Open sockets of this process."""
    count = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except FileNotFoundError:  # the folder's own, gone by now
            continue
    return count


def run(minutes: float, settle_s: float, folder: Path, session_id: str, *, face: bool) -> Watch:
    """One session; everything that it opens is closed again when this returns."""
    watch = Watch()
    used = Config(eeg=EegSection(), face=FaceSection() if face else None, voice=VoiceSection())
    config = recorded_into(demo_config(session_id, used), folder)
    with SimulatedParticipant(session_id, 60 * minutes + 60) as participant:
        participant.wait_until_ready()
        session = open_session(config, [watch])
        session.start_recording()
        session.start()
        started, told = time.monotonic(), time.monotonic()
        try:
            while (elapsed := time.monotonic() - started) < 60 * minutes:
                time.sleep(LOOK_EVERY_S)
                session.check()
                if elapsed > settle_s:
                    watch.minutes.append(elapsed / 60)
                    watch.resident_mb.append(resident_mb())
                if time.monotonic() - told > TELL_EVERY_S:
                    told = time.monotonic()
                    print(
                        f"{elapsed:6.0f} s  {len(watch.ticks)} ticks, {watch.missed} missed, {resident_mb():.1f} MB, "
                        f"{threads()} threads, {sockets()} sockets",
                        flush=True,
                    )
        finally:
            session.stop()
    return watch


def main() -> int:
    """Warm up with a short session, so that what libraries keep for good is not called a leak; then the long one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--hours", type=float, help="instead of minutes")
    parser.add_argument("--settle", type=float, default=60.0, help="seconds until memory must be flat")
    parser.add_argument("--no-face", action="store_true")
    options = parser.parse_args()
    minutes = options.minutes if options.hours is None else 60 * options.hours
    # Lab Streaming Layer reads its settings once in a process, so both sessions share them.
    session_id = f"soak-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as place:
        run(0.05, 0.0, Path(place), session_id, face=not options.no_face)
        gc.collect()
        time.sleep(2.0)
        before = threads(), sockets()
        watch = run(minutes, options.settle, Path(place), session_id, face=not options.no_face)
        gc.collect()
        time.sleep(2.0)
        after = threads(), sockets()
        recording = sorted(Path(place).glob("*.xdf"))[-1]
        verified = verify(recording)
        size_mb = recording.stat().st_size / 1e6
    memory = np.array(watch.resident_mb)
    quarter = max(1, len(memory) // 4)
    growth = float(np.median(memory[-quarter:]) - np.median(memory[:quarter]))
    slope = float(np.polyfit(watch.minutes, memory, 1)[0])
    problems = [
        text
        for text, wrong in (
            (f"{watch.missed} ticks were missed", watch.missed != 0),
            (f"memory grew by {growth:.1f} MB ({slope:.2f} MB a minute)", growth > MOST_GROWTH_MB),
            (f"threads: {before[0]} before, {after[0]} after", after[0] > before[0]),
            (f"sockets: {before[1]} before, {after[1]} after", after[1] > before[1]),
            (f"verify: {verified.identical} of {verified.ticks} ticks identical", verified.exit_code != 0),
        )
        if wrong
    ]
    print(*sorted(set(watch.notices)), sep="\n")
    print(
        f"{len(watch.ticks)} ticks in {minutes:g} minutes, {watch.missed} missed; decided and computed "
        f"{np.median(watch.late_ms):.0f} ms after the tick (99 %: {np.quantile(watch.late_ms, 0.99):.0f} ms); memory "
        f"{growth:+.1f} MB from the first to the last quarter after {options.settle:g} s ({slope:+.2f} MB a minute, "
        f"peak {memory.max():.0f} MB); threads {before[0]} → {after[0]}, sockets {before[1]} → {after[1]}; "
        f"{size_mb:.1f} MB recorded, {verified.identical} of {verified.ticks} ticks identical"
    )
    print(*(f"PROBLEM: {problem}" for problem in problems), sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
