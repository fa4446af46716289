"""An amplifier whose connection stands and that sends nothing; a stream that never sends."""

from __future__ import annotations

import json

import pytest

from tests.helpers.stream_faults import Bench


def test_a_frozen_outlet_is_told_and_opened_anew_and_comes_back(amplifier: Bench) -> None:
    session, since = amplifier.session, len(amplifier.session.lines)
    amplifier.ask(do="set", frozen=True)
    lost = session.wait_for_notice("modality_lost", since)
    frozen = session.wait_for_notice("stream_frozen", since)
    session.run_on(4.0)  # meanwhile the inlet is opened anew, without a word
    amplifier.ask(do="set", frozen=False)
    resumed = session.wait_for_notice("stream_resumed", since)
    session.wait_for_notice("modality_regained", since)
    assert json.loads(frozen["text"]) == {"key": "eeg", "silent_s": pytest.approx(2.0, abs=0.3)}
    assert 5.5 < json.loads(resumed["text"])["silent_s"] < 8.0
    assert 0.5 < frozen["time"] - lost["time"] < 1.5
    kinds = [notice["kind"] for notice in session.notices(since=since) if notice["kind"] not in ("gap", "quality")]
    assert kinds == ["modality_lost", "stream_frozen", "stream_resumed", "stream_opened", "modality_regained"]


def test_a_stream_that_never_sends_is_told_once(amplifier: Bench) -> None:
    session = amplifier.session
    frozen = [json.loads(notice["text"]) for notice in session.notices("stream_frozen")]
    assert [told["silent_s"] for told in frozen if told["key"] == "voice"] == [pytest.approx(2.0, abs=0.3)]
    assert [notice["stream"] for notice in session.notices("stream_opened") if notice["stream"] == "voice"] == ["voice"]
    assert {score["voice_presence"] for score in session.scores()} == {0.0}
    assert {score["voice_age"] for score in session.scores()} == {1e6}
