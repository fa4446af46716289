"""What is trained on is what is served: the features of labelled windows are those of the live pipeline, to the bit."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamsense.config import Config, EegSection, VoiceSection
from streamsense.datasets.catalogue import recordings_of
from streamsense.datasets.clips import open_clip
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.evaluation.windows import Window, labelled_windows, people_of, window_length
from streamsense.runtime.feature_export import open_features
from streamsense.score import Score


@pytest.mark.real_data
def test_windows_of_eegmat_have_the_features_of_the_file(data_folder):
    (recording,) = (it for it in recordings_of(f"eegmat:{data_folder / 'eegmat'}") if it.name == "Subject05_2")
    config = Config(eeg=EegSection())
    found = list(labelled_windows(recording, "eeg", config))
    file = data_folder / "eegmat" / "Subject05_2.edf"
    session = open_features(file, {"voice": "none", "face": "none"}, config)
    expected = [it for it in session.items if isinstance(it, Score) and it.time >= 4.0]
    assert len(found) == len(expected) == (62 - 4) * 5
    for window, score in zip(found, expected, strict=True):
        assert window.window.end_s == score.time
        assert window.label.name == "mental_arithmetic"
        for name, values in score.windows["eeg"].inputs.items():
            assert values.tobytes() == window.feature.inputs[name].tobytes()
    assert found[-1].feature.validity > 0.999


def clip(path: Path, padding_s: float) -> LabelledRecording:
    rate, random = 16_000, np.random.default_rng(3)
    times = np.arange(3 * rate) / rate
    spoken = np.sin(2 * np.pi * 140 * times) * (1 + np.sin(2 * np.pi * 4 * times)) * 0.1
    spoken += random.normal(0, 0.003, len(times))
    soundfile.write(path, np.append(spoken, np.zeros(round(padding_s * rate))), rate, subtype="PCM_16")
    label = Label(0.0, 3.0, name="anger")
    return LabelledRecording("x", "1", "1", path.stem, 0, (label,), {"voice": partial(open_clip, path, 3.0)})


def test_padding_changes_no_feature(tmp_path):
    config = Config(voice=VoiceSection())
    plain, padded = (
        list(labelled_windows(clip(tmp_path / f"{seconds}.wav", seconds), "voice", config)) for seconds in (0.0, 2.0)
    )
    assert len(plain) == len(padded) > 0
    for left, right in zip(plain, padded, strict=True):
        assert left.window.end_s == right.window.end_s
        for name, values in left.feature.inputs.items():
            assert values.tobytes() == right.feature.inputs[name].tobytes()


def test_a_modality_that_was_not_recorded_or_not_configured_is_refused(tmp_path):
    recording = clip(tmp_path / "a.wav", 0.0)
    with pytest.raises(DatasetError, match=r"x a has no eeg\. Found: voice"):
        list(labelled_windows(recording, "eeg", Config(eeg=EegSection())))
    with pytest.raises(ValueError, match="no section voice"):
        window_length(Config(eeg=EegSection()), "voice")


def test_a_window_says_where_it_is_from():
    window = Window("deap", "s01", "s01 video 07", 3.0, 7.0)
    assert str(window) == "deap person s01, recording s01 video 07, 3 to 7 s"
    assert people_of([window]) == [("deap", "s01")]
