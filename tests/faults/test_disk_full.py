"""A disk without room, and folders that take no file: what a user of the whole command gets.

The full disk is the system's limit on the size of a file (RLIMIT_FSIZE), which any user can set.
"""

from __future__ import annotations

import logging
import re
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from tests.helpers.command_line import COMMAND, Done, environment, run, write_config

ROOM_BYTES = 130_000
SECONDS = 4

logging.getLogger("pyxdf").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The demo with a recording, where no file may be larger than ROOM_BYTES."""
    folder = tmp_path_factory.mktemp("full")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))

    done = subprocess.run(
        [*COMMAND, "demo", "--no-face", "--seconds", str(SECONDS), "--record", "recordings"],
        cwd=folder, env=environment(COLUMNS="200"), capture_output=True, text=True,
        timeout=90, check=False, preexec_fn=limit,
    )  # fmt: skip
    return folder, Done(done.returncode, done.stdout, done.stderr)


def test_a_full_disk_ends_the_recording_and_not_the_session(full: tuple[Path, Done]) -> None:
    _, done = full
    assert done.code == 2, done
    alarm = r"recording alarm: The recording \S+_streamsense\.xdf ended early: File too large"
    assert re.search(alarm, done.out), done.out
    lines = done.out.splitlines()
    told = next(index for index, line in enumerate(lines) if re.match(alarm, line))
    scores = [line for line in lines[told + 1 :] if re.match(r" *\d+\.\d  ", line)]
    assert len(scores) >= 2, done.out  # shown twice a second
    (paragraph,) = done.err.strip().splitlines()
    assert paragraph.startswith("Error: The recording ")
    assert "File too large" in paragraph


def test_what_went_onto_a_full_disk_is_whole(full: tuple[Path, Done]) -> None:
    folder, _ = full
    (file,) = (folder / "recordings").iterdir()
    assert file.stat().st_size <= ROOM_BYTES
    with np.errstate(all="ignore"):
        streams, _ = pyxdf.load_xdf(file)
    scores = next(stream for stream in streams if stream["info"]["name"][0] == "streamsense-scores")
    verified = run("verify", file, folder=folder)
    assert verified.code == 0, verified
    count = len(scores["time_stamps"])
    assert count >= 3
    assert verified.out.strip().splitlines()[-1] == f"{count} of {count} ticks identical"


def test_a_folder_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("")
    content = {"eeg": {"source": {"kind": "lsl", "name": "none", "required": False}}, "output": {"lsl": False}}
    config = write_config(tmp_path, "lab", content)
    done = run("live", config, "--record", "recordings", "--seconds", "30", folder=tmp_path, timeout_s=25)
    assert done.code == 2, done
    (paragraph,) = done.err.strip().splitlines()
    assert paragraph == "Error: The folder recordings cannot be made: File exists. Name another one for recordings."
