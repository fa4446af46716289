"""`streamsense calibrate` and `profile` as a user types them, on real LSL streams of other processes."""

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
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from scipy.io import wavfile

from streamsense.profile import load_profile
from streamsense.runtime.recorded_journal import JournalReader
from tests.helpers import sessions
from tests.helpers.command_line import COMMAND, Done, environment, run, run_together, running, simulator, write_config
from tests.helpers.real_session import HELPERS, Process
from tests.helpers.stream_faults import LABELS, RATE_HZ, amplifiers

pytestmark = pytest.mark.timeout(600)
SHORT = ("--rest", 11, "--eyes-closed", 5, "--reading", 5)
PATIENCE_S = 150.0
"""A process that is started beside four others on a busy computer may take a minute."""
SILENCE, SPEECH = "silence.wav", "speech.wav"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two sounds: one of silence, one of bursts of a buzz."""
    folder = tmp_path_factory.mktemp("calibrate")
    speech = sessions.voice(8.0).values[:, 0]
    wavfile.write(folder / SPEECH, 16_000, (speech * 32767).astype(np.int16))
    wavfile.write(folder / SILENCE, 16_000, np.zeros(16_000, np.int16))
    return folder


@contextmanager
def playing(folder: Path, session_id: str, sound: str) -> Iterator[Process]:
    player = Process(str(HELPERS / "play.py"), "voice", str(folder / sound), "--session-id", session_id)
    try:
        player.wait_ready()
        yield player
    finally:
        player.kill()


def config(folder: Path, name: str, session_id: str, **more: object) -> Path:
    voice = {"source": {"kind": "lsl", "name": "TestVoice"}}
    lsl = {"session_id": session_id, "resolve_timeout_s": 15.0}
    return write_config(folder, name, {"voice": voice, "lsl": lsl, "markers": None, **more})


def silent(folder: Path, session_id: str) -> Done:
    """Nobody speaks, and nobody is asked."""
    file = config(folder, "silent", session_id)
    return run(
        "calibrate",
        file,
        "-o",
        "silent.json",
        "--no-prompt",
        "--pause",
        0,
        "--reading",
        5,
        folder=folder,
        timeout_s=PATIENCE_S,
    )


def interrupted(folder: Path, session_id: str) -> Done:
    """Ctrl-C in the middle of the phase."""
    file = config(folder, "interrupted", session_id, recording={"folder": "broken_off"})
    arguments = ["calibrate", file, "-o", "interrupted.json", "--no-prompt", "--pause", 0]
    with running(*arguments, folder=folder) as command:
        command.wait_for("Read aloud", timeout_s=PATIENCE_S)
        time.sleep(1.0)
        return command.stop(signal.SIGINT)[0]


def disk_full(folder: Path, session_id: str) -> Done:
    """The recording ends early; files may have 100 kB here."""
    file = write_config(folder, "full", {"eeg": {"source": {"name": "SimEEG"}}, "lsl": {"session_id": session_id}})
    phases = ["--no-prompt", "--pause", "0", "--rest", "11", "--eyes-closed", "5"]
    words = [*COMMAND, "calibrate", str(file), "-o", "full.json", *phases, "--record", "full", "--json"]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 100; exec "$@"', "-", *words],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def changed_cap(folder: Path, session_id: str) -> Done:
    """The amplifier comes back with fewer electrodes after their rest was learned."""
    file = write_config(folder, "cap", {"eeg": {"source": {"name": "amplifier"}}, "lsl": {"session_id": session_id}})
    phases = ["--no-prompt", "--pause", 0, "--rest", 11, "--eyes-closed", 15]
    with amplifiers(session_id) as sender:
        sender.ask(do="open", name="amplifier", source_id="amp-1", labels=LABELS, rate=RATE_HZ)
        with running("calibrate", file, "-o", "cap.json", *phases, folder=folder) as command:
            command.wait_for("✓ eeg", timeout_s=PATIENCE_S)
            sender.ask(do="close", name="amplifier")
            sender.ask(do="open", name="amplifier", source_id="amp-1", labels=LABELS[:3], rate=RATE_HZ)
            return command.wait(PATIENCE_S)


def some_missing(folder: Path, session_id: str) -> list[Done]:
    """EEG that is good and a voice that is silent: what worked is saved, recorded, and used in a session."""
    eeg = {"source": {"name": "SimEEG"}}
    file = config(folder, "missing", session_id, eeg=eeg)
    first = run(
        "calibrate", file, "-o", "missing.json", "--no-prompt", "--pause", 0, *SHORT, "--allow-missing",
        "--record", "recorded", "--json", folder=folder, timeout_s=PATIENCE_S,
    )  # fmt: skip
    used = config(folder, "used", session_id, eeg=eeg, profile="missing.json", output={"lsl": False})
    live = run("live", used, "--seconds", 4, "--csv", "used", "--record", "used", folder=folder, timeout_s=PATIENCE_S)
    (recorded,), (scored,) = ((folder / name).glob("*.xdf") for name in ("recorded", "used"))
    again = ["replay", recorded, "--save-profile", "again.json"]
    rest = run_together([again, ["features", scored, "-o", "used.csv"], ["profile", "missing.json"]], folder)
    return [first, live, *rest]


def repeated(folder: Path) -> tuple[int, str]:
    """In a terminal: silence is found out, the phase repeated with speech."""
    session_id = f"repeated-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        player = stack.enter_context(playing(folder, session_id, SILENCE))
        file = config(folder, "repeated", session_id)
        ours, theirs = pty.openpty()
        words = [*COMMAND, "calibrate", str(file), "-o", "repeated.json", "--reading", "5", "--sentence", "Ah."]
        size = {"COLUMNS": "100", "LINES": "40", "TERM": "xterm"}
        command = stack.enter_context(
            subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**size), cwd=folder)
        )
        os.close(theirs)
        drawn = Drawn(ours)
        drawn.wait_for("Press Enter to begin")
        drawn.wait_for("muted")
        os.write(ours, b"\n")
        drawn.wait_for("Enter repeats this phase")
        player.kill()
        stack.enter_context(playing(folder, session_id, SPEECH))
        drawn.wait_for(r"voice.*(good|little speech)", since=len(drawn.text))
        os.write(ours, b"\n")
        drawn.wait_for("Press Enter to begin", since=len(drawn.text))
        os.write(ours, b"\n")
        drawn.wait_for("The profile of voice is in")
        code = command.wait(PATIENCE_S)
        os.close(ours)
    return code, drawn.text


class Drawn:
    """What a program has drawn on a terminal so far, without the codes."""

    def __init__(self, terminal: int) -> None:
        self._terminal, self._raw = terminal, b""

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._raw.decode(errors="replace")).replace("\r", "\n")

    def wait_for(self, pattern: str, since: int = 0) -> None:
        until = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.text[since:]):
            assert time.monotonic() < until, (pattern, self.text[-2000:])
            if select.select([self._terminal], [], [], 0.5)[0]:
                try:
                    self._raw += os.read(self._terminal, 1 << 16)
                except OSError:  # Linux says so when the other end has closed
                    raise AssertionError((pattern, self.text[-2000:])) from None


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> Iterator[dict[str, Future[object]]]:
    """All at the same time: they wait for real time to pass."""
    session_id = f"calibrate-{uuid.uuid4().hex[:8]}"
    with simulator(session_id, "eeg"), playing(folder, session_id, SILENCE), ThreadPoolExecutor(6) as pool:
        in_silence = {
            make.__name__: pool.submit(make, folder, session_id)
            for make in (some_missing, silent, interrupted, disk_full, changed_cap)
        }
        yield {**in_silence, "repeated": pool.submit(repeated, folder)}


def test_too_little_says_what_was_found_and_leaves_nothing(outcomes: dict[str, Future[object]], folder: Path) -> None:
    done = outcomes["silent"].result()
    assert done.code == 2, done
    assert done.err.startswith("Error: Too little to learn from: voice: 0.0 s learned from, quality 0.00 (muted), ")
    for part in ("expected 3 s of speech and quality 0.3", "Check the microphone", "--allow-missing"):
        assert part in done.err
    assert done.err.count("\n") == 1
    assert "quality: voice" not in done.out, "that the person is silent until the reading is nothing to be told"
    assert not (folder / "silent.json").exists()


def test_ctrl_c_leaves_no_profile_and_a_whole_recording(outcomes: dict[str, Future[object]], folder: Path) -> None:
    done = outcomes["interrupted"].result()
    assert done.code == 130, done
    assert "Interrupted: no profile was written." in done.out
    assert "It is recorded into broken_off." in done.out, "as the configuration says"
    assert "Traceback" not in done.err
    assert not (folder / "interrupted.json").exists()
    (file,) = (folder / "broken_off").glob("*_task-calibration_*.xdf")
    reader = JournalReader(file)
    assert list(reader.entries())
    assert reader.end == "the session ended"


def test_what_was_learned_is_kept_where_the_recording_failed(outcomes: dict[str, Future[object]], folder: Path) -> None:
    done = outcomes["disk_full"].result()
    assert (done.code, done.out) == (2, ""), done
    assert "The profile of eeg is in full.json" in done.err
    assert done.err.splitlines()[-1].startswith("Error: The recording full/")
    assert list(load_profile(folder / "full.json").parts) == ["eeg"]


def test_what_a_changed_stream_has_taken_with_it_is_told(outcomes: dict[str, Future[object]], folder: Path) -> None:
    done = outcomes["changed_cap"].result()
    assert done.code == 2, done
    assert "warning: the EEG came back with other electrodes, units or another rate: what was learned" in done.out
    assert done.err.startswith("Error: Too little to learn from: eeg: 0.0 s learned from, ")
    assert "its stream came back otherwise after that, and what was learned is lost" in done.err
    assert not (folder / "cap.json").exists()


def test_a_phase_that_gave_too_little_is_repeated(outcomes: dict[str, Future[object]], folder: Path) -> None:
    code, drawn = outcomes["repeated"].result()
    assert code == 0
    for part in (
        "1 of 1: Reading aloud, 5 s", "Read aloud, as you usually speak", "Ah.", "✗ voice: 0.0 s learned from",
        "Expected 3 s of speech and quality 0.3. Check the microphone", "✓ voice: ",
    ):  # fmt: skip
        assert part in drawn, part
    assert re.search(r"Reading aloud  ━+─*  [0-5] s", drawn), "a bar of time"
    assert re.search(r"voice +│ +[\d.]+ │ +[\d.]+ s │ good", drawn), "how it stands meanwhile"
    profile = load_profile(folder / "repeated.json")
    assert list(profile.parts) == ["voice"]
    assert 3 < profile.parts["voice"]["seconds"] < 5.5


def test_what_worked_is_saved_and_the_recording_gives_the_same_profile(
    outcomes: dict[str, Future[object]], folder: Path
) -> None:
    done, _, replayed, *_ = outcomes["some_missing"].result()
    assert (done.code, replayed.code) == (0, 0), (done, replayed)
    told, profile = json.loads(done.out), load_profile(folder / "missing.json")
    assert told["parts"] == list(profile.parts) == ["eeg"]
    assert told["missing"] == ["voice"]
    assert told["sha256"] == profile.sha256
    assert told["phases"] == profile.about["phases"]
    assert list(told["phases"]) == ["rest_eyes_open", "rest_eyes_closed", "reading"]
    assert told["phases"]["rest_eyes_open"]["eeg"]["seconds"] == pytest.approx(11.0, abs=0.5)
    assert told["phases"]["rest_eyes_open"]["eeg"]["quality"] > 0.9
    assert isinstance(told["alpha_rise_nat"], float)
    assert load_profile(folder / "again.json").payload == profile.payload
    (file,) = (folder / "recorded").glob("*.xdf")
    (events,) = (stream for stream in pyxdf.load_xdf(file)[0] if stream["info"]["name"] == ["streamsense-events"])
    told_events = [json.loads(text) for (text,) in events["time_series"]]
    phases = [event["text"] for event in told_events if event["kind"] == "learning"]
    assert phases[0::2] == ["pause"] * 5
    assert phases[1::2] == ["rest_eyes_open", "rest_eyes_closed", "reading", "forgotten"]


def test_the_profile_counts_from_the_first_window_of_a_live_session(
    outcomes: dict[str, Future[object]], folder: Path
) -> None:
    _, live, _, features, _ = outcomes["some_missing"].result()
    assert (live.code, features.code) == (0, 0), (live, features)
    profile = load_profile(folder / "missing.json")
    events = list(csv.DictReader((folder / "used" / "events.csv").read_text().splitlines()))
    assert [event["text"] for event in events if event["kind"] == "profile"] == [profile.sha256]
    rows = [row for row in csv.DictReader((folder / "used.csv").read_text().splitlines()) if row["de_alpha_Cz"]]
    weights = {float(row["base_weight"]) for row in rows}
    assert weights == {np.float32(profile.parts["eeg"]["weight"])}, "a session of 4 s knows 3 of its own 60"
    assert {float(row["base_alpha_Cz"]) for row in rows} == {np.float32(profile.parts["eeg"]["baseline"]["Cz"][2])}


def test_a_profile_is_shown(outcomes: dict[str, Future[object]]) -> None:
    shown = outcomes["some_missing"].result()[-1]
    assert shown.code == 0
    assert re.search(r"^missing\.json: made 20\d\d-\S+ by streamsense \d", shown.out)
    assert re.search(r"│ eeg +│ +1\d\.\d s │ +[01]\.\d\d │ EEG at rest: 19 electrodes +│ [0-9a-f]{12} │", shown.out)
    assert "Alpha behind, eyes closed against open:" in shown.out


def test_what_cannot_work_is_refused_before_anybody_sits_still(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there.json").write_text("precious")
    (tmp_path / "odd.json").write_text('{"streamsense_profile": 1, "about": {"phases": [1], "made": [[]]}, "eeg": {}}')
    (tmp_path / "hostile.json").write_text(
        '{"streamsense_profile": 1, "about": {"made": "\\ud800\\u001b[2J"}, "eeg": {"contract": "[/nothing]"}}'
    )
    (tmp_path / "none.yaml").write_text("{}")
    (tmp_path / "dangling.json").symlink_to("nowhere")
    file = config(tmp_path, "nobody", "nobody-sends-here")
    commands = [
        ["calibrate", file, "-o", "there.json"],
        ["calibrate", file, "-o", "dangling.json"],
        ["calibrate", file, "-o", "nowhere/new.json"],
        ["calibrate", file, "-o", "none.yaml/new.json"],
        ["calibrate", file, "-o", f"{'long' * 100}.json"],
        ["replay", "no recording.xdf", "--save-profile", "there.json"],
        ["calibrate", file, "-o", "new.json", "--reading", 61],
        ["calibrate", file, "-o", "new.json", "--reading", 4],
        ["calibrate", file, "-o", "new.json", "--language", "xx"],
        ["calibrate", "none.yaml", "-o", "new.json"],
        ["profile", "there.json"],
        ["profile", "odd.json", "--json"],
        ["profile", "odd.json"],
        ["profile", "hostile.json"],
    ]
    done = run_together(commands, tmp_path)
    says = (
        "exists already", "exists already", "cannot be written (No such file or directory)",
        "cannot be written (Not a directory)", "cannot be written (File name too long)", "exists already",
        "last 61 s together, expected 60", "greater than or equal to 5", "expected one of en, de, fr, es",
        "uses no modality", "is no JSON",
    )  # fmt: skip
    for told, part in zip(done, says, strict=False):
        assert told.code == 2, told
        assert part in told.err
    assert [told.code for told in done[len(says) :]] == [0, 0, 0]
    assert "\x1b" not in done[-1].out
    assert "[/nothing]" in done[-1].out
    there = ["dangling.json", "hostile.json", "nobody.yaml", "none.yaml", "odd.json", "there.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == there
    assert (tmp_path / "there.json").read_text() == "precious"
