"""Whatever experts say, whoever comes and goes, however old it is: every score is a score."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.arrays import Float32Array
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.score import SCORE_CHANNELS
from streamsense.streams import Modality
from streamsense.ticks import tick_time
from tests.helpers.any_opinions import check, sessions

MODEL = OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu")


@settings(deadline=None)
@given(st.sampled_from([1, 2]), sessions())
def test_every_output_is_finite_and_in_its_range(
    order: int, session: list[tuple[float, dict[Modality, Opinion]]]
) -> None:
    check(MODEL, order, session)


class _Unruly:
    """Somebody's own fusion model, whose numbers are finite and no more than that."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def run(self, inputs: Mapping[str, Float32Array]) -> dict[str, Float32Array]:
        return {name: np.float32(self._factor) * value for name, value in MODEL.run(inputs).items()}


@pytest.mark.parametrize("factor", [7.0, -7.0, 1e30])
def test_what_a_model_of_ones_own_says_is_limited_to_its_range(factor: float) -> None:
    said = Opinion(
        np.array([0.9, -0.9, 0.5]), np.full(3, -4.0), np.arange(8.0), np.ones(3), np.ones(8), 1.0, 1.0, 0.0,
        {"speaking": 1.0}, tick_time(0),
    )  # fmt: skip
    fusion = Fusion(_Unruly(factor))
    for tick in range(3):
        values = fusion.step({"eeg": said, "face": said, "voice": Opinion.absent()}, tick_time(tick))
        for channel, value in zip(SCORE_CHANNELS, values.tolist(), strict=False):
            assert channel.low <= value <= channel.high, channel.label


@pytest.mark.parametrize("order", [1, 2])
def test_segments_of_a_sure_and_torn_person_do_not_overlap(order: int) -> None:
    """Long enough for segments to begin and end, which hypothesis' sessions seldom are."""
    rng = np.random.default_rng(0)
    session = []
    for tick in range(400):
        emotion, sign = (tick // 40) % 8, 1.0 if tick % 80 < 40 else -1.0
        logits = np.where(np.arange(8) == emotion, 20.0, -20.0)
        rows: dict[Modality, Opinion] = {
            name: Opinion(
                np.array([way * sign, rng.uniform(-1, 1), 0.0]), np.full(3, -8.0), logits, np.ones(3), np.ones(8), 1.0,
                1.0, 0.0, {"speaking": 1.0, "pause_fraction": 1.0, "gaze_aversion": 1.0}, tick_time(tick),
            )
            for name, way in (("eeg", 1.0), ("face", 1.0), ("voice", -1.0 if tick > 200 else 1.0))
        }  # fmt: skip
        session.append((tick_time(tick), rows))
    check(MODEL, order, session)
