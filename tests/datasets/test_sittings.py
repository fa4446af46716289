"""The recordings of a person as one sitting: nothing of signal or label is lost, and what was learned carries over."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.config import Config, EegSection, VoiceSection
from streamsense.datasets.arrays import PAUSE_S, eeg_recording
from streamsense.datasets.catalogue import recordings_of
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.datasets.sittings import sittings
from streamsense.errors import DatasetError
from streamsense.evaluation.splits import trial_wise
from streamsense.evaluation.windows import at_end, labelled_windows
from streamsense.sources.recorded import recording_arrays
from tests.datasets.test_clip_sets import film
from tests.datasets.test_lab_sessions import session

RATE_HZ = 128.0
NAMES = ("Fp1", "O2")


def piece(person: str, order: int, samples: int, day: str = "1", names: tuple[str, ...] = NAMES) -> LabelledRecording:
    values = np.random.default_rng(order).normal(0, 10, (samples, len(names)))
    labels = (Label(0.0, samples / RATE_HZ, name=f"class {order}"),)
    opens = {"eeg": partial(eeg_recording, Path("made.mat"), "made", [values], RATE_HZ, names)}
    return LabelledRecording("made", person, day, f"part {order}", order, labels, opens)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(0, 9))
def test_every_sample_and_label_is_there_in_order_with_pauses_between(lengths, pause_s):
    parts = [piece("A", order, samples) for order, samples in enumerate(lengths)]
    (sitting,) = sittings(reversed(parts), "eeg", pause_s)
    arrays = recording_arrays(sitting.open("eeg"))[1]
    stream = sitting.open("eeg").streams[0]
    expected = [recording_arrays(part.open("eeg"))[1] for part in parts]
    np.testing.assert_array_equal(arrays.values, np.concatenate([it.values for it in expected]))
    assert (len(arrays.stamps), arrays.stamps[-1]) == (stream.sample_count, pytest.approx(stream.last_stamp))
    edges = np.cumsum(lengths)[:-1]
    np.testing.assert_allclose(np.diff(arrays.stamps)[edges - 1], 1 / RATE_HZ + pause_s)
    for label, part, samples, first in zip(sitting.labels, parts, lengths, [0, *edges], strict=True):
        assert (label.name, label.trial) == (part.labels[0].name, part.name)
        assert label.start_s == pytest.approx(arrays.stamps[first])
        assert label.end_s - label.start_s == pytest.approx(samples / RATE_HZ)


def test_people_and_days_are_sittings_of_their_own():
    parts = [piece("A", 0, 50), piece("A", 1, 50), piece("A", 2, 50, "2"), piece("B", 0, 50)]
    found = list(sittings(parts, "eeg"))
    assert [(it.person, it.session, len(it.labels)) for it in found] == [("A", "1", 2), ("A", "2", 1), ("B", "1", 1)]
    assert len({(it.person, it.name) for it in found}) == 3


def test_recordings_without_the_modality_are_left_out():
    assert list(sittings([piece("A", 0, 50)], "voice")) == []


@pytest.mark.real_data
def test_the_baseline_of_rest_carries_over_into_the_task(data_folder):
    pair = [it for it in recordings_of(f"eegmat:{data_folder / 'eegmat'}") if it.person == "Subject07"]
    config = Config(eeg=EegSection())
    (sitting,) = sittings(pair, "eeg")
    found = list(labelled_windows(sitting, "eeg", config))
    by_name = {name: [it for it in found if it.label.name == name] for name in ("rest", "mental_arithmetic")}
    learned = by_name["rest"][-1].feature.inputs
    carried = by_name["mental_arithmetic"][-1].feature.inputs
    assert learned["baseline_weight"][0] == carried["baseline_weight"][0] > 0.9
    np.testing.assert_array_equal(learned["band_entropy_baseline"], carried["band_entropy_baseline"])
    (alone,) = (list(labelled_windows(it, "eeg", config)) for it in pair[1:])
    assert not np.array_equal(alone[-1].feature.inputs["band_entropy_baseline"], carried["band_entropy_baseline"])
    # The bands themselves are those of the file by itself, once its filters have settled.
    np.testing.assert_allclose(
        alone[-1].feature.inputs["band_entropy"], carried["band_entropy"], atol=0.02, equal_nan=True
    )
    assert len(alone) == pytest.approx(len(by_name["mental_arithmetic"]), abs=1)
    assert len(list(trial_wise([it.window for it in found], 2))) == 2


def test_what_cannot_be_joined_is_told(tmp_path):
    with pytest.raises(DatasetError, match="3 channels at 128 Hz, part 0 2 at 128 Hz"):
        list(sittings([piece("A", 0, 50), piece("A", 1, 50, names=("Fp1", "O1", "O2"))], "eeg"))
    from streamsense.sources.xdf import open_recording

    whole = session(tmp_path / "sub-1.xdf")
    label = (Label(0, 1, name="x"),)
    lab = LabelledRecording("lab", "1", "1", "a", 0, label, {"eeg": partial(open_recording, whole)})
    with pytest.raises(DatasetError, match="it is a sitting by itself"):
        list(sittings([lab], "eeg"))
    from streamsense.datasets.clips import open_film

    made = film(tmp_path / "a.mp4")
    seen = LabelledRecording("films", "1", "1", "a", 0, label, {"face": partial(open_film, made)})
    with pytest.raises(DatasetError, match="pictures, which cannot be joined"):
        list(sittings([seen], "face"))


def test_clips_are_joined_as_sound(tmp_path):
    (tmp_path / "wav").mkdir()
    for letter in "FW":
        soundfile.write(tmp_path / "wav" / f"03a01{letter}a.wav", np.full(8000, 0.25), 16_000, subtype="PCM_16")
    (sitting,) = sittings(recordings_of(f"emodb:{tmp_path}"), "voice")
    arrays = recording_arrays(sitting.open("voice"))[1]
    assert len(arrays.stamps) == 16_000
    assert arrays.stamps[8000] == pytest.approx(0.5 + PAUSE_S)
    assert [label.name for label in sitting.labels] == ["happiness", "anger"]


@pytest.mark.real_data
def test_clips_shorter_than_a_window_are_heard_tick_by_tick_and_never_two_at_once(data_folder):
    clips = list(itertools.islice(recordings_of(f"emodb:{data_folder / 'emodb'}"), 4))
    (sitting,) = sittings(clips, "voice")
    config = Config(voice=VoiceSection())
    assert not list(labelled_windows(sitting, "voice", config)), "no window of 2 s lies within a clip of 2 s"
    found = list(labelled_windows(sitting, "voice", config, at_end))
    for label in sitting.labels:
        own = [it for it in found if it.window.trial == label.trial]
        assert len(own) == pytest.approx((label.end_s - label.start_s) * 5, abs=1)
        assert (np.diff([it.feature.validity for it in own]) > 0).all(), "more of the clip at each tick"
        others = [it for it in sitting.labels if it is not label]
        assert not any(
            it.window.start_s < other.end_s and other.start_s < it.window.end_s for it in own for other in others
        )
