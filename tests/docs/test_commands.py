"""Every command of the README and the docs runs as written; of what needs a device the options are checked."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer.main

from streamsense.cli.main import app
from streamsense.config import load_config
from streamsense.models.card import read_card
from tests.docs.documents import (
    DOCUMENTS,
    OWN_MODEL,
    ROOT,
    Block,
    blocks,
    make_model_folders,
    make_recordings,
    make_short_training,
)
from tests.helpers.lsl_text import lsl_text

OTHERS = [document for document in DOCUMENTS if document != OWN_MODEL]
"""Of whole sessions with a camera, which the tutorial of one's own model has, only one may run at a time."""
SHORT_S = "4"
BRISK_CYCLE_S = "16"
"""All states of the brisk script, whichever of them it begins in."""
READER_LINES = 5
PATIENCE_S = 120.0
OF_A_SESSION = ("calibrate", "demo", "live", "record", "streams")
"""Commands that need a process of their own: LSL reads its settings, such as the session's name, once in a process."""


class Reader:
    """Someone who does what a document says, in a folder and an LSL session of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.session_id = f"docs-{uuid.uuid4().hex[:8]}"
        self._background: list[subprocess.Popen[str]] = []
        self._at_the_terminal: subprocess.Popen[str] | None = None
        (folder / "lsl_api.cfg").write_text(lsl_text(self.session_id), encoding="utf-8")
        scripts = str(Path(sys.executable).parent)
        self._environment = {
            **os.environ,
            "PATH": scripts + os.pathsep + os.environ["PATH"],
            "LSLAPICFG": str(folder / "lsl_api.cfg"),
            "STREAMSENSE_MODELS": str(folder / "usb_stick"),
            "STREAMSENSE_CACHE": str(folder / "cache"),
            "COLUMNS": "120",
        }

    def do(self, block: Block) -> None:
        """Write the block's file, or run its commands or its program."""
        if block.file:
            self._write(block)
        elif block.note == "test: run beside a live session":
            self._read_live_scores(block.body)
        elif block.language == "python":
            assert self._run([sys.executable, "-c", block.body]).stdout
        # What several participants do needs no other's end.
        together = all(command.startswith("streamsense demo --participant") for command in block.commands)
        with ThreadPoolExecutor(len(block.commands) if together and block.commands else 1) as pool:
            list(pool.map(lambda command: self._command(command, block), block.commands))

    def close(self) -> None:
        for process in self._background:
            process.terminate()
            process.communicate(timeout=20)
        if self._at_the_terminal is not None:
            self._at_the_terminal.communicate(timeout=20)

    def _write(self, block: Block) -> None:
        path = self.folder / block.file
        path.write_text(self._own_session(block.body), encoding="utf-8")
        if block.file == "card.yaml":
            read_card(path)
        else:
            load_config(path)

    def _command(self, command: str, block: Block) -> None:
        words = shlex.split(self._own_session(command))
        match words:
            case ["make", target]:
                dry_run = ["make", "--dry-run", f"PYTHON={sys.executable}", target]
                subprocess.run(dry_run, cwd=ROOT, check=True, capture_output=True)
            case ["source", ".venv/bin/activate"]:
                pass
            case ["sudo", "apt-get", "install", *packages]:
                known = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
                assert all(name in known for name in packages if name.startswith("lib"))
            case ["streamsense", *_] if block.skipped:
                _check_options(words)
            case ["streamsense", name, *_] if name in OF_A_SESSION:
                self._run(_shortened(words))
            case ["streamsense", *_]:
                self._run_at_the_terminal(_shortened(words)[1:])
            case ["python", "-m", "streamsense.sources.simulator", *options] if block.note.endswith("background"):
                self._start([sys.executable, *words[1:3], *options])
            case _ if block.skipped:
                pass
            case _:
                pytest.fail(f"the docs show {command!r}, and no rule says how it is tested")

    def _own_session(self, text: str) -> str:
        return re.sub(r"(session_id: |--session-id )tutorial", rf"\g<1>{self.session_id}", text)

    def _run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def _run_at_the_terminal(self, arguments: list[str]) -> None:
        """Run a command in the process that runs the reader's others, too: started and imported only once."""
        if self._at_the_terminal is None:
            self._at_the_terminal = subprocess.Popen(
                [sys.executable, "-m", "tests.helpers.many_commands"], cwd=self.folder, text=True,
                env={**self._environment, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        terminal = self._at_the_terminal
        assert terminal.stdin is not None
        assert terminal.stdout is not None
        terminal.stdin.write(json.dumps(arguments) + "\n")
        terminal.stdin.flush()
        patience = threading.Timer(PATIENCE_S, terminal.kill)
        patience.start()
        answer = terminal.stdout.readline()
        patience.cancel()
        command = shlex.join(["streamsense", *arguments])
        assert answer, f"{command}: ended without an answer, after {PATIENCE_S:g} s or before"
        done = json.loads(answer)
        assert done["code"] == 0, f"{command}: {done['code']}\n{done['out']}\n{done['err']}"

    def _start(self, words: list[str]) -> subprocess.Popen[str]:
        """Start a process that runs until `close`; returns when it has said its first word."""
        process = subprocess.Popen(
            words, cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._background.append(process)
        assert process.stdout is not None
        assert process.stdout.readline(), f"{shlex.join(words)} said nothing"
        return process

    def _read_live_scores(self, program: str) -> None:
        """Run a program that never ends beside a live session, until it has printed some scores."""
        config = self.folder / "beside.yaml"
        config.write_text(f"lsl: {{session_id: {self.session_id}}}\neeg: {{source: {{kind: lsl, name: SimEEG}}}}\n")
        simulator = ["-m", "streamsense.sources.simulator", "--only", "eeg", "--session-id", self.session_id]
        self._start([sys.executable, *simulator])
        self._start(["streamsense", "live", str(config), "--json"])
        process = self._start([sys.executable, "-u", "-c", program])
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(READER_LINES)]
        assert all(len([float(word) for word in line]) == 4 for line in lines), lines
        times = [float(line[0]) for line in lines]
        assert [round(5 * time) - round(5 * times[0]) for time in times] == list(range(READER_LINES))


def _check_options(words: list[str]) -> None:
    command, rest = typer.main.get_command(app), words[1:]
    while rest and hasattr(command, "commands"):
        assert rest[0] in command.commands, f"{' '.join(words)}: there is no {rest[0]!r}"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    missing = [word for word in rest if word.startswith("-") and word not in known]
    assert not missing, f"{' '.join(words)}: it does not have {missing}"


def _shortened(words: list[str]) -> list[str]:
    if words[1:3] == ["train", "train_lab"]:
        return [*words[:2], "short_train.yaml", *words[3:]]
    if words[1] == "demo" and "--participant" in words and "--record" in words:  # is trained on: every state is needed
        words = [*words, "--script", "brisk"]
        words[words.index("--seconds") + 1] = BRISK_CYCLE_S
        return words
    if "--seconds" in words:
        at = words.index("--seconds") + 1
        return [*words[:at], SHORT_S, *words[at + 1 :]]
    return words


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    someone = Reader(folder)
    try:
        yield someone
    finally:
        someone.close()


def follow(document: str, folder: Path) -> None:
    """Do all that a document says."""
    make_recordings(folder)
    make_model_folders(folder)
    make_short_training(folder)
    with reader(folder) as someone:
        for block in blocks(document):
            someone.do(block)


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> Iterator[dict[str, Future[None]]]:
    """The documents, two at a time: they wait for streams and sessions more than they compute."""
    with ThreadPoolExecutor(2) as pool:
        yield {document: pool.submit(follow, document, tmp_path_factory.mktemp("reader")) for document in OTHERS}


@pytest.mark.parametrize("document", OTHERS)
def test_what_the_document_says_can_be_done(document, followed):
    followed[document].result()


def test_the_documents_have_commands_of_every_kind():
    commands = [command for document in DOCUMENTS for block in blocks(document) for command in block.commands]
    for start in (
        "make demo",
        "make test",
        *(f"streamsense {name}" for name in ("live", "replay", "streams", "models")),
    ):
        assert any(command.startswith(start) for command in commands), start
