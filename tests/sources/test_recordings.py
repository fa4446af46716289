"""Any recording opens through one function, and what is none is refused with advice."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import soundfile

from streamsense.errors import RecordingError
from streamsense.sources.eeg_file import EegFileRecording
from streamsense.sources.recordings import open_any
from streamsense.sources.sound_file import SoundRecording
from streamsense.sources.xdf import XdfRecording
from tests.helpers.edf_writer import write_edf
from tests.helpers.xdf_writer import XdfWriter


def test_the_format_is_told_from_the_content(tmp_path):
    writer = XdfWriter()
    writer.header(1)
    (tmp_path / "session.dat").write_bytes(writer.data)
    soundfile.write(tmp_path / "sound.bin", np.zeros(10), 8000, format="WAV", subtype="PCM_16")
    write_edf(tmp_path / "a.EDF", ["Cz"], ["uV"], np.zeros((1, 250), int), 250)
    assert isinstance(open_any(tmp_path / "session.dat"), XdfRecording)
    assert isinstance(open_any(str(tmp_path / "sound.bin")), SoundRecording)
    assert isinstance(open_any(tmp_path / "a.EDF"), EegFileRecording)


@pytest.mark.parametrize("torn", [0, 9])
def test_a_compressed_recording_is_read_as_far_as_it_unpacks(tmp_path, torn):
    writer = XdfWriter()
    writer.header(1)
    for number in range(50):
        writer.samples(1, [float(number)], [[np.random.default_rng(number).random()]])
    packed = gzip.compress(writer.data)
    (tmp_path / "a.xdfz").write_bytes(packed[: len(packed) - torn - 8 * (torn > 0)])
    stream = open_any(tmp_path / "a.xdfz").streams[0]
    assert stream.sample_count == 50 if not torn else 0 < stream.sample_count < 50


def test_a_missing_file_is_answered_with_near_names(tmp_path):
    (tmp_path / "sub-01_task-rest.xdf").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(RecordingError, match=r"Did you mean sub-01_task-rest\.xdf\?"):
        open_any(tmp_path / "sub-01_task-rst.xdf")
    with pytest.raises(RecordingError, match="2 files are in its folder"):
        open_any(tmp_path / "qqqqqqq")
    with pytest.raises(RecordingError, match="Nor can its folder"):
        open_any(tmp_path / "none" / "a.xdf")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xdf", b"", "expected b'XDF:'"),
        ("a.edf.gz", gzip.compress(b"0       ", mtime=0), "gunzip"),
        ("a.xdfz", gzip.compress(b"0       ", mtime=0), r"begins with b'0   ', expected b'XDF:'"),
        ("a.xdfz", b"\x1f\x8b" + bytes(20), "nothing of it unpacks"),
        ("a.xdfz", gzip.compress(bytes(300 << 20), 1, mtime=0), "more than 100 times its size"),
        ("a.eeg", b"\0\1", r"Give its header, a\.vhdr"),
        ("a.csv", b"time,Fp1\n", r"begins with b'time,Fp1\\n'"),
        ("a.edf", b"0       broken", "cannot be read"),
        ("a.wav", b"ID3", "not a WAV file"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordingError, match=said):
        open_any(tmp_path / name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="is a folder"):
        open_any(tmp_path)
