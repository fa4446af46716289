"""Sets of clips: EEGMAT and EmoDB as published, RAVDESS, CREMA-D and BAH in small files of their layout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamsense.datasets.catalogue import DATASETS, recordings_of
from streamsense.datasets.labelled import LabelledRecording
from streamsense.errors import DatasetError
from streamsense.sources.recorded import recording_arrays
from streamsense.sources.sound_file import SOUND_ID
from tests.helpers.edf_writer import write_edf
from tests.helpers.films import write_film

RATE_HZ = 8000


def sound(path: Path, seconds: float = 0.5, zeros: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(1).integers(-3000, 3000, round(seconds * RATE_HZ)).astype(np.int16)
    samples[-1] = 7
    soundfile.write(path, np.append(samples, np.zeros(zeros, np.int16)), RATE_HZ, subtype="PCM_16")
    return path


def film(path: Path, pictures: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = write_film(path.with_suffix(".avi"), [np.full((48, 64, 3), 9 * at, np.uint8) for at in range(pictures)])
    return made.rename(path)  # OpenCV tells films by their content


def listed(name: str, folder: Path) -> list[LabelledRecording]:
    return list(recordings_of(f"{name}:{folder}"))


# EEGMAT and EmoDB


@pytest.mark.real_data
def test_eegmat_as_published(data_folder):
    found = listed("eegmat", data_folder / "eegmat")
    assert len(found) == 48
    assert len({it.person for it in found}) == 24
    first, second = found[:2]
    assert (first.person, first.name, first.order, first.modalities) == ("Subject00", "Subject00_1", 0, ("eeg",))
    assert [it.labels[0].name for it in (first, second)] == ["rest", "mental_arithmetic"]
    assert second.labels[0].end_s == 62.0
    stream = second.open("eeg").streams[0]
    assert (stream.nominal_rate_hz, stream.sample_count) == (500.0, 31_000)


@pytest.mark.real_data
def test_emodb_as_published_with_its_padding_masked_and_its_listeners(data_folder):
    found = listed("emodb", data_folder / "emodb")
    assert len(found) == 443
    assert len({it.person for it in found}) == 8
    padded = Counter(it.labels[0].name for it in found if it.labels[0].end_s < 1.999)
    clips = Counter(it.labels[0].name for it in found)
    assert sum(padded.values()) / 443 == pytest.approx(0.22, abs=0.01)
    # The share of padded clips tells the emotion: read with its padding, the length would be learned.
    assert padded["fear"] / clips["fear"] == pytest.approx(0.42, abs=0.01)
    assert padded["sadness"] / clips["sadness"] == pytest.approx(0.04, abs=0.01)
    assert all(it.labels[0].votes for it in found), "the listeners' votes of every clip"
    (fearful,) = (it for it in found if it.name == "08a01Ab")
    assert fearful.labels[0].votes == {"fearful": 17.0, "not stated": 3.0}
    heard = recording_arrays(fearful.open("voice"))[SOUND_ID]
    assert len(heard.stamps) / 22_050 == pytest.approx(fearful.labels[0].end_s)
    assert heard.values[-1] != 0


def test_eegmat_files_that_are_called_otherwise_are_refused(tmp_path):
    write_edf(tmp_path / "Subject00_3.edf", ["Fp1"], ["uV"], np.zeros((1, 250), int), 250)
    with pytest.raises(DatasetError, match=r"Subject00_3\.edf is called otherwise"):
        listed("eegmat", tmp_path)


def test_padding_is_found_to_the_sample_and_silence_within_is_kept(tmp_path):
    path = sound(tmp_path / "wav" / "03a01Fa.wav", 0.5, zeros=1234)
    samples, _ = soundfile.read(path, dtype="int16")
    samples[100:900] = 0
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    (clip,) = listed("emodb", tmp_path)
    assert clip.labels[0].end_s == 0.5
    assert (clip.labels[0].emotion, clip.labels[0].votes) == ("happy", {})
    recording = clip.open("voice")
    values = recording_arrays(recording)[SOUND_ID].values[:, 0]
    np.testing.assert_array_equal(values * 32768, samples[:4000])
    assert recording.streams[0].last_stamp == 3999 / RATE_HZ


def test_the_listeners_who_heard_something_else_are_kept_too(tmp_path):
    for name in ("03a01Fa.wav", "03a01Wa.wav"):
        sound(tmp_path / "wav" / name)
    # As published: padded with spaces that do not break, in an old encoding, with a decimal comma.
    text = "Nr.\tSatz\terkannt\tnatuerlich\r\n7\xa0\xa0\t03a01Wa.wav\t67,50\xa0\xa0\t90,00\xa0\r\n"
    (tmp_path / "erkennung.txt").write_bytes(text.encode("cp1252"))
    unheard, heard = listed("emodb", tmp_path)
    assert heard.labels[0].votes == {"angry": 13.5, "not stated": 6.5}
    assert unheard.labels[0].votes == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no line that can be read"), ("Nr.\tSatz\n1\t03a01Fa.wav\t165,00\t30,00\n", "165 % of listeners")],
)
def test_a_list_of_listeners_that_cannot_be_is_refused(tmp_path, text, said):
    sound(tmp_path / "wav" / "03a01Fa.wav")
    (tmp_path / "erkennung.txt").write_text(text, encoding="cp1252")
    with pytest.raises(DatasetError, match=said):
        listed("emodb", tmp_path)


@pytest.mark.parametrize(
    ("name", "zeros_only", "said"), [("03a01Xa.wav", False, "called otherwise"), ("03a01Fa.wav", True, "is silent")]
)
def test_emodb_clips_that_are_none_are_refused(tmp_path, name, zeros_only, said):
    path = sound(tmp_path / name)
    if zeros_only:
        soundfile.write(path, np.zeros(100, np.int16), RATE_HZ, subtype="PCM_16")
    with pytest.raises(DatasetError, match=said):
        listed("emodb", tmp_path)


# RAVDESS


def test_ravdess_in_its_layout(tmp_path):
    sound(tmp_path / "Actor_12" / "03-01-06-01-02-01-12.wav")
    sound(tmp_path / "Actor_12" / "03-02-02-02-01-01-12.wav")
    film(tmp_path / "Actor_01" / "02-01-07-01-01-02-01.mp4")
    seen, spoken, sung = listed("ravdess", tmp_path)
    assert (spoken.person, spoken.session, spoken.order) == ("Actor_12", "speech", 0)
    assert (spoken.labels[0].name, spoken.labels[0].emotion) == ("fearful", "fearful")
    assert (sung.session, sung.labels[0].emotion, sung.order) == ("song", "calm", 1)
    assert (seen.modalities, seen.labels[0].emotion) == (("face",), "disgusted")
    assert seen.labels[0].end_s == pytest.approx(5 / 25)
    assert seen.open("face").streams[0].sample_count == 5
    with pytest.raises(DatasetError, match="has no voice"):
        seen.open("voice")


def test_a_clip_of_an_unknown_emotion_is_refused(tmp_path):
    sound(tmp_path / "03-01-09-01-02-01-12.wav")
    with pytest.raises(DatasetError, match="seven numbers"):
        listed("ravdess", tmp_path)


# CREMA-D


def votes_table(folder: Path, rows: list[str]) -> None:
    head = '"","localid","pos","ans","ttr","queryType","numTries","clipNum","clipName","respEmo","respLevel"'
    (folder / "finishedResponses.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


def vote(clip: str, given: int, emotion: str) -> str:
    return f'"1","x",5,"{emotion}_50",3000,{given},0,1,"{clip}","{emotion}",50'


def test_crema_d_keeps_every_vote_by_what_was_given(tmp_path):
    clip = "1001_DFA_ANG_XX"
    sound(tmp_path / "AudioWAV" / f"{clip}.wav")
    sound(tmp_path / "AudioWAV" / "1002_IEO_HAP_HI.wav")
    film(tmp_path / "VideoFlash" / f"{clip}.flv")
    heard = [vote(clip, 1, emotion) for emotion in "AAANDD"]
    votes_table(tmp_path, [*heard, vote(clip, 2, "S"), vote(clip, 3, "A"), vote(clip, 3, "A")])
    first, second = listed("crema-d", tmp_path)
    assert (first.person, first.modalities) == ("1001", ("face", "voice"))
    assert {label.judged_from: label.votes for label in first.labels} == {
        ("voice",): {"angry": 3, "neutral": 1, "disgusted": 2},
        ("face",): {"sad": 1},
        ("face", "voice"): {"angry": 2},
    }
    assert {label.emotion for label in first.labels} == {"angry"}
    assert first.open("face").streams[0].sample_count == 5
    assert second.labels[0].votes == {}
    assert (second.labels[0].emotion, second.modalities) == ("happy", ("voice",))


def test_crema_d_without_its_votes_or_with_unknown_ones_is_refused(tmp_path):
    sound(tmp_path / "AudioWAV" / "1001_DFA_ANG_XX.wav")
    with pytest.raises(DatasetError, match=r"no finishedResponses\.csv"):
        listed("crema-d", tmp_path)
    votes_table(tmp_path, [vote("1001_DFA_ANG_XX", 4, "A")])
    with pytest.raises(DatasetError, match="response 'A' to a stimulus '4'"):
        listed("crema-d", tmp_path)
    (tmp_path / "finishedResponses.csv").write_text("clipName,votes\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="Missing: queryType, respEmo"):
        listed("crema-d", tmp_path)
    # What a download without git-lfs brings instead of a sound.
    votes_table(tmp_path, [])
    (tmp_path / "AudioWAV" / "1001_DFA_ANG_XX.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(Exception, match="not a WAV file"):
        listed("crema-d", tmp_path)


# BAH


def bah(folder: Path, lines: list[str]) -> None:
    film(folder / "Videos/82725/Visite_1/82725_Question_1_2024-11-19_15-12-23_Video.mp4")
    film(folder / "Videos/82553/Visite_1/82553_Question_7_2024-08-22 12-11-55_Video.mp4")
    (folder / "split-0").mkdir()
    (folder / "split-0" / "train.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_bah_in_its_layout(tmp_path):
    one = "Videos/82725/Visite_1/82725_Question_1_2024-11-19_15-12-23_Video.mp4,0,Well, when I wake up, I get up."
    two = 'Videos/82553/Visite_1/82553_Question_7_2024-08-22 12-11-55_Video.mp4,1,"I have, um, a task'
    bah(tmp_path, [one, two])
    (tmp_path / "split-0" / "test.txt").write_text(two + "\n", encoding="utf-8")  # named twice, read once
    sound(tmp_path / "Videos/82553/Visite_1/82553_Question_7_2024-08-22 12-11-55_Video.wav")
    second, first = listed("bah", tmp_path)
    assert (first.person, first.session, first.labels[0].name) == ("82725", "Visite_1", "no_ambivalence")
    assert (second.labels[0].name, second.modalities) == ("ambivalence", ("face", "voice"))
    assert first.labels[0].end_s == pytest.approx(5 / 25)
    assert "task" not in repr(second), "what people said is not kept"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Videos/82725/Visite_1/none_Question_1_Video.mp4,0,text", "which is not there"),
        ("Videos/82725/../82725_Question_1_x.mp4,0,text", "which is not there"),
        ("Videos/82725/Visite_1/82725_Question_1_2024-11-19_15-12-23_Video.mp4,maybe,text", "expected a video, 0 or 1"),
    ],
)
def test_lists_of_bah_that_do_not_fit_are_refused(tmp_path, line, said):
    bah(tmp_path, [line])
    with pytest.raises(DatasetError, match=said):
        listed("bah", tmp_path)


def test_lists_of_bah_cannot_reach_outside_the_folder(tmp_path):
    film(tmp_path / "outside_Question_1_Video.mp4")
    bah(tmp_path / "set", ["Videos/../../outside_Question_1_Video.mp4,0,text"])
    with pytest.raises(DatasetError, match="which is not there"):
        listed("bah", tmp_path / "set")


# all of them


@pytest.mark.parametrize("name", DATASETS)
def test_a_folder_that_is_not_there_says_where_the_set_comes_from(name, tmp_path):
    with pytest.raises(DatasetError, match="There is no folder") as told:
        recordings_of(f"{name}:{tmp_path / 'missing'}")
    assert DATASETS[name].licence in str(told.value)
    assert DATASETS[name].citation in str(told.value)


@pytest.mark.parametrize("name", DATASETS)
def test_a_folder_with_something_else_says_what_was_expected_at_once(name, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"has no .*[Ee]xpected"):
        recordings_of(f"{name}:{tmp_path}")  # before the first recording is asked for


@pytest.mark.parametrize("name", DATASETS)
def test_each_set_says_whose_it_is_and_what_is_missing(name):
    dataset = DATASETS[name]
    assert all((dataset.citation, dataset.licence, dataset.missing, dataset.verified))


def test_a_set_that_is_not_known_is_told_with_those_that_are():
    for place in ("iemocap:x", "eegmat", "eegmat:"):
        with pytest.raises(DatasetError, match="NAME:FOLDER with one of eegmat, emodb"):
            recordings_of(place)
