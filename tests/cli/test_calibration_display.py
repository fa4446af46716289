"""What a calibration reads from the keyboard; whole ones are run in `test_calibrate_command`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from streamsense.cli.calibration_display import Prompts
from streamsense.errors import ConfigError


def line_within(seconds: float) -> str | None:
    prompts, until = Prompts(), time.monotonic() + seconds
    line = None
    while line is None and time.monotonic() < until:
        line = prompts.line()
    return line


def test_where_nobody_can_type_nobody_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)  # as of a program whose standard input was closed before it began
    with pytest.raises(ConfigError, match="the input has ended"):
        line_within(5.0)
    with (tmp_path / "unreadable").open("w") as gone:  # as of a terminal that has gone
        monkeypatch.setattr("sys.stdin", gone)
        with pytest.raises(ConfigError, match="the input has ended"):
            line_within(5.0)
