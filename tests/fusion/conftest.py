"""What is compiled is compiled, in each layout that tests use, before hypothesis looks at the clock."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.fusion.combination import Fusion
from streamsense.fusion.dynamics import DynamicsSettings, DynamicsState, step_dynamics
from streamsense.fusion.emotions import VAD_CENTROIDS
from streamsense.fusion.mixture import with_vote
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    Fusion(OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu"))
    for mean in (np.zeros(3), VAD_CENTROIDS[0]):
        with_vote(np.ones(8), mean, np.zeros(3), np.ones(3), 1.0)
    for sd in (np.broadcast_to(1e-9, 3), np.broadcast_to(np.full(3, 1e-9), (2, 3))[0]):
        state = DynamicsState.new()
        for time in (0.0, 0.2):
            step_dynamics(state, DynamicsSettings(), np.zeros(3), sd, time)
