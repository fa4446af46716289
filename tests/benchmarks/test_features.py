"""The short form of `make bench`: it runs, its contenders agree, and no ratio is far from what it must be."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.helpers.command_line import ROOT

SHARE_OF_THE_LIMIT = 0.25
"""Other tests run at the same time, and a ratio of two times suffers less from that than a time does, but it does."""


@pytest.mark.real_data
def test_features_are_about_as_fast_as_they_must_be(data_folder) -> None:
    command = [sys.executable, "-m", "benchmarks.features", "--rounds", "30", "--frames", "20", "--json"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=150)
    print(done.stdout)
    assert done.returncode in (0, 1), done.stderr
    parts = json.loads(done.stdout)
    claims = [claim for part in parts.values() for claim in part["claims"]]
    assert len(claims) == 5
    for claim in claims:
        share = claim["found"] / claim["limit"] if claim["at_least"] else claim["limit"] / claim["found"]
        assert share > SHARE_OF_THE_LIMIT, claim
