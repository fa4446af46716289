"""`make ambivalence` without its pictures and sounds: the formula on what the acts were measured to show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.ambivalence import act_at, limits, shortfalls, told
from benchmarks.ambivalence_scores import Heard, ablation_rows, act_rows, cue_rows, lines, scored, separation
from streamsense.fusion.combination import Opinion
from streamsense.fusion.emotions import EMOTIONS
from streamsense.fusion.hesitancy import CUES, NAMES
from streamsense.sources.simulator.further_acts import CUE_ACTS, SHOWN_FROM, cue_acts_in_order
from streamsense.sources.simulator.script import Script
from streamsense.sources.simulator.scripts import acts_in_order
from streamsense.ticks import HOP_S

USUAL = {
    "speaking": 1.0, "voiced_fraction": 0.8, "pause_fraction": 0.22, "long_pause": 0.0, "articulation_rate_hz": 4.3,
    "filled_pause": 0.0, "breath": 0.0, "gaze_aversion": 0.0, "gaze_offset": 1.9, "brow_variability": 0.05,
    "eye_closure": 0.0, "lip_press": 0.0, "smile_without_cheek": 0.0, "action_unit_variability": 0.05,
    "head_shake": 0.2, "head_tilt": 3.3,
}  # fmt: skip
SHOWN = {
    "neutral": {},
    "clear joy": {"smile_without_cheek": 0.49, "gaze_offset": 2.6, "head_tilt": 6.4, "action_unit_variability": 0.2},
    "clear anger": {"brow_variability": 0.34, "articulation_rate_hz": 3.9, "gaze_offset": 2.3, "pause_fraction": 0.12},
    "smile with angry voice": {"smile_without_cheek": 0.29, "action_unit_variability": 2.2, "pause_fraction": 0.11},
    "long pauses with gaze away": {"pause_fraction": 0.66, "long_pause": 1.0, "gaze_aversion": 0.25},
    "listening in silence": {"speaking": 0.0, "voiced_fraction": 0.0, "pause_fraction": 0.1},
    **{
        state.name: {name: CUES[name].usual + 6 * CUES[name].sign * CUES[name].spread}
        for name, state in CUE_ACTS.items()
    },
    CUE_ACTS["head_tilt"].name: {"head_tilt": 17.0},
}
FACE = {
    "clear joy": "happy",
    "clear anger": "angry",
    "smile with angry voice": "happy",
    "smile without cheeks": "happy",
}


def opinion(time: float, cues: dict[str, float], emotion: str = "", quality: float = 1.0) -> Opinion:
    logits = np.where(np.array(EMOTIONS) == (emotion or "neutral"), 3.0, 0.0)
    of_face = np.ones(8) if emotion else np.zeros(8)
    valence = {"happy": 0.6, "angry": -0.4}.get(emotion, 0.0)
    return Opinion(
        np.array([valence, 0.0, 0.0]), np.log(np.full(3, 0.36)), logits * of_face, of_face[:3], of_face, 1.0, quality,
        0.0, cues, time - 1.0,
    )  # fmt: skip


def acted(script_of: Callable[[int], Script], settled_s: float) -> list[Heard]:
    """The acts in the order of seed 0, as the fusion is told of them."""
    script, rows = script_of(0), []
    for hop in range(1, round(script.duration_s / HOP_S)):
        since = hop * HOP_S
        name = script.state_at(since).name
        cues = {**USUAL, **SHOWN.get(name, {})}
        face = opinion(1000.0 + since, cues, FACE.get(name, "neutral"))
        opinions = {"eeg": Opinion.absent(), "face": face, "voice": opinion(1000.0 + since, cues, quality=0.8)}
        rows.append(Heard(0, act_at(script, since, settled_s), 1000.0 + since, opinions))
    return rows


@pytest.fixture(scope="module")
def said() -> list[Heard]:
    return acted(acts_in_order, 5.0)


def test_the_acts_are_as_expected_where_the_voice_s_valence_is_heard(said: list[Heard]) -> None:
    found = scored(told(said))
    rows = act_rows(found)
    assert all(row["holds"] for row in rows), "\n".join(lines(rows))
    assert separation(found)["AUC"] > 0.95
    assert separation(found)["average F1"] > 0.9 > separation(found)["floor: by chance"]


def test_what_is_not_as_expected_is_said_and_fails_unless_it_is_a_known_limit(said: list[Heard]) -> None:
    found, mute = scored(told(said)), scored(said)
    right = {"acts": act_rows(found), "separation": separation(found)}
    limited = {"acts": act_rows(mute), "separation": {"AUC": 0.95}}
    assert [row["act"] for row in limited["acts"] if not row["holds"]] == ["smile with angry voice"]
    tables = {"default experts": limited, "voice heard": right, "cues": []}
    assert not shortfalls(tables)
    (limit,) = limits(tables)
    assert "smile with angry voice" in limit
    assert "hears no valence" in limit
    (failed,) = shortfalls({"default experts": limited, "voice heard": limited, "cues": []})
    assert failed.startswith("voice heard: smile with angry voice")
    without = act_rows(scored(said, "hesitancy"))
    assert "| NOT |" in next(line for line in lines(without) if line.startswith("| long pauses"))


def test_an_ablation_is_shown_of_what_these_acts_show(said: list[Heard]) -> None:
    known = told(said)
    rows = {row["without"]: row for row in ablation_rows(known, scored(known), ("discord", "long_pause", "head_shake"))}
    assert set(rows) == {"nothing", "discord", "long_pause"}, "no act shows a shaken head"
    for what, act in (("discord", "smile with angry voice"), ("long_pause", "long pauses with gaze away")):
        assert rows[what][act] < rows["nothing"][act] - 0.05


def test_each_cue_is_shown_by_its_act_and_hesitancy_falls_without_it() -> None:
    known = told(acted(cue_acts_in_order, 6.0), cue_acts_in_order)
    found = scored(known)
    for name in CUE_ACTS:
        assert found.cues[found.acts == CUE_ACTS[name].name, NAMES.index(name)].mean() > SHOWN_FROM, name
    rows = cue_rows(known, found, ("breath", "eye_closure"))
    assert all(row["holds"] for row in rows), "\n".join(lines(rows))
    assert all(row["without"] < row["ambivalence"] for row in rows)
