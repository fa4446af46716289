"""`make ambivalence` without its pictures and sounds: the formula on what the acts were measured to show."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.ambivalence import ACTS, Heard, acts_in_order, print_ablations, print_acts, scored, separation, told
from streamsense.fusion.combination import Opinion
from streamsense.fusion.emotions import EMOTIONS
from streamsense.ticks import HOP_S

USUAL = {
    "speaking": 1.0, "voiced_fraction": 0.8, "pause_fraction": 0.22, "long_pause": 0.0, "articulation_rate_hz": 4.3,
    "filled_pause": 0.0, "breath": 0.0, "gaze_aversion": 0.0, "gaze_offset": 1.8, "brow_variability": 0.05,
    "eye_closure": 0.0, "lip_press": 0.0, "smile_without_cheek": 0.0, "action_unit_variability": 0.05,
    "head_shake": 0.2, "head_tilt": 3.3,
}  # fmt: skip
SHOWN = {
    "neutral": {},
    "clear joy": {"smile_without_cheek": 0.49, "gaze_offset": 2.6, "head_tilt": 6.4, "action_unit_variability": 0.2},
    "clear anger": {"brow_variability": 0.34, "articulation_rate_hz": 3.9, "gaze_offset": 2.3, "pause_fraction": 0.12},
    "smile with angry voice": {"smile_without_cheek": 0.29, "action_unit_variability": 2.2, "pause_fraction": 0.11},
    "long pauses with gaze away": {"pause_fraction": 0.66, "long_pause": 1.0, "gaze_offset": 3.9},
    "listening in silence": {"speaking": 0.0, "voiced_fraction": 0.0, "pause_fraction": 0.1},
}
FACE = {"clear joy": "happy", "clear anger": "angry", "smile with angry voice": "happy"}


def opinion(time: float, cues: dict[str, float], emotion: str = "", quality: float = 1.0) -> Opinion:
    logits = np.where(np.array(EMOTIONS) == (emotion or "neutral"), 3.0, 0.0)
    of_face = np.ones(8) if emotion else np.zeros(8)
    valence = {"happy": 0.6, "angry": -0.4}.get(emotion, 0.0)
    return Opinion(
        np.array([valence, 0.0, 0.0]), np.log(np.full(3, 0.36)), logits * of_face, of_face[:3], of_face, 1.0, quality,
        0.0, cues, time - 1.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def said() -> list[Heard]:
    """The acts in the order of seed 0, as the fusion is told of them."""
    script, rows = acts_in_order(0), []
    for hop in range(1, round(script.duration_s / HOP_S)):
        since = hop * HOP_S
        state = script.state_at(since)
        begins = script.starts[np.searchsorted(script.starts, since, side="right") - 1]
        act = state.name if state in ACTS and since >= begins + 5 else ""
        cues = {**USUAL, **SHOWN.get(state.name, {})}
        face = opinion(1000.0 + since, cues, FACE.get(state.name, "neutral"))
        opinions = {"eeg": Opinion.absent(), "face": face, "voice": opinion(1000.0 + since, cues, quality=0.8)}
        rows.append(Heard(0, act, 1000.0 + since, opinions))
    return rows


def test_the_acts_are_as_expected_where_the_voice_s_valence_is_heard(
    said: list[Heard], capsys: pytest.CaptureFixture[str]
) -> None:
    known = told(said)
    values = scored(known)
    assert print_acts(known, values), capsys.readouterr().out
    _, area, f1 = separation(known, values)
    assert area > 0.95
    assert f1 > 0.9


def test_the_table_says_what_is_not_as_expected(said: list[Heard], capsys: pytest.CaptureFixture[str]) -> None:
    assert not print_acts(said, scored(said, "hesitancy"))
    assert "| long pauses with gaze away |" in (table := capsys.readouterr().out)
    assert [line.count("NOT") for line in table.splitlines() if line.startswith("| long")] == [1]
    print_ablations(told(said), ("discord", "pause_fraction", "head_shake"))
    rows = {line.split(" | ")[0][2:]: line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")}
    assert {"nothing", "discord", "pause_fraction"} <= set(rows)
    assert "head_shake" not in rows, "no act shows it"
