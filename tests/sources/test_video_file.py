"""Films as recordings: the film's own times, every picture once, the same vectors as the face edge gives."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.errors import RecordingError
from streamsense.face.opencv import cv2
from streamsense.sources.recorded import Recording
from streamsense.sources.recordings import open_any
from streamsense.sources.video_file import FilmFront, FilmRecording, open_video_file
from streamsense.streams import Block, StreamOpened
from tests.helpers.face_pictures import face_edge, film_frames
from tests.helpers.films import moving, write_film


def read_blocks(recording: Recording) -> tuple[list[Block], StreamOpened]:
    opened, *blocks = recording.events({1: ("face", "markers")})
    assert isinstance(opened, StreamOpened)
    return [block for block in blocks if isinstance(block, Block)], opened


@pytest.mark.parametrize(("ending", "code"), [(".avi", "MJPG"), (".mp4", "mp4v")])
def test_a_film_has_its_own_times_and_the_vectors_of_the_face_edge(tmp_path, ending, code):
    path = write_film(tmp_path / f"film{ending}", moving(20), 25.0, code)
    recording = open_any(path)
    assert isinstance(recording, FilmRecording)
    assert recording.streams[0].sample_count == 20
    assert "sound" in recording.warnings[0]
    blocks, opened = read_blocks(recording)
    stamps = np.concatenate([block.stamps for block in blocks])
    np.testing.assert_allclose(stamps, np.arange(20) / 25, atol=1e-9)
    front = FilmFront(path, face_edge("mesh468_iris"))
    described = front.describe(opened.info)
    assert described.kind == "face"
    vectors = np.concatenate([front.convert(block.texts, block.stamps)[0] for block in blocks])
    edge = face_edge("mesh468_iris")
    expected = np.array([edge.process(frame) for frame in film_frames(path)])
    assert vectors.tobytes() == expected.tobytes()
    assert vectors.shape == (20, len(described.channel_labels))
    assert vectors[:, 0].all(), "the face is tracked"


def test_an_avi_is_told_from_its_content_and_is_no_sound(tmp_path):
    path = write_film(tmp_path / "film.avi", moving(2))
    path.rename(tmp_path / "film.dat")
    assert isinstance(open_any(tmp_path / "film.dat"), FilmRecording)


def test_a_grey_film_is_read(tmp_path):
    path = write_film(tmp_path / "grey.avi", [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in moving(3)])
    front = FilmFront(path, face_edge("mesh468_iris"))
    vectors, stamps = front.convert(("0", "1", "2"), np.arange(3) / 25)
    assert vectors[:, 0].all()
    assert len(stamps) == 3


def test_pictures_that_are_skipped_are_not_looked_at(tmp_path):
    path = write_film(tmp_path / "film.avi", moving(6))
    front, edge = FilmFront(path, face_edge("mesh468_iris")), face_edge("mesh468_iris")
    vectors, _ = front.convert(("1", "4"), np.array([0.04, 0.16]))
    frames = film_frames(path)
    assert vectors.tobytes() == np.array([edge.process(frames[1]), edge.process(frames[4])]).tobytes()


def test_a_film_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path):
    path = write_film(tmp_path / "film.avi", moving(20))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recording = open_video_file(path)
    count = recording.streams[0].sample_count
    assert 5 <= count < 20
    front = FilmFront(path, face_edge("mesh468_iris"))
    total = sum(len(front.convert(block.texts, block.stamps)[0]) for block in read_blocks(recording)[0])
    assert count - 1 <= total <= count


@pytest.mark.parametrize(("name", "content"), [("a.mp4", b"no film"), ("b.mkv", b""), ("c.avi", b"RIFF\0\0\0\0AVI ")])
def test_what_is_no_film_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordingError, match=rf"{name} (is no film that OpenCV can read|has no picture)"):
        open_any(tmp_path / name)


def test_pictures_larger_than_any_camera_gives_are_refused(tmp_path):
    path = write_film(tmp_path / "huge.avi", [np.zeros((3000, 4000, 3), np.uint8)])
    with pytest.raises(RecordingError, match="4000 × 3000"):
        open_any(path)


@pytest.mark.real_data
def test_a_real_clip_has_the_times_that_its_container_says(data_folder):
    path = data_folder / "face_video" / "asl_gestures" / "bird.mkv"
    recording = open_video_file(path)
    frames = film_frames(path)
    assert len(recording.stamps) == len(frames)  # it declares one more
    np.testing.assert_allclose(recording.stamps, np.arange(len(frames)) / 30, atol=0.0021)
    assert recording.stamps[1] == pytest.approx(0.034), "milliseconds, as Matroska keeps them"
