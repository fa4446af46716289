"""SIGKILL at random moments of a recording: the file opens everywhere, and one second at most is missing.

STREAMSENSE_KILLS says how often (`make kill`: 200 times); the last line of the output sums them up.
"""

from __future__ import annotations

import logging
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from streamsense.runtime.recorded_journal import JournalReader, RecordedPlan
from streamsense.runtime.verify import verify
from streamsense.sources.xdf import open_recording
from tests.helpers import recorded_sessions
from tests.helpers.command_line import ROOT, environment, run, running
from tests.helpers.recorded_sessions import Made, first_difference
from tests.helpers.recording_process import arrivals, handed

KILLS = int(os.environ.get("STREAMSENSE_KILLS", "12"))
LONGEST_S = 2.0
MOST_MISSING_S = 1.0

logging.getLogger("pyxdf").setLevel(logging.CRITICAL)


class Recorders:
    """A process that forks recording processes."""

    def __init__(self, session: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.recording_process", str(session)],
            cwd=ROOT, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._one_at_a_time = threading.Lock()
        self._say()

    def _say(self, *words: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for word in words:
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def start(self, path: Path) -> int:
        """Begin to record into `path`: the number of the process."""
        with self._one_at_a_time:
            return int(self._say(str(path)))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        assert self._process.wait(10) == 0
        self._process.stdout.close()


@dataclass(frozen=True)
class Session:
    made: Made
    recorders: Recorders


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    made = recorded_sessions.make(recorded_sessions.eventful(3.2), 1.0, at_fronts=True)
    path = tmp_path_factory.mktemp("session") / "session.pickle"
    path.write_bytes(pickle.dumps(made))
    recorders = Recorders(path)
    yield Session(made, recorders)
    recorders.close()


@dataclass(frozen=True)
class Killed:
    """What was left of one recording."""

    missing_s: float
    is_torn: bool
    existed: bool = True


def killed(session: Session, path: Path, after_s: float) -> Killed:
    """Kill a recording after so long, and open what is there with every reader."""
    number = session.recorders.start(path)
    time.sleep(after_s)
    os.kill(number, signal.SIGKILL)
    while Path(f"/proc/{number}").exists():
        time.sleep(0.005)
    given = handed(path)
    if not path.exists():
        assert not given
        return Killed(0.0, False, existed=False)
    with np.errstate(all="ignore"):
        streams, _ = pyxdf.load_xdf(path)
    names = [stream["info"]["name"][0] for stream in streams]
    assert {"streamsense-journal", "streamsense-scores"} <= set(names)
    assert len(open_recording(path).streams) >= len(names)
    reader = JournalReader(path)
    found = list(reader.entries())
    assert reader.end is None
    expected = session.made.entries()
    assert first_difference(expected, found) == "", path
    ticks = sum(isinstance(entry, RecordedPlan) for entry in found)
    scores = next(stream for stream in streams if stream["info"]["name"][0] == "streamsense-scores")
    assert len(scores["time_stamps"]) >= ticks
    # The entries' own times, in the order in which they were handed over.
    times = [at for item, at in zip(session.made.items, arrivals(session.made), strict=True) if is_entry(item)]
    last = times[len(found) - 2] if len(found) > 1 else times[0]
    return Killed((given[-1] - last) if given else 0.0, any("torn tail" in m for m in reader.damage.messages))


def is_entry(item: object) -> bool:
    return not isinstance(item, recorded_sessions.Score | recorded_sessions.Notice)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.timeout(1800)
def test_a_kill_costs_a_second_at_most(session: Session, tmp_path: Path) -> None:
    rng = random.Random()
    moments = [rng.uniform(0.02, LONGEST_S) for _ in range(KILLS)]
    with ThreadPoolExecutor(2) as pool:
        paths = [tmp_path / f"{number}.xdf" for number in range(KILLS)]
        found = list(pool.map(lambda pair: killed(session, *pair), zip(paths, moments, strict=True)))
    missing = [one.missing_s for one in found]
    print(
        f"\n{KILLS} kills: {sum(one.existed for one in found)} files, all opened by pyxdf and by both readers; missing "
        f"at most {max(missing):.3f} s, in the mean {np.mean(missing):.3f} s; {sum(one.is_torn for one in found)} with "
        f"a torn chunk, {sum(not one.existed for one in found)} killed before there was a file"
    )
    assert sum(one.existed for one in found) >= 0.9 * KILLS
    assert max(missing) <= MOST_MISSING_S, sorted(missing)[-5:]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_session_that_is_not_killed_is_recorded_as_a_whole(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "whole.xdf"
    number = session.recorders.start(path)
    while Path(f"/proc/{number}").exists():
        time.sleep(0.05)
    reader = JournalReader(path)
    assert len(list(reader.entries())) == len(session.made.entries())
    assert reader.end == "done"
    found = verify(path)
    assert (found.exit_code, found.identical, found.first) == (0, found.ticks, None)
    assert found.ticks >= 10


def test_the_whole_command_killed_while_it_records_can_be_verified(tmp_path: Path) -> None:
    with running("demo", "--no-face", "--record", "recordings", "--seconds", "60", folder=tmp_path) as command:
        command.wait_for("EFV", timeout_s=60)
        time.sleep(random.uniform(2.0, 3.5))
        children = Path(f"/proc/{command.process.pid}/task/{command.process.pid}/children").read_text().split()
        done, _ = command.stop(signal.SIGKILL)
        for child in children:  # the simulated participant would go on for minutes
            os.kill(int(child), signal.SIGTERM)
    assert done.code == -signal.SIGKILL
    (file,) = (tmp_path / "recordings").iterdir()
    with np.errstate(all="ignore"):
        pyxdf.load_xdf(file)
    verified = run("verify", file, folder=tmp_path)
    assert verified.code == 0, verified
    lines = verified.out.strip().splitlines()
    assert any("its recorder was killed" in line for line in lines)
    count = int(lines[-1].split()[0])
    assert lines[-1] == f"{count} of {count} ticks identical"
    assert count >= 5
