"""Streams are told apart by what they say of themselves; where that is not enough, the user is asked."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.errors import AmbiguousStream, RecordingError, StreamNotFound
from streamsense.features.face_vector import face_vector_labels
from streamsense.sources.recorded import RecordedStream, with_channel_labels
from streamsense.sources.recordings import open_any
from streamsense.sources.stream_kinds import NOT_USED, choose_streams, describe, kind_of


def stream(stream_id: int, name: str, stream_type: str, labels: tuple[str, ...], rate_hz: float, **fields: object):
    values: dict[str, object] = {
        "source_id": f"src{stream_id}", "hostname": "", "channel_units": ("",) * len(labels),
        "channel_format": "float32", "sample_count": 100, "first_stamp": 1.0, "last_stamp": 2.0,
    } | fields  # fmt: skip
    return RecordedStream(stream_id, name, stream_type, channel_labels=labels, nominal_rate_hz=rate_hz, **values)  # type: ignore[arg-type]


MUSE = stream(1, "Muse", "EEG", ("TP9", "AF7", "AF8", "TP10", "AUX_RIGHT"), 256.0)
ACC = stream(2, "Muse", "ACC", ("ACC_X", "ACC_Y", "ACC_Z"), 52.0)
SOUND = stream(3, "mic", "Audio", ("ch1",), 16000.0)
FACE = stream(4, "face", "FaceVector", face_vector_labels("mesh468_iris"), 0.0)
KEYS = stream(5, "keys", "Markers", ("ch1",), 0.0, channel_format="string")
UNNAMED = stream(6, "obci", "EEG", ("ch1", "ch2"), 250.0)
EMPTY = stream(7, "cap", "EEG", ("Cz",), 250.0, sample_count=0, first_stamp=np.nan, last_stamp=np.nan)


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (MUSE, "eeg"), (ACC, None), (SOUND, "voice"), (FACE, "face"), (KEYS, "markers"), (UNNAMED, "eeg"),
        (stream(1, "x", "signal", ("Fp1", "Fp2", "AUX"), 512.0), "eeg"),
        (stream(1, "x", "biosignal", ("Fp1", "Fp2", "AUX"), 512.0), "eeg"),
        (stream(1, "x", "biosignal", ("Fp1", "a", "b", "c"), 512.0), None),
        (stream(1, "x", "counter", ("Fp1", "Fp2"), 1.0), None),
        (stream(1, "x", "raw", ("left", "right"), 44100.0), "voice"),
        (stream(1, "Audio", "Markers", ("a", "b", "c"), 0.0), "markers"),
        (stream(1, "cam", "VideoFrames", ("frame",), 0.0, channel_format="string"), None),
        (stream(1, "x", "tracking", face_vector_labels("mesh478_blendshapes"), 30.0), "face"),
        (stream(1, "x", "events", ("a",), 0.0, channel_format="int32"), "markers"),
        (stream(1, "asr", "Transcript", ("words",), 0.0, channel_format="string"), "text"),
        (stream(1, "asr", "LanguageCues", ("words",), 0.0), "text"),
    ],
)  # fmt: skip
def test_kind(one, kind):
    assert kind_of(one) == kind


def test_a_whole_session_is_chosen_without_a_word():
    choice = choose_streams([KEYS, ACC, MUSE, SOUND, FACE])
    assert choice.selection == {
        1: ("eeg", "eeg"),
        3: ("voice", "voice"),
        4: ("face", "face"),
        5: ("markers/keys", "markers"),
    }
    assert choice.warnings == ()


def test_of_words_the_counts_are_chosen_before_the_texts_and_never_one_of_two():
    texts = stream(8, "asr", "Transcript", ("words",), 0.0, channel_format="string")
    counts = stream(9, "asr", "LanguageCues", ("hedges", "words"), 0.0)
    assert choose_streams([MUSE, texts]).selection[8] == ("text", "markers"), "of texts counts are made first"
    assert choose_streams([MUSE, texts, counts]).selection == {1: ("eeg", "eeg"), 9: ("text", "text")}
    other = stream(10, "other", "Transcript", ("words",), 0.0, channel_format="string")
    choice = choose_streams([MUSE, texts, other])
    assert choice.selection == {1: ("eeg", "eeg")}
    assert "Of 2 streams of words none is used" in choice.warnings[0]


def test_a_modality_can_be_left_out():
    assert choose_streams([MUSE, SOUND], {"eeg": NOT_USED, "voice": None}).selection == {3: ("voice", "voice")}


def test_the_name_of_a_device_means_its_stream_of_the_right_kind():
    assert choose_streams([ACC, MUSE], {"eeg": "Muse"}).selection == {1: ("eeg", "eeg")}
    assert choose_streams([ACC, MUSE], {"eeg": "src1"}).selection == {1: ("eeg", "eeg")}
    assert choose_streams([ACC, MUSE], {"eeg": "2"}).selection == {2: ("eeg", "eeg")}


def test_two_candidates_are_listed():
    second = stream(9, "cap", "EEG", ("Cz", "Pz"), 500.0)
    with pytest.raises(AmbiguousStream, match=r"2 streams could be eeg: .*'Muse'.*'cap'.*--eeg 'Muse'"):
        choose_streams([MUSE, second])
    assert choose_streams([MUSE, second], {"eeg": "cap"}).selection == {9: ("eeg", "eeg")}
    twin = stream(9, "Muse", "EEG", ("Cz",), 500.0)
    with pytest.raises(AmbiguousStream, match=r"2 streams are called 'Muse': .*--eeg '1'"):
        choose_streams([MUSE, twin], {"eeg": "Muse"})
    assert choose_streams([MUSE, EMPTY, UNNAMED]).selection == {1: ("eeg", "eeg")}


def test_what_nearly_fits_is_told():
    choice = choose_streams([UNNAMED, EMPTY])
    assert choice.selection == {}
    assert "no channel that is called after an electrode (ch1, ch2)" in choice.warnings[0]
    assert "has no samples" in choice.warnings[1]
    named = choose_streams([UNNAMED], {"eeg": "obci"})
    assert named.selection == {6: ("eeg", "eeg")}
    assert "was named for eeg, but it has no channel" in named.warnings[0]
    other = choose_streams([stream(1, "OpenFace", "Face", ("AU01",), 30.0)])
    assert other.selection == {}
    assert "does not have the channels of a face vector" in other.warnings[0]
    slow = choose_streams([stream(1, "mic", "Audio", ("ch1",), 4000.0)])
    assert "sound at 4000 Hz" in slow.warnings[0]


def test_names_that_cannot_be_are_refused():
    with pytest.raises(StreamNotFound, match=r"called 'Muze'. Found: Stream 1 'Muse'"):
        choose_streams([MUSE], {"eeg": "Muze"})
    with pytest.raises(StreamNotFound):
        choose_streams([KEYS], {"eeg": "keys"})
    with pytest.raises(RecordingError, match="both eeg and voice"):
        choose_streams([SOUND], {"eeg": "mic", "voice": "mic"})


def test_marker_streams_of_one_name_get_keys_of_their_own():
    again = stream(8, "keys", "Markers", ("ch1",), 0.0, channel_format="string")
    assert choose_streams([KEYS, again]).selection == {5: ("markers/keys", "markers"), 8: ("markers/keys/8", "markers")}


def test_the_listing_says_what_a_stream_is_good_for():
    rows = describe([MUSE, UNNAMED, EMPTY, ACC, KEYS])
    assert [row.kind for row in rows] == ["eeg", "eeg", "eeg", "", "markers"]
    assert rows[0].note == ""
    assert "electrode" in rows[1].note
    assert rows[2].note == "has no samples"
    assert [row.duration_s for row in rows] == [100 / 256, 0.4, 0.0, 100 / 52, 1.0]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("xdf/muse_P001.xdf", {1: ("eeg", "eeg")}),
        ("xdf/muse_P002.xdf", {4: ("eeg", "eeg")}),
        ("xdf/openbci_8ch_343s.xdf", {2: ("markers/MyMarkerStream", "markers")}),
        ("xdf/openvibe_72ch_audio_diode.xdf", {1: ("markers/Audio", "markers"), 3: ("markers/Diode", "markers")}),
        ("eegbci_s001/S001R01.edf", {1: ("eeg", "eeg"), 2: ("markers/S001R01 annotations", "markers")}),
    ],
)
def test_real_recordings(data_folder, name, expected):
    assert choose_streams(open_any(data_folder / name).streams).selection == expected


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "stream_id", "first"),
    [("openbci_8ch_343s", 1, ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")),
     ("openvibe_72ch_audio_diode", 2, ("Fp1", "Fpz", "Fp2", "F7", "F3", "Fz", "F4", "F8"))],
)  # fmt: skip
def test_recordings_without_electrode_names_can_be_used_once_they_are_given(data_folder, name, stream_id, first):
    recording = open_any(data_folder / "xdf" / f"{name}.xdf")
    plain = next(one for one in recording.streams if one.stream_id == stream_id)
    before = choose_streams(recording.streams)
    assert stream_id not in before.selection
    assert "name them in channel order" in before.warnings[0]
    labels = first + plain.channel_labels[len(first) :]
    named = with_channel_labels(recording, stream_id, labels)
    assert choose_streams(named.streams).selection[stream_id] == ("eeg", "eeg")
    opened = next(iter(named.events({stream_id: ("eeg", "eeg")})))
    assert opened.info.channel_labels == labels  # type: ignore[union-attr]
