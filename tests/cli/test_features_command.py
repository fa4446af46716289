"""`streamsense features` on every kind of file: the very numbers of the pipeline, bad input told or marked as such.

The commands run one after the other in one process; what is compared with is computed here from the library's parts.
"""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamsense.face.opencv import cv2
from streamsense.features.band_entropy import BAND_NAMES, BandEntropy
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.voice_movement import MOVEMENT
from streamsense.models.contract import contract_sha256
from streamsense.runtime.recorded_session import open_replay
from streamsense.score import Score
from streamsense.streams import Feature
from tests.conftest import DATA_FOLDER
from tests.helpers import recorded_sessions
from tests.helpers.brain_noise import brain_noise
from tests.helpers.command_line import Done, run_together
from tests.helpers.edf_writer import write_edf
from tests.helpers.face_pictures import astronaut
from tests.helpers.films import moving, write_film
from tests.helpers.recorded_sessions import Made
from tests.helpers.xdf_writer import XdfWriter

Table = tuple[list[str], list[dict[str, str]]]
RATE = 250
REAL_FILES = {
    "edf": "eegbci_s001/S001R01.edf",
    "wav": "emodb/wav/08a01Ab.wav",
    "film": "face_video/asl_gestures/bird.mkv",
    "xdf": "xdf/muse_P001.xdf",
}


def eeg_xdf(path: Path, labels: list[str], samples: np.ndarray, rate: int = RATE) -> Path:
    writer = XdfWriter()
    writer.header(1, "float32", len(labels), rate, "Amp", "EEG", labels)
    writer.stamped(1, 100 + np.arange(len(samples)) / rate, samples.astype("f4"))
    writer.footer(1, len(samples))
    path.write_bytes(writer.data)
    return path


def spoilt_eeg(seconds: float = 12.0) -> np.ndarray:
    """Six channels: two good, one that holds no numbers for a second, one that is infinite, one flat, one that is
    no number at any time."""
    samples = brain_noise(np.random.default_rng(0), 12, (round(seconds * RATE), 6), RATE)
    samples[6 * RATE : 7 * RATE, 2] = np.nan
    samples[::3, 3] = np.inf
    samples[:, 4] = 5.0
    samples[:, 5] = np.nan
    return samples


def make_files(folder: Path) -> dict[str, Path]:
    """The files that the commands read, but for the recordings that are not ours."""
    random = np.random.default_rng(0)
    files = {name: folder / file for name, file in {"one": "one.edf", "slow": "slow.edf", "8k": "8k.wav"}.items()}
    write_edf(files["one"], ["Oz"], ["uV"], random.normal(0, 20, (1, 8 * RATE)).astype(int), RATE)
    write_edf(files["slow"], ["Oz"], ["uV"], random.normal(0, 20, (1, 800)).astype(int), 80)
    t = np.arange(4 * 8000) / 8000
    sound = 0.3 * np.sign(np.sin(2 * np.pi * 140 * t)) * (np.sin(2 * np.pi * t) > 0)
    soundfile.write(files["8k"], sound, 8000, subtype="PCM_16")
    sound[4000:8000:3], sound[4001:8000:3] = np.nan, -np.inf
    files["no sound"] = folder / "no sound.wav"
    soundfile.write(files["no sound"], sound, 8000, subtype="FLOAT")
    files["constant"] = eeg_xdf(folder / "constant.xdf", ["Cz", "Oz"], np.full((1500, 2), 4200.0))
    files["nan"] = eeg_xdf(folder / "nan.xdf", ["F3", "F4", "C3", "C4", "O1", "O2"], spoilt_eeg())
    files["other names"] = eeg_xdf(folder / "other.xdf", ["ExG1", "ExG2"], random.normal(0, 12, (1500, 2)))
    frames = moving(40)
    files["grey"] = write_film(folder / "grey.avi", [frame[..., 1].copy() for frame in frames])
    two, face = np.full((400, 680, 3), 90, np.uint8), astronaut()[:280, 85:365]
    two[20:380, 300:660] = cv2.resize(face, (360, 360))
    files["one face"] = write_film(folder / "one.avi", [two] * 30)
    two[20:300, :280] = face
    files["two faces"] = write_film(folder / "two.avi", [two] * 30)
    # 4K: that of one picture, since so large ones take their time
    large = cv2.resize(astronaut()[:288], (3840, 2160), interpolation=cv2.INTER_CUBIC)
    files["4k"] = write_film(folder / "4k.avi", [large] * 10, rate=5.0)
    files["no face"] = write_film(folder / "no_face.avi", [np.full((240, 320, 3), 90, np.uint8)] * 30)
    (folder / "notes.mp4").write_text("dear diary")
    files["no film"] = folder / "notes.mp4"
    return files


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """A live session of three modalities, recorded with its sound and without."""
    events = recorded_sessions.eventful()
    return {name: recorded_sessions.make(events, at_fronts=name == "frames") for name in ("sound", "frames")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def files(folder: Path, lives: dict[str, Made]) -> dict[str, Path]:
    found = make_files(folder)
    for name, made in lives.items():
        found[name] = folder / f"{name}.xdf"
        recorded_sessions.write(found[name], made)
    data = found["sound"].read_bytes()
    found["changed"] = folder / "changed.xdf"
    middle = data.index(b"\n", len(data) * 3 // 4)
    found["changed"].write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    if DATA_FOLDER.is_dir():
        found |= {name: DATA_FOLDER / file for name, file in REAL_FILES.items()}
    return found


@pytest.fixture(scope="module")
def done(folder: Path, files: dict[str, Path]) -> dict[str, Done]:
    """How the command ended for each of the files."""
    commands = {name: ["features", file, "-o", folder / f"{name}.csv"] for name, file in files.items()}
    commands["named"] = ["features", files["other names"], "-o", folder / "named.csv", "--electrodes", "ExG1=Fp1"]
    commands["short window"] = ["features", files["one"], "-o", folder / "short.csv", "--config", folder / "short.yaml"]
    commands["json"] = ["features", files["one"], "-o", folder / "json.csv", "--json"]
    commands["again"] = ["features", files["one"], "-o", folder / "json.csv"]
    commands["not used"] = ["features", files["grey"], "-o", folder / "not used.csv", "--face", "none"]
    commands["ending"] = ["features", files["one"], "-o", folder / "table.xlsx"]
    (folder / "short.yaml").write_text("eeg: {window_s: 2, reference: none}\n")
    commands["other cap"] = ["features", files["one"], "-o", folder / "other cap.csv", "--config", "cap.yaml"]
    part = {"contract": contract_sha256(BandEntropy().contract()), "baseline": {"Fz": [1.0] * 5}, "weight": 1.0}
    (folder / "Fz.json").write_text(json.dumps({"streamsense_profile": 1, "eeg": part}))
    (folder / "cap.yaml").write_text("eeg: {}\nprofile: Fz.json\n")
    return dict(zip(commands, run_together(list(commands.values()), folder), strict=True))


def table_of(path: Path) -> Table:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames is not None
    return list(reader.fieldnames), rows


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def named_numbers(windows: Mapping[str, Feature]) -> dict[str, float]:
    """The features' numbers under the names that the reference gives them, written down once more; masked ones not."""
    numbers: dict[str, float] = {}
    if (eeg := windows.get("eeg")) is not None:
        for place in np.flatnonzero(eeg.inputs["electrode_mask"]):
            for index, band in enumerate(BAND_NAMES):
                numbers[f"de_{band}_{ELECTRODES[place]}"] = float(eeg.inputs["band_entropy"][place, index])
                numbers[f"base_{band}_{ELECTRODES[place]}"] = float(eeg.inputs["band_entropy_baseline"][place, index])
        numbers["base_weight"] = float(eeg.inputs["baseline_weight"][0])
    if (face := windows.get("face")) is not None:
        units = "01 02 04 05 06 07 09 10 12 14 15 17 20 23 24 25 26 28 45".split()  # noqa: SIM905
        for unit, row in zip(units, face.inputs["action_units"], strict=True):
            if face.inputs["action_unit_mask"].any():
                names = (f"au{unit}", f"au{unit}_sd", f"au{unit}_slope_per_s", f"au{unit}_left_minus_right")
                numbers |= dict(zip(names, map(float, row), strict=True))
        numbers |= face.cues | face.beside
    if (voice := windows.get("voice")) is not None:
        for column, name in enumerate(("mean", "sd", "delta_mean", "delta_sd")):
            for band in range(64):
                numbers[f"logmel_{name}_{band:02d}"] = float(voice.inputs["log_mel_statistics"][band, column])
        numbers |= {name: float(voice.inputs["prosody"][i]) for i, name in enumerate(("voice_level", "voice_tilt"))}
        contours = (
            "pitch_mean_st", "pitch_sd_st", "pitch_slope_st_per_s", "pitch_range_st", "pitch_unsteadiness_st",
            "periodicity", "pitched_fraction", "loudness_mean_db", "loudness_sd_db", "loudness_slope_db_per_s",
        )  # fmt: skip
        numbers |= dict(zip(contours, voice.inputs["contours"].tolist(), strict=True))
        numbers |= dict(zip(MOVEMENT, voice.inputs["movement"].tolist(), strict=True))
        numbers |= voice.cues
    for modality, feature in windows.items():
        numbers[f"{modality}_validity"], numbers[f"{modality}_quality"] = feature.validity, feature.quality
        numbers[f"{modality}_effective_time"] = feature.effective_time
    return numbers


def assert_same_bytes(table: Table, scores: Iterable[Score]) -> None:
    """Every cell is a number of the pipeline's windows, to the bit, and every number of them is in a cell."""
    names, rows = table
    scores = list(scores)
    assert len(rows) == len(scores) > 5
    for row, score in zip(rows, scores, strict=True):
        numbers = {"time": score.time, **named_numbers(score.windows)}
        assert {name for name, cell in row.items() if cell} == set(numbers), score.tick
        assert all(bits(float(row[name])) == bits(value) for name, value in numbers.items()), score.tick
    assert all(any(row[name] for row in rows) for name in names), "a column without a number"


@pytest.mark.parametrize("name", ["sound", "frames"])
def test_a_recording_gives_what_the_live_session_had(name, done, folder, lives):
    assert done[name].code == 0, done[name]
    scores = lives[name].scores
    assert any(set(score.windows) == {"eeg", "face", "voice"} for score in scores)
    assert any(score.windows.keys() - score.features.keys() for score in scores), "some windows do not count"
    assert_same_bytes(table_of(folder / f"{name}.csv"), scores)


def replayed(file: Path) -> list[Score]:
    """What the whole pipeline, experts and all, makes of a file."""
    return [item for item in open_replay(file, {})[0].run() if isinstance(item, Score)]


@pytest.mark.parametrize("name", ["one", "8k", "grey"])
def test_a_file_gives_the_features_that_the_experts_are_given(name, done, folder, files):
    assert done[name].code == 0, done[name]
    scores = replayed(files[name])
    assert any(score.features for score in scores)
    assert_same_bytes(table_of(folder / f"{name}.csv"), scores)


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL_FILES)
def test_a_real_file_gives_the_features_of_the_pipeline(name, done, folder, files, data_folder):
    assert done[name].code == 0, done[name]
    assert_same_bytes(table_of(folder / f"{name}.csv"), replayed(files[name]))


@pytest.mark.real_data
def test_of_a_file_without_lsl_time_the_time_counts_from_its_start(done, folder, data_folder):
    for name, seconds in (("edf", 61.0), ("wav", 2.0), ("film", 2.1)):
        _, rows = table_of(folder / f"{name}.csv")
        times = [float(row["time"]) for row in rows]
        assert times == [tick / 5 for tick in range(1, len(rows) + 1)], name
        assert seconds - 0.4 < times[-1] <= seconds, name


def test_one_electrode_is_enough(done, folder):
    assert done["one"].code == 0
    names, rows = table_of(folder / "one.csv")
    assert [name for name in names if name.startswith("de_")] == [f"de_{band}_Oz" for band in BAND_NAMES]
    assert float(rows[-1]["eeg_validity"]) == 1.0
    assert float(rows[-1]["de_alpha_Oz"]) > 0


def test_electrodes_that_the_profile_does_not_know_are_told(done, folder):
    assert done["other cap"].code == 0, done["other cap"]
    (told,) = [line for line in done["other cap"].out.splitlines() if line.startswith("warning: the profile ")]
    assert "knows no rest of Oz" in told
    assert "does not count" in told


def test_a_rate_that_is_too_low_is_told(done, folder):
    assert done["slow"].code == 2
    assert "80 Hz, which cannot carry gamma (31 to 49 Hz)" in done["slow"].err
    assert not (folder / "slow.csv").exists()


def test_sound_at_8_khz_is_taken(done, folder):
    assert done["8k"].code == 0
    _, rows = table_of(folder / "8k.csv")
    assert float(rows[-1]["voice_validity"]) == 1.0
    assert float(rows[-1]["voiced_fraction"]) > 0.2


def test_a_film_without_a_face_gives_rows_of_validity_0(done, folder):
    assert done["no face"].code == 0
    names, rows = table_of(folder / "no face.csv")
    assert "au12" in names
    assert len(rows) >= 4
    assert {float(row["face_validity"]) for row in rows} == {0.0}
    assert {row["au12"] for row in rows} == {""}


def test_of_two_faces_one_is_followed_and_the_quality_says_so(done, folder):
    assert done["two faces"].code == 0
    last, alone = (table_of(folder / f"{name}.csv")[1][-1] for name in ("two faces", "one face"))
    assert float(last["au12"]) >= 0
    assert float(last["face_quality"]) == pytest.approx(0.8 * float(alone["face_quality"]), rel=0.05)


def test_pictures_in_4k_are_taken(done, folder):
    assert done["4k"].code == 0
    _, rows = table_of(folder / "4k.csv")
    assert float(rows[-1]["face_validity"]) > 0.5
    assert float(rows[-1]["au12"]) >= 0
    assert 100 < float(rows[-1]["head_z_mm"]) < 3000


def test_a_grey_film_gives_action_units(done, folder):
    assert done["grey"].code == 0
    assert "sound" in done["grey"].out
    _, rows = table_of(folder / "grey.csv")
    assert float(rows[-1]["face_validity"]) > 0.2
    assert float(rows[-1]["au12"]) >= 0


def test_what_is_no_number_is_no_feature(done, folder):
    assert done["nan"].code == 0
    names, rows = table_of(folder / "nan.csv")
    assert not any(cell in ("nan", "inf", "-inf") for row in rows for cell in row.values())
    last = rows[-1]
    assert all(last[f"de_{band}_F3"] for band in BAND_NAMES)
    for electrode in ("C4", "O1", "O2"):  # infinite again and again, constant, never a number
        never = {f"de_{band}_{electrode}" for band in BAND_NAMES}
        assert never <= set(names)
        assert not any(row[name] for row in rows for name in never), f"{electrode} is masked"
    assert float(last["eeg_quality"]) < 1.0


def test_eeg_that_is_constant_has_no_value(done, folder):
    assert done["constant"].code == 0
    _, rows = table_of(folder / "constant.csv")
    assert {row["de_alpha_Oz"] for row in rows} == {""}
    assert {(float(row["eeg_validity"]), float(row["eeg_quality"])) for row in rows[5:]} == {(0.0, 0.0)}


def test_sound_that_is_no_number_is_silence(done, folder):
    assert done["no sound"].code == 0
    _, rows = table_of(folder / "no sound.csv")
    assert not any(cell in ("nan", "inf", "-inf") for row in rows for cell in row.values())
    spoilt, fine = (float(rows[row]["voice_quality"]) for row in (7, -1))
    assert spoilt == 0 < fine, "what is no number counts as clipped"


def test_electrodes_can_be_named(done, folder):
    assert done["other names"].code == 2
    assert "--electrodes" in done["other names"].err
    assert done["named"].code == 0, done["named"]
    names, _ = table_of(folder / "named.csv")
    assert [name for name in names if name.startswith("de_alpha")] == ["de_alpha_Fp1"]


def test_settings_for_which_there_is_no_model_can_be_exported(done, folder):
    assert done["short window"].code == 0, done["short window"]
    _, rows = table_of(folder / "short.csv")
    _, usual = table_of(folder / "one.csv")
    full = [[float(row["eeg_validity"]) for row in table].index(1.0) for table in (rows, usual)]
    assert full[0] < full[1]


def test_the_summary_can_be_read_by_a_program(done, folder):
    found = json.loads(done["json"].out)
    names, rows = table_of(folder / "json.csv")
    assert (found["rows"], found["columns"]) == (len(rows), len(names))
    assert (found["first_time"], found["last_time"]) == (float(rows[0]["time"]), float(rows[-1]["time"]))
    mean = np.mean([float(row["eeg_validity"]) for row in rows])
    assert found["modalities"]["eeg"]["mean_validity"] == pytest.approx(mean)
    assert found["modalities"]["eeg"]["rows"] == len(rows)


SAYS = {
    "again": ("json.csv is there already and is not overwritten",),
    "ending": ("table.xlsx", ".csv or .parquet"),
    "not used": ("grey.avi has no stream that can be scored",),
    "no film": ("notes.mp4 is no film that OpenCV can read",),
    "changed": ("changed.xdf was changed",),
}


@pytest.mark.parametrize("name", SAYS)
def test_bad_input_gets_one_paragraph(name, done):
    assert done[name].code == 2, done[name]
    assert "Traceback" not in done[name].err
    assert done[name].err.count("Error: ") == 1
    for part in SAYS[name]:
        assert part in done[name].err


def test_a_command_that_fails_leaves_no_table(done, folder):
    for name in ("changed", "no film", "slow", "other names"):
        assert done[name].code == 2
        assert not (folder / f"{name}.csv").exists()
    assert not list(folder.glob("table*"))
