"""The four outlets as other people's programs see them: one that uses pylsl only, and MNE-LSL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsense.score import DECLARED_RATE_HZ, EXPERT_CHANNELS, SCORE_CHANNELS, SCORE_LABELS, SCORE_SCHEMA
from streamsense.sinks.lsl import DIAGNOSTIC_CHANNELS
from streamsense.sources.lsl_configuration import configuration_text
from tests.helpers.made_scores import DESCRIPTION, made_notice, made_score

ROOT = Path(__file__).parents[2]
SESSION = f"streamsense-test-sink-{os.getpid()}"
COUNT = 40
NUMBERS = {"scores": SCORE_CHANNELS, "experts": EXPERT_CHANNELS, "diagnostics": DIAGNOSTIC_CHANNELS}
TYPES = {"scores": "Affect", "experts": "Affect-experts", "events": "Markers", "diagnostics": "Diagnostics"}


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, text=True, env={**os.environ, **environment},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two consumers had of the same scores."""
    settings = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
    # liblsl before 1.18, which MNE-LSL brings, does not ask its own machine unless it is named.
    settings.write_text(configuration_text(SESSION, known_peers=("127.0.0.1",)))
    with ExitStack() as stack:
        sender = stack.enter_context(started("tests.helpers.made_scores", "lsl", SESSION, str(COUNT)))
        consumers = {
            how: stack.enter_context(started("tests.helpers.score_consumers", how, str(COUNT), LSLAPICFG=str(settings)))
            for how in ("pylsl", "mne")
        }
        for process in (sender, *consumers.values()):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        assert sender.stdin is not None
        sender.stdin.write("begin\n")
        sender.stdin.flush()
        reports = {how: json.loads(consumer.communicate(timeout=60)[0]) for how, consumer in consumers.items()}
        sender.communicate("end\n", timeout=20)
        assert sender.returncode == 0
    return reports


def described(reports: dict[str, Any], part: str) -> ET.Element:
    return ET.fromstring(reports["pylsl"][part]["xml"])


@pytest.mark.parametrize("part", TYPES)
def test_each_stream_says_what_it_is(reports: dict[str, Any], part: str) -> None:
    info = described(reports, part)
    text = {name: info.findtext(name) for name in ("name", "type", "source_id", "nominal_srate", "channel_format")}
    assert text == {
        "name": f"made-{part}", "type": TYPES[part], "source_id": f"made-{part}",
        "nominal_srate": "0.000000000000000", "channel_format": "string" if part == "events" else "double64",
    }  # fmt: skip
    description = info.find("desc")
    assert description is not None
    assert description.findtext("manufacturer") == "streamsense"
    assert description.findtext("schema") == str(SCORE_SCHEMA)
    for key, value in DESCRIPTION.items():
        assert description.findtext(key) == value


@pytest.mark.parametrize("part", NUMBERS)
def test_number_streams_carry_labels_units_and_ranges(reports: dict[str, Any], part: str) -> None:
    description = described(reports, part).find("desc")
    assert description is not None
    assert description.findtext("declared_rate") == str(DECLARED_RATE_HZ) == "5"
    assert description.findtext("synchronization/can_drop_samples") == "true"
    found = [
        (
            channel.findtext("label"), channel.findtext("unit"), channel.findtext("type"),
            float(channel.findtext("minimum", "")), float(channel.findtext("maximum", "")),
        )
        for channel in description.findall("channels/channel")
    ]  # fmt: skip
    assert found == [(c.label, c.unit, TYPES[part], c.low, c.high) for c in NUMBERS[part]]


def test_scores_and_stamps_arrive_with_the_same_bits(reports: dict[str, Any]) -> None:
    sent = [made_score(number) for number in range(COUNT)]
    for part, rows in [("scores", [s.values for s in sent]), ("experts", [s.experts for s in sent])]:
        got = reports["pylsl"][part]
        assert np.array(got["stamps"]).tobytes() == np.array([score.time for score in sent]).tobytes()
        assert np.array(got["values"]).tobytes() == np.array(rows).tobytes()
        assert np.isfinite(got["values"]).all()


def test_diagnostics_measure_from_the_tick(reports: dict[str, Any]) -> None:
    got = reports["pylsl"]["diagnostics"]
    rows = np.array(got["values"])
    sent = [made_score(number) for number in range(COUNT)]
    assert got["stamps"] == [score.time for score in sent]
    np.testing.assert_array_equal(rows[:, 3], [score.tick for score in sent])
    np.testing.assert_array_equal(rows[:, 2], 0.25)
    np.testing.assert_array_equal(rows[:, 1], [score.plan.now - score.time for score in sent])
    # The same moment of publication for all, within the time that writing them took.
    published = rows[:, 0] + got["stamps"]
    assert (np.diff(published) >= 0).all()
    assert published[-1] - published[0] < 5.0


def test_notices_are_json(reports: dict[str, Any]) -> None:
    got = reports["pylsl"]["events"]
    sent = [made_notice(number) for number in range(COUNT)]
    assert got["stamps"] == [notice.time for notice in sent]
    assert [json.loads(text) for (text,) in got["values"]] == [
        {"kind": notice.kind, "time": notice.time, "text": notice.text, **notice.details} for notice in sent
    ]


def test_mne_lsl_reads_the_scores_with_their_names(reports: dict[str, Any]) -> None:
    got = reports["mne"]
    assert got["names"] == list(SCORE_LABELS)
    assert got["rate"] == 0.0
    sent = [made_score(number) for number in range(COUNT)]
    assert got["stamps"] == [score.time for score in sent]
    assert np.array(got["values"]).tobytes() == np.array([score.values for score in sent]).tobytes()
