"""Sets in MATLAB files, small ones made to their published layout: DEAP, SEED, DREAMER, EAV; and hostile files."""

from __future__ import annotations

import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from streamsense.config import Config, EegSection
from streamsense.datasets.arrays import PAUSE_S
from streamsense.datasets.catalogue import recordings_of
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.matlab import read_mat
from streamsense.errors import DatasetError
from streamsense.evaluation.windows import labelled_windows
from streamsense.features.electrodes import map_electrodes
from streamsense.sources.recorded import recording_arrays
from tests.datasets.test_clip_sets import film, sound

RANDOM = np.random.default_rng(5)


def listed(name: str, folder: Path) -> list[LabelledRecording]:
    return list(recordings_of(f"{name}:{folder}"))


def eeg_of(recording: LabelledRecording) -> tuple[np.ndarray, np.ndarray]:
    arrays = recording_arrays(recording.open("eeg"))[1]
    return arrays.stamps, arrays.values


def all_electrodes_known(recording: LabelledRecording) -> bool:
    mapped = map_electrodes(recording.open("eeg").streams[0].channel_labels)
    return not mapped.unknown and not mapped.repeated


# DEAP


def deap(folder: Path, trials: int = 2, labels: object = None) -> np.ndarray:
    arrays = folder / "data_preprocessed_matlab"
    arrays.mkdir(parents=True)
    data = RANDOM.normal(0, 10, (trials, 40, 128 * 9))
    scipy.io.savemat(arrays / "s03.mat", {"data": data, "labels": labels or [[9, 1, 5, 3], [5, 3, 7.04, 1]]})
    return data


def test_deap_in_its_layout(tmp_path):
    data = deap(tmp_path)
    (tmp_path / "metadata_csv").mkdir()
    table = "Participant_id,Trial,Experiment_id,Start_time,Valence\n3,2,1,7,1\n3,1,2,5,1\n"
    (tmp_path / "metadata_csv" / "participant_ratings.csv").write_text(table, encoding="utf-8")
    first, second = listed("deap", tmp_path)
    assert (first.person, first.name, first.order, second.order) == ("s03", "s03 video 01", 1, 0)
    label = first.labels[0]
    assert (label.start_s, label.end_s) == (3.0, 9.0)
    assert (label.valence, label.arousal, label.dominance) == (1.0, -1.0, 0.0)
    assert second.labels[0].dominance == pytest.approx(0.51)
    stamps, values = eeg_of(second)
    np.testing.assert_array_equal(values, data[1, :32].T.astype(np.float32))
    np.testing.assert_allclose(stamps, np.arange(128 * 9) / 128)
    assert all_electrodes_known(first)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("harmed"),))


def test_deaps_pickles_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_preprocessed_python").mkdir()
    (tmp_path / "data_preprocessed_python" / "s01.dat").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(DatasetError, match=r"pickles, which run .*data_preprocessed_matlab\.zip"):
        listed("deap", tmp_path)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"data": np.zeros((2, 40, 1152))}, "has no variable labels. Found: data"),
        ({"data": np.zeros((2, 40, 1152)), "labels": np.zeros((3, 4))}, r"labels of shape \(3, 4\) for 2 trials"),
        ({"data": np.zeros((2, 14, 1152)), "labels": np.ones((2, 4))}, r"data of shape \(2, 14, 1152\)"),
        ({"data": np.zeros((2, 40, 1152)), "labels": np.full((2, 4), 10.0)}, "A rating is 10, expected 1 to 9"),
        ({"data": np.zeros((2, 40)), "labels": np.ones((2, 4))}, "expected numbers in 3 dimensions"),
        ({"data": [["text"]], "labels": np.ones((2, 4))}, "expected numbers in 3 dimensions"),
    ],
)
def test_deap_files_with_another_layout_are_refused(tmp_path, content, said):
    scipy.io.savemat(tmp_path / "s01.mat", content)
    with pytest.raises(DatasetError, match=said):
        listed("deap", tmp_path)


def test_a_trial_with_nan_is_refused_when_it_is_opened(tmp_path):
    data = np.zeros((1, 40, 1152))
    data[0, 3, 5] = np.nan
    scipy.io.savemat(tmp_path / "s01.mat", {"data": data, "labels": np.ones((1, 4))})
    (trial,) = listed("deap", tmp_path)
    with pytest.raises(DatasetError, match=r"s01 video 01: the EEG holds NaN"):
        trial.open("eeg")


# SEED


def test_seed_in_its_layout(tmp_path):
    folder = tmp_path / "Preprocessed_EEG"
    folder.mkdir()
    scipy.io.savemat(folder / "label.mat", {"label": np.array([[1, 0, -1]])})
    for date in ("20140405", "20131027"):
        trials = {f"djc_eeg{t}": RANDOM.normal(0, 20, (62, 200 * t + 1)) for t in (1, 2, 3)}
        scipy.io.savemat(folder / f"1_{date}.mat", trials)
    scipy.io.savemat(folder / "12_20131201.mat", trials)
    found = listed("seed", tmp_path)
    assert [(it.person, it.session, it.order) for it in found] == [
        *[("01", "1", order) for order in (0, 1, 2)],
        *[("01", "2", order) for order in (3, 4, 5)],
        *[("12", "1", order) for order in (0, 1, 2)],
    ]
    assert found[0].name == "1_20131027 trial 01", "days in their order"
    assert [it.labels[0].name for it in found[:3]] == ["positive", "neutral", "negative"]
    assert found[7].labels[0].end_s == 401 / 200
    np.testing.assert_array_equal(eeg_of(found[7])[1], trials["djc_eeg2"].T.astype(np.float32))
    assert all_electrodes_known(found[0])
    assert len(found[0].open("eeg").streams[0].channel_labels) == 62


@pytest.mark.parametrize(
    ("label", "content", "said"),
    [
        (None, {"djc_eeg1": np.zeros((62, 9))}, "has no label.mat"),
        ([[2]], {"djc_eeg1": np.zeros((62, 9))}, "expected -1, 0 and 1"),
        ([[1, 0]], {"djc_eeg1": np.zeros((62, 9))}, "expected NAME_eeg1 to NAME_eeg2"),
        ([[1]], {"djc_eeg1": np.zeros((61, 9))}, r"shape \(61, 9\); expected \(62 electrodes"),
        ([[1]], {"de_LDS1": np.zeros((62, 9, 5))}, "has trials none"),
    ],
)
def test_seed_files_with_another_layout_are_refused(tmp_path, label, content, said):
    if label is not None:
        scipy.io.savemat(tmp_path / "label.mat", {"label": np.array(label)})
    scipy.io.savemat(tmp_path / "1_20131027.mat", content)
    with pytest.raises(DatasetError, match=said):
        listed("seed", tmp_path)


# DREAMER


def cells(values: list[object]) -> np.ndarray:
    column = np.empty((len(values), 1), object)
    for at, value in enumerate(values):
        column[at, 0] = value
    return column


def dreamer(path: Path, seconds: float = 6.0) -> np.ndarray:
    """Two people and three films; as struct arrays in cells, as MATLAB nests them."""
    eeg = RANDOM.normal(4200, 30, (2, 3, 2, round(seconds * 128), 14))
    people = np.empty((1, 2), object)
    for person in range(2):
        people[0, person] = {
            "Age": "22",
            "Gender": "male",
            "EEG": {
                "baseline": cells([eeg[person, film, 0] for film in range(3)]),
                "stimuli": cells([eeg[person, film, 1] for film in range(3)]),
            },
            "ScoreValence": np.array([[1.0], [3.0], [np.nan]]),
            "ScoreArousal": np.array([[5.0], [4.0], [2.0]]),
            "ScoreDominance": np.array([[3.0], [3.0], [3.0]]),
        }
    scipy.io.savemat(path, {"DREAMER": {"Data": people, "EEG_SamplingRate": 128.0, "noOfSubjects": 2.0}})
    return eeg


def test_dreamer_in_its_layout(tmp_path):
    eeg = dreamer(tmp_path / "DREAMER.mat")
    found = listed("dreamer", tmp_path)
    assert [(it.person, it.order) for it in found] == [(p, f) for p in ("01", "02") for f in range(3)]
    rest, seen = found[4].labels
    assert (rest.start_s, rest.end_s, rest.name) == (0.0, 6.0, "baseline")
    assert (seen.start_s, seen.end_s, seen.name) == (6.0 + PAUSE_S, 12.0 + PAUSE_S, "film 02")
    assert (seen.valence, seen.arousal, seen.dominance) == (0.0, 0.5, 0.0)
    assert found[2].labels[1].valence is None, "a missing rating is missing, and no class"
    stamps, values = eeg_of(found[4])
    np.testing.assert_array_equal(values, np.concatenate(eeg[1, 1]).astype(np.float32))
    assert stamps[768] == 6.0 + PAUSE_S
    assert all_electrodes_known(found[0])


def test_features_of_a_dreamer_film_come_from_the_live_operators_and_no_window_spans_the_pause(tmp_path):
    dreamer(tmp_path / "DREAMER.mat")
    recording = listed("dreamer", tmp_path)[0]
    found = list(labelled_windows(recording, "eeg", Config(eeg=EegSection())))
    names = [it.label.name for it in found]
    assert set(names) == {"baseline", "film 01"}
    assert names == sorted(names)
    assert len(names) == 2 * 11 - 1  # 4 s windows every 0.2 s in 6 s; the first would end at the first sample plus 4 s
    for it in found:
        assert it.label.start_s <= it.window.start_s + 1e-6
        assert it.window.end_s <= it.label.end_s + 1e-6
        assert all(np.isfinite(value).all() for value in it.feature.inputs.values())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"DREAMER": np.zeros((2, 2))}, "no Data"),
        ({"DREAMER": {"Data": np.zeros((1, 1))}}, "no Data"),
        ({"OTHER": 1.0}, "no variable DREAMER. Found: OTHER"),
    ],
)
def test_dreamer_files_with_another_layout_are_refused(tmp_path, content, said):
    scipy.io.savemat(tmp_path / "DREAMER.mat", content)
    with pytest.raises(DatasetError, match=said):
        listed("dreamer", tmp_path)


# EAV


def eav(folder: Path, variable: str = "seg") -> np.ndarray:
    (folder / "subject7" / "EEG").mkdir(parents=True)
    eeg = RANDOM.normal(0, 10, (1000, 30, 4))
    rows = [4, 5, 0, 9]  # listening and speaking anger, listening neutral, speaking calmness
    label = np.zeros((10, 4), np.uint8)
    label[rows, range(4)] = 1
    scipy.io.savemat(folder / "subject7" / "EEG" / "subject7_eeg.mat", {variable: eeg})
    scipy.io.savemat(folder / "subject7" / "EEG" / "subject7_eeg_label.mat", {"label": label})
    sound(folder / "subject7" / "Audio" / "002_Trial_01_Speaking_Anger_aud.wav")
    film(folder / "subject7" / "Video" / "001_Trial_01_Listening_Anger.mp4")
    film(folder / "subject7" / "Video" / "002_Trial_02_Speaking_Anger.mp4")
    return eeg


@pytest.mark.parametrize("variable", ["seg", "seg1"])
def test_eav_in_its_layout(tmp_path, variable):
    eeg = eav(tmp_path, variable)
    found = listed("eav", tmp_path)
    assert [it.labels[0].name for it in found] == [
        "Listening Anger", "Speaking Anger", "Listening Neutral", "Speaking Calmness",
    ]  # fmt: skip
    assert [it.labels[0].emotion for it in found] == ["angry", "angry", "neutral", "calm"]
    assert [it.modalities for it in found] == [("eeg", "face"), ("eeg", "face", "voice"), ("eeg",), ("eeg",)]
    assert (found[1].person, found[1].order, found[1].labels[0].end_s) == ("subject07", 1, 2.0)
    np.testing.assert_array_equal(eeg_of(found[1])[1], eeg[:, :, 1].astype(np.float32))
    assert all_electrodes_known(found[0])
    assert found[1].open("voice").streams[0].nominal_rate_hz == 8000


def test_eav_names_that_contradict_the_labels_are_refused(tmp_path):
    eav(tmp_path)
    film(tmp_path / "subject7" / "Video" / "003_Trial_03_Listening_Sadness.mp4")
    with pytest.raises(DatasetError, match=r"says listening, sadness .* says Listening, Neutral for trial 3"):
        listed("eav", tmp_path)


def test_eav_with_another_layout_is_refused(tmp_path):
    eav(tmp_path)
    labels = tmp_path / "subject7" / "EEG" / "subject7_eeg_label.mat"
    scipy.io.savemat(labels, {"label": np.ones((10, 4))})
    with pytest.raises(DatasetError, match="one class for each trial"):
        listed("eav", tmp_path)
    scipy.io.savemat(labels.with_name("subject7_eeg.mat"), {"seg": np.zeros((9, 31, 4))})
    with pytest.raises(DatasetError, match=r"shape \(10000 samples, 30 electrodes"):
        listed("eav", tmp_path)
    labels.with_name("subject7_eeg.mat").unlink()
    with pytest.raises(DatasetError, match=r"no EEG/subject7_eeg\.mat"):
        listed("eav", tmp_path)


# hostile files


def bomb(inside: int) -> bytes:
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    packed = zlib.compress(bytes(inside), 9)
    return head + struct.pack("<II", 15, len(packed)) + packed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as a MATLAB file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "cannot be read as a MATLAB file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400), "version 7.3"),
        (bomb(300 << 20), "more than 100 times its size"),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 14, 1 << 31), "2147483648 bytes"),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"\xff" * 100, "bytes, but ends before|cannot be read"),
    ],
)
def test_damaged_and_hostile_matlab_files_are_refused(tmp_path, content, said):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=said):
        read_mat(tmp_path / "a.mat", "x")


def test_a_matlab_file_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"x": RANDOM.normal(0, 1, (40, 40))}, do_compression=True)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 997):
        path.write_bytes(whole[:length])
        with pytest.raises(DatasetError):
            read_mat(path, "x")


def test_a_file_that_was_changed_is_read_anew(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"x": np.zeros((1, 3))})
    assert read_mat(path, "x").shape == (1, 3)
    scipy.io.savemat(path, {"x": np.zeros((1, 300))})
    assert read_mat(path, "x").shape == (1, 300)
