"""Windows made by hand, and their scores with the shipped experts: a sign is put in, and must come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamsense.config import Config
from streamsense.core.notices import Notices
from streamsense.core.pipeline_state import PipelineState
from streamsense.core.scoring import Scoring
from streamsense.features.action_units import ACTION_UNITS, RELIABILITY
from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.operator import FeatureOperator
from streamsense.features.prosody import PROSODY
from streamsense.features.voice_movement import MOVEMENT
from streamsense.fusion.attribution import Explainer
from streamsense.fusion.combination import Fusion
from streamsense.models.expert import Expert
from streamsense.runtime.assembly import feature_operators, load_model
from streamsense.schedule import TimingSettings
from streamsense.score import Plan, Score, StreamPlan
from streamsense.streams import Feature, Modality
from streamsense.ticks import tick_time
from tests.helpers import sessions

CAP = ("Fp1", "Fp2", "F3", "F4", "F7", "F8", "C3", "C4", "P3", "P4", "O1", "O2")
REST_NAT = 2.0
MODELS: dict[Modality, str] = {"eeg": "eeg_knowledge", "face": "face_knowledge", "voice": "voice_knowledge"}
OPERATORS = feature_operators(sessions.config("eeg", "face", "voice"))
EXPERTS = {name: Expert(load_model(MODELS[name], "cpu"), name, OPERATORS[name].contract()) for name in MODELS}
FUSION = load_model(Config().fusion_model, "cpu")


def eeg(**changes: float) -> Feature:
    """A settled EEG at rest, but for changes in nats such as `alpha_O1=-0.6`."""
    rest = np.full((len(ELECTRODES), len(BAND_NAMES)), REST_NAT, np.float32)
    entropy, mask = rest.copy(), np.isin(ELECTRODES, CAP).astype(np.float32)
    for name, change in changes.items():
        band, electrode = name.split("_")
        entropy[ELECTRODES.index(electrode), BAND_NAMES.index(band)] += change
    known = mask[:, np.newaxis]
    inputs = {"band_entropy": entropy * known, "band_entropy_baseline": rest * known, "electrode_mask": mask}
    return window("eeg", {**inputs, "baseline_weight": np.ones(1, np.float32)})


def face(cues: Mapping[str, float] | None = None, **levels: float) -> Feature:
    """A neutral face, but for levels such as `au12=2.1`."""
    units = np.zeros((len(ACTION_UNITS), 4), np.float32)
    for name, level in levels.items():
        units[ACTION_UNITS.index(int(name[2:])), 0] = level
    mask = np.array([RELIABILITY[unit] for unit in ACTION_UNITS], np.float32)
    return window("face", {"action_units": units, "action_unit_mask": mask}, cues)


def voice(
    level: float = 0.0, tilt: float = 0.0, voiced: float = 0.6, pauses: float = 0.1, **contours: float
) -> Feature:
    """A voice as it always is, but for its level and tilt (SD), its shares, and numbers of PROSODY."""
    numbers = {"pitched_fraction": 0.5, "pitch_sd_st": 2.0, **contours}
    inputs = {
        "log_mel_statistics": np.zeros((64, 4), np.float32),
        "prosody": np.array([level, tilt, voiced, pauses], np.float32),
        "contours": np.array([numbers.get(name, 0.0) for name in PROSODY], np.float32),
        "movement": np.zeros(len(MOVEMENT), np.float32),
        "log_mel_frames": np.zeros((200, 64), np.float32),
        "log_mel_mask": np.ones(200, np.float32),
    }
    return window("voice", inputs)


def window(
    modality: Modality, inputs: dict[str, np.ndarray], cues: Mapping[str, float] | None = None, quality: float = 1.0
) -> Feature:
    return Feature(modality, inputs, 1.0, quality, tick_time(5), tick_time(0), cues=dict(cues or {}))


@dataclass
class _Made:
    """Stands where an operator does, with a window that is there already."""

    made: Feature

    def feature_at(self, tick: float) -> Feature:
        return self.made


class Session:
    """Scores windows tick by tick, and explains them."""

    def __init__(self, experts: Mapping[Modality, Expert] = EXPERTS) -> None:
        self.fusion = Fusion(FUSION)
        self.explainer = Explainer(experts, self.fusion)
        self._experts = dict(experts)
        self._tick = 5

    def score(self, *windows: Feature) -> Score:
        operators: dict[Modality, FeatureOperator] = {one.modality: _Made(one) for one in windows}  # type: ignore[misc]
        scoring = Scoring(operators, self._experts, self.fusion, TimingSettings(), PipelineState(), Notices())
        plan = Plan(self._tick, tick_time(self._tick), "complete", tuple(StreamPlan(m, 0.0, "live") for m in operators))
        return scoring.score(plan)
