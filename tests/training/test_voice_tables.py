"""The windows that the voice expert learns from are those that the live operators hand over, to the bit."""

import wave

import numpy as np
import pytest

from streamsense.errors import DatasetError
from streamsense.features.voice_features import VoiceFeatures
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.streams import StreamInfo, TimedBlock
from streamsense.ticks import tick_time
from streamsense.training.voice_clips import LABELS, emodb_clips
from streamsense.training.voice_tables import CLIP_EVERY_TICKS, FRAMES, Take, play, together


@pytest.mark.real_data
def test_windows_are_those_of_a_live_session_that_has_heard_no_more_than_the_tick(acted_clips):
    clips = {clip.name: clip for clip in acted_clips if clip.speaker == "10"}
    table = play(list(clips.values()), Take(3))
    front, operator = VoiceFrontEnd(), VoiceFeatures()
    rate = 22_050.0
    operator.open(
        front.open(StreamInfo("voice", "voice", "mic", "Audio", "", ("mono",), ("normalized",), rate, "float32"))[0]
    )
    row, more = 0, np.random.default_rng(0)
    for place, name in enumerate(table.name[:6]):
        first_tick, sound, pushed = (place + 1) * CLIP_EVERY_TICKS, clips[str(name)].sound, 0
        times = tick_time(first_tick) + np.arange(len(sound)) / rate
        while row < len(table.clip) and table.clip[row] == place:
            now = tick_time(first_tick + round(table.heard_s[row] * 5))
            while pushed < len(sound) and times[pushed] < now:
                stop = min(pushed + int(more.integers(1, 3000)), int(np.searchsorted(times, now)))
                operator.push(
                    front.push(TimedBlock("voice", place, times[pushed:stop], sound[pushed:stop, np.newaxis]))
                )
                pushed = stop
            live = operator.feature_at(now).inputs
            assert set(live) == {*table.inputs, *FRAMES}
            made = {tensor: values[row] for tensor, values in table.inputs.items()}
            made |= {tensor: values[0] for tensor, values in table.log_mel(np.array([row])).items()}
            for tensor, value in live.items():
                assert value.tobytes() == made[tensor].tobytes(), (name, tensor)
            row += 1
        assert pushed == len(sound)


@pytest.mark.real_data
def test_the_frames_are_those_that_the_functionals_were_made_of(acted_table):
    table = acted_table
    for row in range(0, len(table.clip), 7):
        clip = table.clip[row]
        before = np.arange(table.frames.shape[1]) < table.frames_before[row]
        counted = table.frames[clip][before & table.voiced[clip]]
        expected = counted.mean(axis=0) if len(counted) else np.zeros(64)
        np.testing.assert_allclose(table.inputs["log_mel_statistics"][row, :, 0], expected, atol=2e-6)
    assert (np.diff(table.frames_before)[np.diff(table.clip) == 0] >= 0).all()
    np.testing.assert_array_equal(np.flatnonzero(table.last)[:-1] + 1, np.flatnonzero(np.diff(table.clip)) + 1)
    assert table.heard_s[table.last].max() == 2.0


@pytest.mark.real_data
def test_a_take_has_its_own_order_and_levels_and_is_the_same_twice(acted_clips, acted_table):
    again = play(acted_clips, Take(0))
    assert again.name.tolist() == acted_table.name.tolist()
    assert all(again.inputs[name].tobytes() == value.tobytes() for name, value in acted_table.inputs.items())
    quieter = play(acted_clips, Take(1, quieter_db=12.0))
    assert quieter.name.tolist() != acted_table.name.tolist()
    assert sorted(quieter.name) == sorted(acted_table.name)
    level, level_before = (table.inputs["prosody"][table.last, 0] for table in (quieter, acted_table))
    assert level.std() > 1.1 * level_before.std()
    both = together([acted_table, quieter])
    row = len(acted_table.clip) + 5
    assert both.label[both.clip[row]] == quieter.label[quieter.clip[5]]
    np.testing.assert_array_equal(both.frames[both.clip[row]], quieter.frames[quieter.clip[5]])


def corpus(folder, clips, listed=True):
    """An EmoDB folder of (name, samples)."""
    (folder / "wav").mkdir(parents=True)
    for name, samples in clips:
        with wave.open(str(folder / "wav" / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 22_050, 0, "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
    if listed:
        lines = [f"{number}\xa0\t{name}.wav\t92,50\xa0\t35,00" for number, (name, _) in enumerate(clips)]
        content = "\r\n".join(["Nr.\tSatz\terkannt\tnatuerlich", *lines])
        (folder / "erkennung.txt").write_bytes(content.encode("latin-1"))
    return folder


def test_clips_have_the_sound_the_label_and_the_votes_without_the_padding(tmp_path):
    sound = np.random.default_rng(0).integers(1, 100, 22_050)
    sound[5000:9000] = 0
    padded = np.append(sound, np.zeros(11_025, int))
    other, one = emodb_clips(corpus(tmp_path / "a", [("09a01Wb", padded), ("08a01Wa", sound)]))
    assert (other.name, one.name) == ("08a01Wa", "09a01Wb")
    np.testing.assert_array_equal(one.sound, other.sound)
    np.testing.assert_array_equal(one.sound, (sound / 32768).astype(np.float32))
    assert (other.speaker, LABELS[other.label], other.rate_hz) == ("08", "angry", 22_050)
    assert other.recognised == pytest.approx(0.925)


def test_clips_that_nobody_voted_on_are_refused_by_name(tmp_path):
    with pytest.raises(DatasetError, match=r"08a01Wa.*erkennung\.txt"):
        emodb_clips(corpus(tmp_path / "a", [("08a01Wa", np.ones(1000))], listed=False))
