"""Scores made from nothing but their tick's number, and a process that writes them to a sink.

python -m tests.helpers.made_scores lsl SESSION_ID COUNT     waits for a line, then writes all at once
python -m tests.helpers.made_scores csv FOLDER               writes until it is killed
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np

from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Notice, Plan, Score
from streamsense.ticks import tick_time

FIRST_TICK = 123_456_789
DESCRIPTION = {"pipeline_version": "test 1 µV", "eeg_model": "none"}


def made_score(number: int) -> Score:
    """Numbers with all their digits, large and small ones among them."""
    rng = np.random.default_rng(number)
    tick = FIRST_TICK + number
    values = rng.normal(0, 1, len(SCORE_LABELS)) * 10.0 ** rng.integers(-12, 6, len(SCORE_LABELS))
    values[-1] = tick
    plan = Plan(tick, tick_time(tick) + 0.05, "complete", ())
    return Score(tick, tick_time(tick), values, rng.normal(0, 1, len(EXPERT_LABELS)), plan)


def made_notice(number: int) -> Notice:
    text = f'notice {number}, "quoted",\nin µV'
    return Notice(tick_time(FIRST_TICK + number), "gap", text, {"stream": "eeg", "number": number})


def write_lsl(session_id: str, count: int) -> None:
    from streamsense.sinks.lsl import LslSink
    from streamsense.sources.lsl_configuration import configure
    from streamsense.sources.lsl_streams import LslClock

    configure(session_id)
    sink = LslSink("made", LslClock(), DESCRIPTION)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        # Markers came over LSL and are not sent over it again.
        sink.write_notice(Notice(1.0, "marker", "not to be sent", {"stream": "markers/task"}))
        sink.write_score(made_score(number), 0.25)
        sink.write_notice(made_notice(number))
    sys.stdin.readline()
    sink.close()


def write_csv(folder: str) -> None:
    from streamsense.sinks.table import CsvSink

    sink = CsvSink(Path(folder))
    for number in itertools.count():
        sink.write_score(made_score(number))
        sink.write_notice(made_notice(number))
        print(number, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "lsl":
        write_lsl(sys.argv[2], int(sys.argv[3]))
    else:
        write_csv(sys.argv[2])
