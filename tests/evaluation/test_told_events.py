"""Which emotion when: what is evaluated are the very segments that a replay, and so a live session, tells."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from streamsense.config import parse_config
from streamsense.datasets.lab_labels import TableLabels
from streamsense.datasets.lab_sessions import lab_sessions
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.evaluation.chosen_windows import Reading
from streamsense.evaluation.evaluating import Place, evaluate_on
from streamsense.evaluation.events import Event
from streamsense.evaluation.fusing import Fused
from streamsense.evaluation.model_reports import report_on
from streamsense.evaluation.model_settings import open_expert_model
from streamsense.evaluation.predicting import Labelled, Said
from streamsense.evaluation.told_events import ToldRecording, told_recording, told_topics
from streamsense.evaluation.windows import Window
from streamsense.runtime.scored_session import open_scored
from streamsense.score import Notice, Score
from streamsense.segments import AMBIVALENT, SEGMENT_OFF, SEGMENT_ON
from streamsense.told_segments import ToldSegment
from tests.helpers.talking_session import START_S, write_talking_session

SPEAKERS = ("08", "11")


def counted(begin: float, end: float, truth: list[tuple], found: list[tuple]) -> float:
    """The emotion diarization error rate by its definition, on a grid of milliseconds."""

    def on_grid(stretches: list[tuple]) -> np.ndarray:
        named = np.full(len(times), "background", "U40")
        for start, stop, name in stretches:
            named[(times >= start) & (times < stop)] = name
        return named

    times = np.arange(round((end - begin) * 1000)) / 1000 + begin + 5e-4
    return float((on_grid(truth) != on_grid(found)).mean())


@pytest.mark.real_data
def test_what_is_published_is_what_is_evaluated(data_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    wrong_s = spoken_s = all_s = 0.0
    by_pipeline = {}
    config = parse_config({"eeg": {}, "voice": {"model": "voice_emotion"}}, "here")
    for speaker in SPEAKERS:
        file = folder / f"sub-{speaker}.xdf"
        spoken = write_talking_session(file, data_folder / "emodb", speaker)
        items = list(open_scored(file, {}, config).items)
        notices = [item for item in items if isinstance(item, Notice)]
        times = [item.time for item in items if isinstance(item, Score)]
        over = [one.details for one in notices if one.kind == SEGMENT_OFF and one.details["what"] != AMBIVALENT]
        last = [one.details for one in notices if one.kind in (SEGMENT_ON, SEGMENT_OFF)][-1:]
        still = [{**one, "offset": times[-1]} for one in last if "offset" not in one and one["what"] != AMBIVALENT]
        found = [(one["onset"], one["offset"], one["what"]) for one in over + still]
        by_pipeline[speaker] = found
        truth = [(START_S + it.start_s, START_S + it.end_s, it.emotion) for it in spoken if it.emotion != "neutral"]
        begin, end = times[0] - 0.2, times[-1]
        wrong_s += counted(begin, end, truth, found) * (end - begin)
        spoken_s += sum(min(stop, end) - start for start, stop, _ in truth)
        all_s += end - begin
    assert all(by_pipeline.values()), "something is told of everybody"
    models = {name.partition("_")[0]: (name, open_expert_model(name)[0]) for name in ("eeg_knowledge", "voice_emotion")}
    place = Place(lab_sessions(TableLabels()), folder)
    evaluated = evaluate_on(place, models, None, Reading(), 0.0)
    assert set(evaluated.told) == {"eeg_knowledge", "voice_emotion", "fusion"}
    for one in evaluated.told["fusion"]:
        told = [(it.onset, it.offset, it.what) for it in one.segments if not it.is_ambivalence]
        assert told == by_pipeline[one.person]
    (part,) = (it for it in report_on(models, [evaluated], "person", [()], "").parts if it.source == "fusion")
    (topic,) = (it for it in part.topics if it.title == "Which emotion when")
    error_rate = topic.figures[0]
    assert error_rate.value == pytest.approx(wrong_s / all_s, abs=1e-4)
    assert error_rate.floors == {"always neutral": pytest.approx(spoken_s / all_s, abs=1e-4)}
    assert error_rate.value < error_rate.floors["always neutral"]


def scored(times: list[float]) -> Fused:
    nothing = Said(np.zeros(3), np.ones(3), np.full(8, 1 / 8), True)
    windows = [Window("lab", "P1", "one", time - 4, time) for time in times]
    return Fused([(Labelled(it, None, it.end_s), nothing) for it in windows], ())


def recorded(*labels: Label, dataset: str = "lab") -> LabelledRecording:
    return LabelledRecording(dataset, "P1", "1", "one", 0, labels, {})


TICKS = [k / 5 for k in range(1, 101)]


def test_labels_become_events_at_their_own_times() -> None:
    votes = {"happy": 5.0, "surprised": 4.0}
    found = told_recording(
        recorded(
            Label(0, 2, emotion="neutral"), Label(2, 5, emotion="sad"), Label(5, 8, emotion="sad"),
            Label(8, 10, votes=votes), Label(10, 12, emotion="bored"), Label(12, 14, name="ambivalence"),
            Label(14, 16, name="no_ambivalence"),
        ), scored(TICKS),
    )  # fmt: skip
    assert found is not None
    assert (found.begin_s, found.end_s) == (0.0, 20.0)
    assert [(e.start_s, e.end_s, e.name) for e in found.labelled or ()] == [
        (pytest.approx(2.0), pytest.approx(8.0), "sad"),
        (pytest.approx(8.0), pytest.approx(10.0), "happily surprised"),
    ]
    assert [(e.start_s, e.end_s) for e in found.ambivalence or ()] == [(pytest.approx(12.0), pytest.approx(14.0))]


def test_recordings_without_a_beginning_to_be_found_are_none() -> None:
    clip = Label(0, 20, emotion="happy")
    assert told_recording(recorded(clip, dataset="ravdess"), scored(TICKS)) is None
    assert told_recording(recorded(clip), scored(TICKS)) is not None, (
        "of a lab's session that is a label like any other"
    )
    apart = [time for time in TICKS if not 5 < time < 7]
    assert told_recording(recorded(Label(2, 4, emotion="sad"), dataset="emodb"), scored(apart)) is None
    assert told_recording(recorded(Label(2, 4, name="work")), scored(TICKS)) is None
    assert told_recording(recorded(Label(2, 4, emotion="sad")), scored([])) is None


def one(
    labelled: list[tuple], segments: list[tuple], doubts: list[tuple] | None = None, person: str = "P"
) -> ToldRecording:
    return ToldRecording(
        "lab", person, 100.0, 120.0, tuple(Event(*it) for it in labelled),
        None if doubts is None else tuple(Event(*it, AMBIVALENT) for it in doubts),
        tuple(ToldSegment(*it) for it in segments),
    )  # fmt: skip


def test_figures_are_of_the_time_after_settling_and_stand_beside_their_floors() -> None:
    first = one([(102, 106, "sad"), (110, 114, "angry")], [(103, 107, "sad"), (110.3, 114, "angry")])
    (topic,) = told_topics([first], "person", 0.0)
    rate, f1 = topic.figures
    assert rate.value == pytest.approx((1 + 1 + 0.3) / 20)
    assert rate.floors == {"always neutral": pytest.approx(8 / 20)}
    assert f1.value == pytest.approx(0.5)
    assert f1.floors == {"always neutral": 0.0}
    (later,) = told_topics([first], "person", 5.0)
    assert later.figures[0].value == pytest.approx((1 + 0.3) / 15), "106 to 107, and 110 to 110.3"
    assert told_topics([first], "person", 30.0) == []
    assert told_topics([one([], [(103, 107, "sad")])], "person", 0.0) == [], "nothing that could be missed"
    assert told_topics([], "person", 0.0) == []


def test_ambivalence_is_a_track_of_its_own() -> None:
    both = one([(102, 106, "sad")], [(102, 106, "sad"), (103, 108, AMBIVALENT)], [(103, 108), (112, 116)])
    (topic,) = told_topics([both], "person", 0.0)
    assert [(it.name, it.value) for it in topic.figures[:2]] == [("EDER", 0.0), ("event F1 (within 0.5 s)", 1.0)]
    assert topic.figures[2].value == pytest.approx(2 / 3)
    assert "ambivalence" in topic.figures[2].name


@pytest.mark.parametrize(("protocol", "groups"), [("person", 2), ("trial", 3), ("corpus", 1)])
def test_recordings_are_grouped_as_the_protocol_says(protocol, groups) -> None:
    recordings = [one([(102, 106, "sad")], [], person=name) for name in ("P1", "P1", "P2")]
    (topic,) = told_topics(recordings, protocol, 0.0)
    has_interval = topic.figures[0].low is not None
    assert has_interval is (groups > 1)


def test_stretches_meet_without_a_gap() -> None:
    labels = [Label(k, k + 1.0, emotion=emotion) for k, emotion in enumerate(["sad", "angry", "sad", "sad"])]
    found = told_recording(recorded(*labels), scored(TICKS[:20]))
    assert found is not None
    events = found.labelled or ()
    assert [it.name for it in events] == ["sad", "angry", "sad"]
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(events))
