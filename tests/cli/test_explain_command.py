"""`streamsense explain`: the live session's own scores where there is a journal, one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamsense.fusion.explaining import explain
from streamsense.runtime.recorded_session import open_replay
from streamsense.runtime.verify import RecordedSession
from streamsense.score import Plan, Score, Skip
from tests.conftest import DATA_FOLDER
from tests.helpers import recorded_sessions
from tests.helpers.brain_noise import brain_noise
from tests.helpers.command_line import Done, run_together
from tests.helpers.recorded_sessions import Made
from tests.helpers.xdf_writer import XdfWriter

AT_S = 2.4
REAL_SOUND = "emodb/wav/08a01Wa.wav"


@pytest.fixture(scope="module")
def live() -> Made:
    return recorded_sessions.make(recorded_sessions.eventful())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, live: Made) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    recorded_sessions.write(folder / "live.xdf", live)
    writer = XdfWriter()
    names = ["F3", "F4", "C3", "C4", "O1", "O2"]
    writer.header(1, "float32", len(names), 250, "Amp", "EEG", names)
    samples = brain_noise(np.random.default_rng(0), 12, (2000, len(names)), 250.0)
    samples[1000:, 4:] *= 0.4
    writer.stamped(1, 100 + np.arange(2000) / 250, samples.astype("f4"))
    writer.footer(1, 2000)
    (folder / "plain.xdf").write_bytes(writer.data)
    unscored = Made(
        live.head, live.snapshot, [item for item in live.items if not isinstance(item, Plan | Skip | Score)]
    )
    recorded_sessions.write(folder / "unscored.xdf", unscored)
    return folder


@pytest.fixture(scope="module")
def done(folder: Path) -> dict[str, Done]:
    commands: dict[str, list[object]] = {
        "live": ["live.xdf", "--at", AT_S, "--json"],
        "lsl": ["live.xdf", "--at", 1000.0 + AT_S, "--lsl", "--json"],
        "plain": ["plain.xdf", "--at", 7.9, "--json"],
        "interval": ["plain.xdf", "--from", 6, "--to", 7],
        "late": ["live.xdf", "--at", 900],
        "early": ["live.xdf", "--at", 0.1],
        "no time": ["live.xdf"],
        "both": ["live.xdf", "--at", 1, "--from", 1, "--to", 2],
        "turned": ["live.xdf", "--from", 2, "--to", 1],
        "no number": ["live.xdf", "--at", "nan"],
        "unscored": ["unscored.xdf", "--at", 1],
        "not there": ["nothing.xdf", "--at", 1],
    }
    if DATA_FOLDER.is_dir():
        commands["real"] = [DATA_FOLDER / REAL_SOUND, "--at", 1.8, "--json"]
    return dict(zip(commands, run_together([["explain", *c] for c in commands.values()], folder), strict=True))


def test_a_live_session_is_explained_as_it_was(done, live, folder):
    assert done["live"].code == 0, done["live"]
    found = json.loads(done["live"].out)
    began = live.scores[0].time - 0.2
    (score,) = [score for score in live.scores if abs(score.time - began - AT_S) < 0.01]
    assert (found["tick"], found["time"]) == (score.tick, score.time)
    assert found["from_s"] == pytest.approx(AT_S)
    values = {one["name"]: (one["value"], one["sd"]) for one in found["estimates"]}
    assert values["valence"] == (score["valence"], score["valence_sd"])
    shares = {one["modality"]: one for one in found["shares"]}
    for modality, share in shares.items():
        assert share["presence"] == score[f"{modality}_presence"]
        assert share["weight"] == score[f"{modality}_weight"]
    session = RecordedSession(folder / "live.xdf")
    explainer = session.pipeline.explainer()
    for item in session.run():
        if isinstance(item, tuple):
            explainer.follow(item[1])
            if item[1].tick == score.tick:
                break
    assert isinstance(item, tuple)
    assert found["sentence"] == explain([explainer.attribute(item[1])]).sentence


def test_times_can_be_those_of_the_scores(done, live):
    found = json.loads(done["lsl"].out)
    assert found["time"] == max(score.time for score in live.scores if score.time <= 1000.0 + AT_S + 1e-6)


def test_explaining_changes_nothing_of_the_session(folder):
    session, _ = open_replay(folder / "plain.xdf", {})
    explainer = session.pipeline.explainer()
    for item in session.run():
        if isinstance(item, Score) and item.tick % 10 == 0:
            before = session.pipeline.snapshot()
            explainer.follow(item)
            explainer.attribute(item)
            assert session.pipeline.snapshot() == before


def test_any_other_recording_is_explained_on_its_complete_data(done):
    found = json.loads(done["plain"].out)
    assert {one["modality"]: one["presence"] for one in found["shares"]} == {"eeg": 1.0, "face": 0.0, "voice": 0.0}
    (alpha,) = [one for one in found["evidence"] if one["what"] == "occipital alpha lower than at rest"]
    assert alpha["contribution"] > 0, "it was made quieter there"
    assert set(alpha["electrodes"]) == {"O1", "O2"}


def test_an_interval_is_shown_as_tables_and_a_sentence(done):
    assert done["interval"].code == 0, done["interval"]
    text = " ".join(done["interval"].out.split())
    assert "6.0 to 7.0 s after the begin (times 106.0 to 107.0 s), means of 6 scores" in text
    assert "The EEG shows" in text
    assert "so the score is on average" in text
    assert "held" in text


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("late", ("no score at 900 s after its begin", "it has scores from 0.2 to ")),
        ("early", ("no score at 0.1 s after its begin", "it has scores from 0.2 s on")),
        ("no time", ("--at TIME", "--from TIME")),
        ("both", ("--at TIME", "--from TIME")),
        ("turned", ("2 to 1 s", "a begin before its end")),
        ("no number", ("at nan s", "expected a number")),
        ("unscored", ("has no score, so there is nothing to explain",)),
        ("not there", ("nothing.xdf",)),
    ],
)
def test_what_is_wrong_gets_one_sentence(done, name, parts):
    assert done[name].code == 2, done[name]
    assert "Traceback" not in done[name].err
    assert done[name].err.count("Error: ") == 1
    for part in parts:
        assert part in done[name].err


@pytest.mark.real_data
def test_an_angry_voice_is_explained(done, data_folder):
    assert done["real"].code == 0, done["real"]
    found = json.loads(done["real"].out)
    tilt = {one["towards"]: one for one in found["evidence"] if one["what"] == "a flatter spectral tilt than usual"}
    assert tilt["arousal"]["contribution"] > 0
    assert "the EEG and the face were absent" in found["sentence"]
    assert (
        f"({tilt['arousal']['value']:.2f} SD; more aroused {tilt['arousal']['contribution']:+.2f}" in found["sentence"]
    )
