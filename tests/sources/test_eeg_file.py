"""EEG files come out as MNE reads them, in microvolts, with their annotations in the order of time."""

from __future__ import annotations

import mne
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsense.errors import RecordingError
from streamsense.sources import eeg_file
from streamsense.sources.eeg_file import open_eeg_file
from streamsense.sources.recorded import recording_arrays
from streamsense.streams import Block, StreamOpened
from tests.helpers.edf_writer import write_edf

LABELS = ["EEG Fp1-REF", "EEG Cz", "Pressure"]


def counts(samples: int, bits: int = 16) -> np.ndarray:
    top = 2 ** (bits - 1)
    return np.random.default_rng(3).integers(-top, top, (3, samples))


@pytest.mark.parametrize(("ending", "bits", "step"), [("edf", 16, 0.5), ("bdf", 24, 1.0), ("EDF", 16, 0.5)])
def test_edf_and_bdf_give_microvolts_whatever_the_unit_in_the_file(tmp_path, ending, bits, step):
    path = tmp_path / f"a.{ending}"
    digital = counts(1000, bits)
    write_edf(path, LABELS, ["uV", "mV", "mmHg"], digital, 250, bits)
    recording = open_eeg_file(path)
    stream = recording.streams[0]
    assert stream.channel_labels == tuple(LABELS)
    assert stream.channel_units == ("microvolts", "microvolts", "unknown")
    assert (stream.type, stream.nominal_rate_hz, stream.sample_count) == ("EEG", 250.0, 1000)
    found = recording_arrays(recording)[1]
    np.testing.assert_allclose(found.values, digital.T * step * [1.0, 1000.0, 1.0], rtol=1e-6, atol=1e-6)
    assert found.values.dtype == np.float32
    assert found.stamps.tolist() == (np.arange(1000) / 250).tolist()


def test_blocks_do_not_depend_on_how_much_is_read_at_once(tmp_path, monkeypatch):
    path = tmp_path / "a.edf"
    write_edf(path, LABELS, ["uV"] * 3, counts(1000), 250)
    recording = open_eeg_file(path)
    once = list(recording.events({1: ("eeg", "eeg")}))
    monkeypatch.setattr(eeg_file, "_READ_AT_ONCE_BYTES", 1)
    often = list(recording.events({1: ("eeg", "eeg")}))
    assert len(once) == len(often) == 1 + 40
    assert isinstance(once[0], StreamOpened)
    for left, right in zip(once[1:], often[1:], strict=True):
        assert isinstance(left, Block)
        assert isinstance(right, Block)
        assert left.first_sample == right.first_sample
        assert left.values.tobytes() == right.values.tobytes()
        assert left.received == left.stamps[-1]


def test_fif_annotations_are_markers_between_the_blocks_of_their_time(tmp_path):
    raw = mne.io.RawArray(
        np.random.default_rng(0).standard_normal((3, 500)) * 1e-5,
        mne.create_info(["Cz", "Pz", "STI"], 100.0, ["eeg", "eeg", "stim"], verbose="ERROR"),
        first_samp=1000,
        verbose="ERROR",
    )
    raw.set_annotations(mne.Annotations([2.05, 0.0, 4.9], [0, 0, 0], ["late", "first", "last"]))
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    recording = open_eeg_file(tmp_path / "a_raw.fif")
    signals, annotations = recording.streams
    assert signals.channel_labels == ("Cz", "Pz")
    assert "'STI' is not read" in recording.warnings[0]
    assert annotations.sample_count == 3
    events = list(recording.events({1: ("eeg", "eeg"), 2: ("markers/a", "markers")}))
    blocks = [event for event in events if isinstance(event, Block)]
    markers = [(block.texts[0], round(float(block.stamps[0]), 9)) for block in blocks if block.key == "markers/a"]
    assert markers == [("first", 0.0), ("late", 2.05), ("last", 4.9)]
    received = [block.received for block in blocks]
    assert received == sorted(received)
    expected = (raw.get_data(picks=[0, 1]) * 1e6).T.astype(np.float32)
    found = recording_arrays(recording)
    np.testing.assert_allclose(found[1].values, expected, rtol=1e-6)
    assert found[2].texts == ("first", "late", "last")


def test_brainvision_is_read_through_its_header(tmp_path):
    digital = np.arange(-300, 300, dtype="<i2").reshape(200, 3)
    (tmp_path / "a.eeg").write_bytes(digital.tobytes())
    (tmp_path / "a.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile=a.eeg\n"
        "[Marker Infos]\nMk1=Stimulus,S  7,101,1,0\n"
    )
    channels = "\n".join(f"Ch{index + 1}={name},,0.5,µV" for index, name in enumerate(["Fz", "Cz", "Pz"]))
    (tmp_path / "a.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=a.eeg\n"
        "MarkerFile=a.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=3\n"
        f"SamplingInterval=5000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\n{channels}\n",
        encoding="utf-8",
    )
    recording = open_eeg_file(tmp_path / "a.vhdr")
    found = recording_arrays(recording)
    np.testing.assert_allclose(found[1].values, digital * 0.5, rtol=1e-6)
    assert found[2].texts == ("Stimulus/S  7",)
    assert found[2].stamps.tolist() == [0.5]


def test_what_mne_warns_of_is_told(tmp_path):
    path = tmp_path / "a.edf"
    write_edf(path, LABELS, ["uV"] * 3, counts(1000), 250)
    path.write_bytes(path.read_bytes()[:-1500])
    recording = open_eeg_file(path)
    assert recording.streams[0].sample_count == 750
    assert "does not match the file size" in " ".join(recording.warnings)
    assert len(recording_arrays(recording)[1].values) == 750


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 1023), st.integers(0, 255)), max_size=5), cut=st.integers(0, 4000))
def test_damaged_files_are_refused_or_read(tmp_path, changes, cut):
    path = tmp_path / "a.edf"
    write_edf(path, LABELS, ["uV"] * 3, counts(500), 250)
    data = bytearray(path.read_bytes())
    for position, value in changes:
        data[position] = value
    path.write_bytes(data[:cut] if cut < 1500 else data)
    try:
        recording = open_eeg_file(path)
        if recording.streams[0].sample_count < 1_000_000:
            recording_arrays(recording)
    except RecordingError:
        pass


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "electrodes"), [("eegmat/Subject03_2.edf", 21), ("eegbci_s001/S001R01.edf", 64)])
def test_real_edf_equals_mne(data_folder, name, electrodes):
    path = data_folder / name
    recording = open_eeg_file(path)
    raw = mne.io.read_raw_edf(path, verbose="ERROR")
    expected = (raw.get_data() * 1e6).T.astype(np.float32)
    found = recording_arrays(recording)[1]
    assert recording.streams[0].channel_labels == tuple(raw.ch_names)
    assert len(raw.ch_names) == electrodes
    assert found.values.tobytes() == expected.tobytes()
    np.testing.assert_allclose(found.stamps, raw.times, atol=1e-12)
    assert len(recording.streams) == (2 if len(raw.annotations) else 1)
