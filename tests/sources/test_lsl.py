"""Streams over real LSL between processes: nothing lost or changed, and a way back after a loss."""

from __future__ import annotations

import base64
import json
import math
import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest

from streamsense.features.face_vector import face_vector_labels
from streamsense.sources.lsl_watch import REOPEN_AFTER_S
from tests.helpers.lsl_processes import Report, Told, counted, outlets, stamps_from

SESSION = f"streamsense-test-lsl-{os.getpid()}"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Told]:
    """One receiving process for all tests here; whatever happens to the senders, nothing may go wrong in it."""
    process = Told("lsl_events", SESSION)
    yield process
    assert [report for report in process.finish() if report["event"] not in ("StreamLost", "Control")] == []


@pytest.fixture
def sender() -> Iterator[Told]:
    with outlets(SESSION) as process:
        yield process


def of(reports: list[Report], key: str, event: str) -> list[Report]:
    return [report for report in reports if report["event"] == event and report.get("key") == key]


def samples(reports: list[Report], key: str) -> int:
    return sum(len(report["stamps"]) for report in of(reports, key, "Block"))


def told(reports: list[Report], name: str, key: str) -> list[Report]:
    """What the controls of that name say about one stream."""
    payloads = [json.loads(report["payload"]) for report in reports if report.get("name") == name]
    return [payload for payload in payloads if payload["key"] == key]


def joined(reports: list[Report], key: str, field: str) -> list:
    return [value for report in of(reports, key, "Block") for value in report[field]]


def open_outlet(sender: Told, name: str, form: str = "float32", channels: int = 1, **more: object) -> None:
    told = {"type": "EEG", "rate": 100.0, "source_id": f"id-{name}"} | more
    sender.ask(do="open", name=name, format=form, channels=channels, **told)


def read(receiver: Told, key: str, kind: str = "eeg", **query: str) -> None:
    receiver.tell(do="source", key=key, kind=kind, query=query)
    wait_for_opening(receiver, key)


def wait_for_opening(receiver: Told, key: str) -> None:
    receiver.wait_for(lambda reports: bool(of(reports, key, "StreamOpened")))


def received(receiver: Told, key: str, count: int) -> list[Report]:
    return receiver.wait_for(lambda reports: samples(reports, key) >= count)


def test_stamps_and_samples_come_unchanged_once_and_in_order(receiver: Told, sender: Told) -> None:
    open_outlet(sender, "amp", channels=3, labels=["Fz", "Cz", "Pz"])
    read(receiver, "amp", name="amp")
    rng = np.random.default_rng(3)
    # Stamps with all their digits, not even rising: to the source they are only numbers.
    stamps = (5000 + np.arange(1500) / 500 + rng.normal(0, 0.01, 1500)).tolist()
    values = rng.normal(0, 50, (1500, 3)).astype(np.float32)
    for start in range(0, 1500, 300):
        part = slice(start, start + 300)
        sender.ask(do="push", name="amp", stamps=stamps[part], values=values[part].tolist())
    reports = received(receiver, "amp", 1500)
    assert joined(reports, "amp", "stamps") == stamps
    assert np.array(joined(reports, "amp", "values"), np.float32).tobytes() == values.tobytes()
    blocks = of(reports, "amp", "Block")
    assert len(blocks) > 1
    assert {block["dtype"] for block in blocks} == {"float32"}
    lengths = [len(block["stamps"]) for block in blocks]
    assert [block["first_sample"] for block in blocks] == [0, *np.cumsum(lengths)[:-1].tolist()]
    arrivals = [block["received"] for block in blocks]
    assert arrivals == sorted(arrivals)
    (opened,) = of(reports, "amp", "StreamOpened")
    expected = {
        "key": "amp", "kind": "eeg", "name": "amp", "type": "EEG", "source_id": "id-amp",
        "channel_labels": ["Fz", "Cz", "Pz"], "channel_units": ["microvolts"] * 3, "nominal_rate_hz": 100.0,
        "dtype": "float32", "same_clock": True, "delay_s": 0.0,
    }  # fmt: skip
    assert {name: opened["info"][name] for name in expected} == expected


def test_what_comes_before_the_first_stamp_of_a_stream_that_was_joined_midway_is_left_out(
    receiver: Told, sender: Told
) -> None:
    """Of a delivery that is joined in its middle liblsl counts the rest from 0: 0.01 s, 0.02 s and so on."""
    open_outlet(sender, "midway")
    read(receiver, "midway", name="midway")
    deduced = -1.0
    stamps = [deduced] * 7 + [5000.0, deduced, deduced, 5000.5]
    sender.ask(do="push", name="midway", stamps=stamps, values=[[float(number)] for number in range(11)])
    reports = received(receiver, "midway", 4)
    assert joined(reports, "midway", "stamps") == pytest.approx([5000.0, 5000.01, 5000.02, 5000.5])
    assert joined(reports, "midway", "values") == [[7.0], [8.0], [9.0], [10.0]]
    assert sum(one["samples"] for one in told(reports, "joined_midway", "midway")) == 7


@pytest.mark.parametrize("form", ["int16", "int32", "double64", "int8"])
def test_every_number_format_keeps_its_values(receiver: Told, sender: Told, form: str) -> None:
    key = f"format-{form}"
    open_outlet(sender, key, form, 2)
    read(receiver, key, source_id=f"id-{key}")
    values = [[1, -7], [127, -128]] if form != "double64" else [[math.pi, -1e300], [5e-324, 0.1]]
    sender.ask(do="push", name=key, stamps=[1.5, 2.5], values=values)
    reports = received(receiver, key, 2)
    assert joined(reports, key, "values") == values
    assert of(reports, key, "Block")[0]["dtype"] == form.replace("double64", "float64")


def test_a_stream_is_found_by_name_type_and_source_id_and_by_all_of_them(receiver: Told, sender: Told) -> None:
    open_outlet(sender, "twin", type="TwinA", source_id="first")
    open_outlet(sender, "other", type="TwinA", source_id="second")
    for query in ({"source_id": "first"}, {"type": "TwinA", "name": "twin"}):
        found = receiver.ask(do="find", query=query, timeout_s=5.0)
        assert (found["event"], found.get("source_id")) == ("found", "first")
    both = receiver.ask(do="find", query={"type": "TwinA"}, timeout_s=5.0)
    assert both["event"] == "AmbiguousStream"
    assert "2 streams match type='TwinA'" in both["text"]
    assert "'twin'" in both["text"]
    assert "'second'" in both["text"]
    none = receiver.ask(do="find", query={"name": "twin", "source_id": "second"}, timeout_s=0.8)
    assert none["event"] == "StreamNotFound"
    assert "No stream matches name='twin', source_id='second'" in none["text"]
    assert "'other' (type 'TwinA', 1 channels, 100 Hz" in none["text"]


@pytest.mark.parametrize("changed_identity", [False, True])
def test_a_killed_sender_is_lost_and_found_again(receiver: Told, changed_identity: bool) -> None:
    key = f"killed-{changed_identity}"
    with outlets(SESSION) as first:
        open_outlet(first, key, source_id="before")
        read(receiver, key, name=key)
        first.ask(do="push", name=key, stamps=stamps_from(10, 50), values=counted(0, 50))
        received(receiver, key, 50)
        assert not of(receiver.reports, key, "StreamLost")
    began = time.monotonic()
    receiver.wait_for(lambda reports: bool(of(reports, key, "StreamLost")))
    assert time.monotonic() - began < 2.0
    with outlets(SESSION) as second:
        open_outlet(second, key, source_id="after" if changed_identity else "before")
        began = time.monotonic()
        reports = receiver.wait_for(lambda reports: len(of(reports, key, "StreamOpened")) == 2)
        assert time.monotonic() - began < 2.5
        assert of(reports, key, "StreamOpened")[1]["info"]["source_id"] == ("after" if changed_identity else "before")
        second.ask(do="push", name=key, stamps=stamps_from(20, 50), values=counted(50, 50))
        reports = received(receiver, key, 100)
    assert joined(reports, key, "values") == counted(0, 100)
    assert joined(reports, key, "stamps") == stamps_from(10, 50) + stamps_from(20, 50)
    kinds = [report["event"] for report in reports if report.get("key") == key and report["event"] != "Block"]
    assert kinds == ["StreamOpened", "StreamLost", "StreamOpened"]
    after = reports.index(of(reports, key, "StreamOpened")[1])
    assert of(reports[after:], key, "Block")[0]["first_sample"] == 0


def test_of_a_sender_that_ends_at_once_hardly_anything_is_lost(receiver: Told) -> None:
    with outlets(SESSION) as sender:
        open_outlet(sender, "brief")
        read(receiver, "brief", name="brief")
        sender.ask(do="push", name="brief", stamps=stamps_from(1, 400), values=counted(0, 400))
        received(receiver, "brief", 400)
        sender.ask(do="close", name="brief")
        reports = receiver.wait_for(lambda reports: bool(of(reports, "brief", "StreamLost")))
    assert joined(reports, "brief", "values") == counted(0, 400)


def test_all_marker_streams_that_appear_are_read_and_our_own_is_not(sender: Told, receiver: Told) -> None:
    receiver.tell(do="markers", type="TaskMarkers", without=["streamsense-events"])
    streams = [
        ("task", "string", 1, [["begin"], ["Größe: 5 µV"], [""]]),
        ("codes", "int32", 1, [[17], [-3], [0]]),
        ("pairs", "string", 2, [["a", "b"], ["c", '"quoted"'], ["", ""]]),
        ("streamsense-events", "string", 1, []),
        ("levels", "double64", 1, [[0.1], [2.0], [-1.5]]),
    ]
    for name, form, channels, _ in streams[:-1]:
        open_outlet(sender, name, form, channels, type="TaskMarkers", rate=0.0)
    wait_for_opening(receiver, "markers/task")
    open_outlet(sender, "levels", "double64", type="TaskMarkers", rate=0.0)
    for name, _, _, values in streams:
        if values:
            wait_for_opening(receiver, f"markers/{name}")
            sender.ask(do="push", name=name, stamps=[1.0, 1.0, 3.0], values=values)
            received(receiver, f"markers/{name}", 3)
    reports = list(receiver.reports)
    texts = {name: joined(reports, f"markers/{name}", "texts") for name in ("task", "codes", "pairs", "levels")}
    assert texts == {
        "task": ["begin", "Größe: 5 µV", ""],
        "codes": ["17", "-3", "0"],
        "pairs": ['["a", "b"]', json.dumps(["c", '"quoted"']), '["", ""]'],
        "levels": ["0.1", "2.0", "-1.5"],
    }
    assert joined(reports, "markers/task", "stamps") == [1.0, 1.0, 3.0]
    assert not [report for report in reports if "streamsense-events" in str(report.get("key"))]


@pytest.mark.parametrize("identities", [("same", "same"), ("before", "after"), ("", "")])
def test_markers_that_come_back_are_each_taken_once_under_their_old_key(
    receiver: Told, identities: tuple[str, str]
) -> None:
    name = f"back-{'-'.join(identities)}"
    receiver.tell(do="markers", type=f"Type-{name}", without=[])
    key = f"markers/{name}"
    for turn, identity in enumerate(identities):
        with outlets(SESSION) as sender:
            open_outlet(sender, name, "string", type=f"Type-{name}", rate=0.0, source_id=identity)
            receiver.wait_for(lambda reports: len(of(reports, key, "StreamOpened")) == turn + 1)  # noqa: B023
            time.sleep(0.6)  # a second reader of the same stream would have come by now
            sender.ask(do="push", name=name, stamps=[turn + 0.25], values=[[f"marker {turn}"]])
            received(receiver, key, turn + 1)
    time.sleep(0.2)
    reports = list(receiver.reports)
    markers = [
        text for report in reports if report["event"] == "Block" for text in report["texts"] if name in report["key"]
    ]
    assert markers == ["marker 0", "marker 1"]
    assert {report["key"] for report in reports if name in str(report.get("key"))} == {key}


def test_two_marker_streams_of_one_name_are_two(receiver: Told, sender: Told) -> None:
    receiver.tell(do="markers", type="Twins", without=[])
    with outlets(SESSION) as other:
        open_outlet(sender, "buttons", "string", type="Twins", rate=0.0, source_id="left")
        receiver.wait_for(lambda reports: bool(of(reports, "markers/buttons", "StreamOpened")))
        open_outlet(other, "buttons", "string", type="Twins", rate=0.0, source_id="right")
        receiver.wait_for(lambda reports: bool(of(reports, "markers/buttons/right", "StreamOpened")))
        sender.ask(do="push", name="buttons", stamps=[1.0], values=[["left"]])
        other.ask(do="push", name="buttons", stamps=[2.0], values=[["right"]])
        received(receiver, "markers/buttons", 1)
        reports = received(receiver, "markers/buttons/right", 1)
    assert joined(reports, "markers/buttons", "texts") == ["left"]
    assert joined(reports, "markers/buttons/right", "texts") == ["right"]


def test_pictures_become_face_vectors_and_a_damaged_one_is_left_out(receiver: Told, sender: Told) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("skimage")
    import cv2

    from tests.helpers.face_pictures import astronaut, astronaut_vector

    jpeg = cv2.imencode(".jpg", astronaut(), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    whole, damaged = base64.b64encode(jpeg).decode(), base64.b64encode(jpeg[:300]).decode()
    open_outlet(sender, "camera", "string", type="VideoFrames", rate=0.0)
    receiver.tell(do="source", key="camera", kind="face", query={"name": "camera"}, pictures=True)
    receiver.wait_for(lambda reports: bool(of(reports, "camera", "StreamOpened")), 30.0)
    stamps = [7.0, 7.04, 7.08, 7.12, 7.16]
    pictures = [[whole], [damaged], ["no picture at all"], [""], [whole]]
    # No more than three at a time: of more that come together only the newest are looked at.
    sender.ask(do="push", name="camera", stamps=stamps[:2], values=pictures[:2])
    received(receiver, "camera", 1)
    sender.ask(do="push", name="camera", stamps=stamps[2:], values=pictures[2:])
    reports = received(receiver, "camera", 2)
    (opened,) = of(reports, "camera", "StreamOpened")
    labels = face_vector_labels("mesh468_iris")
    assert opened["info"]["channel_labels"] == list(labels)
    assert opened["info"]["dtype"] == "float32"
    assert opened["info"]["nominal_rate_hz"] == 0.0
    assert joined(reports, "camera", "stamps") == [7.0, 7.16]
    first = np.array(joined(reports, "camera", "values")[0], np.float32)
    assert first[labels.index("tracked")] == 1.0
    # The same picture before JPEG: the same face but for the compression.
    place = [labels.index(name) for name in ("box_size_px", "yaw_deg", "pitch_deg", "roll_deg")]
    np.testing.assert_allclose(first[place], astronaut_vector()[place], atol=3.0)


def test_pictures_that_pile_up_are_skipped_and_counted(receiver: Told, sender: Told) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("skimage")
    import cv2

    from tests.helpers.face_pictures import astronaut

    jpeg = base64.b64encode(cv2.imencode(".jpg", astronaut())[1].tobytes()).decode()
    open_outlet(sender, "film", "string", type="VideoFrames", rate=0.0)
    receiver.tell(do="source", key="film", kind="face", query={"name": "film"}, pictures=True, paused_s=1.0)
    receiver.wait_for(lambda reports: bool(of(reports, "film", "StreamOpened")), 30.0)
    sender.ask(do="push", name="film", stamps=[1.0], values=[[jpeg]])
    time.sleep(0.3)
    sender.ask(do="push", name="film", stamps=stamps_from(2, 10, 25.0), values=[["no picture"], *[[jpeg]] * 9])
    reports = receiver.wait_for(lambda reports: bool(told(reports, "pictures_left_out", "film")))
    assert told(reports, "pictures_left_out", "film") == [{"key": "film", "skipped": 7, "unreadable": 0}]
    stamps = joined(received(receiver, "film", 4), "film", "stamps")
    assert stamps == [1.0, *stamps_from(2, 10, 25.0)[-3:]]


def test_an_inlet_whose_reader_is_held_up_tells_that_it_overflowed(receiver: Told, sender: Told) -> None:
    """A second of 100 Hz has room in it; the oldest go."""
    open_outlet(sender, "slow")
    receiver.tell(do="source", key="slow", kind="eeg", query={"name": "slow"}, buffer_s=1, paused_s=1.5)
    wait_for_opening(receiver, "slow")
    sender.ask(do="push", name="slow", stamps=stamps_from(1, 1), values=counted(0, 1))
    for start in range(1, 301, 50):
        time.sleep(0.1)
        sender.ask(do="push", name="slow", stamps=stamps_from(1 + start / 100, 50), values=counted(start, 50))
    reports = receiver.wait_for(lambda reports: [300] in joined(reports, "slow", "values"))
    assert told(reports, "inlet_overflow", "slow") == [{"key": "slow", "times": 1}]
    assert joined(reports, "slow", "values") == [[0], *counted(201, 100)]


def test_a_sender_that_stands_still_is_lost_and_comes_back(receiver: Told, sender: Told) -> None:
    """Its computer sleeps: the connection stands, and nobody answers."""
    with outlets(SESSION) as asleep:
        open_outlet(asleep, "asleep")
        read(receiver, "asleep", name="asleep")
        asleep.signal(signal.SIGSTOP)
        reports = receiver.wait_for(lambda reports: bool(of(reports, "asleep", "StreamLost")), 20.0)
        assert "does not answer" in of(reports, "asleep", "StreamLost")[0]["reason"]
        asleep.signal(signal.SIGCONT)
        receiver.wait_for(lambda reports: len(of(reports, "asleep", "StreamOpened")) == 2)
        asleep.ask(do="push", name="asleep", stamps=stamps_from(1, 10), values=counted(0, 10))
        received(receiver, "asleep", 10)


def test_a_followed_stream_that_pauses_goes_on(receiver: Told, sender: Told) -> None:
    """An amplifier that is recorded and halted for longer than an inlet is kept open."""
    receiver.tell(do="markers", type="Halting", without=[], kind="other")
    open_outlet(sender, "halting", type="Halting")
    wait_for_opening(receiver, "other/halting")
    sender.ask(do="push", name="halting", stamps=stamps_from(1, 10), values=counted(0, 10))
    received(receiver, "other/halting", 10)
    time.sleep(REOPEN_AFTER_S + 1.5)
    sender.ask(do="push", name="halting", stamps=stamps_from(9, 10), values=counted(10, 10))
    reports = received(receiver, "other/halting", 20)
    assert joined(reports, "other/halting", "values") == counted(0, 20)
    assert of(reports, "other/halting", "StreamLost") == []


def test_streams_beyond_the_most_are_left_out_and_told(receiver: Told, sender: Told) -> None:
    receiver.tell(do="markers", type="Crowd", without=[], at_most=3)
    for number in range(5):
        open_outlet(sender, f"crowd-{number}", "string", type="Crowd", rate=0.0)
    receiver.wait_for(lambda reports: sum(left_out(reports)) == 2)
    receiver.wait_for(lambda reports: len(crowd(reports)) == 3)
    time.sleep(0.3)
    opened = crowd(receiver.reports)
    assert len(opened) == 3


def crowd(reports: list[Report]) -> list[Report]:
    return [report for report in reports if report["event"] == "StreamOpened" and "crowd" in report["key"]]


def left_out(reports: list[Report]) -> list[int]:
    return [payload["streams"] for payload in told(reports, "streams_left_out", "markers")]


def test_face_vectors_come_as_they_are(receiver: Told, sender: Told) -> None:
    labels = face_vector_labels("mesh468_iris")
    open_outlet(sender, "vectors", "float32", len(labels), type="FaceVector", rate=0.0, labels=list(labels))
    read(receiver, "vectors", "face", name="vectors")
    values = np.random.default_rng(5).normal(0, 30, (3, len(labels))).astype(np.float32)
    sender.ask(do="push", name="vectors", stamps=[1.0, 1.03, 1.07], values=values.tolist())
    reports = received(receiver, "vectors", 3)
    assert of(reports, "vectors", "StreamOpened")[0]["info"]["channel_labels"] == list(labels)
    assert np.array(joined(reports, "vectors", "values"), np.float32).tobytes() == values.tobytes()


def test_a_probe_measures_the_senders_clock(receiver: Told, sender: Told) -> None:
    open_outlet(sender, "probed")
    receiver.tell(do="probe", key="probed", query={"name": "probed"})
    (probe,) = of(
        receiver.wait_for(lambda reports: bool(of(reports, "probed", "OffsetProbe"))), "probed", "OffsetProbe"
    )
    assert abs(probe["offset_s"]) < 1e-3
    assert 0 < probe["round_trip_s"] < 0.1


def test_the_clock_of_another_computer_is_measured_before_its_first_sample(sender: Told) -> None:
    receiver = Told("lsl_events", SESSION)
    receiver.ask(do="host", name="some-other-computer")
    open_outlet(sender, "far")
    read(receiver, "far", name="far")
    sender.ask(do="push", name="far", stamps=stamps_from(1, 20), values=counted(0, 20))
    reports = received(receiver, "far", 20)
    assert of(reports, "far", "StreamOpened")[0]["info"]["same_clock"] is False
    events = [report["event"] for report in reports]
    assert events.index("StreamOpened") < events.index("OffsetProbe") < events.index("Block")
    assert joined(reports, "far", "stamps") == stamps_from(1, 20)
    assert receiver.finish() == []


def test_texts_are_refused_where_numbers_are_needed(sender: Told) -> None:
    receiver = Told("lsl_events", SESSION)
    open_outlet(sender, "wrong", "string", 2)
    receiver.tell(do="source", key="eeg", kind="eeg", query={"name": "wrong"})
    time.sleep(2.0)
    (refusal,) = receiver.finish()
    assert refusal["event"] == "SourceError"
    assert "'wrong'" in refusal["text"]
    assert "holds texts; eeg needs numbers" in refusal["text"]


def test_a_stream_that_comes_back_as_texts_is_waited_for(receiver: Told) -> None:
    """It was of use before, so nothing ends: the session goes on without it until it sends numbers again."""
    for turn, form in enumerate(("float32", "string", "float32")):
        with outlets(SESSION) as sender:
            open_outlet(sender, "changeling", form)
            if turn == 0:
                read(receiver, "changeling", name="changeling")
            elif form == "string":
                receiver.wait_for(lambda reports: len(of(reports, "changeling", "StreamLost")) == 2)
            else:
                receiver.wait_for(lambda reports: len(of(reports, "changeling", "StreamOpened")) == 2)
                sender.ask(do="push", name="changeling", stamps=stamps_from(1, 5), values=counted(0, 5))
                received(receiver, "changeling", 5)
    assert "needs numbers" in of(receiver.reports, "changeling", "StreamLost")[1]["reason"]


def test_a_marker_stream_that_is_too_wide_is_left_out_and_the_others_go_on(receiver: Told, sender: Told) -> None:
    receiver.tell(do="markers", type="Wide", without=[])
    open_outlet(sender, "far too wide", "int8", 5000, type="Wide", rate=0.0)
    reports = receiver.wait_for(lambda reports: bool(of(reports, "markers/far too wide", "StreamLost")))
    assert "5000 channels" in of(reports, "markers/far too wide", "StreamLost")[0]["reason"]
    open_outlet(sender, "narrow", "string", type="Wide", rate=0.0)
    receiver.wait_for(lambda reports: bool(of(reports, "markers/narrow", "StreamOpened")))
    sender.ask(do="push", name="narrow", stamps=[1.0], values=[["still here"]])
    received(receiver, "markers/narrow", 1)


def test_a_lost_stream_is_not_replaced_by_another_persons(receiver: Told, sender: Told) -> None:
    """Two people's amplifiers, asked for by type: when one goes, the other is not taken for it."""
    kind = {"type": "AmpOfOne"}
    with outlets(SESSION) as first:
        open_outlet(first, "amp-1", source_id="person-1", **kind)
        read(receiver, "own-amp", type="AmpOfOne")
        wait_for_opening(receiver, "own-amp")
        open_outlet(sender, "amp-2", source_id="person-2", **kind)
    receiver.wait_for(lambda reports: bool(of(reports, "own-amp", "StreamLost")))
    time.sleep(2.5)
    assert len(of(receiver.reports, "own-amp", "StreamOpened")) == 1
    with outlets(SESSION) as again:
        open_outlet(again, "amp-1", source_id="person-1", **kind)
        reports = receiver.wait_for(lambda reports: len(of(reports, "own-amp", "StreamOpened")) == 2)
    assert of(reports, "own-amp", "StreamOpened")[1]["info"]["name"] == "amp-1"
