"""The configuration of a training: what it says is done, and what is wrong is named before anything is read."""

from dataclasses import asdict

import pytest

from streamsense.errors import ConfigError
from streamsense.resources import shipped
from streamsense.settings_file import parse_settings
from streamsense.training.joint_fitting import JointSettings
from streamsense.training.joint_training import settings_of
from streamsense.training.train_settings import TrainConfig, load_training
from tests.helpers.lab_session import training


def parsed(**changes):
    return parse_settings(TrainConfig, training(features=None, **changes), "The training")


def test_the_shipped_one_is_of_three_modalities_and_four_emotions():
    config = load_training(shipped("configs/train_lab.yaml"))
    assert config.modalities == ("eeg", "face", "voice")
    assert config.data[0].label_source().stream == "SimMarkers"
    assert len(config.targets.emotions) == 4


def test_what_is_not_said_is_as_the_networks_want_it():
    config = parse_settings(TrainConfig, training(fitting={}, network={}), "The training")
    usual = asdict(JointSettings())
    usual["fitting"]["seed"] = config.seed
    assert asdict(settings_of(config)) == usual


def test_only_what_is_trained_is_read(tmp_path):
    assert parsed().live_config().eeg.window_s == 4.0
    assert parsed().live_config().face is None
    (tmp_path / "lab.yaml").write_text("eeg: {window_s: 2.0, model: other.onnx}\nface: {}\n", encoding="utf-8")
    given = parse_settings(TrainConfig, training(features=str(tmp_path / "lab.yaml")), "The training").live_config()
    assert (given.eeg.window_s, given.face) == (2.0, None)
    voice = parse_settings(
        TrainConfig, training(features=str(tmp_path / "lab.yaml"), modalities=["voice"]), "The training"
    )
    with pytest.raises(ConfigError, match=r"lab\.yaml has no section voice"):
        voice.live_config()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"card": {}}, r"card\.licence: Field required"),
        ({"card": {"licence": " "}}, r"card\.licence"),
        ({"epochs": 3}, "there is no key 'epochs'; did you mean"),
        ({"fitting": {"epoch": 3}}, r"no key 'fitting\.epoch'; did you mean 'epochs'"),
        ({"data": []}, "at least 1"),
        ({"data": [{"set": "lab", "folder": "x"}]}, "labels are needed for the set lab"),
        ({"data": [{"set": "emodb", "folder": "x", "labels": "y"}]}, "labels are brought along by the set emodb"),
        ({"data": [{"set": "emo", "folder": "x"}]}, "no set 'emo'; expected lab or one of eegmat"),
        ({"data": [{"set": "emodb", "folder": "x"}] * 2}, "two sets are called 'emodb'"),
        ({"data": [{"set": "lab", "folder": "x", "labels": {"marker": {}}}]}, "The labels of the set lab cannot be"),
        ({"modalities": []}, "at least 1"),
        ({"modalities": ["eeg", "eeg"]}, "name each once"),
        ({"modalities": ["ecg"]}, "'eeg', 'face' or 'voice'"),
        ({"targets": {}}, "expected dimensions, emotions, or both"),
        ({"targets": {"emotions": ["happy"]}}, "one emotion alone"),
        ({"targets": {"emotions": ["happy", "jolly"]}}, "jolly"),
        ({"protocol": "corpus"}, "name two sets or more"),
        ({"protocol": "trial"}, "needs folds"),
        ({"hop_s": 0.3}, "multiple of 0.2"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"name": "../x"}, "name: "),
    ],
)
def test_what_is_wrong_is_named(changes, said):
    with pytest.raises(ConfigError, match=said):
        parsed(**changes)
