"""The XDF reader gives what was written, what the reference reader gives, and never more than the file holds."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsense.errors import RecordingError
from streamsense.sources.recorded import FORMAT_DTYPES, recording_arrays, with_channel_labels
from streamsense.sources.xdf import open_recording
from streamsense.streams import Block, OffsetProbe, StreamOpened
from tests.helpers.xdf_writer import CODES, XdfWriter

NUMERIC = [name for name in FORMAT_DTYPES if name != "string"]
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(path: Path, writer: XdfWriter) -> Path:
    path.write_bytes(writer.data)
    return path


def expected_stamps(chunks: list[list[float | None]], rate_hz: float) -> list[float]:
    """The rule of the specification, sample by sample."""
    previous, out = 0.0, []
    for stamp in [stamp for chunk in chunks for stamp in chunk]:
        previous = previous + (1 / rate_hz if rate_hz else 0.0) if stamp is None else stamp
        out.append(previous)
    return out


def values_of(channel_format: str) -> st.SearchStrategy[object]:
    if channel_format == "string":
        return st.text(max_size=300)
    if channel_format in ("float32", "double64"):
        return st.floats(width=32 if channel_format == "float32" else 64, allow_nan=False)
    limits = np.iinfo(channel_format)
    return st.integers(int(limits.min), int(limits.max))


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, int, float, list[list[float | None]], list[list[list[object]]]]:
    """A stream as a sender's clock gives it: it goes on, with pauses, and may be set anew for good."""
    channel_format = draw(st.sampled_from(list(FORMAT_DTYPES)))
    channels = draw(st.integers(1, 4))
    rate_hz = draw(st.sampled_from([0.0, 3.0, 256.0, 44100.0]))
    interval_s = 1 / rate_hz if rate_hz else 0.0
    stamps: list[list[float | None]] = []
    rows = []
    previous = 0.0
    # Bytes that come again after a step back would be a copy of a part of the file, so each clock begins elsewhere.
    for start in draw(st.lists(st.floats(-1e9, 1e9), max_size=2, unique=True)):
        if rate_hz and abs(start - previous) < 60:
            continue  # so little, next to a pause, is taken for damage in a regular stream (see the docs)
        # A clock is set anew for longer than three samples; so few could as well be damage.
        for number, count in enumerate([8, *draw(st.lists(st.integers(0, 12), max_size=3)), 4]):
            layout = draw(st.sampled_from(["all", "none", "first", "mixed"])) if number else "all"
            chosen: list[float | None] = []
            for index in range(count):
                bare = {"all": False, "none": True, "first": index > 0, "mixed": draw(st.booleans())}[layout]
                anew = number == 0 and index == 0
                previous = start if anew else previous + interval_s
                if not bare and not anew:
                    # Each clock has one pause that is longer than any that it is set back by next to a pause.
                    previous += 60.0 if number == 0 and index == 4 else draw(st.floats(0, 15))
                chosen.append(None if bare else previous)
            stamps.append(chosen)
            rows.append([[draw(values_of(channel_format)) for _ in range(channels)] for _ in range(count)])
    return channel_format, channels, rate_hz, stamps, rows


@fuzz
@given(stream=streams(), footer=st.booleans())
def test_reads_what_was_written_in_every_format_and_layout_as_the_reference_reader_does(tmp_path, stream, footer):
    channel_format, channels, rate_hz, stamps, rows = stream
    writer = XdfWriter()
    writer.header(7, channel_format, channels, rate_hz)
    for chunk_stamps, chunk_rows in zip(stamps, rows, strict=True):
        writer.samples(7, chunk_stamps, chunk_rows)
        writer.boundary()
    count = sum(map(len, stamps))
    if footer:
        writer.footer(7, count)
    path = written(tmp_path / "a.xdf", writer)
    recording = open_recording(path)
    found = recording_arrays(recording)[7]
    assert len(recording.warnings) == (0 if footer else 1)
    assert recording.streams[0].sample_count == count
    assert found.stamps.tolist() == expected_stamps(stamps, rate_hz)
    flat = [row for chunk in rows for row in chunk]
    (theirs,), _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
    assert found.stamps.tobytes() == theirs["time_stamps"].tobytes()
    if channel_format == "string":
        texts = [row[0] if channels == 1 else json.dumps(row, ensure_ascii=False) for row in flat]
        assert list(found.texts) == texts
        assert theirs["time_series"] == flat
    else:
        dtype = np.dtype(FORMAT_DTYPES[channel_format])
        assert found.values.dtype == dtype
        assert found.values.tobytes() == np.array(flat, dtype).reshape(-1, channels).tobytes()
        assert found.values.tobytes() == theirs["time_series"].astype(dtype).tobytes()


def test_strings_keep_bytes_that_are_not_text(tmp_path):
    picture = bytes(range(256)) * 3
    writer = XdfWriter()
    writer.header(1, "string")
    writer.samples(1, [1.0], [[picture]])
    text = recording_arrays(open_recording(written(tmp_path / "a.xdf", writer)))[1].texts[0]
    assert text.encode("utf-8", "surrogateescape") == picture


def two_streams() -> XdfWriter:
    writer = XdfWriter()
    writer.header(1, "float32", 2, 100.0, name="amp", labels=["Fp1", ""])
    writer.header(2, "int32", 1, name="keys", stream_type="Markers")
    writer.samples(1, [10.0, None], [[1, 2], [3, 4]])
    writer.samples(2, [10.005], [[42]])
    writer.clock_offset(1, 10.1, 5.0)
    writer.samples(1, [10.02, None], [[5, 6], [7, 8]])
    writer.boundary()
    writer.clock_offset(1, 10.2, 5.5)
    writer.samples(1, [10.04], [[9, 10]])
    writer.clock_offset(2, 10.2, 0.0)
    writer.footer(1, 5)
    writer.footer(2, 1)
    return writer


def test_events_come_in_file_order_with_the_first_probe_at_the_opening(tmp_path):
    recording = open_recording(written(tmp_path / "a.xdf", two_streams()))
    events = list(recording.events({1: ("eeg", "eeg"), 2: ("markers/keys", "markers")}))
    shown = [
        (type(e).__name__, e.info.key if isinstance(e, StreamOpened) else e.key, round(e.received, 6)) for e in events
    ]
    assert shown == [
        ("StreamOpened", "eeg", 15.0),
        ("OffsetProbe", "eeg", 15.0),
        ("StreamOpened", "markers/keys", 10.005),
        ("OffsetProbe", "markers/keys", 10.005),
        ("Block", "eeg", 15.01),
        ("Block", "markers/keys", 10.005),
        ("Block", "eeg", 15.03),
        ("OffsetProbe", "eeg", 15.7),
        ("Block", "eeg", 15.54),
    ]
    opened = events[0]
    assert isinstance(opened, StreamOpened)
    assert opened.info.channel_labels == ("Fp1", "ch2")
    assert opened.info.channel_units == ("microvolts", "microvolts")
    assert opened.info.dtype == "float32"
    assert not opened.info.same_clock
    assert events[2].info.same_clock  # type: ignore[union-attr]
    probes = [event for event in events if isinstance(event, OffsetProbe) and event.key == "eeg"]
    assert [probe.offset_s for probe in probes] == [5.0, 5.5]
    assert np.isnan(probes[0].round_trip_s)
    blocks = [event for event in events if isinstance(event, Block)]
    assert [block.first_sample for block in blocks if block.key == "eeg"] == [0, 2, 4]
    assert blocks[1].texts == ("42",)
    assert blocks[1].values.tolist() == [[42]]


def test_what_was_not_selected_is_not_given(tmp_path):
    recording = open_recording(written(tmp_path / "a.xdf", two_streams()))
    assert {type(event) for event in recording.events({})} == set()
    assert all(getattr(e, "key", "eeg") == "eeg" for e in recording.events({1: ("eeg", "eeg")}))


@pytest.mark.parametrize(("selection", "said"), [({9: ("eeg", "eeg")}, "has 1, 2"), ({3: ("x", "eeg")}, "Stream 3")])
def test_a_selection_that_cannot_be_is_refused(tmp_path, selection, said):
    recording = open_recording(written(tmp_path / "a.xdf", two_streams()))
    with pytest.raises(RecordingError, match=said):
        list(recording.events(selection))


def test_text_cannot_be_a_signal(tmp_path):
    writer = XdfWriter()
    writer.header(1, "string", name="notes")
    recording = open_recording(written(tmp_path / "a.xdf", writer))
    with pytest.raises(RecordingError, match="text can only be selected as markers"):
        list(recording.events({1: ("eeg", "eeg")}))


def test_channels_can_be_named_afterwards(tmp_path):
    recording = open_recording(written(tmp_path / "a.xdf", two_streams()))
    named = with_channel_labels(recording, 1, ("Cz", "Pz"))
    opened = next(iter(named.events({1: ("eeg", "eeg")})))
    assert isinstance(opened, StreamOpened)
    assert opened.info.channel_labels == ("Cz", "Pz")
    with pytest.raises(RecordingError, match=r"3 channel labels were given for stream 1 .* 2 channels"):
        with_channel_labels(recording, 1, ("Cz", "Pz", "Oz"))


def test_a_file_that_is_no_xdf_is_refused_with_its_first_bytes(tmp_path):
    (tmp_path / "a.xdf").write_bytes(b"PK\x03\x04rest")
    with pytest.raises(RecordingError, match=r"begins with b'PK\\x03\\x04', expected b'XDF:'"):
        open_recording(tmp_path / "a.xdf")
    with pytest.raises(RecordingError, match="cannot be read"):
        open_recording(tmp_path / "none.xdf")


@pytest.mark.parametrize("cut", [1, 5, 20, 33])
def test_a_torn_tail_stops_with_a_warning(tmp_path, cut):
    writer = two_streams()
    whole = len(writer.data)
    writer.samples(1, [11.0, 11.01, 11.02], [[1, 1]] * 3)
    path = tmp_path / "a.xdf"
    path.write_bytes(writer.data[: whole + cut])
    recording = open_recording(path)
    assert [stream.sample_count for stream in recording.streams] == [5, 1]
    assert any(f"at byte {whole}" in warning for warning in recording.warnings)


def test_a_recording_without_footers_says_so(tmp_path):
    writer = XdfWriter()
    writer.header(1)
    assert "no footer" in open_recording(written(tmp_path / "a.xdf", writer)).warnings[0]
    writer.footer(1, 3)
    assert "wrote 3 samples, 0 were found" in open_recording(written(tmp_path / "a.xdf", writer)).warnings[0]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 30])
@pytest.mark.parametrize("footer", [True, False])
def test_markers_that_lie_far_apart_are_all_there(tmp_path, count, footer):
    """Those of an experiment, a chunk for each, beside a stream that goes on all the time."""
    writer = XdfWriter()
    writer.header(1, "string", stream_type="Markers")
    writer.header(2, "float32", 1, 10.0)
    stamps = [103.0 + 17.0 * number for number in range(count)]
    for number, stamp in enumerate(stamps):
        writer.samples(2, [stamp - 3.0 + index / 10 for index in range(170)], [[0.0]] * 170)
        writer.samples(1, [stamp], [[f"trial {number}"]])
        writer.clock_offset(1, stamp + 0.5, 0.0)
        writer.clock_offset(2, stamp + 0.6, 0.0)
        writer.boundary()
    if footer:
        writer.footer(1, count, stamps[0], stamps[-1])
        writer.footer(2, 170 * count, stamps[0] - 3.0, stamps[-1] + 13.9)
    recording = open_recording(written(tmp_path / "a.xdf", writer))
    assert recording_arrays(recording)[1].stamps.tolist() == stamps
    assert all("left out" not in warning for warning in recording.warnings)


@pytest.mark.parametrize(
    "damage",
    [
        b"\x00" * 64,
        b"\x05\x00",
        b"\x08" + b"\xff" * 8 + b"\x03\x00",
        b"\x04\xff\xff\xff\x7f\x03\x00\x01\x00\x00\x00",
        b"\x01\x01\x03",
        b"\x01\x05\x03\x00\x01\x00\x00",
    ],
)
@pytest.mark.parametrize("boundary", [True, False])
def test_reading_resumes_after_an_impossible_length(tmp_path, damage, boundary):
    writer = two_streams()
    place = len(writer.data)
    writer.data += damage
    if boundary:
        writer.boundary()
    resumed = len(writer.data)
    writer.samples(1, [11.0, 11.01, 11.02, 11.03], [[0, 0]] * 4)
    recording = open_recording(written(tmp_path / "a.xdf", writer))
    assert recording.streams[0].sample_count == 9
    said = recording.warnings[0]
    assert f"at byte {place} " in said
    assert f"{len(damage)} bytes were skipped" in said
    assert f"resumed at byte {resumed if not boundary else place + len(damage)}" in said


@pytest.mark.parametrize("channel_format", ["float32", "string"])
def test_a_sample_count_is_not_believed(tmp_path, channel_format):
    writer = XdfWriter()
    writer.header(1, channel_format)
    writer.of_stream(3, 1, b"\x08" + (1 << 62).to_bytes(8, "little") + b"\0" * 50)
    writer.samples(1, [1.0], [[1]])
    writer.footer(1, 1)
    tracemalloc.start()
    try:
        recording = open_recording(written(tmp_path / "a.xdf", writer))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "do not fit" in recording.warnings[0]
    assert recording.streams[0].sample_count == 1
    assert peak < 4 << 20


def test_many_headers_with_many_channels_do_not_fill_the_memory(tmp_path):
    writer = XdfWriter()
    for stream_id in range(200):
        writer.header(stream_id, channels=50_000)
    tracemalloc.start()
    try:
        recording = open_recording(written(tmp_path / "a.xdf", writer))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(recording.streams) < 2
    assert peak < 32 << 20


def test_stamps_that_are_no_times_are_dropped_and_counted(tmp_path):
    writer = XdfWriter()
    writer.header(1, rate_hz=10.0)
    writer.samples(1, [1.0, np.nan, np.inf, 1e200, 1.4], [[1], [2], [3], [4], [5]])
    writer.clock_offset(1, np.nan, 1.0)
    writer.footer(1, 5)
    writer.header(2, "string")
    writer.samples(2, [np.nan, 2.0], [["lost"], ["kept"]])
    writer.footer(2, 2)
    recording = open_recording(written(tmp_path / "a.xdf", writer))
    assert recording_arrays(recording)[2].texts == ("kept",)
    found = recording_arrays(recording)[1]
    assert found.stamps.tolist() == [1.0, 1.4]
    assert found.values.tolist() == [[1], [5]]
    assert any("3 samples were left out" in warning for warning in recording.warnings)
    assert any("1 clock offsets were left out" in warning for warning in recording.warnings)
    assert recording.streams[0].same_clock


@pytest.mark.parametrize("extra", ['<!DOCTYPE x [<!ENTITY a "b">]>', '<!DOCTYPE info SYSTEM "file:///etc/passwd">'])
def test_entities_are_refused(tmp_path, extra):
    writer = XdfWriter()
    writer.header(1, extra=extra)
    with pytest.raises(RecordingError, match="document type or entities"):
        open_recording(written(tmp_path / "a.xdf", writer))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"channel_format": "float128"}, "channel format"),
        ({"channels": 0}, "channel count is '0'"),
        ({"channels": 10**9}, "channel count"),
        ({"rate_hz": float("nan")}, "nominal rate"),
        ({"rate_hz": -1.0}, "nominal rate"),
        ({"rate_hz": 1e-310}, "nominal rate"),
    ],
)
def test_a_header_that_cannot_be_used_leaves_its_stream_out(tmp_path, fields, said):
    writer = XdfWriter()
    writer.header(1, **fields)
    writer.header(2, "int16")
    writer.of_stream(3, 1, b"\x01\x01\x00\x01")
    writer.samples(2, [1.0], [[7]])
    writer.footer(2, 1)
    recording = open_recording(written(tmp_path / "a.xdf", writer))
    assert [stream.stream_id for stream in recording.streams] == [2]
    assert len(recording.warnings) == 1
    assert said in recording.warnings[0]


def test_a_damaged_chunk_is_left_out_and_the_next_is_read(tmp_path):
    writer = XdfWriter()
    writer.header(1, "int16")
    good = len(writer.data)
    writer.samples(1, [1.0, 2.0], [[1], [2]])
    writer.samples(1, [3.0], [[3]])
    writer.footer(1, 3)
    data = bytearray(writer.data)
    data[good + 2 + 2 + 4 + 5] = 3  # the width of the first sample's stamp
    (tmp_path / "a.xdf").write_bytes(data)
    recording = open_recording(tmp_path / "a.xdf")
    assert recording_arrays(recording)[1].stamps.tolist() == [3.0]
    assert "were left out" in recording.warnings[0]


def drain(path: Path) -> int:
    """Open and replay everything; the number of values that came out."""
    recording = open_recording(path)
    arrays = recording_arrays(recording)
    for stream in recording.streams:
        assert len(arrays[stream.stream_id].stamps) == stream.sample_count
    markers = {stream.stream_id: ("markers/x", "markers") for stream in recording.streams}
    assert sum(len(e) for e in recording.events(markers) if isinstance(e, Block)) == sum(  # type: ignore[arg-type]
        stream.sample_count for stream in recording.streams
    )
    return sum(array.values.size + len(array.texts) for array in arrays.values())


def rich_file() -> bytes:
    writer = two_streams()
    for index, channel_format in enumerate([*NUMERIC, "string"]):
        writer.header(10 + index, channel_format, 3, 50.0)
        row = ["a", "", "ü"] if channel_format == "string" else [1, 2, 3]
        writer.samples(10 + index, [1.0, None, 1.1, None], [row] * 4)
        writer.samples(10 + index, [None, None], [row] * 2)
        writer.samples(10 + index, [2.0, 2.1], [row] * 2)
        writer.footer(10 + index, 8)
    return writer.data


RICH = rich_file()


@settings(fuzz, max_examples=400)
@given(
    changes=st.lists(st.tuples(st.integers(4, len(RICH) - 1), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, len(RICH)) | st.none(),
)
def test_no_bytes_crash_the_reader(tmp_path, changes, cut):
    data = bytearray(RICH)
    for position, value in changes:
        data[position] = value
    (tmp_path / "a.xdf").write_bytes(data[:cut])
    with contextlib.suppress(RecordingError):
        assert drain(tmp_path / "a.xdf") <= len(data)


@fuzz
@given(tail=st.binary(max_size=400))
def test_no_random_tail_crashes_the_reader(tmp_path, tail):
    (tmp_path / "a.xdf").write_bytes(b"XDF:" + tail)
    drain(tmp_path / "a.xdf")


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    ["clock_resets", "empty_streams", "minimal", "muse_P001", "muse_P002", "muse_P023", "muse_P031",
     "openbci_8ch_343s", "openbci_markers_ekg", "openbci_tiny", "openvibe_72ch_audio_diode"],
)  # fmt: skip
def test_equals_the_reference_reader_on_real_recordings(data_folder, name):
    path = data_folder / "xdf" / f"{name}.xdf"
    reference, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
    recording = open_recording(path)
    arrays = recording_arrays(recording)
    assert recording.warnings == ()
    assert len(reference) == len(recording.streams)
    for theirs, stream in zip(reference, recording.streams, strict=True):
        info = theirs["info"]
        assert stream.stream_id == info["stream_id"]
        assert (stream.name, stream.type) == (info["name"][0], info["type"][0])
        assert stream.channel_format == info["channel_format"][0]
        ours = arrays[stream.stream_id]
        assert ours.stamps.tobytes() == np.asarray(theirs["time_stamps"]).tobytes()
        if stream.is_text:
            assert [[text] for text in ours.texts] == theirs["time_series"]
        elif stream.sample_count:
            assert ours.values.dtype == theirs["time_series"].dtype
            assert ours.values.tobytes() == theirs["time_series"].tobytes()
        if stream.sample_count:
            assert (stream.first_stamp, stream.last_stamp) == (ours.stamps[0], ours.stamps[-1])
        selection = {stream.stream_id: ("k", "markers")}
        probes = [e for e in recording.events(selection) if isinstance(e, OffsetProbe)]  # type: ignore[arg-type]
        assert [probe.offset_s for probe in probes] == theirs["clock_values"]
        received = np.array(theirs["clock_times"]) + theirs["clock_values"]
        assert [probe.received for probe in probes[1:]] == received[1:].tolist()


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["minimal", "openbci_tiny", "empty_streams"])
def test_damaged_real_recordings_do_not_crash_the_reader(data_folder, tmp_path, name):
    original = (data_folder / "xdf" / f"{name}.xdf").read_bytes()
    generator = np.random.default_rng(1)
    for _ in range(150):
        data = np.frombuffer(original, np.uint8).copy()
        places = generator.integers(4, len(data), 1 + generator.integers(8))
        data[places] = generator.integers(0, 256, len(places))
        (tmp_path / "a.xdf").write_bytes(data.tobytes())
        drain(tmp_path / "a.xdf")


def test_codes_and_formats_agree():
    assert list(CODES) == NUMERIC
