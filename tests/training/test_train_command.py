"""From labelled sessions to models: judged by others, the same twice, gone on with, and refused with reason."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from streamsense.cli.main import app
from streamsense.config import load_config
from streamsense.errors import ConfigError, EvaluationError, ModelError, SinkError
from streamsense.features.band_entropy import BandEntropy, BandEntropySettings
from streamsense.models.card_people import people_of
from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.settings_file import parse_settings
from streamsense.training.joint_training import read_data, train
from streamsense.training.run_folder import RunFolder
from streamsense.training.train_settings import TrainConfig
from streamsense.training.trained_report import write
from tests.helpers import command_line
from tests.helpers.lab_session import training, write_lab, write_session

REPORTS = ("report.json", "report.md", "report.html")


class StopHere(Exception):
    """What a kill or Ctrl-C would be."""


class Watch:
    """Notes what is told; stops the training at a fit's epoch where that is wanted."""

    def __init__(self, stop_at=None):
        self.stop_at, self.notes, self.reads, self.epochs = stop_at, [], [], []

    def note(self, text):
        self.notes.append(text)

    def read(self, name, done, total):
        self.reads.append((name, done, total))

    def fitting(self, name, epochs):
        def told(epoch, _loss):
            self.epochs.append((name, epoch))
            if (name, epoch) == self.stop_at:
                raise StopHere

        return told

    def fitted(self, name):
        pass


def command(*words):
    """A command in this process; raises what it raises."""
    done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def configured(folder, **changes):
    path = folder / "training.yaml"
    path.write_text(yaml.safe_dump(training(**changes)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with sessions of three people, trained and exported."""
    folder = write_lab(tmp_path_factory.mktemp("lab"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        path = configured(folder)
        said = command("train", path, "--out", "run")
        command("export", "run", "-o", "models", "--date", "2026-01-02")
    (folder / "said.txt").write_text(said, encoding="utf-8")
    return folder


@pytest.fixture
def here(lab, monkeypatch):
    monkeypatch.chdir(lab)
    return lab


def begun(folder, **changes):
    return RunFolder.begin(Path(folder), parse_settings(TrainConfig, training(**changes), "The training"))


def test_the_report_is_of_people_held_out_and_says_how_few_they_are(here):
    report = json.loads((here / "run" / "report.json").read_text(encoding="utf-8"))
    (part,) = report["parts"]
    assert part["source"] == "eeg"
    assert dict(part["counts"])["people"] == "3"
    assert "3 folds by people" in report["protocol"]
    assert report["warnings"][0].startswith("3 people: ")
    assert {topic["title"] for topic in part["topics"]} == {"Emotions", "Arousal"}
    assert all(topic["figures"][0]["floors"] for topic in part["topics"])
    assert "warning: 3 people" in (here / "said.txt").read_text(encoding="utf-8")
    assert "eeg: Emotions: UAR" in (here / "said.txt").read_text(encoding="utf-8")


def test_a_stopped_training_goes_on_to_the_same_bytes(here):
    run = begun("again")
    stopping = Watch(stop_at=("without lab P1", 2))
    with pytest.raises(StopHere):
        train(run, read_data(run, stopping), stopping)
    run = RunFolder.begin(Path("again"), run.config)
    resumed = Watch()
    write(run, train(run, read_data(run, resumed), resumed))
    assert resumed.reads == [("", 3, 3)], "sessions that were read are not read again"
    later = [(name, epoch) for name in ("without lab P2", "everybody") for epoch in (1, 2, 3)]
    assert resumed.epochs == [("without lab P1", 3), *later]
    for name in REPORTS:
        assert (here / "again" / name).read_bytes() == (here / "run" / name).read_bytes(), name
    command("export", "again", "-o", "models_again", "--date", "2026-01-02")
    for file in sorted((here / "models").glob("*.onnx")):
        assert (here / "models_again" / file.name).read_bytes() == file.read_bytes()


def test_nobody_is_judged_by_a_network_that_has_seen_them(here):
    run = RunFolder.open(Path("run"))
    trained = train(run, read_data(run, Watch()), Watch())
    assert len(trained.folds) == 3
    for fold in trained.folds:
        own = {(window.dataset, window.person) for window in fold.table.windows}
        assert len(own) == 1
        assert not own & fold.network.people
        assert len(fold.network.people) == 2
    assert len(trained.network.people) == 3


def test_what_is_exported_is_what_a_session_takes(here):
    contract = BandEntropy(BandEntropySettings(window_s=1.0)).contract()
    expert = Expert(OnnxModel(here / "models" / "own_eeg.onnx", provider="cpu"), "eeg", contract)
    card = expert.metadata.card
    assert card.licence == "CC0-1.0"
    assert card.evidence_dimensions == ("arousal",)
    assert card.evidence_emotions == ("neutral", "angry")
    assert card.date == "2026-01-02"
    assert "Emotions, UAR: " in card.evaluation
    assert "floors: " in card.evaluation
    trained = people_of(card)
    assert trained is not None
    assert trained.complete
    assert trained.among([("lab", f"P{number}") for number in range(5)]) == [("lab", f"P{n}") for n in range(3)]
    assert any(limit.startswith("3 people: ") for limit in card.limits)
    assert "streamsense 0." in card.made_by
    live = load_config(here / "models" / "live.yaml")
    assert (live.eeg.model, live.eeg.window_s, live.face) == ("models/own_eeg.onnx", 1.0, None)
    assert not (here / "models" / "own_fusion.onnx").exists(), "there is nothing to fuse"
    with pytest.raises(SinkError, match=r"live\.yaml is there already"):
        command("export", "run", "-o", "models")


@pytest.mark.parametrize("damage", [lambda content: content[:200], lambda content: b"", lambda content: content[::-1]])
def test_a_damaged_checkpoint_is_named(here, tmp_path, damage):
    shutil.copytree("run", tmp_path / "run")
    file = tmp_path / "run" / "checkpoints" / "fold-002.npz"
    file.write_bytes(damage(file.read_bytes()))
    for words in (["train", "training.yaml", "--out", tmp_path / "run"], ["export", tmp_path / "run", "-o", "none"]):
        with pytest.raises(ModelError, match=r"checkpoint \S+fold-002\.npz cannot be used .*Remove it"):
            command(*words)
    assert not Path("none").exists()


def test_another_training_does_not_go_into_the_same_folder(here, tmp_path):
    with pytest.raises(ConfigError, match=r"another training: config\.fitting\.epochs: there 3, now 4"):
        begun("run", fitting={"epochs": 4})
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_mother.txt").touch()
    with pytest.raises(ConfigError, match="holds no training"):
        begun(tmp_path / "letters")


def test_what_is_not_finished_is_not_exported(here, tmp_path):
    begun(tmp_path / "new")
    with pytest.raises(ConfigError, match="holds a training that is not finished"):
        command("export", tmp_path / "new", "-o", tmp_path / "models")
    with pytest.raises(ConfigError, match="is no folder of a training"):
        command("export", tmp_path, "-o", tmp_path / "models")


def test_a_session_that_was_added_is_read_and_its_checkpoints_are_refused(here, tmp_path):
    shutil.copytree("run", tmp_path / "run")
    shutil.copytree("sessions", tmp_path / "sessions")
    write_session(tmp_path / "sessions" / "sub-P3.xdf", 3)
    run = RunFolder.open(tmp_path / "run")
    data = run.config.data[0].model_copy(update={"folder": tmp_path / "sessions"})
    config = run.config.model_copy(update={"data": (data,)})
    watch = Watch()
    table = read_data(RunFolder(run.path, config, run.contracts), watch)
    assert len({window.person for window in table.windows}) == 4
    with pytest.raises(ModelError, match="is of another training"):
        train(run, table, watch)


def test_a_class_of_one_person_and_a_target_of_nobody_are_refused(here, tmp_path, monkeypatch):
    monkeypatch.chdir(write_lab(tmp_path, people=0))
    for person, states in enumerate((("rest", "rest"), ("rest", "rest"), ("rest", "work"))):
        write_session(tmp_path / "sessions" / f"sub-P{person}.xdf", person, states)
    run = begun("run")
    with pytest.raises(EvaluationError, match="'angry' are of one person"):
        train(run, read_data(run, Watch()), Watch())
    run = begun("other", targets={"dimensions": ["arousal"], "emotions": ["neutral", "happy"]})
    with pytest.raises(EvaluationError, match="No window is labelled with happy"):
        train(run, read_data(run, Watch()), Watch())


def test_one_persons_own_model_is_judged_by_other_trials(here, tmp_path, monkeypatch):
    monkeypatch.chdir(write_lab(tmp_path, people=1))
    run = begun("run", protocol="trial", folds=2)
    trained = train(run, read_data(run, Watch()), Watch())
    assert len(trained.folds) == 2
    trials = [{window.trial for window in fold.table.windows} for fold in trained.folds]
    assert not trials[0] & trials[1]
    assert "other trials of the same people" in trained.warnings[0]
    run = begun("by_person")
    table = read_data(run, Watch())
    with pytest.raises(EvaluationError, match="are of one person"):
        train(run, table, Watch())


def test_without_torch_one_sentence_says_what_to_install(here, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')\n", encoding="utf-8")
    for words in (["train", "training.yaml", "--out", "elsewhere"], ["export", "run", "-o", "elsewhere"]):
        done = command_line.run(*words, folder=here, PYTHONPATH=str(tmp_path))
        assert done.code == 2, done.err
        assert "Training needs torch" in done.err
        assert "streamsense[train]" in done.err
        assert "Traceback" not in done.err
    assert not (here / "elsewhere").exists()


def test_unknown_keys_and_a_missing_licence_are_an_error_of_the_command(here, tmp_path):
    path = configured(tmp_path, seconds=3)
    with pytest.raises(ConfigError, match="there is no key 'seconds'"):
        command("train", path)
    path = configured(tmp_path, card={})
    with pytest.raises(ConfigError, match=r"card\.licence: Field required"):
        command("train", path)
    with pytest.raises(ConfigError, match="or one of those that are shipped: train_lab"):
        command("train", "train_lap")
