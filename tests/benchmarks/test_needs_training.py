"""The checks that train experts, where what training needs is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers.command_line import ROOT

WITHOUT = """import runpy, sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.argv = ["it", *{options!r}, "nowhere"]
runpy.run_module("benchmarks.{check}", run_name="__main__")"""


@pytest.mark.parametrize(
    ("check", "options", "missing"),
    [
        ("ambivalence", ["--seeds", "10", "--data"], "torch"),
        ("calibration", [], "onnx"),
        ("calibration", [], "torch"),
        ("conflict", [], "torch"),
    ],
)
def test_one_sentence_says_what_to_install(check: str, options: list[str], missing: str) -> None:
    code = WITHOUT.format(check=check, options=options, missing=missing)
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert "streamsense[train]" in ended.stderr
    assert missing in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
