"""What a profile holds, told in words: whatever its numbers are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamsense.cli.main import app


@pytest.mark.parametrize(
    ("usual", "told"),
    [([24.0, -20.0], "usual pitch: 110 Hz"), ([1e5, 0.0], None), ([], None), (["high", 0], None), ({}, None)],
)
def test_the_usual_pitch_is_told(tmp_path: Path, usual: object, told: str | None) -> None:
    part = {"mean": [0.0] * 66, "variance": [1.0] * 66, "usual_pitch_and_loudness": usual, "seconds": 12.0}
    (tmp_path / "p.json").write_text(json.dumps({"streamsense_profile": 1, "voice": part}))
    result = CliRunner().invoke(app, ["profile", str(tmp_path / "p.json"), "--json"])
    assert result.exit_code == 0, result.output
    holds = json.loads(result.stdout)["parts"]["voice"]["holds"]
    assert holds == ", ".join(text for text in ("a speaker's mean and spread: 66 bands and levels", told) if text)
