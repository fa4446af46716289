"""What a calibration asks of a person, and what it finds; whole ones are run in `tests/cli` and `tests/real_data`."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from streamsense.config import parse_config
from streamsense.errors import ConfigError
from streamsense.features.band_entropy import BandEntropy
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.face_quality import UNSETTLED
from streamsense.runtime.calibration import (
    LEAST_QUALITY,
    Finding,
    alpha_rise,
    bad_electrodes,
    calibration_config,
    lasting_reasons,
)
from streamsense.runtime.calibration_phases import Lengths, phases_for
from streamsense.streams import Feature, StreamInfo, TimedBlock
from tests.helpers import sessions


@pytest.mark.parametrize(
    ("modalities", "expected"),
    [
        (("eeg", "face", "voice"), {"rest_eyes_open": ("eeg", "face"), "rest_eyes_closed": (), "reading": ("voice",)}),
        (("face", "voice"), {"rest_eyes_open": ("face",), "reading": ("voice",)}),
        (("eeg",), {"rest_eyes_open": ("eeg",), "rest_eyes_closed": ()}),
        (("voice",), {"reading": ("voice",)}),
    ],
)
def test_only_phases_that_a_modality_needs(modalities: tuple[str, ...], expected: dict[str, tuple[str, ...]]) -> None:
    phases = phases_for(sessions.config(*modalities), Lengths(), "Ah.")
    assert {phase.name: phase.learns for phase in phases} == expected
    assert all(set(phase.learns) <= set(phase.watches) for phase in phases)
    assert all(
        ("camera" in phase.instruction) == ("face" in modalities) for phase in phases if "rest_eyes_open" in phase.name
    )
    assert all(("Ah." in phase.instruction) == (phase.name == "reading") for phase in phases)


def test_lengths_that_teach_too_little_or_take_too_long_are_refused() -> None:
    for lengths in ((10.9, 5, 5), (11, 4.9, 5), (11, 5, 4.9)):
        with pytest.raises(ConfigError, match="Shorter ones teach too little"):
            Lengths(*lengths)
    assert sum(phase.seconds for phase in phases_for(sessions.config("eeg", "voice"), Lengths(30, 15, 15), "")) == 60
    with pytest.raises(ConfigError, match=r"last 61 s together, expected 60 s at most"):
        phases_for(sessions.config("eeg", "voice"), Lengths(31, 15, 15), "")
    phases_for(sessions.config("face"), Lengths(31, 15, 15), "")  # the others are left out
    with pytest.raises(ConfigError, match="uses no modality"):
        phases_for(parse_config({}, "test"), Lengths(), "")


def test_a_calibration_publishes_nothing_and_uses_no_profile() -> None:
    config = sessions.config("eeg", profile="P07.json", output={"csv": "scores"}, recording={"folder": "elsewhere"})
    used = calibration_config(config, Path("here"))
    assert (used.profile, used.output.lsl, used.output.csv) == (None, False, None)
    assert (used.recording.folder, used.recording.task) == (Path("here"), "calibration")
    assert calibration_config(config, None).recording.folder == Path("elsewhere")
    assert calibration_config(sessions.config("eeg"), None).recording.folder is None


def test_what_is_kept_is_learned_and_good_enough() -> None:
    for is_learned, quality in product((True, False), (0.0, LEAST_QUALITY - 0.01, LEAST_QUALITY, 1.0)):
        finding = Finding("eeg", 12.0, quality, ("2 of 19 electrodes flat",), is_learned)
        assert finding.is_good == (is_learned and quality >= LEAST_QUALITY)
    assert str(finding) == "eeg: 12.0 s learned from, quality 1.00 (2 of 19 electrodes flat)"


@pytest.mark.real_data
def test_alpha_rises_when_the_eyes_close(data_folder: Path) -> None:
    """Between two recordings of one headband: closed eyes against a baseline of open ones, and open against open."""
    folder = data_folder / "eeg_eyes" / "csv" / "Baseline"
    files = {state: sorted(folder.glob(f"{state}_*.csv")) for state in ("Open", "Closed")}
    rises = {state: [rise(files["Open"][0], file) for file in found[1:]] for state, found in files.items()}
    print({state: np.round(values, 2).tolist() for state, values in rises.items()})
    assert min(rises["Closed"]) > max(0.0, *rises["Open"])


def rise(rest: Path, other: Path) -> float:
    operator = BandEntropy()
    labels = ("AF3", "T7", "Pz", "T8", "AF4")
    operator.open(StreamInfo("eeg", "eeg", "t", "EEG", "t", labels, ("microvolts",) * 5, 128.0, "float64"))
    windows: list[Feature] = []
    time = 0.0
    for file in (rest, other):
        samples = np.genfromtxt(file, delimiter=",", skip_header=1)[:, 1:6]
        times = time + np.arange(len(samples)) / 128
        for second in range(len(samples) // 128):
            rows = slice(second * 128, (second + 1) * 128)
            operator.push(TimedBlock("eeg", 0, times[rows], samples[rows]))
            if file is other and second >= 4:
                windows.append(operator.feature_at(time + second + 1))
        time += float(len(samples) // 128)
        operator.freeze()
    found = alpha_rise(windows)
    assert found is not None
    return found


def test_an_electrode_without_a_baseline_says_nothing_of_alpha() -> None:
    entropy = np.ones((len(ELECTRODES), 5), np.float32)
    baseline, mask = entropy.copy(), np.zeros(len(ELECTRODES), np.float32)
    mask[[ELECTRODES.index("O1"), ELECTRODES.index("O2")]] = 1.0
    inputs = {"band_entropy": entropy, "band_entropy_baseline": baseline, "electrode_mask": mask}
    window = Feature("eeg", inputs, 1.0, 1.0, 0.0, 0.0)
    assert alpha_rise([window]) is None, "each is its own baseline where none was learned"
    baseline[ELECTRODES.index("O1")] = 0.5
    assert alpha_rise([window]) == pytest.approx(0.5)


def test_what_lasted_is_one_reason_whatever_its_numbers() -> None:
    reasons = [("3 of 19 electrodes noisy",), ("2 of 19 electrodes noisy", "1 of 19 electrodes flat"), (UNSETTLED,)] * 5
    windows = [Feature("eeg", {}, 1.0, 1.0, 0.0, 0.0, found) for found in (*reasons, ("3 of 19 electrodes noisy",))]
    assert lasting_reasons(windows) == ("3 of 19 electrodes noisy", "1 of 19 electrodes flat")
    assert lasting_reasons([*windows, *windows[2::3] * 2]) == ("3 of 19 electrodes noisy",), "5 of 26 is not a quarter"


def test_bad_electrodes_are_named() -> None:
    operator = BandEntropy()
    labels = ("Fz", "Cz", "Pz", "O1")
    operator.open(StreamInfo("eeg", "eeg", "t", "EEG", "t", labels, ("microvolts",) * 4, 256.0, "float64"))
    noise = np.random.default_rng(0).normal(0, 1, (256 * 6, 4)) * [10, 0, 250, 20]
    operator.push(TimedBlock("eeg", 0, np.arange(len(noise)) / 256, noise))
    assert bad_electrodes(operator.feature_at(6.0), labels) == ("Cz", "Pz")


def test_without_posterior_electrodes_nothing_is_said_of_alpha() -> None:
    operator = BandEntropy()
    operator.open(StreamInfo("eeg", "eeg", "t", "EEG", "t", ("Fp1", "Fp2"), ("microvolts",) * 2, 128.0, "float64"))
    noise = np.random.default_rng(0).normal(0, 10, (1280, 2))
    operator.push(TimedBlock("eeg", 0, np.arange(1280) / 128, noise))
    assert alpha_rise([operator.feature_at(10.0)]) is None
    assert alpha_rise([]) is None
