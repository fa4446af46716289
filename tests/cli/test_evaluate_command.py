"""`streamsense evaluate` as a user calls it: on recordings of known layouts, and on what it must refuse."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

from streamsense.models.contract import CONTRACT_KEY
from streamsense.resources import shipped
from tests.datasets.test_lab_sessions import session
from tests.helpers.brain_noise import brain_noise
from tests.helpers.command_line import Done, run_together
from tests.helpers.edf_writer import write_edf

RATE = 128
NAMES = ["EEG Fp1", "EEG Fp2", "EEG F3", "EEG F4", "EEG O1", "EEG O2"]


def eegmat(folder: Path, people: int = 2, seconds: int = 9) -> Path:
    """Rest is slow waves, arithmetic fast ones."""
    folder.mkdir()
    times = np.arange(seconds * RATE) / RATE
    for person in range(people):
        random = np.random.default_rng(person)
        for part, wave_hz in ((1, 6.0), (2, 20.0)):
            waves = 60 * np.sin(2 * np.pi * wave_hz * times + random.uniform(0, 6, (len(NAMES), 1)))
            counts = np.rint(waves + brain_noise(random, 10, waves.T.shape, RATE).T).astype(int)
            write_edf(folder / f"Subject{person:02d}_{part}.edf", NAMES, ["uV"] * len(NAMES), counts, RATE)
    return folder


def emodb(folder: Path) -> Path:
    (folder / "wav").mkdir(parents=True)
    times = np.arange(16_000) / 16_000
    for speaker in ("03", "08"):
        for at, letter in enumerate("WTNL"):
            pitch = 120 + 40 * at
            sound = 0.2 * np.sin(2 * np.pi * pitch * times) * (1 + np.sin(2 * np.pi * 4 * times))
            sound += np.random.default_rng(at).normal(0, 0.003, len(times))
            soundfile.write(folder / "wav" / f"{speaker}a01{letter}a.wav", sound, 16_000, subtype="PCM_16")
    return folder


def with_other_contract(target: Path) -> Path:
    """The shipped EEG expert, made for another window."""
    model = onnx.load(shipped("models_onnx") / "eeg_knowledge.onnx")
    (field,) = (one for one in model.metadata_props if one.key == CONTRACT_KEY)
    field.value = json.dumps({**json.loads(field.value), "highpass": {"cutoff_hz": 1.0}, "log": "binary"})
    onnx.save(model, target)
    return target


SHORT = ["--data", "eegmat:eeg", "--settle", 5]
COMMANDS = {
    "eeg": ["eeg_workload", *SHORT, "--curves", "--out", "out", "--json"],
    "settling": ["eeg_workload", "--data", "eegmat:eeg", "--json"],
    "by path": ["eeg.onnx", *SHORT, "--data", "eegmat:eeg", "--protocol", "corpus", "--contrast",
                "mental_arithmetic,rest", "--json"],
    "voice": ["voice_emotion", "--data", "emodb:voice", "--protocol", "trial"],
    "lab": ["eeg_knowledge", "--data", "lab:lab", "--labels", "labels.yaml", "--settle", 0, "--contrast", "calm,horror",
            "--json"],
    "lab without labels": ["eeg_knowledge", "--data", "lab:lab", "--out", "bare"],
    # what is refused
    "again": ["eeg_workload", "--data", "eegmat:eeg", "--out", "out"],
    "no set": ["eeg_workload", "--data", "nonsense:eeg"],
    "no colon": ["eeg_workload", "--data", "eeg"],
    "no folder": ["eeg_workload", "--data", "eegmat:gone"],
    "other layout": ["eeg_workload", "--data", "eegmat:voice"],
    "other modality": ["voice_emotion", "--data", "eegmat:eeg"],
    "two alike": ["eeg_workload", "eeg_knowledge", "--data", "eegmat:eeg"],
    "no expert": ["fusion_precision", "--data", "eegmat:eeg"],
    "no model": ["gone", "--data", "eegmat:eeg"],
    "other contract": ["other.onnx", "--data", "eegmat:eeg"],
    "no contrast": ["eeg_workload", "--data", "eegmat:eeg", "--contrast", "rest"],
    "labels elsewhere": ["eeg_workload", "--data", "eegmat:eeg", "--labels", "labels.yaml"],
    "no labels file": ["eeg_workload", "--data", "lab:lab", "--labels", "gone.yaml"],
    "delay": ["eeg_workload", "--data", "lab:lab", "--labels", "delay.yaml"],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    eegmat(folder / "eeg")
    emodb(folder / "voice")
    session(folder / "lab" / "sub-P01.xdf", [(1, "calm"), (7, "horror"), (13, "pause")])
    session(folder / "lab" / "sub-P02.xdf", [(1, "calm"), (7, "horror"), (13, "pause")])
    (folder / "labels.yaml").write_text("markers: {stream: Task, starts: {calm: {}, horror: {}}, ends: [pause]}")
    (folder / "delay.yaml").write_text("ratings: {stream: Slider, channels: {valence: val}, delay: find}")
    shutil.copy(shipped("models_onnx") / "eeg_workload.onnx", folder / "eeg.onnx")
    with_other_contract(folder / "other.onnx")
    return folder


@pytest.fixture(scope="module")
def done(folder: Path) -> dict[str, Done]:
    found = run_together([["evaluate", *words] for words in COMMANDS.values()], folder, 150.0, COLUMNS="200")
    for one in found:
        assert "Traceback" not in one.err, one.err
    return dict(zip(COMMANDS, found, strict=True))


def report_of(one: Done) -> dict:
    assert one.code == 0, one
    return json.loads(one.out)


def test_the_figures_stand_in_the_report_with_what_must_be_known(done, folder):
    found = report_of(done["eeg"])
    assert "eeg_workload WAS TRAINED ON EEGMAT: these figures are no evidence" in found["warnings"][0]
    (part,) = found["parts"]
    assert "Rest always comes first and each condition is one file" in " ".join(part["warnings"])
    figure = part["topics"][0]["figures"][0]
    assert figure["name"] == "AUC, all windows"
    assert figure["low"] <= figure["value"] <= figure["high"]
    assert set(figure["floors"]) == {"chance", "labels dealt anew"}
    names = {path.name for path in (folder / "out").iterdir()}
    assert {"report.html", "report.md", "report.json", "report-1.svg", "predictions.csv"} <= names
    assert json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))["parts"] == found["parts"]


def test_curves_show_electrodes_noise_and_losses(done):
    (part,) = report_of(done["eeg"])["parts"]
    charts = {chart["title"]: chart for topic in part["topics"] for chart in topic["charts"]}
    for title in ("Missing electrodes", "White noise", "Loss of samples"):
        (series,) = charts[f"{title}: AUC, all windows"]["series"]
        assert len(series["x"]) >= (2 if title == "Loss of samples" else 3), "where all is lost there is no figure"
        assert series["y"][0] == part["topics"][0]["figures"][0]["value"], "the first point is the recording as it is"
    (answers,) = charts["Loss of samples: answers"]["series"]
    assert answers["y"] == sorted(answers["y"], reverse=True)
    assert answers["y"][-1] < 0.9
    assert charts["White noise: answers"]["ticks"] == ["∞", "20", "10", "0"]


def test_the_rest_that_is_learned_from_is_left_out_unless_another_time_is_given(done):
    (part,) = report_of(done["settling"])["parts"]
    assert part["topics"] == []
    assert "after the first 64 s, in which the person's rest is learned" in part["warnings"][-1]
    assert "--settle" in part["warnings"][-1]


def test_a_model_by_its_path_on_two_sets_and_a_contrast_the_other_way_round(done):
    found, usual = report_of(done["by path"]), report_of(done["eeg"])
    assert [part["title"] for part in found["parts"]] == ["eeg on all sets", "eeg on eegmat", "eeg on eegmat"]
    one, other = (it["parts"][0]["topics"][0]["figures"][0]["value"] for it in (found, usual))
    assert one == pytest.approx(1 - other)
    assert found["parts"][0]["topics"][0]["figures"][0]["low"] is None, "two sets of one name are one set"


def test_clips_are_judged_once_and_told_to_a_reader(done):
    assert done["voice"].code == 0, done["voice"]
    assert "voice_emotion WAS TRAINED ON EMODB" in done["voice"].out
    assert "last window of each clip): " in done["voice"].out
    assert "The groups are trials" in done["voice"].out


def test_a_labs_own_sessions_with_and_without_labels(done, folder):
    (part,) = report_of(done["lab"])["parts"]
    assert part["topics"][0]["title"] == "horror against calm"
    assert done["lab without labels"].code == 0, done["lab without labels"]
    assert "No --labels were given" in done["lab without labels"].out
    with (folder / "bare" / "predictions.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert {row["person"] for row in rows} == {"P01", "P02"}
    assert len(rows) > 100
    assert {row["label"] for row in rows} == {""}


SAYS = {
    "again": ("out/report.json is there already and is not overwritten",),
    "no set": ("--data was 'nonsense:eeg'", "eegmat", "lab"),
    "no colon": ("--data was 'eeg'", "NAME:FOLDER"),
    "no folder": ("There is no folder gone", "Zyma"),
    "other layout": ("has no file Subject*.edf",),
    "other modality": ("eeg has no recording with voice",),
    "two alike": ("eeg_workload and eeg_knowledge are both models for eeg",),
    "no expert": ("fusion_precision is a model for fusion",),
    "no model": ("There is no model 'gone'",),
    "other contract": ("other.onnx was made for other features", "log: model", "highpass.cutoff_hz: model 1"),
    "no contrast": ("--contrast was 'rest'",),
    "labels elsewhere": ("--labels was given for eegmat",),
    "no labels file": ("gone.yaml",),
    "delay": ("delay: find", "may only be found on people"),
}


@pytest.mark.parametrize("name", SAYS)
def test_what_is_refused_is_said_in_one_paragraph(name, done):
    assert done[name].code == 2, done[name]
    assert done[name].err.count("Error: ") == 1, done[name]
    for part in SAYS[name]:
        assert part in done[name].err, done[name].err


def test_a_command_that_was_refused_leaves_nothing(done, folder):
    assert all(done[name].code == 2 for name in SAYS)
    assert not any((folder / name).exists() for name in ("gone", "report.json"))
