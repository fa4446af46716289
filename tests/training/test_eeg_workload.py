"""The whole way of the EEG expert in short: windows, folds, a fit, an export that the runtime takes, twice the same."""

import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch

from streamsense.errors import ModelError
from streamsense.evaluation.intervals import interval_over_people
from streamsense.features.band_entropy import BandEntropy
from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.training import eeg_evaluation as evaluation
from streamsense.training.eeg_card import card
from streamsense.training.eeg_committee import AROUSAL_OF_WORK
from streamsense.training.eeg_expert import WorkloadSettings, balance, calibrate
from streamsense.training.eeg_tables import eyes_table
from streamsense.training.eeg_training import OUTPUTS, examples, train
from streamsense.training.eeg_workload import main
from streamsense.training.export import difference, export_expert
from streamsense.training.fitting import FittingSettings

SETTINGS = WorkloadSettings(fitting=FittingSettings(epochs=1), members=2)


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """Intervals from few draws: what they are is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "interval_over_people", partial(interval_over_people, times=20))
        yield


@pytest.fixture(scope="module")
def eyes(data_folder):
    table = eyes_table(data_folder / "eeg_eyes")
    return table.take(range(0, len(table), 5))


@pytest.fixture(scope="module")
def few_rows(six_people):
    return six_people.take(range(0, len(six_people), 2))


@pytest.fixture(scope="module")
def trained(few_rows, eyes):
    return train(few_rows, eyes, SETTINGS, (1,))


def written(folder, trained, table):
    expert, found = trained
    made = card(found, "a test", "2026-01-02")
    return export_expert(expert, examples(table, 8), OUTPUTS, made, BandEntropy().contract(), folder)


@pytest.mark.real_data
def test_trained_in_short_it_is_an_expert_that_the_runtime_takes(trained, six_people, tmp_path):
    path = written(tmp_path, trained, six_people)
    operator = BandEntropy()
    expert = Expert(OnnxModel(path, provider="cpu"), "eeg", operator.contract())
    assert expert.vad_evidence.tolist() == [0, 1, 0]
    assert not expert.emotion_evidence.any()
    assert set(expert.model.inputs) == {
        "band_entropy", "band_entropy_baseline", "electrode_mask", "baseline_weight"
    }  # fmt: skip
    assert path.stat().st_size < 5_000_000
    assert difference(trained[0], path, examples(six_people, 20)) <= 1e-5
    assert "pooled" in expert.metadata.card.evaluation
    assert trained[1].epochs == (1,) * 6
    assert 0.6 < trained[1].change.pooled.figure < 1, "work is far from rest, whatever was learned"

    window = {name: value[0].numpy() for name, value in examples(six_people, 1).items()}
    bare = expert.model.run(window | {"baseline_weight": np.zeros(1, np.float32)})
    assert not bare["vad_mean"].any()
    assert bare["vad_log_variance"][1] > expert.model.run(window)["vad_log_variance"][1]
    blind = expert.model.run(window | {"electrode_mask": np.zeros_like(window["electrode_mask"])})
    assert not blind["vad_mean"].any()
    assert blind["vad_log_variance"][1] > math.log(1.0)


@pytest.mark.real_data
def test_the_same_seed_gives_the_same_file_and_a_stopped_run_goes_on_to_it(trained, few_rows, eyes, tmp_path):
    class StopHere(Exception):
        pass

    def stop_at(name, _epochs):
        if name.startswith("flipped labels, fold 5"):
            raise StopHere
        return lambda _epoch, _loss: None

    first = written(tmp_path / "a", trained, few_rows)
    with pytest.raises(StopHere):
        train(few_rows, eyes, SETTINGS, (1,), tmp_path / "work", stop_at)
    resumed = train(few_rows, eyes, SETTINGS, (1,), tmp_path / "work")
    assert written(tmp_path / "b", resumed, few_rows).read_bytes() == first.read_bytes()
    assert first.with_suffix(".card.md").read_bytes() == (tmp_path / "b" / "eeg_workload.card.md").read_bytes()


@pytest.mark.real_data
def test_nobody_is_predicted_by_a_network_that_has_seen_them(six_people, monkeypatch):
    seen = []

    def fit(table, *_arguments):
        seen.append(set(table.person))
        return set(table.person)

    def predict(network, table):
        assert not network & set(table.person)
        return np.zeros(len(table)), np.zeros(len(table))

    monkeypatch.setattr(evaluation, "fit_workload", fit)
    monkeypatch.setattr(evaluation, "predict", predict)
    held_out = evaluation.cross_validate(six_people, WorkloadSettings(), (1, 2))
    assert held_out.epochs == (1,) * 6
    assert len(seen) == 6 * 3
    assert sorted(len(people) for people in seen) == [4] * 12 + [5] * 6  # for choosing, one person fewer


def test_an_export_that_computes_something_else_is_not_written(tmp_path):
    class Restless(torch.nn.Module):
        """Not a function of its inputs, so no graph can compute the same."""

        calls = 0.0

        def forward(self, x):
            self.calls += 1.0
            return (x + self.calls,)

    made = card_of_nothing()
    with pytest.raises(ModelError, match="away from the network"):
        export_expert(Restless(), {"x": torch.zeros(2, 3)}, ("y",), made, {"feature": "x"}, tmp_path)
    assert not list(tmp_path.iterdir())


def card_of_nothing():
    from streamsense.models.card import Card

    return Card(
        name="nothing", version="1", modality="eeg", description="nothing", data="none", attribution="", licence="x",
        evaluation="none", made_by="a test", date="2026-01-02",
    )  # fmt: skip


def test_the_command_names_what_is_wrong_and_exits_with_2(tmp_path, capsys):
    assert main([str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "Expected eegmat as its publishers lay it out" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path), "--seed", "-1"])
    assert ended.value.code == 2
    assert "seed is -1" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["torch", "onnx"])
def test_without_what_training_needs_the_command_says_what_to_install(missing):
    code = f"""import sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from streamsense.training.eeg_workload import main
sys.exit(main(["nowhere"]))"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "streamsense[train]" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_calibration_finds_the_temperature_and_the_variance_that_were_put_in():
    random = np.random.default_rng(0)
    logit = random.normal(0, 2, 20_000)
    label = random.random(20_000) < 1 / (1 + np.exp(-logit))
    log_variance = np.log(AROUSAL_OF_WORK**2 / np.cosh(logit / 2) ** 2)  # that of a fair coin of this logit
    found = calibrate(3 * logit, log_variance, label)
    assert found.temperature == pytest.approx(3, rel=0.05)
    assert found.slope == pytest.approx(1, abs=0.1)
    assert found.variance(log_variance).mean() == pytest.approx(np.exp(log_variance).mean(), rel=0.1)
    assert found.arousal(np.array([0.0, 100.0])).tolist() == pytest.approx([0, AROUSAL_OF_WORK])


def test_both_labels_count_equally():
    label = np.arange(10) < 3
    weight = balance(label)
    assert weight[label].sum() == pytest.approx(weight[~label].sum())
    assert weight.mean() == pytest.approx(1)
