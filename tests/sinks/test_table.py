"""Scores and notices as CSV files: the same bits, nothing overwritten, hardly anything lost by a kill."""

from __future__ import annotations

import csv
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamsense.errors import SinkError, SourceError
from streamsense.score import EXPERT_LABELS, SCORE_LABELS
from streamsense.sinks.table import CsvSink
from tests.helpers.made_scores import made_notice, made_score

ROOT = Path(__file__).parents[2]


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def assert_scores(rows: list[list[str]]) -> None:
    for number, row in enumerate(rows):
        score = made_score(number)
        expected = np.array([score.time, *score.values, *score.experts])
        assert np.array(list(map(float, row))).tobytes() == expected.tobytes()


def test_numbers_read_back_to_the_same_bits(tmp_path: Path) -> None:
    with CsvSink(tmp_path / "new" / "folder") as sink:
        for number in range(50):
            sink.write_score(made_score(number))
            sink.write_notice(made_notice(number))
    header, *rows = rows_of(tmp_path / "new" / "folder" / "scores.csv")
    assert header == ["time", *SCORE_LABELS, *(f"expert_{label}" for label in EXPERT_LABELS)]
    assert len(rows) == 50
    assert_scores(rows)
    header, *rows = rows_of(tmp_path / "new" / "folder" / "events.csv")
    assert header == ["time", "kind", "text", "details"]
    for number, (time, kind, text, details) in enumerate(rows):
        notice = made_notice(number)
        assert (float(time), kind, text, json.loads(details)) == (notice.time, notice.kind, notice.text, notice.details)


@pytest.mark.parametrize("name", ["scores.csv", "events.csv"])
def test_nothing_is_overwritten_and_nothing_left_behind(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(SourceError, match=f"{name} is there already and is not overwritten"):
        CsvSink(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SourceError, match="cannot be written"):
        CsvSink(tmp_path / "file")


def test_a_kill_loses_at_most_the_last_row(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.made_scores", "csv", str(tmp_path)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert writer.stdout is not None
    for _ in range(500):
        writer.stdout.readline()
    writer.kill()
    written = 500 + len(writer.stdout.readlines())
    writer.stdout.close()
    writer.wait()
    _, *rows = rows_of(tmp_path / "scores.csv")
    assert len(rows) >= written
    # The writer may have been in the midst of one more.
    assert_scores(rows[:written])
    _, *events = rows_of(tmp_path / "events.csv")
    assert len(events) >= written


def test_a_folder_that_is_removed_is_noticed(tmp_path: Path) -> None:
    """The system goes on taking what is written to a removed file."""
    with CsvSink(tmp_path / "results") as sink:
        sink.write_score(made_score(0))
        shutil.rmtree(tmp_path / "results")
        with pytest.raises(SinkError, match=r"scores\.csv cannot be written any more: it was removed"):
            sink.write_score(made_score(1))
        with pytest.raises(SinkError, match=r"events\.csv cannot be written any more: it was removed"):
            sink.write_notice(made_notice(0))


def test_a_full_disk_is_said_in_plain_words(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk; both files are closed."""
    sink = CsvSink(tmp_path)
    sink.write_score(made_score(0))
    sink.write_notice(made_notice(0))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "scores.csv").stat().st_size + 100, limit[1]))
    try:
        for attempt in (lambda: sink.write_score(made_score(1)), sink.close):
            with pytest.raises(SinkError, match=r"scores\.csv cannot be written any more: File too large\. Make room"):
                attempt()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert len(rows_of(tmp_path / "events.csv")) == 2
    _, whole, torn = (tmp_path / "scores.csv").read_text().splitlines()
    assert_scores([whole.split(",")])
    assert len(torn) == 100
