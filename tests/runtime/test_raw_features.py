"""MNE objects in and out: the features of a Raw are those of its file, with dates, annotations and names kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import mne
import numpy as np
import pytest

import streamsense
from streamsense.config import parse_config
from streamsense.errors import StreamsenseError
from streamsense.features.electrodes import ELECTRODES
from streamsense.runtime.feature_export import open_features
from streamsense.score import Score
from tests.helpers.brain_noise import brain_noise

DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RATE_HZ = 250.0


def made_raw(names: list[str], seconds: float = 8.0, rate_hz: float = RATE_HZ) -> mne.io.RawArray:
    volts = brain_noise(np.random.default_rng(0), 20e-6, (round(seconds * rate_hz), len(names)), rate_hz).T
    raw = mne.io.RawArray(volts, mne.create_info(names, rate_hz, "eeg"), verbose="ERROR")
    raw.set_meas_date(DATE)
    return raw.set_annotations(mne.Annotations([0.0, 3.1, 7.0], [0.0, 0.5, 1.0], ["start", "look", "rest"]))


def of_file(path: Path) -> np.ndarray:
    session = open_features(path, {})
    rows = [session.table.row(item.time, item.windows) for item in session.items if isinstance(item, Score)]
    return np.array(rows).T


def test_the_features_of_a_raw_are_those_of_its_file(tmp_path):
    raw = made_raw(["Fp1", "Oz", "T3"])
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    expected = of_file(tmp_path / "a_raw.fif")
    features = streamsense.features_of_raw(mne.io.read_raw_fif(tmp_path / "a_raw.fif", verbose="ERROR"))
    assert features.info["sfreq"] == 5.0
    assert set(features.get_channel_types()) == {"misc"}
    assert {"de_alpha_Oz", "de_theta_T7", "base_gamma_Fp1", "eeg_validity"} <= set(features.ch_names)
    values = features.get_data()
    assert np.isnan(values[:, 0]).all(), "no window ends at the first sample"
    np.testing.assert_array_equal(features.times[1:], expected[0])
    np.testing.assert_array_equal(values[:, 1:], expected[1:])  # NaN where NaN is, else equal to the bit
    assert np.isfinite(values[:, -1]).all()


def test_date_and_annotations_are_kept():
    raw = made_raw(["Fp1", "Oz"])
    features = streamsense.features_of_raw(raw)
    assert features.info["meas_date"] == DATE
    for kept, before in zip(features.annotations, raw.annotations, strict=True):
        assert kept == before


def test_a_cropped_raw_keeps_the_time_of_day():
    raw = made_raw(["Fp1", "Oz"]).crop(3.044)
    features = streamsense.features_of_raw(raw)
    moved = (features.info["meas_date"] - DATE).total_seconds()
    assert moved == pytest.approx(raw.first_time, abs=1e-6)
    assert list(features.annotations.description) == ["look", "rest"]
    np.testing.assert_allclose(features.annotations.onset + moved, raw.annotations.onset, atol=1e-6)


def test_without_a_date_too():
    raw = made_raw(["Fp1", "Oz"])
    raw.set_meas_date(None)
    features = streamsense.features_of_raw(raw.crop(3.0))
    assert features.info["meas_date"] is None
    np.testing.assert_allclose(features.annotations.onset, [0.1, 4.0], atol=1e-6)


def test_all_electrodes_there_are_can_be_saved_as_fif(tmp_path):
    features = streamsense.features_of_raw(made_raw(list(ELECTRODES)))
    features.save(tmp_path / "features_raw.fif", verbose="ERROR")
    read = mne.io.read_raw_fif(tmp_path / "features_raw.fif", verbose="ERROR")
    assert read.ch_names == features.ch_names


def test_bad_channels_and_those_that_are_no_electrode_are_left_out_with_a_warning():
    raw = made_raw(["Fp1", "Oz", "EXG"])
    raw.info["bads"] = ["Fp1"]
    with pytest.warns(RuntimeWarning) as warned:
        features = streamsense.features_of_raw(raw)
    told = " ".join(str(warning.message) for warning in warned)
    assert "marked bad are not read: Fp1" in told
    assert "no known electrode are left out: EXG" in told
    assert [name for name in features.ch_names if name.startswith("de_alpha")] == ["de_alpha_Oz"]


def test_the_settings_are_those_of_a_configuration_that_no_model_need_fit():
    raw = made_raw(["Fp1", "Oz"])
    short = streamsense.features_of_raw(raw, parse_config({"eeg": {"window_s": 2}}, "test"))
    long = streamsense.features_of_raw(raw)
    assert short.get_data("eeg_validity")[0, 16] == 1.0 > long.get_data("eeg_validity")[0, 16]


@pytest.mark.parametrize(
    ("names", "rate_hz", "said"), [(["EXG1", "EXG2"], 250.0, "no channel that is called"), (["Oz"], 80.0, "gamma")]
)
def test_a_raw_of_no_use_is_refused(names, rate_hz, said):
    with pytest.raises(StreamsenseError, match=said):
        streamsense.features_of_raw(made_raw(names, rate_hz=rate_hz))
