"""A lab's own XDF sessions: whose they are; labels from markers, ratings and a table, on the replay's clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsense.config import Config, EegSection
from streamsense.datasets.lab_labels import MarkerLabels, Meaning, RatingLabels, TableLabels
from streamsense.datasets.lab_sessions import lab_sessions
from streamsense.datasets.labels import LabelTrack
from streamsense.errors import DatasetError
from streamsense.evaluation.windows import at_end, labelled_windows
from tests.helpers.brain_noise import brain_noise
from tests.helpers.xdf_writer import XdfWriter

START_S, SECONDS, OFFSET_S = 1000.0, 20.0, 50.0
"""The senders' clock is 50 s behind the recorder's, so everything is 50 s later in a replay."""
BEGIN_S = START_S + OFFSET_S


def session(
    path: Path,
    markers: list[tuple[float, str]] = (),
    ratings: list[tuple[float, float, float]] = (),
    names: tuple[str, ...] = ("Fp1", "O2"),
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = XdfWriter()
    times = START_S + np.arange(round(SECONDS * 128)) / 128
    writer.header(1, "float32", len(names), 128.0, "Amp", "EEG", names)
    writer.header(2, "string", 1, 0.0, "Task", "Markers")
    writer.header(3, "double64", 2, 0.0, "Slider", "Ratings", ("val", "aro"), "")
    for stream in (1, 2, 3):
        writer.clock_offset(stream, START_S, OFFSET_S)
    values = brain_noise(np.random.default_rng(2), 10, (len(times), len(names)), 128.0)
    writer.stamped(1, times, values.astype("f4"))
    if markers:
        writer.samples(2, [START_S + at for at, _ in markers], [[text] for _, text in markers])
    if ratings:
        writer.samples(3, [START_S + at for at, _, _ in ratings], [[v, a] for _, v, a in ratings])
    for stream, count in ((1, len(times)), (2, len(markers)), (3, len(ratings))):
        writer.clock_offset(stream, START_S + SECONDS, OFFSET_S)
        writer.footer(stream, count)
    path.write_bytes(writer.data)
    return path


MARKED = MarkerLabels(
    "Task",
    {"calm_film": Meaning("calm", arousal=-0.5), "horror": Meaning("horror", "fearful", arousal=0.9)},
    ("pause",),
)


def labels_of(folder: Path, source: object) -> list[object]:
    (found,) = lab_sessions(source).recordings(folder)
    return list(found.labels)


def test_markers_begin_and_end_labels_on_the_replays_clock(tmp_path):
    markers = [(1, "calm_film"), (3.5, "button"), (6, "pause"), (8, "horror"), (12, "calm_film")]
    session(tmp_path / "sub-P01" / "ses-S2" / "sub-P01_ses-S2_task-films_eeg.xdf", markers)
    (found,) = lab_sessions(MARKED).recordings(tmp_path)
    assert (found.person, found.session, found.order, found.modalities) == ("P01", "S2", 0, ("eeg",))
    spans = [(label.start_s - BEGIN_S, label.end_s - BEGIN_S, label.name, label.trial) for label in found.labels]
    end_s = SECONDS - 1 / 128
    assert [(name, trial) for _, _, name, trial in spans] == [
        ("calm", "calm_film 1"), ("horror", "horror 2"), ("calm", "calm_film 3"),
    ]  # fmt: skip
    np.testing.assert_allclose([span[:2] for span in spans], [(1, 6), (8, 12), (12, end_s)], atol=1e-9)
    assert (found.labels[1].emotion, found.labels[1].arousal, found.labels[1].valence) == ("fearful", 0.9, None)


def test_windows_of_a_session_lie_within_their_labels_and_carry_their_trial(tmp_path):
    session(tmp_path / "P07" / "a.xdf", [(1, "calm_film"), (8, "pause"), (9, "horror")])
    (found,) = lab_sessions(MARKED).recordings(tmp_path)
    windows = list(labelled_windows(found, "eeg", Config(eeg=EegSection(window_s=2.0))))
    assert {(it.window.person, it.window.recording) for it in windows} == {("P07", "P07/a")}
    for it in windows:
        inside = (1, 8) if it.label.name == "calm" else (9, SECONDS)
        assert inside[0] - 1e-6 <= it.window.start_s - BEGIN_S
        assert it.window.end_s - BEGIN_S <= inside[1] + 1e-6
        assert it.window.trial == it.label.trial
    assert [sum(it.label.name == name for it in windows) for name in ("calm", "horror")] == [26, 45]


def test_markers_that_mean_nothing_are_told(tmp_path):
    session(tmp_path / "sub-1.xdf", [(1, "go"), (2, "stop")])
    with pytest.raises(
        DatasetError, match=r"none begins a label\. Found: go, stop\. Expected one of calm_film, horror"
    ):
        labels_of(tmp_path, MARKED)


def test_pictures_of_a_camera_are_a_face(tmp_path):
    path = session(tmp_path / "sub-1.xdf", [(1, "horror")])
    writer = XdfWriter()
    writer.header(4, "string", 1, 0.0, "Camera", "VideoFrames", ["frame"], "jpeg-base64")
    writer.samples(4, [BEGIN_S + 1], [["/9j/4AAQ"]])
    writer.footer(4, 1)
    path.write_bytes(path.read_bytes() + writer.data.removeprefix(XdfWriter().data))
    (found,) = lab_sessions(MARKED).recordings(tmp_path)
    assert found.modalities == ("eeg", "face")


SLIDER = RatingLabels("Slider", {"valence": "val", "arousal": "aro"}, low=0, high=100, longest_hold_s=3.0)


def test_ratings_hold_until_the_next_one_on_the_grid_of_ticks(tmp_path):
    session(tmp_path / "sub-1.xdf", ratings=[(2.1, 50, 100), (4.0, 75, 100), (5.0, 75, 100), (12.5, 0, 0)])
    labels = labels_of(tmp_path, SLIDER)
    found = [(it.start_s - BEGIN_S, it.end_s - BEGIN_S, it.valence, it.arousal) for it in labels]
    np.testing.assert_allclose(
        np.array(found, float),
        [(2.0, 4.0, 0, 1), (4.0, 8.0, 0.5, 1), (12.4, 15.4, -1, -1)],
        atol=1e-6,
    )
    track = LabelTrack(labels)
    assert track.at_end(0, BEGIN_S + 4.2).valence == 0.5
    assert track.at_end(0, BEGIN_S + 4.0).valence == 0.0, "what is before the tick"
    assert track.at_end(0, BEGIN_S + 10.0) is None, "too old"


def test_windows_get_the_rating_of_the_tick_at_which_they_end(tmp_path):
    session(tmp_path / "sub-1.xdf", ratings=[(2.0, 50, 100), (6.0, 100, 100)])
    (found,) = lab_sessions(SLIDER).recordings(tmp_path)
    windows = list(labelled_windows(found, "eeg", Config(eeg=EegSection(window_s=4.0)), at_end))
    rated = {round(it.window.end_s - BEGIN_S, 1): it.label.valence for it in windows}
    assert min(rated) == 2.2
    assert (rated[4.8], rated[5.0], rated[6.2], rated[8.8]) == (0.0, 0.0, 1.0, 1.0)
    assert not {5.2, 6.0} & set(rated), "held for 3 s and no longer"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (RatingLabels("Dial", {"valence": "val"}), r"0 streams of numbers called 'Dial'.*'Amp', 'Slider'"),
        (RatingLabels("Slider", {"valence": "pleasure"}), "'Slider' has the channels val, aro; expected 'pleasure'"),
        (RatingLabels("Slider", {"valence": "val"}), "expected -1 to 1"),
        (MarkerLabels("Slider", {"a": Meaning("a")}), r"0 streams of texts called 'Slider'.*'Task'"),
    ],
)
def test_label_streams_that_do_not_fit_are_told(tmp_path, source, said):
    session(tmp_path / "sub-1.xdf", ratings=[(2.0, 50, 100)])
    with pytest.raises(DatasetError, match=said):
        labels_of(tmp_path, source)


def test_a_rating_stream_without_a_rating_is_told(tmp_path):
    session(tmp_path / "sub-1.xdf")
    with pytest.raises(DatasetError, match="has no sample"):
        labels_of(tmp_path, SLIDER)


def test_a_table_beside_the_recording(tmp_path):
    path = session(tmp_path / "sub-1_run.2.xdf")
    table = path.with_name("sub-1_run.2.labels.csv")
    table.write_text("start_s,end_s,name,arousal\n0,5,rest,\n5,19.5,work,0.25\n", encoding="utf-8")
    rest, work = labels_of(tmp_path, TableLabels())
    assert (rest.start_s, rest.end_s, rest.name, rest.arousal) == (BEGIN_S, BEGIN_S + 5, "rest", None)
    assert (work.end_s, work.arousal, work.valence) == (BEGIN_S + 19.5, 0.25, None)
    table.write_text("start_s,end_s,name\n1052,1053,rest\n", encoding="utf-8")
    (rest,) = labels_of(tmp_path, TableLabels(clock="stamps"))
    assert (rest.start_s, rest.end_s) == (1052, 1053)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "has no labels beside it. Expected sub-1.labels.csv"),
        ("start,end\n0,1\n", "Missing: start_s, end_s"),
        ("start_s,end_s\n", "no row"),
        ("start_s,end_s\n0,60\n", "from 0 to 60 s, but the signal lasts from 0 to 19.9922 s"),
        ("start_s,end_s\n-5,6\n", "from -5 to 6 s, but"),
        ("start_s,end_s\n5,x\n", "'x' as end_s, expected a number"),
        ("start_s,end_s\n5,4\n", "Expected a later end"),
        ("start_s,end_s\n5,\n", "Expected a later end"),
        ("start_s,end_s\n5\n", "line 2: fewer values"),
        ("start_s,end_s,valence\n0,5,7\n", "expected -1 to 1"),
    ],
)
def test_tables_that_do_not_fit_the_signal_are_told(tmp_path, text, said):
    path = session(tmp_path / "sub-1.xdf")
    if text is not None:
        path.with_name("sub-1.labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=said):
        labels_of(tmp_path, TableLabels())


@pytest.mark.parametrize("name", ["monday.xdf", "may/P01/monday.xdf"])
def test_a_recording_of_nobody_is_refused(tmp_path, name):
    session(tmp_path / name, [(1, "horror")])  # of "may/P01" either could be the person
    with pytest.raises(DatasetError, match="does not say whose recording it is"):
        labels_of(tmp_path, MARKED)


def test_recordings_of_one_person_are_counted_in_the_order_of_their_names(tmp_path):
    for name in ("sub-A_run-2", "sub-A_run-1", "sub-B_run-1"):
        session(tmp_path / f"{name}.xdf", [(1, "horror")])
    found = list(lab_sessions(MARKED).recordings(tmp_path))
    assert [(it.person, it.name, it.order) for it in found] == [
        ("A", "sub-A_run-1", 0), ("A", "sub-A_run-2", 1), ("B", "sub-B_run-1", 0),
    ]  # fmt: skip


@pytest.mark.real_data
def test_a_real_session_with_markers(data_folder, tmp_path):
    (tmp_path / "sub-01.xdf").symlink_to(data_folder / "xdf" / "openbci_8ch_343s.xdf")
    from streamsense.sources.xdf import open_recording

    streams = open_recording(tmp_path / "sub-01.xdf").streams
    texts = [it.name for it in streams if it.is_text and it.sample_count]
    assert texts, [(it.name, it.type, it.channel_format, it.sample_count) for it in streams]
    with pytest.raises(DatasetError, match="none begins a label") as told:
        labels_of(tmp_path, MarkerLabels(texts[0], {"nothing": Meaning("nothing")}))
    first = str(told.value).split("Found: ")[1].split(",")[0].split(". Expected")[0]
    labels = labels_of(tmp_path, MarkerLabels(texts[0], {first: Meaning("task")}))
    signal = next(it for it in streams if it.type == "EEG")
    assert all(label.end_s <= signal.last_stamp + 1 for label in labels)


@pytest.mark.parametrize(
    "wrong", [{"channels": {}}, {"channels": {"mood": "val"}}, {"low": 1.0}, {"longest_hold_s": 0.0}]
)
def test_settings_that_cannot_be_are_a_mistake(wrong):
    with pytest.raises(ValueError, match=r"expected|cannot be"):
        RatingLabels(**({"stream": "Slider", "channels": {"valence": "val"}} | wrong))


def test_a_known_delay_is_taken_from_the_time_of_the_ratings(tmp_path):
    session(tmp_path / "sub-1.xdf", ratings=[(5.1, 50, 100), (9.0, 75, 100)])
    (now, *_), (earlier, *_) = (
        labels_of(tmp_path, RatingLabels("Slider", {"valence": "val"}, 0, 100, 3.0, delay_s)) for delay_s in (None, 2.0)
    )
    assert (now.start_s - earlier.start_s, now.end_s - earlier.end_s) == pytest.approx((2.0, 2.0))
    with pytest.raises(ValueError, match="delay_s is 11"):
        RatingLabels("Slider", {"valence": "val"}, delay_s=11.0)
