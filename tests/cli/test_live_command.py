"""`streamsense live`, `streams`, `demo` and `replay` as a user types them, on the simulator's real LSL streams."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import typer.main
from scipy.io import wavfile
from typer.testing import CliRunner

from streamsense.cli.main import app
from streamsense.score import SCORE_LABELS
from tests.helpers.brain_noise import brain_noise
from tests.helpers.command_line import COMMAND, Done, environment, run, run_together, running, simulator, write_config
from tests.helpers.edf_writer import write_edf
from tests.helpers.xdf_writer import XdfWriter

STOPS_WITHIN_S = 3.0


LABELS = ("Fp1", "Fp2", "F3", "F4", "O1", "O2")


def edf(folder: Path) -> Path:
    counts = brain_noise(np.random.default_rng(0), 30, (128 * 8, len(LABELS)), 128.0).T.astype(np.int32)
    write_edf(folder / "edf.edf", LABELS, ["uV"] * len(LABELS), counts, 128)
    return folder / "edf.edf"


def xdf(folder: Path) -> Path:
    writer = XdfWriter()
    writer.header(1, "float32", len(LABELS), 128.0, "Amp", "EEG", LABELS)
    values = brain_noise(np.random.default_rng(1), 12, (128 * 8, len(LABELS)), 128.0).astype(np.float32)
    writer.stamped(1, 100 + np.arange(len(values)) / 128, values)
    writer.footer(1, len(values))
    (folder / "xdf.xdf").write_bytes(writer.data)
    return folder / "xdf.xdf"


def wav(folder: Path) -> Path:
    time_s = np.arange(16_000 * 6) / 16_000
    sound = 8000 * np.sin(2 * np.pi * 150 * time_s) * (np.sin(2 * np.pi * 0.7 * time_s) > 0)
    wavfile.write(folder / "wav.wav", 16_000, sound.astype(np.int16))
    return folder / "wav.wav"


@pytest.fixture(scope="module")
def session_id() -> Iterator[str]:
    """An LSL session in which the simulator sends EEG, voice and markers."""
    identity = f"live-command-{uuid.uuid4().hex[:8]}"
    with simulator(identity, "eeg", "voice", "markers"):
        yield identity


@pytest.fixture(scope="module")
def commands(session_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[object]]]:
    """What takes long, at the same time: sessions on the same streams, and the demos."""
    folder = tmp_path_factory.mktemp("live")
    content = {
        "eeg": {"source": {"name": "SimEEG"}},
        "voice": {"source": {"kind": "lsl", "name": "SimVoice"}},
        "lsl": {"session_id": session_id},
    }
    outputs = {"json": {"name": "json"}, "text": {"lsl": False}, "kill": {"lsl": False}, "pty": {"lsl": False}}
    config = {name: write_config(folder, name, {**content, "output": output}) for name, output in outputs.items()}

    def timed() -> Done:
        return run("live", config["json"], "--seconds", 6, "--json", "--csv", folder / "json", folder=folder)

    def interrupted() -> tuple[Done, float]:
        with running("live", config["text"], "--csv", folder / "text", folder=folder) as command:
            command.wait_for("(uncalibrated)", 2)  # the first may come before all streams have their rates
            return command.stop(signal.SIGINT)

    def terminated() -> tuple[Done, float]:
        with running("live", config["kill"], "--json", "--csv", folder / "kill", folder=folder) as command:
            command.wait_for('"tick"', 10)
            return command.stop(signal.SIGTERM)

    streams = ["streams", "--session-id", session_id]
    files = [make(folder) for make in (edf, xdf, wav)]
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2))
        yield {
            "SIGINT": pool.submit(interrupted),
            "demo": pool.submit(run, "demo", "--no-face", "--seconds", 5, folder=folder),
            "json": pool.submit(timed),
            "pty": pool.submit(in_a_terminal, "live", str(config["pty"]), "--seconds", "5", columns=80),
            "SIGTERM": pool.submit(terminated),
            "streams": pool.submit(run_together, [[*streams, "--json"], streams], folder, COLUMNS="80"),
            **{
                f"replay {number}": pool.submit(
                    run_together, [["replay", file, "-o", f"{file.stem}-{number}", *more] for file in files], folder
                )
                for number, more in ((1, ()), (2, ("--json",)))
            },
            "bar of progress": pool.submit(in_a_terminal, "replay", str(files[1]), columns=80),
            "folder": pool.submit(lambda: folder),
        }


def in_a_terminal(*arguments: str, columns: int) -> tuple[int, str]:
    """Run the command in a pseudo-terminal: its exit code and all that it drew."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm"}
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**size)
    ) as process:
        os.close(theirs)
        drawn = b""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if select.select([ours], [], [], 1.0)[0]:
                try:
                    drawn += os.read(ours, 1 << 16)
                except OSError:  # Linux says so when the other end has closed
                    break
        os.close(ours)
        return process.wait(10), drawn.decode()


def rows_of(folder: Path) -> list[dict[str, str]]:
    """The rows of scores.csv; it ends on a whole line."""
    text = (folder / "scores.csv").read_text()
    assert text.endswith("\n")
    rows = list(csv.DictReader(text.splitlines()))
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


def assert_complete(folder: Path, done: Done) -> list[dict[str, str]]:
    """As many whole rows as the command says it scored, one per tick, and the events."""
    rows = rows_of(folder)
    told = re.search(r"^(\d+) scores in [\d.]+ s, (\d+) ticks skipped\.$", done.out + done.err, re.MULTILINE)
    assert told is not None, done
    assert len(rows) == int(told[1])
    assert len({row["tick"] for row in rows}) == len(rows)
    kinds = {row["kind"] for row in csv.DictReader((folder / "events.csv").read_text().splitlines())}
    assert {"session_started", "stream_opened", "modality_present"} <= kinds
    return rows


def test_live_prints_one_json_line_for_each_tick_and_writes_the_same_to_csv(
    commands: dict[str, Future[object]],
) -> None:
    done, folder = commands["json"].result(), commands["folder"].result()
    assert done.code == 0, done
    scores = [json.loads(line) for line in done.out.splitlines()]
    assert 25 <= len(scores) <= 32
    ticks = [score["tick"] for score in scores]
    assert (np.diff(ticks) == 1).all()
    assert [score["time"] for score in scores] == [tick / 5 for tick in ticks]
    assert all(set(score) == {"time", *SCORE_LABELS} for score in scores)
    assert scores[-1]["eeg_presence"] == scores[-1]["voice_presence"] == 1.0
    assert scores[-1]["face_presence"] == 0.0
    rows = assert_complete(folder / "json", done)
    assert [{key: float(row[key]) for key in score} for row, score in zip(rows, scores, strict=True)] == scores
    # What is for people is on standard error, and nothing of other libraries with it.
    assert "Scoring eeg, voice into the LSL stream json-scores (scope machine)" in done.err
    assert "stream opened: eeg: SimEEG" in done.err
    assert_quiet(done.err)


def assert_quiet(text: str) -> None:
    for noise in ("Traceback", "INFO", "WARN", "ERR|", "broke off", "Stream transmission", "0x", "XNNPACK"):
        assert noise not in text, text


def test_ctrl_c_ends_a_session_cleanly_after_lines_for_each_modality(commands: dict[str, Future[object]]) -> None:
    (done, seconds), folder = commands["SIGINT"].result(), commands["folder"].result()
    assert done.code == 0, done
    assert seconds < STOPS_WITHIN_S
    assert "Stopping." in done.out
    assert re.search(
        r"^eeg +2\d\d\.\d Hz  age \d\.\d\d s  quality \d\.\d\d  weight \d\.\d\d  \(SimEEG\)$", done.out, re.M
    )
    assert re.search(r"^voice +1[56]\d\d\d\.\d Hz  age \d\.\d\d s  .*\(SimVoice\)$", done.out, re.M)
    assert not re.search(r"^face", done.out, re.M), "a modality that the configuration does not use"
    assert re.search(r"^valence [+-]\d\.\d\d ± .* ambivalence \d\.\d\d \(uncalibrated\)$", done.out, re.M)
    assert done.err == ""
    assert len(assert_complete(folder / "text", done)) >= 10


def test_a_supervisor_s_signal_ends_a_session_cleanly_too(commands: dict[str, Future[object]]) -> None:
    (done, seconds), folder = commands["SIGTERM"].result(), commands["folder"].result()
    assert done.code == 0, done
    assert seconds < STOPS_WITHIN_S
    assert_quiet(done.err)
    assert len(assert_complete(folder / "kill", done)) == len(done.out.splitlines()) >= 10


def test_in_a_terminal_the_status_is_a_table_that_fits_80_columns(commands: dict[str, Future[object]]) -> None:
    code, drawn = commands["pty"].result()
    assert code == 0, drawn
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).replace("\r", "\n").split("\n")
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"modality +┃ stream +┃ +rate ┃ +age ┃ quality ┃ weight", line) for line in lines)
    assert any(
        re.search(r"eeg +│ SimEEG +│ +2\d\d\.\d Hz │ \d\.\d\d s │ +\d\.\d\d │ +\d\.\d\d │", line) for line in lines
    )
    assert any(line.startswith("valence ") and line.endswith("(uncalibrated)") for line in lines)
    assert_quiet(drawn)


DEMO_LINE = re.compile(
    r"^ *\d+\.\d  (?P<there>[EFV–]{3})  (?P<valence>[·●│]{9}) [+-]\d\.\d\d±\d\.\d\d  (?P<arousal>[·●│]{9}) "
    r"[+-]\d\.\d\d±\d\.\d\d  (?P<ambivalence>[·●│]{7}) \d\.\d\d  [a-z]+ \d+%"
)


def test_the_demo_scores_the_simulated_participant_beside_the_truth(commands: dict[str, Future[object]]) -> None:
    """Without the camera; test_wheel.py runs it with one."""
    done = commands["demo"].result()
    assert done.code == 0, done
    assert done.err == ""
    assert_quiet(done.out)
    lines = done.out.splitlines()
    header = next(line for line in lines if "valence" in line)
    scored = [match for line in lines if (match := DEMO_LINE.match(line))]
    assert len(scored) >= 10
    assert scored[-1]["there"] == "E–V"
    for column in ("valence", "arousal", "ambivalence"):
        assert header.index(column) == scored[-1].start(column), "the title stands over its column"
    assert header.index("emotion") == re.search("[a-z]+ [0-9]+%", scored[-1].string).start()
    # The participant begins neutral: the truth's mark stands in the middle and at no ambivalence, or the score over it.
    known = [match for match in scored if match["ambivalence"][0] == "│"]
    assert len(known) >= 5
    assert {match[label][4] for match in known for label in ("valence", "arousal")} == {"●", "│"}
    assert max(map(len, lines)) <= 100
    assert re.match(r"\d+ scores in \d+\.\d s, \d+ ticks skipped\. Next: ", lines[-1])


def test_streams_lists_what_sends(commands: dict[str, Future[object]], tmp_path: Path) -> None:
    as_json, done = commands["streams"].result()
    listed = json.loads(as_json.out)
    sent = {(row["name"], row["type"], row["channels"], row["rate_hz"]) for row in listed}
    assert {("SimEEG", "EEG", 19, 250.0), ("SimVoice", "Audio", 1, 16000.0), ("SimMarkers", "Markers", 1, 0.0)} <= sent
    assert done.code == 0
    assert done.err == ""
    assert re.search(r"SimEEG +│ EEG +│ +19 │ +250 │ streamsense-simulator-", done.out)
    assert re.search(r"SimMarkers +│ Markers +│ +1 │ irregular │", done.out)
    assert "…" not in done.out
    nobody = run("streams", "--session-id", "live-command-nobody", "--wait", 0.3, folder=tmp_path)
    assert nobody.code == 0
    assert "No stream answered within 0.3 s (scope: machine)" in nobody.out


@pytest.mark.parametrize(("place", "make", "modality"), [(0, "edf", "eeg"), (1, "xdf", "eeg"), (2, "wav", "voice")])
def test_replay_gives_the_same_scores_twice(
    place: int, make: str, modality: str, commands: dict[str, Future[object]]
) -> None:
    """In two processes; each of them replays three kinds of recording."""
    first, second = (commands[f"replay {number}"].result()[place] for number in (1, 2))
    folder = commands["folder"].result()
    assert first.code == second.code == 0, (first, second)
    one, other = ((folder / f"{make}-{number}" / "scores.csv").read_bytes() for number in (1, 2))
    assert one == other
    rows = rows_of(folder / f"{make}-1")
    assert sum(float(row[f"{modality}_presence"]) for row in rows) > 15
    # No bar of progress where nobody looks; the summary, and where the scores went.
    assert "\x1b" not in first.out + first.err
    assert "scoring" not in first.out
    assert re.search(r"^│ valence +│ [+-]\d\.\d{3} │", first.out, re.M)
    assert f"{len(rows)} scores of " in first.out
    assert f"Written to {make}-1/scores.csv and {make}-1/events.csv" in first.out
    assert first.err == ""
    scores = [json.loads(line) for line in second.out.splitlines()]
    assert [{key: float(row[key]) for key in score} for row, score in zip(rows, scores, strict=True)] == scores


def test_replay_shows_its_progress_in_a_terminal_and_leaves_nothing_of_it(
    commands: dict[str, Future[object]],
) -> None:
    code, drawn = commands["bar of progress"].result()
    assert code == 0, drawn
    assert "scoring" in drawn
    assert "\x1b[2K" in drawn, "the bar is wiped out at the end"
    assert drawn.rfind("scoring") < drawn.rfind("scores of")


def every_command(command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from every_command(below, (*path, name))


COMMANDS = dict(every_command(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "streamsense")
def test_help_teaches(path: tuple[str, ...]) -> None:
    """Each command says what it does with an example or the next step, and each of its options what it is for."""
    command = COMMANDS[path]
    assert len(command.help or "") > 60
    if path:
        assert re.search(r"Example: `?streamsense |`streamsense |`--|STREAMSENSE_", command.help), command.help
    for parameter in command.params:
        if parameter.name != "help":
            assert len(getattr(parameter, "help", None) or "") > 5, parameter.name


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "streamsense")
def test_the_shown_help_names_every_option(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], terminal_width=120, env={"COLUMNS": "120"})
    assert shown.exit_code == 0
    for parameter in COMMANDS[path].params:
        for name in parameter.opts:
            assert name.lower() in shown.output.lower()
