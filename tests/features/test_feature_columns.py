"""The table's columns: every number that an expert is given has one, and what does not count is still there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsense.features.band_entropy import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.pipeline import START
from streamsense.score import Plan, Score
from streamsense.streams import Control
from streamsense.ticks import tick_at_or_before, tick_time
from tests.helpers import sessions

ALL = ("eeg", "face", "voice")
KNOWN_OTHERWISE = {
    "electrode_mask",
    "action_unit_mask", "action_unit_frames", "action_unit_frame_mask",
    "log_mel_frames", "log_mel_mask",
}  # fmt: skip
"""Inputs that are no columns: a masked number is an empty cell, and the units' reliability is constant. The units'
course within a window is what the units' levels of shorter windows are; 380 columns would say each ten times. And the
log-Mel frames, 12,800 numbers a tick that overlap from one to the next, are in the recording itself."""


@pytest.fixture(scope="module")
def session():
    pipeline = sessions.pipeline(*ALL)
    tracks = [sessions.MAKERS[modality](6.0) for modality in ALL]
    pipeline.push(Control(START, "", sessions.START))
    for track in tracks:
        pipeline.push(sessions.opened(track))
        pipeline.push(track.block(0, len(track.stamps), sessions.START + 6.0))
    first = tick_at_or_before(sessions.START) + 1
    scores = [scored(pipeline, tick) for tick in range(first, first + 40)]
    return pipeline, [track.info for track in tracks], scores


def scored(pipeline, tick: int) -> Score:
    score = pipeline.carry_out(Plan(tick, tick_time(tick), "complete", pipeline.complete_plans(tick_time(tick))))
    assert score is not None
    return score


def test_every_number_of_the_experts_inputs_has_a_column(session):
    pipeline, infos, scores = session
    table = pipeline.feature_table(infos)
    windows = scores[25].windows
    assert set(windows) == set(ALL)
    wired = {ELECTRODES.index(name) for name in sessions.EEG_LABELS}
    for modality, feature in windows.items():
        places = {(column.tensor, column.index) for column in table.columns[modality]}
        for tensor, values in feature.inputs.items():
            if tensor in KNOWN_OTHERWISE:
                continue
            for index in np.ndindex(values.shape):
                if tensor.startswith("band_entropy") and index[0] not in wired:
                    assert not feature.inputs["electrode_mask"][index[0]]
                elif tensor == "prosody" and index[0] >= 2:  # cues of the same names, in single precision
                    name = ("voiced_fraction", "pause_fraction")[index[0] - 2]
                    assert values[index] == np.float32(feature.cues[name])
                else:
                    assert (tensor, index) in places, (tensor, index)
        cues = {column.name for column in table.columns[modality] if not (column.tensor or column.beside)}
        assert cues == set(feature.cues)
        assert {column.name for column in table.columns[modality] if column.beside} == set(feature.beside)


def test_a_row_has_the_numbers_of_the_inputs_under_their_names(session):
    pipeline, infos, scores = session
    table = pipeline.feature_table(infos)
    score = scores[25]
    row = dict(zip(table.units, table.row(score.time, score.windows), strict=True))
    eeg, face, voice = (score.windows[modality] for modality in ALL)
    assert row["time"] == score.time
    assert row["de_alpha_O1"] == eeg.inputs["band_entropy"][ELECTRODES.index("O1"), BAND_NAMES.index("alpha")]
    assert row["base_gamma_Fp1"] == eeg.inputs["band_entropy_baseline"][0, 4]
    assert row["au12"] == face.inputs["action_units"][8, 0]
    assert row["au12_left_minus_right"] == face.inputs["action_units"][8, 3]
    assert row["au45_slope_per_s"] == face.inputs["action_units"][18, 2]
    assert row["gaze_aversion"] == face.cues["gaze_aversion"]
    assert (row["head_yaw_deg"], row["head_pitch_deg"]) == (2.0, -3.0)
    assert row["gaze_yaw_deg"] == face.beside["gaze_yaw_deg"]
    assert row["logmel_mean_00"] == voice.inputs["log_mel_statistics"][0, 0]
    assert row["logmel_sd_63"] == voice.inputs["log_mel_statistics"][63, 1]
    assert row["logmel_delta_mean_07"] == voice.inputs["log_mel_statistics"][7, 2]
    assert row["voice_tilt"] == voice.inputs["prosody"][1]
    for modality, feature in score.windows.items():
        found = [row[f"{modality}_{part}"] for part in ("validity", "quality", "effective_time")]
        assert found == [feature.validity, feature.quality, feature.effective_time]
    assert all(map(math.isfinite, row.values()))


def test_windows_that_do_not_count_are_there_and_change_no_score(session):
    """At the start too little of the window is there, at the end it is too old: no expert was given it."""
    pipeline, infos, scores = session
    table = pipeline.feature_table(infos)
    warming_up, stale = scores[0], scores[-1]
    assert "eeg" not in warming_up.features
    assert warming_up.windows["eeg"].validity == 0.0
    assert stale.features == {}
    assert set(stale.windows) == set(ALL)
    row = dict(zip(table.units, table.row(stale.time, stale.windows), strict=True))
    assert max(row[f"{modality}_validity"] for modality in ALL) < 0.6
    middle = scores[25]
    assert all(middle.features[modality] is middle.windows[modality] for modality in ALL)


def test_what_is_masked_or_absent_is_empty(session):
    pipeline, infos, scores = session
    table = pipeline.feature_table(infos)
    late = dict(zip(table.units, table.row(scores[-1].time, scores[-1].windows), strict=True))
    assert all(math.isnan(late[name]) for name in ("au12", "head_z_mm", "gaze_yaw_deg")), "there is no face"
    early = dict(zip(table.units, table.row(scores[0].time, scores[0].windows), strict=True))
    assert math.isnan(early["de_alpha_O1"]), "the filters warm up"
    assert early["eeg_validity"] == 0.0
    assert late["logmel_mean_00"] == 0.0
    without = dict(zip(table.units, table.row(1.0, {"voice": scores[25].windows["voice"]}), strict=True))
    assert all(math.isnan(without[name]) for name in ("de_alpha_O1", "eeg_validity", "au12", "face_effective_time"))


def test_a_modality_whose_stream_never_comes_has_no_columns(session):
    pipeline, infos, _ = session
    names = list(pipeline.feature_table([info for info in infos if info.kind == "voice"]).units)
    assert names[:2] == ["time", "logmel_mean_00"]
    assert not any(name.startswith(("de_", "au", "eeg_", "face_")) for name in names)


def test_the_electrodes_of_all_streams_that_are_opened_have_columns(session):
    pipeline, infos, _ = session
    eeg = next(info for info in infos if info.kind == "eeg")
    fewer, other = (
        type(eeg)(**{**vars(eeg), "channel_labels": labels, "channel_units": ("uV",) * len(labels)})
        for labels in (("Cz", "Oz"), ("T3", "Cz"))
    )
    names = list(pipeline.feature_table([fewer, other]).units)
    assert [name for name in names if name.startswith("de_alpha")] == ["de_alpha_T7", "de_alpha_Cz", "de_alpha_Oz"]
