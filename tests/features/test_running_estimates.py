"""What is learned of a person without a profile: causal, and frozen when it should be; and what a profile adds to it.

The face's are in `test_action_units.py`: a long smile, speech and a turned head do not become the neutral face.
"""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pytest

from streamsense.features.band_entropy import BandEntropy
from streamsense.features.voice_features import VoiceFeatures
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.streams import StreamInfo, TimedBlock
from tests.helpers import sessions

RATE_HZ = 250.0


def eeg_info(labels: tuple[str, ...], rate_hz: float) -> StreamInfo:
    return StreamInfo("eeg", "eeg", "t", "EEG", "t", labels, ("microvolts",) * len(labels), rate_hz, "float32")


def baselines(samples: np.ndarray, times: np.ndarray, ticks: list[float]) -> list[tuple[bytes, float]]:
    """The baseline and its weight at these ticks of a session of one operator."""
    operator, found, at = BandEntropy(), [], 0
    operator.open(eeg_info(("Fz", "Cz", "Pz"), RATE_HZ))
    segment = np.cumsum(np.append(False, np.diff(times) > 0.1))
    for tick in ticks:
        to = int(np.searchsorted(times, tick))
        for piece in np.unique(segment[at:to]):
            rows = np.flatnonzero(segment[at:to] == piece) + at
            operator.push(TimedBlock("eeg", int(piece), times[rows], samples[rows]))
        at = to
        inputs = operator.feature_at(tick).inputs
        found.append((inputs["band_entropy_baseline"].tobytes(), float(inputs["baseline_weight"][0])))
    return found


def noise(seconds: float) -> tuple[np.ndarray, np.ndarray]:
    count = round(seconds * RATE_HZ)
    return np.random.default_rng(0).normal(0, 10, (count, 3)), np.arange(count) / RATE_HZ


def test_the_eeg_baseline_is_that_of_its_first_minute_for_ever() -> None:
    samples, times = noise(90.0)
    samples[times >= 62.0] *= 4
    ticks = [10.0, 30.0, 61.4, 62.0, 75.0, 90.0]
    found = baselines(samples, times, ticks)
    weights = [weight for _, weight in found]
    assert weights == pytest.approx([9 / 60, 29 / 60, 1, 1, 1, 1], abs=0.01)  # one second of warm-up
    assert found[2] == found[3] == found[4] == found[5]
    assert found[1][0] != found[2][0], "until then it is learned"
    other = samples.copy()
    other[times >= 30.0] *= 3
    assert baselines(other, times, [30.0, 31.0])[0] == found[1], "what comes later changes nothing before it"


def test_the_minute_is_one_of_signal_and_not_of_the_clock() -> None:
    samples, times = noise(65.0)
    times = np.where(times < 30.0, times, times + 20.0)
    weights = [weight for _, weight in baselines(samples, times, [30.0, 60.0, 84.8])]
    assert weights == pytest.approx([29 / 60, 38 / 60, 1.0], abs=0.01)  # each piece has its warm-up


def test_the_voice_is_learned_from_speech_alone_and_goes_on() -> None:
    track = sessions.voice(60.0)
    sound = track.values.copy()
    second = track.stamps - sessions.START
    sound[(second >= 20) & (second < 30)] *= 0.0
    sound[second >= 30] *= 0.5
    front, operator = VoiceFrontEnd(), VoiceFeatures()
    operator.open(front.open(track.info)[0])
    levels = []
    for start in range(60):
        rows = (second >= start) & (second < start + 1)
        operator.push(front.push(TimedBlock("voice", 0, track.stamps[rows], sound[rows])))
        levels.append((float(operator.state.speaker_mean[-2]), operator.learned_s))
    at_20, at_29, at_30, at_59 = levels[20], levels[28], levels[29], levels[59]
    assert at_20 == at_29, "silence changes nothing"
    assert at_59[0] < at_30[0] - 0.5, "it follows the quieter speech"
    assert at_59[1] > at_30[1] + 10


@pytest.mark.real_data
def test_a_profile_of_rest_settles_another_recording_of_the_person(data_folder: Path) -> None:
    """Without one the task is compared with itself; with 20 s of rest it is seen from the first window on."""
    seen = []
    for rest_file in sorted((data_folder / "eegmat").glob("Subject*_1.edf"))[:4]:
        labels, rest, rate_hz = recording(rest_file)
        resting = operator_of(labels, rate_hz)
        resting.push(TimedBlock("eeg", 0, np.arange(round(22 * rate_hz)) / rate_hz, rest[: round(22 * rate_hz)]))
        profile = resting.learned()
        assert profile is not None
        assert profile["weight"] == 1.0
        _, task, _ = recording(Path(str(rest_file).replace("_1.edf", "_2.edf")))
        times = np.arange(len(task)) / rate_hz
        for part in (None, profile):
            operator = operator_of(labels, rate_hz)
            if part is not None:
                operator.use_profile(part)
            changes = []
            for tick in np.arange(5.0, 60.0, 5.0):
                rows = (times >= tick - 5) & (times < tick)
                operator.push(TimedBlock("eeg", 0, times[rows], task[rows]))
                inputs = operator.feature_at(float(tick)).inputs
                there = inputs["electrode_mask"] > 0
                changes.append(np.abs(inputs["band_entropy"] - inputs["band_entropy_baseline"])[there].mean())
                if tick == 5.0:
                    first_weight = float(inputs["baseline_weight"][0])
            seen.append((part is not None, first_weight, changes[0], np.mean(changes)))
    without, with_one = (np.array([row[1:] for row in seen if row[0] is has]).mean(axis=0) for has in (False, True))
    print(f"weight, |d| first, |d| mean: without {without}, with a profile {with_one}")
    assert (without[0] < 0.1, with_one[0]) == (True, 1.0)
    assert with_one[1] > 2 * without[1]
    assert with_one[2] > 1.2 * without[2]


def operator_of(labels: tuple[str, ...], rate_hz: float) -> BandEntropy:
    operator = BandEntropy()
    operator.open(eeg_info(labels, rate_hz))
    return operator


def recording(file: Path) -> tuple[tuple[str, ...], np.ndarray, float]:
    raw = mne.io.read_raw_edf(file, preload=True, verbose="error")
    names = [name for name in raw.ch_names if "A2-A1" not in name and "ECG" not in name]
    labels = tuple(name.removeprefix("EEG ") for name in names)
    return labels, (raw.get_data(names).T * 1e6).astype(np.float32), float(raw.info["sfreq"])
