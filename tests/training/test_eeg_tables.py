"""Training tables hold what the live pipeline computes, to the bit, and nothing of the baseline's seconds."""

import mne
import numpy as np
import pytest

import streamsense
from streamsense.errors import RecordingError
from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.training import eeg_tables
from streamsense.training.eeg_recordings import EegSession, eegmat_people, eegmat_session, eyes_session
from streamsense.training.eeg_tables import eegmat_table, session_table

pytestmark = pytest.mark.real_data
SECONDS = 67


@pytest.fixture(scope="module")
def folder(data_folder):
    return data_folder / "eegmat"


@pytest.mark.filterwarnings("ignore:.*are no electrodes.*:RuntimeWarning", "ignore:.*channel.*:RuntimeWarning")
def test_training_windows_are_those_of_the_live_pipeline(folder):
    whole = eegmat_session(folder, "Subject03")
    rest = whole.parts[0][: round(SECONDS * whole.rate_hz)]
    table = session_table(EegSession("Subject03", (rest,), (False,), whole.channel_labels, whole.rate_hz))
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
    table = session_table(eegmat_session(folder, "Subject04"))
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


def test_the_recordings_with_open_and_closed_eyes_have_both(data_folder):
    session = eyes_session(data_folder / "eeg_eyes" / "csv" / "Baseline")
    assert session.labels == (False,) * 5 + (True,) * 5
    assert all(part.shape[1] == 5 and len(part) > 30 * session.rate_hz for part in session.parts)


def test_a_folder_without_the_recordings_is_named(tmp_path):
    with pytest.raises(RecordingError, match="Expected the files of EEGMAT"):
        eegmat_people(tmp_path)
    with pytest.raises(RecordingError, match=r"no Open\*\.csv"):
        eyes_session(tmp_path)
    (tmp_path / "Subject00_1.edf").write_bytes(b"")
    with pytest.raises(RecordingError, match="Subject00_1"):
        eegmat_session(tmp_path, "Subject00")
