"""The experts on real recordings: the figures that stand in the cards of the untrained ones, each with a floor.

Nothing is fitted here, and a trained one is shown only what it was not trained on. People and speakers are scored one
by one, in the order of time, with causal features.
"""

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.stats import rankdata

from streamsense.features.band_entropy import BandEntropy
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_frames import VoiceFrontEndSettings
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.models.silero import SileroNet
from streamsense.resources import shipped
from streamsense.streams import StreamInfo, TimedBlock

pytestmark = pytest.mark.real_data


def area_under_curve(positive, scores):
    positive = np.asarray(positive, bool)
    ranks = rankdata(scores)[positive].sum()
    n, m = positive.sum(), (~positive).sum()
    return (ranks - n * (n + 1) / 2) / (n * m)


def expert_for(name, operator):
    return Expert(
        OnnxModel(shipped(f"models_onnx/{name}.onnx"), provider="cpu"), operator.modality, operator.contract()
    )


def eeg_arousal(parts, labels, rate, settle_s=6.0, baseline_s=64.0, name="eeg_knowledge"):
    """Arousal each second of recordings (samples, channels) in µV, one after the other; one array per recording."""
    operator = BandEntropy()
    expert = expert_for(name, operator)
    units = ("microvolts",) * len(labels)
    operator.open(StreamInfo("eeg", "eeg", "EEG", "EEG", "", tuple(labels), units, rate, "float64"))
    results, start = [], 0.0
    for segment, samples in enumerate(parts):
        times = start + np.arange(len(samples)) / rate
        second, arousal = round(rate), []
        for first in range(0, len(samples) - second + 1, second):
            cut = slice(first, first + second)
            operator.push(TimedBlock("eeg", segment, times[cut], samples[cut]))
            tick = float(np.floor(times[cut][-1]))
            if tick - start >= settle_s and tick >= baseline_s:
                arousal.append(expert.evaluate(operator.feature_at(tick)).vad_mean[1])
        results.append(np.array(arousal))
        start = float(np.ceil(times[-1])) + 1.0
    return results


@pytest.mark.slow
def test_eeg_arousal_rises_in_mental_arithmetic(data_folder):
    mne = pytest.importorskip("mne")
    people, is_task, scores = [], [], []
    for rest_file in sorted((data_folder / "eegmat").glob("Subject*_1.edf")):
        pair = [rest_file, rest_file.with_name(rest_file.name.replace("_1", "_2"))]
        raws = [mne.io.read_raw_edf(path, verbose="ERROR") for path in pair]
        parts = [raw.get_data().T * 1e6 for raw in raws]
        rest, task = eeg_arousal(parts, raws[0].ch_names, raws[0].info["sfreq"])
        labels = np.repeat([False, True], [len(rest), len(task)])
        people.append(area_under_curve(labels, np.concatenate([rest, task])))
        is_task.append(labels)
        scores.append(np.concatenate([rest, task]))
    assert len(people) >= 20
    assert area_under_curve(np.concatenate(is_task), np.concatenate(scores)) == pytest.approx(0.70, abs=0.03)
    assert np.mean(people) == pytest.approx(0.69, abs=0.03)


# The trained expert has not seen this person, this amplifier, nor eyes that open: 0.5 is what it must not fall below.
@pytest.mark.parametrize(("name", "area"), [("eeg_knowledge", 0.65), ("eeg_workload", None)])
def test_eeg_arousal_falls_when_the_eyes_close(data_folder, name, area):
    folder = data_folder / "eeg_eyes" / "csv" / "Baseline"
    opened, closed = (
        [np.genfromtxt(path, delimiter=",", skip_header=1)[:, 1:6] for path in sorted(folder.glob(f"{name}*.csv"))]
        for name in ("Open", "Closed")
    )
    results = eeg_arousal([*opened, *closed], ("AF3", "T7", "Pz", "T8", "AF4"), 128.0, name=name)
    with_open, with_closed = np.concatenate(results[: len(opened)]), np.concatenate(results[len(opened) :])
    is_open = np.repeat([True, False], [len(with_open), len(with_closed)])
    found = area_under_curve(is_open, np.concatenate([with_open, with_closed]))
    assert found == pytest.approx(area, abs=0.05) if area is not None else found > 0.6
    assert with_closed.mean() < with_open.mean()


@pytest.mark.parametrize(
    ("voice_activity", "expert_name", "every"),
    [("energy", "voice_knowledge", 1), ("silero", "voice_knowledge_silero", 3)],  # all 8 by the net take 10 s
)
def test_voice_arousal_tells_aroused_from_calm_speech(data_folder, voice_activity, expert_name, every):
    front_end = VoiceFrontEndSettings(voice_activity=voice_activity)
    net = SileroNet() if voice_activity == "silero" else None
    files = sorted((data_folder / "emodb" / "wav").glob("*.wav"))
    order = np.random.default_rng(0)
    is_aroused, scores = [], []
    for speaker in sorted({path.name[:2] for path in files})[::every]:
        mine = [path for path in files if path.name[:2] == speaker]
        order.shuffle(mine)
        front, operator = VoiceFrontEnd(front_end, net), VoiceFeatures(VoiceFeaturesSettings(front_end=front_end))
        expert = expert_for(expert_name, operator)
        for index, path in enumerate(mine):
            rate, samples = wavfile.read(path)
            if index == 0:
                info = StreamInfo("voice", "voice", "M", "Audio", "", ("left",), ("",), float(rate), "float32")
                operator.open(front.open(info)[0])
            start = 10.0 * index
            values = (samples / 32768).astype(np.float32)[:, None]
            sound = TimedBlock("voice", index, start + np.arange(len(samples)) / rate, values)
            operator.push(front.push(sound))
            out = expert.evaluate(operator.feature_at(np.floor((start + len(samples) / rate) * 5) / 5))
            if index >= 5 and path.name[5] in "WAFLTN":
                is_aroused.append(path.name[5] in "WAF")
                scores.append(out.vad_mean[1])
    assert len(scores) >= 300 / every
    assert area_under_curve(is_aroused, scores) == pytest.approx(0.86, abs=0.03)
