"""Recognised words from end to end: in the core, over LSL from another process, recorded, verified and replayed."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from streamsense.cli import view
from streamsense.cli.features import Summary
from streamsense.cli.recording_options import chosen_settings
from streamsense.config import parse_config
from streamsense.features.lexicons import ENGLISH
from streamsense.pipeline import START, Pipeline
from streamsense.runtime.feature_export import open_features
from streamsense.runtime.recorded_session import open_replay
from streamsense.runtime.status import SessionStatus
from streamsense.score import Notice, Score
from streamsense.sources.text_front import TextFront
from streamsense.sources.words import WordReader, described_as_cues
from streamsense.streams import Block, Control, StreamInfo, StreamOpened
from tests.helpers import sessions
from tests.helpers.command_line import ROOT, Done, run_together, running, simulator, write_config
from tests.helpers.xdf_writer import XdfWriter

RAW = StreamInfo("text", "text", "Recogniser", "Transcript", "r", ("words",), ("",), 0.0, "string")
HESITANT = "um I I guess uh no I mean um maybe it is uh too hard I don't know"
FLUENT = "we walked down to the river in the morning and found the small boat"
SECRET = "xylophone"


# -- in the core ---------------------------------------------------------------------------------------------


def scored(
    pipeline: Pipeline, words: str = "", late_s: float = 0.5, seconds: float = 8.0, begin: float = 0.0
) -> list[Score]:
    """EEG at all times, and a sample of words each second, received so late."""
    track, front, found = sessions.eeg(seconds), TextFront(WordReader(ENGLISH)), list[Score]()
    if not begin:
        pipeline.push(sessions.opened(track))
        if words:
            pipeline.push(StreamOpened(described_as_cues(RAW), sessions.START))
        pipeline.push(Control(START, "", sessions.START))
    for step in range(round(5 * begin), round(5 * seconds)):
        now = sessions.START + 0.2 * (step + 1)
        a, b = np.searchsorted(track.stamps, [now - 0.2, now])
        pipeline.push(track.block(int(a), int(b), now))
        if words and step % 5 == 4:
            values, stamps = front.convert([words], np.array([now - late_s]))
            pipeline.push(Block("text", step // 5, stamps, values, now))
        found += pipeline.advance(now + 0.01)
    return found


def test_hesitant_words_are_hesitancy_and_fluent_ones_and_none_are_not() -> None:
    hesitant, fluent, none = (scored(sessions.pipeline("eeg", text={}), words) for words in (HESITANT, FLUENT, ""))
    assert hesitant[-1]["hesitancy"] > 0.5
    assert hesitant[-1]["ambivalence"] > fluent[-1]["ambivalence"] + 0.3
    assert {score["hesitancy"] for score in (*fluent, *none)} == {0.0}
    assert hesitant[-1].cues["hedges"] == 1.0
    assert hesitant[-1].language["words"] == 18 * 8


def test_without_words_the_bytes_are_those_of_a_session_that_knows_none() -> None:
    plain, silent, fluent = (
        scored(sessions.pipeline("eeg", **more), words)
        for more, words in (({}, ""), ({"text": {}}, ""), ({"text": {}}, FLUENT))
    )
    assert [score.values.tobytes() for score in plain] == [score.values.tobytes() for score in silent]
    # Nor do words touch anything but hesitancy and what is made of it.
    assert [score.values.tobytes() for score in plain] == [score.values.tobytes() for score in fluent]


def test_no_tick_waits_for_words() -> None:
    scores = scored(sessions.pipeline("eeg", text={}), HESITANT, late_s=3.0)
    assert {score.plan.reason for score in scores[10:]} == {"complete"}
    assert {stream.modality for stream in scores[-1].plan.streams} == {"eeg"}


def test_words_count_from_the_tick_at_which_they_arrive() -> None:
    first = {
        late_s: next(
            score.tick for score in scored(sessions.pipeline("eeg", text={}), HESITANT, late_s) if score.language
        )
        for late_s in (0.3, 3.0)
    }
    assert first[0.3] == first[3.0], "both were delivered in the first second"


def test_words_that_are_much_too_late_are_told() -> None:
    pipeline = sessions.pipeline("eeg", text={})
    assert not scored(pipeline, HESITANT, late_s=12.0)[-1].language
    told = [notice for notice in pipeline.take_notices() if notice.kind == "words_too_late"]
    assert [notice.details for notice in told] == [{"stream": "text", "count": 1}]


def test_a_snapshot_in_the_middle_of_a_turn_goes_on_to_the_bit() -> None:
    pipeline, other = (sessions.pipeline("eeg", text={}) for _ in range(2))
    scored(pipeline, HESITANT, seconds=4.0)
    other.restore(pipeline.snapshot(), pipeline.open_streams)
    one, two = (scored(each, FLUENT, seconds=7.0, begin=4.0) for each in (pipeline, other))
    assert one[0]["hesitancy"] > 0
    assert [score.values.tobytes() for score in one] == [score.values.tobytes() for score in two]


def test_another_stream_in_their_place_is_refused_and_the_session_goes_on() -> None:
    pipeline = sessions.pipeline("eeg", text={})
    pipeline.push(StreamOpened(RAW, sessions.START))
    (notice,) = pipeline.take_notices()
    assert (notice.kind, notice.details) == ("stream_refused", {"stream": "text"})
    assert scored(pipeline)[-1]["eeg_presence"] == 1


def test_the_status_shows_how_much_was_said() -> None:
    status, text = SessionStatus(), StreamOpened(described_as_cues(RAW), sessions.START)
    assert view.status_lines(status, ["text"]) == ["text  waiting for its stream"]
    for words, line in (
        (HESITANT, "text  144 words in the last 10 s, believed 1.00  (Recogniser)"),
        ("", "text  no words in the last 10 s  (Recogniser)"),
    ):
        status.note(text)
        status.score = scored(sessions.pipeline("eeg", text={}), words)[-1]
        assert view.status_lines(status, ["eeg", "text"])[1] == line
        shown = StringIO()
        Console(file=shown, width=80).print(view.status_table(status, ["eeg", "text"]))
        (row,) = [row for row in shown.getvalue().splitlines() if "Recogniser" in row]
        assert ("144 words" in row) == bool(words)


# -- from a recorder's file ----------------------------------------------------------------------------------


def lab_recording(folder: Path, *sampled: str) -> Path:
    writer, track = XdfWriter(), sessions.eeg(8.0)
    writer.header(1, "float32", len(sessions.EEG_LABELS), sessions.EEG_RATE_HZ, "Amp", "EEG", sessions.EEG_LABELS)
    writer.header(2, "string", 1, 0.0, "Whisper", "Transcript")
    writer.stamped(1, track.stamps, track.values)
    stamps = [sessions.START + 2 + number for number in range(len(sampled))]
    writer.samples(2, stamps, [[sample] for sample in sampled])
    for stream, count in ((1, len(track.stamps)), (2, len(stamps))):
        writer.footer(stream, count)
    (folder / "lab.xdf").write_bytes(writer.data)
    return folder / "lab.xdf"


def test_a_labs_recording_is_replayed_with_its_words(tmp_path: Path) -> None:
    file = lab_recording(tmp_path, HESITANT, json.dumps({"text": HESITANT, "confidence": 0.8}), '{"broken', HESITANT)
    replay, warnings = open_replay(file, {}, parse_config({"eeg": {}, "text": {}}, "test"))
    scores = [item for item in replay.run() if isinstance(item, Score)]
    assert not warnings
    assert scores[-1].language["words"] == 18 * 3
    assert scores[-1]["hesitancy"] > 0.5
    again, _ = open_replay(file, {}, parse_config({"eeg": {}, "text": {}}, "test"))
    assert [score.values.tobytes() for score in scores] == [
        score.values.tobytes() for score in again.run() if isinstance(score, Score)
    ]


def test_the_summary_of_features_has_the_words(tmp_path: Path) -> None:
    session = open_features(lab_recording(tmp_path, FLUENT, ""), {}, parse_config({"eeg": {}, "text": {}}, "test"))
    summary = Summary(session)
    for item in session.items:
        if isinstance(item, Score):
            summary.add(item)
    found = summary.as_dict()["text"]
    assert isinstance(found, dict)
    assert (found["mean_words"], found["mean_said"]) == (len(FLUENT.split()), 1.0)
    assert summary.lines()[-1] == f"text: in {found['rows']} rows; mean words in 10 s 14.0, mean said 1.00"
    silent = Summary(open_features(lab_recording(tmp_path, FLUENT), {}, parse_config({"eeg": {}}, "test")))
    assert "text" not in silent.as_dict()
    assert len(silent.lines()) == 1


def test_words_of_an_unknown_language_are_not_used_and_not_shown(tmp_path: Path) -> None:
    replay, warnings = open_replay(lab_recording(tmp_path, SECRET), {})
    items = list(replay.run())
    assert any("in which language" in warning for warning in warnings)
    assert not any(SECRET in item.text for item in items if isinstance(item, Notice))
    assert not any(item.language for item in items if isinstance(item, Score))


def test_who_names_electrodes_alone_is_told_of_the_words_too(tmp_path: Path) -> None:
    file, settings = lab_recording(tmp_path, SECRET), chosen_settings(None, f"{sessions.EEG_LABELS[0]}=Fp2")
    _, warnings = open_replay(file, {}, settings)
    assert any("in which language" in warning for warning in warnings)


# -- over LSL, recorded --------------------------------------------------------------------------------------


class Recogniser:
    """A speech recogniser in a process of its own, which has said `HESITANT` and a name."""

    def __init__(self, session_id: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.lsl_outlets", session_id],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.now = self.ask(do="open", name="Whisper", type="Transcript", format="string", source_id="whisper-1")

    def ask(self, **told: object) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline())["now"])

    def say(self, *samples: str) -> None:
        """Send samples, said just now; waits until somebody listens."""
        self.now = self.ask(do="push", name="Whisper", stamps=[], values=[])
        stamps = [self.now - 0.01 * number for number in range(len(samples))][::-1]
        self.ask(do="push", name="Whisper", stamps=stamps, values=[[sample] for sample in samples])

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@dataclass
class Recorded:
    """The files of two sessions on the same streams, without the words and with them, and what was said of them."""

    without: Path
    with_words: Path
    told: str
    commands: dict[str, Done]
    features: Path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    identity, folder = f"words-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("words")
    content = {
        "eeg": {"source": {"name": "SimEEG"}},
        "text": {"source": {"name": "Whisper"}},
        "lsl": {"session_id": identity}, "output": {"lsl": False}, "markers": None,
    }  # fmt: skip
    plain = write_config(folder, "plain", content)
    raw = write_config(folder, "raw", {**content, "recording": {"raw_words": True}})
    later = ("--record-after", 2.5)  # so that a snapshot has heard words already
    recogniser = Recogniser(identity)
    try:
        with (
            simulator(identity, "eeg"),
            running(
                "live", plain, "--record", folder / "plain", *later, "--json", "--seconds", 8, folder=folder
            ) as one,
            running("live", raw, "--record", folder / "raw", "--json", "--seconds", 7, folder=folder) as other,
        ):
            for each in (one, other):
                each.wait_for('"tick"', 5)
            recogniser.say(HESITANT, f'{{"text": "{SECRET}"}}', '{"broken', "\x00 \x1b um", "x" * 9000)
            time.sleep(1.5)
            recogniser.say(*(HESITANT,) * 3)
            ended = [each.wait() for each in (one, other)]
    finally:
        recogniser.close()
    assert [done.code for done in ended] == [0, 0], ended
    (without,), (with_words,) = ((folder / name).glob("*.xdf") for name in ("plain", "raw"))
    commands = {
        "verify": ["verify", without],
        "verify with words": ["verify", with_words],
        "features": ["features", without, "-o", folder / "features.csv"],
        "explain": ["explain", without, "--at", 4],
    }
    done = dict(zip(commands, run_together(list(commands.values()), folder, 120), strict=True))
    return Recorded(without, with_words, ended[0].err, done, folder / "features.csv")


def test_a_session_with_words_is_verified_to_the_bit(recorded: Recorded) -> None:
    for name in ("verify", "verify with words"):
        done = recorded.commands[name]
        assert done.code == 0, done.out + done.err
        assert "text entered as counts of words" in done.out
        assert "ticks identical" in done.out


def test_the_words_are_in_no_file_that_does_not_ask_for_them(recorded: Recorded) -> None:
    for word in (SECRET, "guess"):
        assert word.encode() not in recorded.without.read_bytes()
        assert word.encode() in recorded.with_words.read_bytes()


def test_the_table_of_features_has_the_cues(recorded: Recorded) -> None:
    assert recorded.commands["features"].code == 0, recorded.commands["features"].err
    with recorded.features.open() as file:
        rows = [row for row in csv.DictReader(file) if row["words"]]
    assert rows
    assert float(rows[-1]["words"]) > 18 * 3
    assert max(float(row["filler_sounds"]) for row in rows) > 0.15
    assert all(0 <= float(row["said"]) <= 1 for row in rows)


def test_the_explanation_names_the_cues_and_not_the_words(recorded: Recorded) -> None:
    done = recorded.commands["explain"]
    text = " ".join(done.out.split())
    assert done.code == 0, done.err
    assert "there are signs of hesitancy" in text
    assert "filler sounds in the words" in text
    assert SECRET not in text


def test_counts_need_no_language_whatever_is_configured(recorded: Recorded) -> None:
    label = sessions.EEG_LABELS[0]
    for settings in (None, chosen_settings(None, f"{label}={label}")):
        replay, warnings = open_replay(recorded.with_words, {}, settings)
        assert not any("language" in warning for warning in warnings)
        assert any(item.language for item in replay.run() if isinstance(item, Score)), settings


def test_what_could_not_be_read_is_told(recorded: Recorded) -> None:
    told = re.findall(r"^words left out: text: skipped 0, unreadable (\d)$", recorded.told, re.M)
    assert sum(map(int, told)) == 2, recorded.told
