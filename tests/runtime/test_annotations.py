"""Segments as annotations: MNE puts them on the very EEG samples during which they were shown, whatever the clock."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
import pyxdf

from streamsense.errors import StreamsenseError
from streamsense.runtime.annotations import AnnotationFile, EegSamples
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Notice, Plan, Score
from streamsense.segments import AMBIVALENT, SEGMENT_OFF, SEGMENT_ON
from streamsense.sources.recordings import open_any
from streamsense.ticks import tick_time
from tests.helpers.edf_writer import write_edf
from tests.helpers.talking_session import EEG_HZ, LATER_S, START_S, write_talking_session

ENDINGS = ("told.txt", "told-annot.fif", "told-annot.fif.gz")
SEGMENTS = ((6.2, 9.8, "happy"), (7.0, 8.4, AMBIVALENT), (9.8, 12.0, "happily surprised"))
"""Onset, offset and what; the last is still shown at the last tick."""
NAMES = ["emotion/happy", "ambivalence", "emotion/happily surprised"]


def tell(file: AnnotationFile, begin: float = 0.0) -> None:
    onsets = [(begin + onset, SEGMENT_ON, {"what": what, "onset": begin + onset}) for onset, _, what in SEGMENTS]
    offsets = [
        (begin + offset, SEGMENT_OFF, {"what": what, "onset": begin + onset, "offset": begin + offset})
        for onset, offset, what in SEGMENTS[:-1]
    ]
    for time, kind, details in sorted(offsets + onsets, key=lambda it: (it[0], it[1])):
        file.write_notice(Notice(time + 1.0, kind, "", dict(details)))
    last = round(5 * (begin + SEGMENTS[-1][1]))
    nothing = np.zeros(len(SCORE_LABELS)), np.zeros(len(EXPERT_LABELS))
    file.write_score(Score(last, tick_time(last), *nothing, Plan(last, tick_time(last), "complete", ())))
    file.close()


def told_samples(raw: Any, path: Path) -> dict[str, tuple[int, int]]:
    """As a lab does it: the first sample of each annotation in the Raw's data, and the first after it."""
    raw.set_annotations(mne.read_annotations(path))
    found = {}
    for one in raw.annotations:
        times = raw.times + raw.first_time - 1e-6
        inside = np.flatnonzero((times + 2e-6 >= one["onset"]) & (times + 2e-6 < one["onset"] + one["duration"]))
        found[str(one["description"])] = (int(inside[0]), int(inside[-1]) + 1)
    return found


def eeg_of(path: Path) -> EegSamples:
    recording = open_any(path)
    stream = next(one for one in recording.streams if one.type == "EEG")
    return EegSamples(recording, {stream.stream_id: ("eeg", "eeg")})


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["edf", "fif that begins late"])
def test_mne_finds_the_samples_in_the_file_that_was_scored(tmp_path: Path, kind: str, ending: str) -> None:
    rate = 160
    counts = np.random.default_rng(0).integers(-200, 200, (2, 20 * rate))
    file = tmp_path / "session.edf"
    write_edf(file, ["Fp1", "Fp2"], ["uV", "uV"], counts, rate)
    raw = mne.io.read_raw_edf(file, preload=True, verbose="ERROR")
    assert raw.info["meas_date"] is not None, "a date must not move what has none"
    if kind != "edf":
        file = tmp_path / "session_raw.fif"
        raw.crop(tmin=4.0).save(file, verbose="ERROR")
        raw = mne.io.read_raw_fif(file, verbose="ERROR")
        assert raw.first_samp == 4 * rate
    tell(AnnotationFile(tmp_path / ending, eeg_of(file)))
    expected = {
        name: (round(onset * rate), round(offset * rate))
        for name, (onset, offset, _) in zip(NAMES, SEGMENTS, strict=True)
    }
    assert told_samples(raw, tmp_path / ending) == expected
    with pytest.raises(StreamsenseError, match="is there already"):
        AnnotationFile(tmp_path / ending, eeg_of(file))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "stream"), [("openbci_8ch_343s", "obci_eeg1"), ("openbci_markers_ekg", "obci_eeg1"), ("muse_P002", "Muse")]
)
def test_of_a_real_xdf_the_samples_are_those_that_pyxdf_finds(
    data_folder: Path, tmp_path: Path, name: str, stream: str
) -> None:
    """Two are of amplifiers whose clocks are minutes and hours off, and which run at another rate than declared."""
    file = data_folder / "xdf" / f"{name}.xdf"
    streams, _ = pyxdf.load_xdf(file, verbose=False)
    eeg = next(it for it in streams if it["info"]["name"][0] == stream and it["info"]["type"][0] == "EEG")
    offset_s = float(eeg["clock_values"][0])
    assert name.startswith("muse") or abs(offset_s) > 1000
    stamps, rate = np.asarray(eeg["time_stamps"]), float(eeg["info"]["nominal_srate"][0])
    begin = float(np.ceil(5 * stamps[0]) / 5)
    tell(AnnotationFile(tmp_path / "told.txt", eeg_of(file)), begin)
    info = mne.create_info(eeg["time_series"].shape[1], rate, "eeg")
    raw = mne.io.RawArray(eeg["time_series"].T * 1e-6, info, verbose="ERROR")
    found = told_samples(raw, tmp_path / "told.txt")
    for label, (onset, offset, _) in zip(NAMES, SEGMENTS, strict=True):
        # pyxdf evens out the stamps, which come in deliveries; a tenth of a second is what those last.
        wanted = np.searchsorted(stamps, [begin + onset, begin + offset])
        assert np.abs(np.array(found[label]) - wanted).max() <= 0.1 * rate, label


@pytest.mark.real_data
def test_the_end_of_a_long_recording_is_not_moved_by_the_amplifiers_own_rate(data_folder: Path) -> None:
    eeg = eeg_of(data_folder / "xdf" / "openbci_8ch_343s.xdf")
    streams, _ = pyxdf.load_xdf(data_folder / "xdf" / "openbci_8ch_343s.xdf", verbose=False)
    stamps = np.asarray(next(it for it in streams if it["info"]["type"][0] == "EEG")["time_stamps"])
    times = np.linspace(stamps[0], stamps[-1], 50)
    by_clock = (times - stamps[0]) * eeg.rate_hz
    off = np.abs(eeg.before(times) - np.searchsorted(stamps, times))
    assert off.max() < 10, "samples"
    assert np.abs(by_clock - np.searchsorted(stamps, times)).max() > 50, (
        "seconds times the declared rate are not enough"
    )


@pytest.fixture(scope="module")
def session(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("talking") / "sub-08.xdf"
    write_talking_session(file, data_folder / "emodb")
    (file.parent / "trained.yaml").write_text("eeg: {}\nvoice: {model: voice_emotion}\n", encoding="utf-8")
    return file


def command(file: Path, *more: object) -> list[str]:
    config = str(file.parent / "trained.yaml")
    return [sys.executable, "-m", "streamsense", "replay", str(file), "--config", config, *map(str, more)]


@pytest.mark.real_data
def test_a_replayed_session_with_another_clock_gives_annotations_on_its_eeg(session: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "talking-annot.fif"
    words = command(session, "-o", tmp_path / "out", "--annotations", out)
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    with (tmp_path / "out" / "events.csv").open(newline="") as table:
        events = [(row["kind"], json.loads(row["details"])) for row in csv.DictReader(table)]
    told = [details for kind, details in events if kind == SEGMENT_OFF]
    assert "angry" in {one["what"] for one in told}
    streams, _ = pyxdf.load_xdf(session, verbose=False)
    eeg = next(it for it in streams if it["info"]["type"][0] == "EEG")
    stamps = np.asarray(eeg["time_stamps"])
    assert stamps[0] == pytest.approx(START_S + LATER_S), "on the recorder's clock"
    raw = mne.io.RawArray(eeg["time_series"].T * 1e-6, mne.create_info(6, EEG_HZ, "eeg"), verbose="ERROR")
    found = told_samples(raw, out)
    assert f"{len(found)} segments" in done.stdout
    for one in told:
        name = "ambivalence" if one["what"] == AMBIVALENT else f"emotion/{one['what']}"
        assert np.abs(np.array(found[name]) - np.searchsorted(stamps, [one["onset"], one["offset"]])).max() <= 1, name
    events, ids = mne.events_from_annotations(raw, verbose="ERROR")
    assert {name for name in ids if name.startswith("emotion/")} >= {"emotion/angry"}


@pytest.mark.real_data
def test_an_interrupted_replay_leaves_what_was_told_until_then(session: Path, tmp_path: Path) -> None:
    words = command(session, "--annotations", tmp_path / "told.txt", "--json", "--speed", 3)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(20):  # 4 s: anger is shown, and the EEG there
            last = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in process.stdout]
    assert process.returncode == 130
    assert not (rest and rest[-1]["time"] > START_S + 16), "it was interrupted before its end"
    (*_, one) = mne.read_annotations(tmp_path / "told.txt")
    assert one["description"] == "emotion/angry"
    end_s = (rest or [last])[-1]["time"] - START_S - LATER_S
    assert one["onset"] + one["duration"] == pytest.approx(end_s, abs=0.41), "a line or two may not have been read"
    assert os.listdir(tmp_path) == ["told.txt"]


@pytest.mark.parametrize("name", ["told.csv", "told.fif", "told", "annot.fif.txt.xdf"])
def test_other_endings_are_refused_before_anything_is_computed(tmp_path: Path, name: str) -> None:
    with pytest.raises(StreamsenseError, match=r"expected a file that ends in \.txt, -annot\.fif or -annot\.fif\.gz"):
        AnnotationFile(tmp_path / name, None)  # type: ignore[arg-type]


def test_a_recording_without_eeg_is_refused(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "voice.wav", np.zeros(16_000), 16_000)
    recording = open_any(tmp_path / "voice.wav")
    with pytest.raises(StreamsenseError, match="no EEG that is scored"):
        EegSamples(recording, {1: ("voice", "voice")})


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_session_in_which_nothing_was_told_gives_a_file_without_annotations(tmp_path: Path, ending: str) -> None:
    write_edf(tmp_path / "session.edf", ["Fp1"], ["uV"], np.zeros((1, 160 * 4), int), 160)
    AnnotationFile(tmp_path / ending, eeg_of(tmp_path / "session.edf")).close()
    assert len(mne.read_annotations(tmp_path / ending)) == 0


def test_what_lies_beyond_the_eeg_is_cut_or_left_out(tmp_path: Path) -> None:
    write_edf(tmp_path / "session.edf", ["Fp1"], ["uV"], np.zeros((1, 160 * 8), int), 160)
    tell(AnnotationFile(tmp_path / "told.txt", eeg_of(tmp_path / "session.edf")))
    found = mne.read_annotations(tmp_path / "told.txt")
    assert found.description.tolist() == NAMES[:2]
    assert (found.onset + found.duration).tolist() == pytest.approx([8.0, 8.0])
