"""WAV files of every common kind give the samples that independent readers give."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from streamsense.errors import RecordingError
from streamsense.sources.recorded import recording_arrays
from streamsense.sources.sound_file import open_sound_file
from streamsense.streams import Block

SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 2])
def test_equals_libsndfile(tmp_path, subtype, container, channels):
    path = tmp_path / "a.wav"
    sound = np.random.default_rng(5).uniform(-1, 1, (4321, channels))
    sound[0] = -1
    soundfile.write(path, sound, 22050, subtype=subtype, format=container)
    recording = open_sound_file(path)
    stream = recording.streams[0]
    assert recording.warnings == ()
    assert (stream.type, stream.nominal_rate_hz, stream.sample_count) == ("Audio", 22050.0, 4321)
    found = recording_arrays(recording)[1]
    expected = soundfile.read(path, dtype="float64", always_2d=True)[0]
    assert found.values.tobytes() == expected.astype(np.float32).tobytes()
    assert found.stamps.tolist() == (np.arange(4321) / 22050).tolist()
    blocks = [event for event in recording.events({1: ("voice", "voice")}) if isinstance(event, Block)]
    assert [block.first_sample for block in blocks] == list(range(0, 4321, 2205))


def wav(form: bytes, content: bytes, size: int | None = None, before: bytes = b"") -> bytes:
    data = before + b"fmt " + struct.pack("<I", len(form)) + form
    data += b"data" + struct.pack("<I", len(content) if size is None else size) + content
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WAVE" + data


MONO16 = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)


def test_other_chunks_are_passed_over_and_a_cut_is_told(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(MONO16, struct.pack("<3h", 1, 2, 3) + b"\x04", 1000, before=b"LIST\x03\x00\x00\x00abc\x00"))
    recording = open_sound_file(path)
    assert "declares 1000 bytes of sound, 7 are there" in recording.warnings[0]
    assert (recording_arrays(recording)[1].values[:, 0] * 32768).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a WAV file"),
        (b"RIFX" + bytes(40), "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "no sound"),
        (wav(MONO16[:10], b""), "format chunk of 10 bytes"),
        (wav(struct.pack("<HHIIHH", 85, 1, 16000, 32000, 2, 16), b""), "WAV format 85"),
        (wav(struct.pack("<HHIIHH", 1, 0, 16000, 32000, 2, 16), b""), "0 channels"),
        (wav(struct.pack("<HHIIHH", 1, 1, 0, 32000, 2, 16), b""), "at 0 Hz"),
        (wav(struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 12), b""), "12 bits"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, data, said):
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(RecordingError, match=said):
        open_sound_file(tmp_path / "a.wav")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)), max_size=6), cut=st.integers(0, 400))
def test_damaged_files_are_refused_or_read(tmp_path, changes, cut):
    data = bytearray(wav(struct.pack("<HHIIHH", 3, 2, 16000, 32000, 16, 64), bytes(range(256)) + bytes(80)))
    for position, value in changes:
        data[position] = value
    (tmp_path / "a.wav").write_bytes(data[:cut])
    try:
        recording = open_sound_file(tmp_path / "a.wav")
    except RecordingError:
        return
    assert recording_arrays(recording)[1].values.size <= len(data)


@pytest.mark.real_data
def test_real_speech_equals_scipy(data_folder):
    path = sorted((data_folder / "emodb" / "wav").glob("*.wav"))[0]
    rate, samples = wavfile.read(path)
    recording = open_sound_file(path)
    assert recording.streams[0].nominal_rate_hz == rate
    assert np.array_equal(recording_arrays(recording)[1].values[:, 0] * 32768, samples)
