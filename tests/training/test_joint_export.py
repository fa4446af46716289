"""What was fitted to the features of a session runs in a session: the same opinions, the same fused numbers."""

from dataclasses import replace

import numpy as np
import pytest

from streamsense.errors import ModelError
from streamsense.evaluation.windows import Window
from streamsense.fusion.combination import Fusion
from streamsense.models.card import Card
from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.pipeline import START, Pipeline
from streamsense.resources import shipped
from streamsense.runtime.assembly import feature_operators, front_ends
from streamsense.schedule import TimingSettings
from streamsense.score import Plan
from streamsense.streams import MODALITIES, Control
from streamsense.ticks import tick_at_or_before, tick_time
from streamsense.training.fitting import FittingSettings
from streamsense.training.joint_export import export
from streamsense.training.joint_fitting import JointSettings, fit
from streamsense.training.joint_network import predict
from streamsense.training.joint_table import JointTable, ModalityRows
from streamsense.training.rbtransformer import RBTransformerSettings
from tests.helpers import sessions

CONFIG = sessions.config(*MODALITIES)
SETTINGS = JointSettings(
    fitting=FittingSettings(epochs=4, batch_size=16, learning_rate=0.02),
    eeg=RBTransformerSettings(width=16, depth=1, heads=2, head_width=8),
)
TICKS = 24


def scored(experts, fusion):
    """The scores of a made session of 6 s, from 1.2 s on."""
    pipeline = Pipeline(feature_operators(CONFIG), experts, fusion, TimingSettings(), front_ends(CONFIG, None))
    pipeline.push(Control(START, "", sessions.START))
    for modality in MODALITIES:
        track = sessions.MAKERS[modality](6.0)
        pipeline.push(sessions.opened(track))
        pipeline.push(track.block(0, len(track.stamps), sessions.START + 6.0))
    first = tick_at_or_before(sessions.START) + 6
    times = [(tick, tick_time(tick)) for tick in range(first, first + TICKS)]
    return [pipeline.carry_out(Plan(tick, at, "complete", pipeline.complete_plans(at))) for tick, at in times]


def card(modality):
    return Card(
        name=f"made_{modality}", version="1", modality=modality, description="made", data="made", attribution="",
        licence="Apache-2.0", evaluation="none", evidence_emotions=("angry",), made_by="a test", date="2026-01-01",
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network fitted to a made session's windows with made labels, the table, and the files."""
    windows = scored({}, Fusion(OnnxModel(shipped("models_onnx/fusion_precision.onnx"), provider="cpu")))
    rng = np.random.default_rng(0)
    parts = {}
    for modality in MODALITIES:
        features = [score.windows[modality] for score in windows]
        counts = np.array([one.validity >= TimingSettings().least_validity for one in features])
        parts[modality] = ModalityRows(
            {name: np.stack([one.inputs[name] for one in features]) for name in features[0].inputs},
            counts.astype(np.float32),
            np.array([one.evidence for one in features], np.float32),
            np.array([score.time - one.last_time for score, one in zip(windows, features, strict=True)], np.float32),
        )
    emotions = np.zeros((TICKS, 8))
    emotions[:, :4] = rng.dirichlet(np.ones(4), TICKS)
    vad = rng.uniform(-0.8, 0.8, (TICKS, 3))
    vad[:, 2] = np.nan
    whole = tuple(Window("made", "a", "r", score.time - 2, score.time) for score in windows)
    table = JointTable(parts, whole, vad, emotions, np.ones(TICKS))
    network = fit(table, SETTINGS)
    contracts = {modality: operator.contract() for modality, operator in feature_operators(CONFIG).items()}
    cards = {name: card(name) for name in (*MODALITIES, "fusion")}
    return network, table, export(network, table, cards, contracts, tmp_path_factory.mktemp("trained"))


class Forgetful(Fusion):
    """Takes every tick by itself, as a table's are."""

    def _remember(self, tick_time):
        super()._remember(tick_time)
        self._newness = np.ones(3)


def test_a_session_with_the_files_says_what_the_network_says_of_the_table(trained):
    network, table, paths = trained
    contracts = {modality: operator.contract() for modality, operator in feature_operators(CONFIG).items()}
    experts = {
        modality: Expert(OnnxModel(paths[modality], provider="cpu"), modality, contracts[modality])
        for modality in MODALITIES
    }
    scores = scored(experts, Forgetful(OnnxModel(paths["fusion"], provider="cpu")))
    expected = predict(network, table)
    values = np.array([score.values for score in scores])
    presence = np.stack([part.presence for part in table.modalities.values()], axis=1)
    np.testing.assert_array_equal(values[:, 25:37:4], presence)
    assert 0 < presence.sum() < presence.size
    np.testing.assert_allclose(values[:, 0:6:2], expected.vad, atol=2e-5)
    np.testing.assert_allclose(values[:, 1:6:2], expected.vad_sd, atol=2e-5)
    np.testing.assert_allclose(values[:, 12:20], expected.emotion_probabilities, atol=2e-5)
    alone = np.array([score.experts for score in scores]).reshape(TICKS, 3, 7)
    for place, modality in enumerate(MODALITIES):
        np.testing.assert_allclose(alone[:, place, 0:6:2], expected.experts[modality].vad_mean, atol=2e-5)
    assert np.ptp(expected.vad[:, 0]) > 0.01


def test_the_files_name_the_evidence_they_have_and_are_small(trained):
    network, _, paths = trained
    assert set(paths) == {*MODALITIES, "fusion"}
    for path in paths.values():
        found = OnnxModel(path, provider="cpu").metadata().card
        assert found.evidence_dimensions == network.evidence_dimensions == ("valence", "arousal")
        assert found.evidence_emotions == network.evidence_emotions == ("neutral", "happy", "sad", "surprised")
        assert path.stat().st_size < 5_000_000
    inputs = OnnxModel(paths["face"], provider="cpu").inputs
    assert inputs["action_unit_frames"] == (20, 19)


def test_a_card_without_an_expert_is_refused(trained, tmp_path):
    _, table, _ = trained
    lone = replace(table, modalities={"voice": table.modalities["voice"]})
    only_voice = fit(lone, SETTINGS)
    with pytest.raises(ModelError, match="card for eeg, but the network has experts for voice"):
        export(only_voice, lone, {"eeg": card("eeg")}, {"eeg": {}}, tmp_path)
    assert not list(tmp_path.iterdir())
    assert predict(only_voice, table).vad.shape == (TICKS, 3)
