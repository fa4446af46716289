"""The commit in a card: that of the checkout, and never that of somebody else's repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import onnx
import pytest

from streamsense import __version__
from streamsense.models import code_version
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from tests.helpers.command_line import ROOT


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a checkout")
def test_it_names_the_commit_of_the_checkout():
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = code_version.code_version()
    assert re.fullmatch(rf"streamsense {__version__}, commit {head[:12]}( with changes)?", found)


def test_a_package_within_another_repository_names_its_version_alone(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr(code_version, "_CHECKOUT", tmp_path / "site-packages")
    assert code_version.code_version() == f"streamsense {__version__}"


def test_a_commit_is_stamped_without_a_change_of_the_graph(tmp_path):
    for name in ("stamp_commit.py", "voice_knowledge.onnx"):
        shutil.copy(shipped("models_onnx") / name, tmp_path / name)
    command = [sys.executable, str(tmp_path / "stamp_commit.py"), "voice_knowledge", "streamsense 9, commit abc"]
    subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, check=True)
    before, after = (OnnxModel(folder / "voice_knowledge.onnx", "cpu") for folder in (shipped("models_onnx"), tmp_path))
    assert after.metadata().card == before.metadata().card.model_copy(update={"commit": "streamsense 9, commit abc"})
    assert after.metadata().contract == before.metadata().contract
    assert onnx.load(after.path).graph == onnx.load(before.path).graph
    assert "| commit | streamsense 9, commit abc |" in (tmp_path / "voice_knowledge.card.md").read_text()
