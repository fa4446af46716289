"""The short form of `make soak`: some 18 s of a recorded live session."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers.command_line import ROOT


@pytest.mark.slow
def test_a_short_session_misses_no_tick_grows_no_memory_and_leaves_nothing_behind():
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.3", "--settle", "9"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=170)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 missed;" in done.stdout
