"""Anything that experts could say, tick after tick, and what must hold of every score that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from streamsense.core.scoring import with_reason
from streamsense.fusion.combination import Fusion, FusionModel, FusionSettings, Opinion
from streamsense.fusion.dynamics import DynamicsSettings
from streamsense.fusion.hesitancy import NAMES
from streamsense.fusion.observations import observations
from streamsense.score import EXPERT_LABELS, SCORE_CHANNELS, SCORE_LABELS, Plan, Score
from streamsense.segments import SEGMENT_OFF, SEGMENT_ON, Segments
from streamsense.streams import MODALITIES, Modality
from streamsense.ticks import tick_time
from tests.helpers.fusion_inputs import conflict

SLACK = 1e-5
"""Outputs of a model are float32."""
EXTREMES = (-1e30, -50.0, -8.1, -1.0, -1e-30, 0.0, 1e-30, 0.5, 1.0, 2.1, 50.0, 1e30)
ages = st.sampled_from((0.0, 0.2, 3.0, 3600.0, 3601.0, 1e6, 1e30)) | st.floats(0, 10)
any_time = st.sampled_from((float("nan"), float("inf"), float("-inf"), -1e12, 0.0, 1e12))


@st.composite
def opinions(draw: st.DrawFn, time: float) -> Opinion:
    if draw(st.integers(0, 3)) == 0:
        return Opinion.absent(draw(ages))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hostile = draw(st.booleans())

    def numbers(count: int, low: float, high: float) -> np.ndarray:
        return rng.choice(EXTREMES, count) if hostile else rng.uniform(low, high, count)

    any_number = st.floats() if hostile else st.floats(0, 5)
    return Opinion(
        vad_mean=numbers(3, -1, 1),
        vad_log_variance=numbers(3, -8, 2),
        emotion_logits=numbers(8, -20, 20),
        vad_evidence=(rng.random(3) < 0.8).astype(np.float64),
        emotion_evidence=(rng.random(8) < 0.8) * float(draw(st.booleans())),
        presence=1.0,
        quality=draw(st.sampled_from((-1.0, 0.0, 1e-30, 0.5, 1.0, 3.0)) | st.floats(0, 1)),
        age_s=draw(ages),
        cues={name: draw(any_number) for name in draw(st.lists(st.sampled_from((*NAMES, "speaking")), unique=True))},
        effective_time=draw(any_time | st.floats(time - 20, time)),
    )


@st.composite
def sessions(draw: st.DrawFn) -> list[tuple[float, dict[Modality, Opinion]]]:
    """Ticks with gaps, and what is said at each."""
    ticks = np.cumsum(draw(st.lists(st.sampled_from((1, 1, 1, 2, 40, 100_000)), min_size=1, max_size=12))).tolist()
    return [(tick_time(tick), {name: draw(opinions(tick_time(tick))) for name in MODALITIES}) for tick in ticks]


def check(model: FusionModel, order: int, session: Sequence[tuple[float, Mapping[Modality, Opinion]]]) -> None:
    """Every score of a session, its segments and its observations, are what they may be."""
    settings = FusionSettings(dynamics=DynamicsSettings(order=1 if order == 1 else 2))
    fusion, segments = Fusion(model, settings), Segments()
    shown: dict[bool, str] = {}
    for time, said in session:
        values = np.append(fusion.step(said, time), 0.0)
        assert np.isfinite(values).all()
        for channel, value in zip(SCORE_CHANNELS, values.tolist(), strict=True):
            assert channel.low - SLACK <= value <= channel.high + SLACK, channel.label
        named = dict(zip(SCORE_LABELS, values.tolist(), strict=True))
        assert abs(sum(value for name, value in named.items() if name.startswith("emotion_")) - 1) <= SLACK
        weights = [named[f"{name}_weight"] for name in MODALITIES]
        assert sum(weights) <= 1 + SLACK
        if conflict(_limited(said)) > 0.301:
            assert max(weights) <= 0.6 + SLACK
        assert all(0 <= count <= 1 for count in fusion.cues.values())
        score = Score(0, time, values, np.zeros(len(EXPERT_LABELS)), Plan(0, time, "complete", ()), cues=fusion.cues)
        found = observations(score)
        assert [one.modality for one in found.heard] == [name for name in MODALITIES if said[name].presence]
        assert np.isfinite([number for one in found.heard for number in one[1:]]).all()
        for notice in segments.step(score):
            what = str(notice.details["what"])
            track = what == "ambivalent"
            if notice.kind == SEGMENT_ON:
                assert track not in shown, "two at once"
                shown[track] = what
                assert str(with_reason(notice, score).details["because"]).endswith(f"so {what} is told.")
            elif notice.kind == SEGMENT_OFF:
                assert shown.pop(track) == what


def _limited(said: Mapping[Modality, Opinion]) -> dict[str, np.ndarray]:
    """The opinions as a model takes them."""
    rows = [said[name] for name in MODALITIES]
    return {
        "vad_mean": np.clip([row.vad_mean for row in rows], -1, 1),
        "vad_log_variance": np.clip([row.vad_log_variance for row in rows], -8, 2),
        "presence": np.array([row.presence for row in rows]),
        "quality": np.clip([row.quality for row in rows], 0, 1),
        "age_s": np.clip([row.age_s for row in rows], 0, 3600),
        "vad_evidence": np.array([row.vad_evidence for row in rows]),
    }
