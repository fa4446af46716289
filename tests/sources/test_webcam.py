"""A real MJPEG camera over loopback, films, and devices that are not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from streamsense.errors import SourceError
from streamsense.face.edge import FaceEdge
from streamsense.face.opencv import cv2
from streamsense.face.regions import Image
from streamsense.features.face_vector import FIELD_INDEX, face_vector_labels
from streamsense.sources.jpeg_frames import decode_jpeg_base64
from streamsense.sources.webcam import WebcamSettings, WebcamSource
from streamsense.sources.webcam_repeats import Repeats
from streamsense.streams import Block, Control, Event, StreamLost, StreamOpened
from tests.helpers.face_pictures import astronaut, face_edge
from tests.helpers.mjpeg_camera import Camera

WAIT_S = 20.0


class MonotonicClock:
    def now(self) -> float:
        return time.monotonic()


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.off()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of film, 20 frames; the first 10 show a face."""
    path = tmp_path_factory.mktemp("film") / "face.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (320, 320))
    for frame in range(20):
        writer.write(cv2.resize(astronaut()[:300, 75:375], (320, 320)) if frame < 10 else np.zeros((320, 320, 3), "u1"))
    writer.release()
    return path


class Running:
    """A source that runs, and what it emitted."""

    def __init__(
        self, device: int | str, edge: FaceEdge | None = None, keep_pictures: bool = False, **more: object
    ) -> None:
        self.events: list[Event] = []
        settings = WebcamSettings(device, **more)  # type: ignore[arg-type]
        edge = edge or face_edge("mesh468_iris")
        self.source = WebcamSource(
            "face", settings, edge, MonotonicClock(), self.events.append, keep_pictures=keep_pictures
        )

    def __enter__(self) -> Running:
        self.source.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.stop()

    def blocks(self, key: str = "face") -> list[Block]:
        return [event for event in self.events if isinstance(event, Block) and event.key == key]

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait_for(self, met: Callable[[], bool]) -> None:
        until = time.monotonic() + WAIT_S
        while not met():
            self.source.check()
            assert time.monotonic() < until, f"waited in vain; {len(self.events)} events"
            time.sleep(0.01)


def test_mjpeg_becomes_face_vectors(camera: Camera) -> None:
    before = time.monotonic()
    with Running(camera.url, latency_s=0.05) as running:
        running.wait_for(lambda: len(running.blocks()) >= 30)
    opened = running.events[0]
    assert isinstance(opened, StreamOpened)
    assert opened.info.kind == "face"
    assert opened.info.nominal_rate_hz == 0
    assert opened.info.channel_labels == face_vector_labels("mesh468_iris")
    assert (opened.info.name, opened.info.dtype) == ("127.0.0.1/video.mjpg", "float32")
    blocks = running.blocks()
    assert [block.first_sample for block in blocks] == list(range(len(blocks)))
    stamps = np.concatenate([block.stamps for block in blocks])
    assert (np.diff(stamps) > 0).all()
    assert stamps[0] > before - 0.05
    ages = np.array([block.received for block in blocks]) - stamps
    assert ages.min() > 0.05  # the camera's latency is taken off
    assert np.median(ages) < 0.25
    for block in blocks:
        assert block.values.shape == (1, len(opened.info.channel_labels))
        assert block.values.dtype == np.float32
        assert block.values[0, FIELD_INDEX["tracked"]] == 1
    running.source.check()


def test_frames_come_back_when_the_camera_does() -> None:
    first = Camera()
    with Running(first.url) as running:
        running.wait_for(lambda: len(running.blocks()) >= 5)
        first.off()
        running.wait_for(lambda: bool(running.of(StreamLost)))
        seen = len(running.blocks())
        second = Camera(first.port)
        try:
            running.wait_for(lambda: len(running.blocks()) >= seen + 5)
        finally:
            second.off()
    kinds = [type(event) for event in running.events if not isinstance(event, Block)]
    assert kinds[:3] == [StreamOpened, StreamLost, StreamOpened]
    lost = running.events.index(running.of(StreamLost)[0])
    after = running.events[lost + 1 :]
    assert isinstance(after[0], StreamOpened)
    assert isinstance(after[1], Block)
    assert after[1].first_sample == 0
    assert after[1].values[0, FIELD_INDEX["tracked"]] == 1


def test_a_picture_that_is_sent_again_and_again_is_none(camera: Camera) -> None:
    with Running(camera.url) as running:
        running.wait_for(lambda: len(running.blocks()) >= 10)
        camera.repeating.set()
        running.wait_for(lambda: bool(running.of(Control)))
        seen = len(running.blocks())
        time.sleep(1.5)
        assert len(running.blocks()) == seen
        camera.repeating.clear()
        running.wait_for(lambda: len(running.blocks()) >= seen + 10)
    (told,) = running.of(Control)
    assert isinstance(told, Control)
    assert told.name == "camera_frozen"
    assert "the same picture for 1 s" in told.payload
    before, after = running.blocks()[seen - 1], running.blocks()[seen]
    assert told.received - before.stamps[0] == pytest.approx(1.0, abs=0.3)
    assert after.first_sample == before.first_sample + 1
    assert running.of(StreamLost) == []


def test_repeats_are_found_to_the_bit_and_told_once() -> None:
    repeats, picture = Repeats(), np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    other = picture.copy()
    other[7, 9, 2] ^= 1  # not among the pixels that are looked at first
    assert not repeats.has(picture, 0.0)
    assert repeats.has(picture.copy(), 0.5)
    assert not repeats.are_to_be_told(0.5)
    assert [repeats.are_to_be_told(now) for now in (1.0, 1.1, 5.0)] == [True, False, False]
    assert not repeats.has(other, 6.0)
    assert repeats.has(other.copy(), 6.1)
    assert [repeats.are_to_be_told(now) for now in (6.9, 7.0, 7.1)] == [False, True, False]
    assert not repeats.has(np.zeros((24, 32, 3), np.uint8), 7.2)


def test_the_pictures_are_kept_where_that_is_asked_for() -> None:
    first = Camera()
    with Running(first.url, keep_pictures=True) as running:
        running.wait_for(lambda: len(running.blocks()) >= 5)
        first.off()
        running.wait_for(lambda: bool(running.of(StreamLost)))
        second = Camera(first.port)
        try:
            running.wait_for(lambda: len(running.of(StreamOpened)) == 4 and len(running.blocks()) >= 8)
        finally:
            second.off()
    opened = [event.info for event in running.events if isinstance(event, StreamOpened)]
    assert [info.key for info in opened] == ["face", "pictures/face"] * 2
    pictures = opened[1]
    assert (pictures.kind, pictures.type, pictures.dtype, pictures.nominal_rate_hz) == (
        "pictures", "VideoFrames", "string", 0.0,
    )  # fmt: skip
    assert len(pictures.channel_labels) == 1
    blocks = [event for event in running.events if isinstance(event, Block)]
    assert {block.key for block in blocks[0::2]} == {"pictures/face"}
    assert {block.key for block in blocks[1::2]} == {"face"}
    for picture, vector in zip(blocks[0::2], blocks[1::2], strict=True):
        assert picture.stamps == vector.stamps
        assert picture.first_sample == vector.first_sample
        assert len(picture.texts) == 1
        assert picture.values.shape == (1, 0)
    frame = decode_jpeg_base64(blocks[0].texts[0])
    assert frame is not None
    sent = cv2.resize(astronaut(), (640, 480))
    assert np.abs(frame.astype(int) - sent).mean() < 4


def test_stopping_does_not_wait_for_a_camera_that_hangs(camera: Camera) -> None:
    with Running(camera.url) as running:
        running.wait_for(lambda: len(running.blocks()) >= 3)
        camera.stalled.set()
        time.sleep(0.3)
        start = time.monotonic()
        running.source.stop()
        assert time.monotonic() - start < 5
    assert not any(thread.is_alive() for thread in running.source._threads)


def test_a_slow_edge_gets_the_newest_frame_and_the_rest_are_counted(camera: Camera) -> None:
    class SlowEdge(FaceEdge):
        def process(self, frame_bgr: Image) -> np.ndarray:
            time.sleep(0.2)
            return super().process(frame_bgr)

    from streamsense.models.catalogue import model_files

    with Running(camera.url, SlowEdge("mesh468_iris", model_files("mesh468_iris"))) as running:
        running.wait_for(lambda: len(running.blocks()) >= 6)
    ages = [block.received - block.stamps[0] for block in running.blocks()]
    assert running.source.overwritten >= 10
    assert max(ages) < 1.0  # they do not pile up


def test_a_film_plays_at_its_own_rate_and_ends(film: Path) -> None:
    with Running(str(film)) as running:
        assert running.source.finished.wait(WAIT_S)
    running.source.check()
    assert isinstance(running.events[0], StreamOpened)
    assert isinstance(running.events[-1], StreamLost)
    blocks = running.blocks()
    assert len(blocks) + running.source.overwritten == 20
    stamps = np.array([block.stamps[0] for block in blocks])
    assert stamps[-1] - stamps[0] == pytest.approx(0.95, abs=0.3)
    tracked = [bool(block.values[0, FIELD_INDEX["tracked"]]) for block in blocks]
    assert tracked[0]
    assert not tracked[-1]


def test_a_film_in_a_loop_goes_on(film: Path) -> None:
    with Running(str(film), loop=True) as running:
        running.wait_for(lambda: len(running.blocks()) > 24)
    tracked = [bool(block.values[0, FIELD_INDEX["tracked"]]) for block in running.blocks()]
    assert tracked.index(False) < len(tracked) - 1 - tracked[::-1].index(True)  # the face is back after the dark
    assert running.of(StreamLost) == []


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (93, "Video devices found"),
        ("no_such_film.mp4", "does not exist"),
        ("http://user:secret@127.0.0.1:9/video", "No video comes from 127.0.0.1/video"),
    ],
)
def test_what_cannot_be_opened_is_said(device: int | str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        Running(device).source.start()
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_film_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not a film")
    with pytest.raises(SourceError, match="is no film"):
        Running(str(path)).source.start()


def test_what_goes_wrong_in_a_thread_is_raised_by_check(film: Path) -> None:
    def refuse(_: Event) -> None:
        raise RuntimeError("the queue is gone")

    source = WebcamSource(
        "face", WebcamSettings(str(film), loop=True), face_edge("mesh468_iris"), MonotonicClock(), refuse
    )
    source.start()
    for thread in source._threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    with pytest.raises(RuntimeError, match="the queue is gone"):
        source.check()
    source.stop()


def test_settings_are_checked() -> None:
    for wrong in ({"latency_s": -1.0}, {"latency_s": float("nan")}, {"front_end": "haar"}, {"width": 0}):
        with pytest.raises(ValueError, match=r"expected|above 0"):
            WebcamSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the settings say"):
        Running(0, front_end="mesh478_blendshapes")
