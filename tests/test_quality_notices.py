"""What is wrong with a signal is told when it lasts, once, and again when it is over."""

from __future__ import annotations

import math

import numpy as np

from streamsense import state as snapshots
from streamsense.features.face_vector import FIELD_INDEX
from streamsense.pipeline import START
from streamsense.quality_notices import OVER_AFTER_TICKS, TOLD_AFTER_TICKS, QualityNotices
from streamsense.score import Notice
from streamsense.streams import Block, Control, Feature
from tests.helpers import sessions


def window(*reasons: str, quality: float = 0.5) -> Feature:
    return Feature("face", {}, 1.0, quality, 0.0, 0.0, reasons)


def told(notices: QualityNotices, windows: list[Feature], first: int = 0) -> list[tuple[int, str]]:
    """Number of the tick and text of each notice."""
    found = []
    for tick, one in enumerate(windows, first):
        for notice in notices.step({"face": one}, tick / 5):
            assert notice.kind == "quality"
            assert notice.time == tick / 5
            found.append((tick, notice.text))
    return found


def test_what_lasts_is_told_once_and_again_when_it_is_over() -> None:
    dark, fine = [window("face is dark")] * 40, [window()] * 40
    assert told(QualityNotices(), dark + fine) == [
        (TOLD_AFTER_TICKS - 1, "face: face is dark"),
        (40 + OVER_AFTER_TICKS - 1, "face: nothing is wrong any more"),
    ]


def test_what_flickers_is_not_told() -> None:
    assert told(QualityNotices(), [window("face is dark"), window()] * 50) == []
    notices = QualityNotices()
    told(notices, [window("face is dark")] * TOLD_AFTER_TICKS)
    assert told(notices, [window(), window("face is dark")] * 50) == []


def test_all_that_holds_is_told_when_one_thing_changes() -> None:
    windows = [window("face is dark")] * 15 + [window("face is dark", "more than one face")] * 60
    windows += [window("more than one face")] * 60
    assert [text for _, text in told(QualityNotices(), windows)] == [
        "face: face is dark", "face: face is dark, more than one face", "face: more than one face"
    ]  # fmt: skip


def test_numbers_in_a_reason_do_not_make_it_another() -> None:
    windows = [window(f"{3 + k % 3} of 19 electrodes noisy") for k in range(100)]
    ((tick, text),) = told(QualityNotices(), windows)
    assert text == f"face: {3 + tick % 3} of 19 electrodes noisy"


def test_what_is_no_count_does_make_it_another() -> None:
    hums = [f"2 of 19 electrodes with {hz} Hz line noise" for hz in (50, 60)]
    ((_, text),) = told(QualityNotices(), [window(*hums)] * 30)
    assert text == f"face: {hums[0]}, {hums[1]}"


def test_its_state_carries_everything() -> None:
    windows = [window("face is dark")] * 8 + [window("more than one face", "face is dark")] * 30 + [window()] * 40
    whole = told(QualityNotices(), windows)
    assert len(whole) == 3
    for cut in range(0, len(windows), 7):
        first, second = QualityNotices(), QualityNotices()
        before = told(first, windows[:cut])
        snapshots.unpack_into(snapshots.pack(first.state), second.state)
        assert before + told(second, windows[cut:], cut) == whole


def notices_of(face_count: float) -> list[Notice]:
    """Of a session of 16 s, in whose last 6 s so many faces are seen."""
    track = sessions.face(16.0)
    values = track.values.copy()
    values[track.stamps > sessions.START + 10, FIELD_INDEX["face_count"]] = face_count
    pipeline = sessions.pipeline("face")
    pipeline.push(sessions.opened(track))
    pipeline.push(Control(START, "", sessions.START))
    found = []
    for chunk in np.array_split(np.arange(len(values)), 80):
        stamps = track.stamps[chunk]
        pipeline.push(Block("face", int(chunk[0]), stamps.copy(), values[chunk], float(stamps[-1])))
        pipeline.advance(math.nextafter(float(stamps[-1]), 0))
        found += pipeline.take_notices()
    return [notice for notice in found if notice.kind == "quality"]


def test_a_session_says_that_there_are_several_faces() -> None:
    assert not any("more than one face" in notice.text for notice in notices_of(1))
    notice = next(notice for notice in notices_of(2) if "more than one face" in notice.text)
    assert notice.details["modality"] == "face"
    assert "more than one face" in notice.details["reasons"]  # type: ignore[operator]
    assert sessions.START + 12 < notice.time < sessions.START + 14
