"""EEG with the eyes open and closed: as published, and files that are not."""

import pytest

from streamsense.datasets.catalogue import recordings_of
from streamsense.errors import DatasetError

HEAD = "COUNTER, AF3, T7, Pz, T8, AF4, MARKERS['Blank','Image'], TICK, ContactQuality\n"
NAME = "Open_20sx1_201227-102620.csv"


@pytest.mark.real_data
def test_the_recordings_come_in_the_order_of_time_with_open_eyes_first(data_folder):
    found = list(recordings_of(f"eeg_eyes:{data_folder / 'eeg_eyes'}"))
    assert [it.labels[0].name for it in found] == ["eyes_open"] * 5 + ["eyes_closed"] * 5
    assert {(it.person, it.session) for it in found} == {("1", "201227")}
    assert all(39 < it.labels[0].end_s < 41 for it in found)
    stream = found[0].open("eeg").streams[0]
    assert (stream.channel_labels, stream.nominal_rate_hz) == (("AF3", "T7", "Pz", "T8", "AF4"), 128.0)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("Half_20sx1_201227-102620.csv", HEAD, "called otherwise"),
        (NAME, HEAD, "no samples"),
        (NAME, "a,b\n1,2\n", "Missing:  AF3"),
        (NAME, HEAD + "1,2,x,4,5,6,1,1,100\n", "expected a number"),
        (NAME, HEAD + "1,2,3\n", "fewer values"),
        (NAME, HEAD + "1,2,3,4,5,nan,1,1,100\n", "NaN or infinity"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, told):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=told):
        [recording.open("eeg") for recording in recordings_of(f"eeg_eyes:{tmp_path}")]
