"""Sessions as tables to train on: what a live session heard, with labels, and nothing that no label covers."""

from dataclasses import replace

import numpy as np
import pytest

from streamsense.config import Config, EegSection, FaceSection, parse_config
from streamsense.datasets.lab_labels import MarkerLabels, Meaning
from streamsense.datasets.lab_sessions import lab_sessions
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError, EvaluationError
from streamsense.score import AGE_UNKNOWN_S
from streamsense.streams import MODALITIES
from streamsense.ticks import TICKS_PER_SECOND
from streamsense.training.joint_reading import (
    Heard,
    Reading,
    _modality_rows,
    joined,
    read_recording,
    with_present_only,
    with_targets,
)
from streamsense.training.table_file import read_table, write_table
from tests.helpers import recorded_sessions, sessions
from tests.helpers.lab_session import SECONDS, START_S, STATE_S, write_session

SOURCE = MarkerLabels("Task", {"rest": Meaning("rest", "neutral"), "work": Meaning("work", "angry", arousal=0.5)})
SHORT = Config(eeg=EegSection(window_s=1.0), face=FaceSection())
READING = Reading(SHORT, SOURCE)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_session(folder / "sub-A.xdf", 0)
    (found,) = lab_sessions(SOURCE).recordings(folder)
    return found


@pytest.fixture(scope="module")
def table(lab):
    return read_recording(lab, READING)


def test_each_tick_within_a_label_is_a_row(table):
    ends = np.array([window.end_s for window in table.windows]) - START_S
    in_state = np.mod(ends - 1e-6, STATE_S)
    # The face's window is longer, but nobody's face was recorded here.
    assert (in_state > 1 - 1e-3).all()
    whole = SECONDS / STATE_S * (3 * TICKS_PER_SECOND + 1)
    assert len(table) == whole - 2, "the first is all warm-up, and the last sample is before the last tick"
    assert {window.trial for window in table.windows} == {"rest 1", "work 2", "rest 3", "work 4"}
    at_work = np.array([window.trial.startswith("work") for window in table.windows])
    assert (table.emotions[at_work].argmax(1) == 6).all()
    assert (table.vad[at_work, 1] == 0.5).all()
    assert np.isnan(table.vad[~at_work]).all()
    assert set(table.modalities) == {"eeg"}
    assert np.isfinite(table.modalities["eeg"].inputs["band_entropy"]).all()


def test_fewer_rows_where_that_is_wanted(lab, table):
    fewer = read_recording(lab, replace(READING, hop_ticks=5))
    ends = [round(window.end_s * TICKS_PER_SECOND) for window in table.windows]
    assert [round(w.end_s * TICKS_PER_SECOND) for w in fewer.windows] == [at for at in ends if at % 5 == 0]


def test_of_a_live_session_the_table_has_what_the_experts_and_the_fusion_were_given(tmp_path):
    made = recorded_sessions.make(recorded_sessions.eventful(), at_fronts=True)
    path = tmp_path / "sub-A.xdf"
    recorded_sessions.write(path, made)
    first, last = made.scores[0].time, made.scores[-1].time
    recording = _recording(path, [Label(first - 5, last + 1, "all", "happy")])
    found = read_recording(recording, Reading(recorded_sessions.CONFIG, None))
    assert len(found) > 10
    scores = {score.tick: score for score in made.scores}
    for row, window in enumerate(found.windows):
        score = scores[round(window.end_s * TICKS_PER_SECOND)]
        for modality in MODALITIES:
            part = found.modalities[modality]
            for name in ("presence", "quality", "age"):
                values = part.age_s if name == "age" else getattr(part, name)
                assert values[row] == np.float32(score[f"{modality}_{name}"]), (modality, name)
            feature = score.features.get(modality)
            for name, values in part.inputs.items():
                expected = np.zeros_like(values[row]) if feature is None else feature.inputs[name]
                assert values[row].tobytes() == np.asarray(expected, np.float32).tobytes(), (modality, name)
    assert 0 < found.modalities["eeg"].presence.mean() < 1, "some ticks are without"


def test_a_live_session_with_other_features_is_computed_anew_and_that_is_said(tmp_path):
    eeg = sessions.eeg(6.0)
    events = [sessions.opened(eeg), *recorded_sessions.blocks(eeg, 25)]
    made = recorded_sessions.make(events, config=sessions.config("eeg"))
    path = tmp_path / "sub-A.xdf"
    recorded_sessions.write(path, made)
    recording = _recording(path, [Label(made.scores[0].time - 5, made.scores[-1].time + 1, "all", "happy")])
    told = []
    other = parse_config({"eeg": {"window_s": 2.0}}, "test")
    assert len(read_recording(recording, Reading(other, None), told.append))
    assert "eeg window_s: model 4, pipeline 2" in told[0]


def _recording(path, labels):
    from functools import partial

    from streamsense.datasets.labelled import LabelledRecording
    from streamsense.sources.xdf import open_recording

    opens = {modality: partial(open_recording, path) for modality in MODALITIES}
    return LabelledRecording("lab", "A", "1", "a", 0, tuple(labels), opens)


def test_labels_that_do_not_cover_the_signal_are_named(lab):
    for labels in ((Label(0.0, 500.0, "early", "happy"),), (Label(START_S, START_S + 0.9, "brief", "happy"),), ()):
        with pytest.raises(
            DatasetError, match=r"do not cover the signal: .*windows of 1 s from 1000\.\d to 101\d\.\d s"
        ):
            read_recording(replace(lab, labels=labels), READING)


def test_a_recording_without_what_is_trained_is_named(lab):
    with pytest.raises(DatasetError, match="has eeg, and of these none is trained"):
        read_recording(lab, Reading(Config(face=FaceSection()), SOURCE))


def test_nan_among_features_is_named(table):
    feature = type("Made", (), {"inputs": {"x": np.array([1.0, np.nan])}, "quality": 1.0, "validity": 1.0})()
    with pytest.raises(EvaluationError, match=r"x of eeg holds NaN or infinity in the window .*lab person A"):
        _modality_rows("eeg", [Heard(feature, 0.0)], table.windows[:1])


def test_a_modality_that_one_recording_lacks_is_absent_there(table):
    other = replace(
        table, modalities={"voice": replace(table.modalities["eeg"], inputs={"x": np.ones((len(table), 2), "f4")})}
    )
    both = joined([table, other])
    n = len(table)
    assert (both.modalities["voice"].presence[:n] == 0).all()
    assert (both.modalities["voice"].age_s[:n] == np.float32(AGE_UNKNOWN_S)).all()
    assert (both.modalities["voice"].inputs["x"][n:] == 1).all()
    assert (both.modalities["eeg"].presence[n:] == 0).all()
    assert len(both) == 2 * n
    assert set(with_present_only(both.take(np.arange(n))).modalities) == {"eeg"}
    assert set(with_present_only(both).modalities) == {"eeg", "voice"}


def test_only_what_is_to_be_learned_stays_a_label(table):
    kept = with_targets(table, ["valence"], ["angry", "happy"])
    assert np.isnan(kept.vad).all()
    at_work = table.emotions[:, 6] > 0
    assert (kept.emotions[at_work, 6] == 1).all()
    assert not kept.emotions[~at_work].any()


def test_a_table_comes_back_from_its_file_to_the_bit_or_not_at_all(table, tmp_path):
    path = tmp_path / "table.npz"
    write_table(path, table, "key")
    found = read_table(path, "key")
    assert found.windows == table.windows
    assert found.vad.tobytes() == table.vad.tobytes()
    for name, values in table.modalities["eeg"].inputs.items():
        assert found.modalities["eeg"].inputs[name].tobytes() == values.tobytes()
    assert read_table(path, "other") is None
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole.replace(b"windows", b"widnows")):
        path.write_bytes(damaged)
        assert read_table(path, "key") is None
