"""Sessions that are recorded at their own speed by processes that can be killed: `recording_process.py SESSION`.

SESSION is a pickled `recorded_sessions.Made`. Each line on standard input is the path of a recording: a process is
forked that records the session into it, and its number is printed. All that it hands to the recorder is noted, by its
time, in a file beside it (`.handed`), so that what a kill has cost can be told.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import time
from pathlib import Path

from streamsense.runtime.recorder import Recorder
from streamsense.sinks.journal_file import JournalFile
from tests.helpers.recorded_sessions import REMOTE_S, Made, time_of


def handed(path: Path) -> list[float]:
    """The times of all that was handed over for a recording, in order (s)."""
    noted = path.with_suffix(".handed")
    return [time for (time,) in struct.iter_unpack("d", noted.read_bytes())] if noted.exists() else []


def arrivals(made: Made) -> list[float]:
    """When each item is handed over: scores and notices with what comes before them."""
    latest, times = 0.0, []
    for item in made.items:
        if hasattr(item, "received") or hasattr(item, "now"):
            latest = max(latest, time_of(item) if hasattr(item, "received") else item.now)
        times.append(latest)
    return times


def record(path: Path, made: Made) -> None:
    """Record the session, each item when it is time."""
    noted = os.open(path.with_suffix(".handed"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    times = arrivals(made)
    begin_s = times[0]
    recorder = Recorder(JournalFile(path, made.head, "2026-01-01T00:00:00+00:00", begin_s))
    recorder.begin(made.snapshot.state, made.snapshot.streams, {"face": REMOTE_S})
    started = time.monotonic()
    for item, at in zip(made.items, times, strict=True):
        time.sleep(max(0.0, started + at - begin_s - time.monotonic()))
        recorder.write(item)
        os.write(noted, struct.pack("d", at))
    recorder.end("done")
    recorder.wait(30.0)
    if recorder.failure:
        print(recorder.failure, file=sys.stderr)
    os._exit(1 if recorder.failure else 0)


def main() -> None:
    made = pickle.loads(Path(sys.argv[1]).read_bytes())  # which the test wrote
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            record(Path(line.strip()), made)
        print(number, flush=True)


if __name__ == "__main__":
    main()
