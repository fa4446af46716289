"""The short form of `make bench-fusion`: a session is played, and each part runs and is timed.

How fast, only a quiet machine can say.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks import fusion_cost
from streamsense.sources.simulator.script import Script

_REST, *_, _HESITANT = fusion_cost.SCRIPT.states
SHORT = Script("short", (replace(_REST, duration_s=4.0), replace(_HESITANT, duration_s=7.0)))


def test_a_session_is_played_and_the_limit_is_on_all_parts_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ticks = fusion_cost.ticks_of_a_session(SHORT)
    told = capsys.readouterr().err
    assert told.startswith(f"{len(ticks)} ticks with all three and a voice")
    assert all(len(tick.opinions) == 3 and tick.score["face_presence"] == 1 for tick in ticks)
    monkeypatch.setattr(fusion_cost, "ticks_of_a_session", lambda script: ticks)
    for limit_ms, status in ((1e3, 0), (1e-3, 1)):
        monkeypatch.setattr(fusion_cost, "LIMIT_MS", limit_ms)
        assert fusion_cost.main(["--turns", "5", "--json"]) == status
        found = json.loads(capsys.readouterr().out)
        costs = {cost["name"]: cost for cost in found["costs"]}
        assert {"combination", "conflict", "dynamics", "segments", "explanation"} < set(costs)
        assert found["claim"]["found"] == costs[fusion_cost.TOTAL]["median_us"] / 1e3
        assert (
            costs[fusion_cost.TOTAL]["median_us"] > costs["combination"]["median_us"] > costs["conflict"]["median_us"]
        )
    assert fusion_cost.main(["--turns", "5"]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_a_session_in_which_nobody_hesitates_is_refused() -> None:
    with pytest.raises(SystemExit, match="none is hesitant"):
        fusion_cost.ticks_of_a_session(Script("calm", (replace(_REST, duration_s=0.5), replace(_REST, duration_s=1.5))))
