"""Faults of a camera: it hangs, drops frames, repeats one picture, is unplugged and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.helpers.mjpeg_camera import Camera, camera
from tests.helpers.watched_session import Line, Watched, assert_unbroken, watched

STALE_AFTER_S = 1.0


@pytest.fixture(scope="module")
def lens() -> Iterator[Camera]:
    with camera() as running:
        yield running


@pytest.fixture(scope="module")
def whole_session(lens: Camera, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One session for all that befalls its camera; the tests leave the camera as they found it."""
    content = {"face": {"source": {"kind": "webcam", "device": lens.url}}, "output": {"lsl": False}}
    with watched(tmp_path_factory.mktemp("camera"), content) as session:
        session.wait_for_presence("face")
        session.run_on(1.0)
        yield session
        assert session.finish() == 0, session.errors
        assert session.errors == ""
        assert_unbroken(session.scores())


@pytest.fixture
def session(whole_session: Watched) -> Watched:
    """The same, with the face there."""
    whole_session.wait_for_presence("face")
    return whole_session


def lost_and_regained(session: Watched, since: int) -> tuple[Line, Line]:
    """When the face was lost and when it counted again; between them no score counts it, and its age grows."""
    (lost,), (regained,) = (
        session.notices("modality_lost", since=since),
        session.notices("modality_regained", since=since),
    )
    assert lost["modality"] == regained["modality"] == "face"
    between = [score for score in session.scores(since) if lost["time"] <= score["time"] < regained["time"]]
    assert between
    assert {(score["face_presence"], score["face_weight"]) for score in between} == {(0.0, 0.0)}
    ages = [score["face_age"] for score in between]
    assert ages[0] == pytest.approx(STALE_AFTER_S, abs=0.25)
    # At the end new pictures are there, but too few of them to count.
    assert np.diff(ages)[: int(np.argmax(ages))] == pytest.approx(0.2, abs=1e-6)
    return lost, regained


def test_dropped_frames_lower_the_quality_and_nothing_else(session: Watched, lens: Camera) -> None:
    since = len(session.lines)
    lens.dropping.set()
    session.run_on(3.0)
    lens.dropping.clear()
    dropped = session.scores(since)[-5:]
    session.run_on(2.6)
    # Holes of 0.43 s each half second, of which a frame stands for 0.25 s: 0.63 of the window is there. Meanwhile
    # the neutral face settles, which raises the quality.
    whole = session.scores()[-1]["face_quality"]
    assert all(0.2 * whole < score["face_quality"] < 0.8 * whole for score in dropped), (dropped, whole)
    assert all(score["face_presence"] == 1.0 for score in session.scores(since))
    assert session.notices("modality_lost", "stream_lost", since=since) == []


def test_a_camera_that_hangs_is_lost_and_comes_back(session: Watched, lens: Camera) -> None:
    """The connection stands, and nothing comes."""
    since = len(session.lines)
    lens.stalled.set()
    session.wait_for_notice("modality_lost", since)
    told = session.wait_for_notice("stream_lost", since)
    assert told["text"] == "face: no more frames"
    lens.stalled.clear()
    session.wait_for_notice("modality_regained", since)
    lost, _ = lost_and_regained(session, since)
    kinds = [line["kind"] for line in session.notices(since=since)]
    assert [kind for kind in kinds if kind not in ("gap", "quality")] == [
        "modality_lost", "stream_lost", "stream_opened", "modality_regained"
    ]  # fmt: skip
    assert 1.0 < told["time"] - lost["time"] < 5.0
    assert_unbroken(session.scores(since))


def test_a_picture_that_stands_still_is_told_and_no_longer_counts(session: Watched, lens: Camera) -> None:
    """The stream goes on at its rate, with one and the same picture."""
    since = len(session.lines)
    lens.repeating.set()
    frozen = session.wait_for_notice("camera_frozen", since)
    session.wait_for_notice("modality_lost", since)
    session.run_on(1.0)
    lens.repeating.clear()
    session.wait_for_notice("modality_regained", since)
    lost, _ = lost_and_regained(session, since)
    assert abs(frozen["time"] - lost["time"]) < 0.5
    assert "has sent one and the same picture for 1 s" in frozen["text"]
    assert session.notices("stream_lost", since=since) == []


def test_a_camera_that_is_unplugged_comes_back_by_itself(session: Watched, lens: Camera) -> None:
    since = len(session.lines)
    lens.off()
    session.wait_for_notice("modality_lost", since)
    with camera(lens.port):
        session.wait_for_notice("modality_regained", since)
        session.run_on(1.0)
        lost, _ = lost_and_regained(session, since)
        opened = session.notices("stream_opened", since=since)
        assert [line["stream"] for line in opened] == ["face"]
        (told,) = session.notices("stream_lost", since=since)
        assert told["time"] < lost["time"] + 0.5, "at once"
