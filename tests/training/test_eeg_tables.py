"""Training tables hold what the live pipeline computes, to the bit, and nothing of the baseline's seconds."""

import mne
import numpy as np
import pytest

import streamsense
from streamsense.datasets.arrays import eeg_recording
from streamsense.datasets.catalogue import recordings_of
from streamsense.datasets.eegmat import ARITHMETIC, REST
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.datasets.sittings import sittings
from streamsense.errors import DatasetError
from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.sources.recorded import recording_arrays
from streamsense.training import eeg_tables
from streamsense.training.eeg_tables import eegmat_people, eegmat_table, eyes_table, sitting_table

pytestmark = pytest.mark.real_data
SECONDS = 67


@pytest.fixture(scope="module")
def folder(data_folder):
    return data_folder / "eegmat"


def beginning_of_rest(folder, person):
    """The first seconds of a person's rest as a sitting of its own."""
    (whole,) = (it for it in recordings_of(f"eegmat:{folder}") if it.name == f"{person}_1")
    stream, arrays = whole.open("eeg").streams[0], recording_arrays(whole.open("eeg"))[1]
    rest, rate = arrays.values[: round(SECONDS * stream.nominal_rate_hz)], stream.nominal_rate_hz
    opens = {"eeg": lambda: eeg_recording(folder / "cut", "cut", [rest], rate, stream.channel_labels)}
    return LabelledRecording("eegmat", person, "1", "cut", 0, (Label(0.0, SECONDS, name=REST),), opens)


@pytest.mark.filterwarnings("ignore:.*are no electrodes.*:RuntimeWarning", "ignore:.*channel.*:RuntimeWarning")
def test_training_windows_are_those_of_the_live_pipeline(folder):
    table = sitting_table(beginning_of_rest(folder, "Subject03"), ARITHMETIC)
    assert table.time_s.tolist() == list(range(64, SECONDS))
    raw = mne.io.read_raw_edf(folder / "Subject03_1.edf", verbose="ERROR")
    live = streamsense.features_of_raw(raw.crop(0, SECONDS + 1))  # the tick at the very end is none for it
    at = np.round(table.time_s * 5).astype(int)
    present = [name for place, name in enumerate(ELECTRODES) if table.mask[0, place]]
    assert len(present) == 19
    for prefix, ours in (("de", table.entropy), ("base", table.baseline)):
        for band, band_name in enumerate(BAND_NAMES):
            for name in present:
                expected = live.get_data(picks=f"{prefix}_{band_name}_{name}")[0, at]
                np.testing.assert_array_equal(ours[:, ELECTRODES.index(name), band], expected.astype(np.float32))


def test_the_baseline_is_frozen_and_its_seconds_are_left_out(folder):
    (sitting,) = sittings((it for it in recordings_of(f"eegmat:{folder}") if it.person == "Subject04"), "eeg")
    table = sitting_table(sitting, ARITHMETIC)
    rest, task = table.time_s[~table.label], table.time_s[table.label]
    assert rest.min() == 64  # the first window after 60 s of baseline that holds none of them
    assert task.min() > rest.max() + 6  # filters have settled after the gap between the files
    assert (table.weight == 1).all()
    assert (table.baseline == table.baseline[0]).all()
    assert np.isfinite(table.entropy).all()


def test_a_table_is_kept_and_a_damaged_one_is_made_again(folder):
    told = []
    first = eegmat_table(folder, ["Subject00"], told.append)
    kept = max((eeg_tables.cache_folder() / "training").glob("eegmat-*.npz"), key=lambda path: path.stat().st_mtime_ns)
    stamp = kept.stat().st_mtime_ns
    again = eegmat_table(folder, ["Subject00"], told.append)
    assert kept.stat().st_mtime_ns == stamp
    kept.write_bytes(kept.read_bytes()[:1000])
    anew = eegmat_table(folder, ["Subject00"], told.append)
    assert told == ["Subject00"] * 3
    assert first.entropy.tobytes() == again.entropy.tobytes() == anew.entropy.tobytes()


def test_the_windows_with_open_and_closed_eyes_are_of_both(data_folder):
    table = eyes_table(data_folder / "eeg_eyes")
    assert set(table.person) == {"1"}
    assert table.time_s[table.label].min() > table.time_s[~table.label].max()
    assert min(table.label.sum(), (~table.label).sum()) > 100
    present = [name for place, name in enumerate(ELECTRODES) if table.mask[0, place]]
    assert present == ["AF3", "AF4", "T7", "T8", "Pz"]


def test_a_folder_without_the_recordings_is_named(tmp_path, folder):
    with pytest.raises(DatasetError, match="Expected EEGMAT as published"):
        eegmat_people(tmp_path)
    with pytest.raises(DatasetError, match="Expected the recordings of Brain-Download"):
        eyes_table(tmp_path)
    (tmp_path / "Subject00_1.edf").symlink_to(folder / "Subject00_1.edf")
    with pytest.raises(DatasetError, match="Subject00 has only rest"):
        eegmat_table(tmp_path)
