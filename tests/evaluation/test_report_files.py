"""Reports as files: one page that needs nothing else, Markdown with its charts, JSON and a table without loss."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

from streamsense.errors import SinkError
from streamsense.evaluation.charts import draw
from streamsense.evaluation.chosen_windows import Reading
from streamsense.evaluation.contrast_figures import Contrast
from streamsense.evaluation.report import Chart, Report, Series
from streamsense.evaluation.report_files import COLUMNS, check_out_folder, write_predictions, write_report
from streamsense.evaluation.report_parts import part_of
from tests.helpers.made_predictions import emotional, knowing_arousal, made, rated

NASTY = '<script>alert("x")</script> & | ]'
_VOID = {"meta", "path", "use", "line", "rect", "br"}


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr("streamsense.evaluation.figure.DRAWS", 30)


@cache
def report() -> Report:
    one = part_of(f"one {NASTY}", knowing_arousal(made()), Reading(contrast=Contrast("low", "high")), (NASTY,))
    two = part_of("two", emotional(rated(made(names=("happy", "sad")), 0.2, 0.2), 0.7), Reading())
    return Report(f"title {NASTY}", "Protocol.", (f"LOUD {NASTY}",), (("model", NASTY),), (one, two))


class Checked(HTMLParser):
    """Every element is closed in its turn, and nothing is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        for name, value in attrs:
            assert name not in ("src", "onload", "onclick"), (tag, name)
            if name in ("href", "xlink:href"):
                assert (value or "").startswith("#"), value
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_no_other_file(tmp_path):
    files = write_report(report(), tmp_path)
    text = files["html"].read_text(encoding="utf-8")
    page = Checked()
    page.feed(text)
    assert page.open == []
    assert "script" not in page.seen
    assert {"svg", "table", "h1", "figcaption"} <= page.seen
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text), "names of formats alone"
    assert text.index("LOUD") < text.index("Protocol."), "what must be known stands on top"
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)), "the charts share one page"
    assert 'name="viewport"' in text


def test_markdown_names_charts_that_are_there(tmp_path):
    text = write_report(report(), tmp_path)["md"].read_text(encoding="utf-8")
    named = re.findall(r"\]\((report-\d+\.svg)\)", text)
    assert len(named) == len(set(named)) == len(list(tmp_path.glob("*.svg"))) > 3
    for name in named:
        assert (tmp_path / name).read_text(encoding="utf-8").startswith("<svg")
    for line in text.splitlines():
        if line.startswith("| ") and "alert" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 3, line


def test_the_same_report_is_the_same_bytes(tmp_path):
    one, other = (write_report(report(), tmp_path / name) for name in ("a", "b"))
    for ending in one:
        assert one[ending].read_bytes() == other[ending].read_bytes()


def test_json_has_every_figure_and_null_for_what_is_no_number(tmp_path):
    made_report = report()
    found = json.loads(
        write_report(made_report, tmp_path)["json"].read_text(encoding="utf-8"), parse_constant=pytest.fail
    )
    figure = made_report.parts[0].headline
    told = found["parts"][0]["topics"][0]["figures"][0]
    assert (told["value"], told["low"], told["floors"]) == (figure.value, figure.low, figure.floors)
    empty = Report("t", "p", (), (), (part_of("x", rated(made(people=1), 0.1, 0.1), Reading()),))
    assert json.dumps(empty.as_dict(), allow_nan=False)


def test_predictions_read_back_to_the_same_bits(tmp_path):
    predictions = emotional(knowing_arousal(made(names=("happy", "sad"))), 0.8)
    predictions = replace(predictions, ambivalence=np.random.default_rng(0).random(len(predictions)))
    path = write_predictions([predictions], tmp_path)
    with path.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(predictions)
    assert [float(row["arousal"]) for row in rows] == predictions.vad_mean[:, 1].tolist()
    assert [float(row["emotion_sad"]) for row in rows] == predictions.probabilities[:, 2].tolist()
    assert [float(row["ambivalence"]) for row in rows] == predictions.ambivalence.tolist()
    assert {row["target_arousal"] for row in rows} == {""}
    assert [(row["person"], row["label"]) for row in rows[:2]] == [("P0", "happy")] * 2


def test_nothing_is_overwritten(tmp_path):
    check_out_folder(tmp_path / "new")
    write_report(report(), tmp_path)
    with pytest.raises(SinkError, match=r"report\.json is there already"):
        check_out_folder(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="is a file"):
        check_out_folder(tmp_path / "file")


def test_every_style_of_chart_can_be_drawn():
    series = (
        Series("a", (0.0, 1.0), (0.2, 0.4), (0.1, 0.3), (0.3, 0.5)),
        Series("b <&>", (0.0, 1.0), (0.5, 0.1), style="bars"),
        Series("c", (0.0, 1.0), (0.3, 0.3), style="points"),
    )
    svg = draw(
        Chart(
            't "<',
            "",
            "x (s)",
            "y",
            series,
            (("level", 0.5),),
            ("a long name of something", "another one"),
            (0, 1),
            True,
        )
    )
    assert svg.startswith("<svg")
    assert 'aria-label="t &quot;&lt;"' in svg
