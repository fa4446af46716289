"""The short form of `make bench-fusion`: each part runs and is timed; how fast, only a quiet machine can say."""

from __future__ import annotations

import json

import pytest

from benchmarks import fusion_cost
from streamsense.fusion.combination import Opinion, opinion_of
from streamsense.streams import MODALITIES, Modality
from tests.helpers.made_windows import EXPERTS, Session, eeg, face, voice


@pytest.fixture(scope="module")
def ticks() -> list[fusion_cost.Tick]:
    """Two ticks with all three, one of them hesitant."""
    made = []
    for cues in ({}, {"gaze_aversion": 1.0, "lip_press": 1.0}):
        windows = {"eeg": eeg(alpha_O1=-0.6), "face": face(cues, au12=2.0, au4=1.0), "voice": voice(level=1.0)}
        score = Session().score(*windows.values())
        opinions: dict[Modality, Opinion] = {
            name: opinion_of(EXPERTS[name], windows[name], EXPERTS[name].evaluate(windows[name]), 0.0)
            for name in MODALITIES
        }
        made.append(fusion_cost.Tick(opinions, score))
    return made


def test_every_part_is_timed_and_the_limit_is_on_all_together(
    ticks: list[fusion_cost.Tick], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fusion_cost, "ticks_of_a_session", lambda: ticks)
    for limit_ms, status in ((1e3, 0), (1e-3, 1)):
        monkeypatch.setattr(fusion_cost, "LIMIT_MS", limit_ms)
        assert fusion_cost.main(["--turns", "5", "--json"]) == status
        told = json.loads(capsys.readouterr().out)
        costs = {cost["name"]: cost for cost in told["costs"]}
        assert {"combination", "conflict", "dynamics", "segments", "explanation"} < set(costs)
        assert told["claim"]["found"] == costs[fusion_cost.TOTAL]["median_us"] / 1e3
        assert (
            costs[fusion_cost.TOTAL]["median_us"] > costs["combination"]["median_us"] > costs["conflict"]["median_us"]
        )
    assert fusion_cost.main(["--turns", "5"]) == 1
    assert "MISSED" in capsys.readouterr().out
