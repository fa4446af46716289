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


def test_a_person_who_is_silent_is_no_fault() -> None:
    assert told(QualityNotices(), [window("no speech", quality=0.0)] * 100 + [window("little speech")] * 100) == []
    noisy, silent, fine = [window("noisy")] * 15, [window("no speech")] * 100, [window()] * 40
    assert told(QualityNotices(), noisy + silent + [window("little speech", "noisy")] * 20 + fine) == [
        (TOLD_AFTER_TICKS - 1, "face: noisy"),
        (135 + OVER_AFTER_TICKS - 1, "face: nothing is wrong any more"),
    ], "noise is looked for in speech: it is not over because nobody speaks"
    assert told(QualityNotices(), [window("muted")] * 15 + silent) == [
        (TOLD_AFTER_TICKS - 1, "face: muted"),
        (15 + OVER_AFTER_TICKS - 1, "face: nothing is wrong any more"),
    ], "a microphone that is switched on again is heard without a word being said"


def test_its_state_carries_everything() -> None:
    windows = [window("face is dark")] * 8 + [window("more than one face", "face is dark")] * 30 + [window()] * 40
    whole = told(QualityNotices(), windows)
    assert len(whole) == 3
    for cut in range(0, len(windows), 7):
        first, second = QualityNotices(), QualityNotices()
        before = told(first, windows[:cut])
        snapshots.unpack_into(snapshots.pack(first.state), second.state)
        assert before + told(second, windows[cut:], cut) == whole


def test_the_hum_of_either_mains_is_a_reason_of_its_own() -> None:
    both = [
        window(f"{k % 3 + 1} of 8 electrodes with 50 Hz line noise", "2 of 8 electrodes with 60 Hz line noise")
        for k in range(12)
    ]
    ((_, text),) = told(QualityNotices(), both)
    assert "50 Hz" in text
    assert "60 Hz" in text


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


def test_a_session_in_which_nobody_speaks_says_nothing_of_the_microphone() -> None:
    pipeline = sessions.pipeline("voice")
    room = sessions.voice(6.0)
    values = np.random.default_rng(0).normal(0, 0.002, room.values.shape).astype(np.float32)
    pipeline.push(sessions.opened(room))
    pipeline.push(Control(START, "", sessions.START))
    scores = []
    for chunk in np.split(np.arange(len(values)), 60):
        stamps = room.stamps[chunk]
        pipeline.push(Block("voice", int(chunk[0]), stamps.copy(), values[chunk], float(stamps[-1])))
        scores += pipeline.advance(math.nextafter(float(stamps[-1]), 0))
    assert len(scores) > 25
    assert {reason for score in scores for reason in score.windows["voice"].reasons} == {"no speech"}
    assert scores[-1]["voice_quality"] == 0, "no evidence in a voice that is not heard"
    assert [notice.text for notice in pipeline.take_notices() if notice.kind == "quality"] == []


def test_a_session_says_that_there_are_several_faces() -> None:
    assert not any("more than one face" in notice.text for notice in notices_of(1))
    notice = next(notice for notice in notices_of(2) if "more than one face" in notice.text)
    assert notice.details["modality"] == "face"
    assert "more than one face" in notice.details["reasons"]  # type: ignore[operator]
    assert sessions.START + 12 < notice.time < sessions.START + 14
