"""Damaged recordings: no crash, no hang, no wrong stamp; and what was damaged is said.

`STREAMSENSE_FUZZ=10000` sets the number of damaged files (`make fuzz`).
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from benchmarks import xdf_reader
from streamsense.errors import RecordingError
from streamsense.runtime.salvage import salvage
from streamsense.sources.recorded import recording_arrays
from streamsense.sources.xdf import open_recording
from tests.conftest import recordings
from tests.helpers.xdf_damage import allowed, faults, heads, mutated, plain_file
from tests.helpers.xdf_writer import XdfWriter

FILES = int(os.environ.get("STREAMSENSE_FUZZ", "300"))
SLACK_S = 8.0
"""A stamp at the very end of a stream may be wrong by this much and still be within the session (see the docs)."""
REAL = ["minimal", "openbci_tiny", "empty_streams", "muse_P001", "muse_P002", "muse_P023", "muse_P031",
        "openbci_markers_ekg", "clock_resets"]  # fmt: skip


def damaged_files(originals: list[Path], folder: Path, count: int, first_seed: int = 0) -> str:
    """Damage, read and judge `count` files; the figures."""
    known = {path: (path.read_bytes(), allowed(path), heads(path)) for path in originals}
    for path, (_, may, _) in known.items():
        assert faults(path, may, 0.0) == []
    slowest, refused, wrong = 0.0, 0, []
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    damaged = folder / "damaged.xdf"
    for seed in range(first_seed, first_seed + count):
        generator = np.random.default_rng(seed)
        path = originals[generator.integers(len(originals))]
        original, may, places = known[path]
        data, kind = mutated(original, places, generator)
        damaged.write_bytes(data)
        # Processor time: this machine may have other work.
        started = time.process_time()
        try:
            found = faults(damaged, may, SLACK_S)
        except RecordingError:
            refused, found = refused + 1, []
        slowest = max(slowest, time.process_time() - started)
        wrong += [f"seed {seed}, {path.name}, {kind}: {fault}" for fault in found]
    after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown_mb = (after_kb - before_kb) / 1024
    figures = (
        f"{count} damaged files, {refused} refused, slowest {1000 * slowest:.0f} ms, "
        f"peak memory {after_kb / 1024:.0f} MB, {grown_mb:.0f} MB of it theirs"
    )
    assert not wrong, "\n".join([figures, *wrong[:20]])
    assert slowest < 1.0, figures
    assert grown_mb < 500, figures
    return figures


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.xdf"
    path.write_bytes(plain_file())
    return path


@pytest.mark.timeout(60 + FILES)
def test_no_damage_gives_wrong_stamps(plain: Path, tmp_path: Path) -> None:
    print(damaged_files([plain], tmp_path, FILES // 3))


@pytest.mark.real_data
@pytest.mark.timeout(60 + FILES)
def test_no_damage_of_real_recordings_gives_wrong_stamps(tmp_path: Path, data_folder: Path) -> None:
    print(damaged_files([data_folder / "xdf" / f"{name}.xdf" for name in REAL], tmp_path, FILES - FILES // 3, 1 << 20))


@pytest.mark.real_data
@pytest.mark.parametrize("seed", [590, 4229, 1_002_128])
def test_damage_that_once_gave_wrong_stamps(plain: Path, tmp_path: Path, data_folder: Path, seed: int) -> None:
    damaged_files([plain, *(data_folder / "xdf" / f"{name}.xdf" for name in REAL)], tmp_path, 1, seed)


def stream_file(tmp_path: Path, chunks: list[tuple[list[float | None], int]], rate_hz: float = 100.0) -> XdfWriter:
    writer = XdfWriter()
    writer.header(1, "int32", 1, rate_hz)
    for stamps, first in chunks:
        writer.samples(1, stamps, [[first + index] for index in range(len(stamps))])
    return writer


def grid(start: float, count: int, rate_hz: float = 100.0) -> list[float]:
    return (start + np.arange(count) / rate_hz).tolist()


def read(tmp_path: Path, writer: XdfWriter) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    (tmp_path / "a.xdf").write_bytes(writer.data)
    recording = open_recording(tmp_path / "a.xdf")
    arrays = recording_arrays(recording)[1]
    return arrays.stamps, arrays.values[:, 0], recording.warnings


@pytest.mark.parametrize(
    ("wild", "rate_hz"), [*((wild, 100.0) for wild in (1e9, -1e9, 10.05, 12.0, 9.9)), (1e9, 0.0), (-1e9, 0.0)]
)
def test_one_wild_stamp_is_left_out_and_told(tmp_path: Path, wild: float, rate_hz: float) -> None:
    stamps = grid(10.0, 100)
    stamps[30] = wild
    found, values, warnings = read(tmp_path, stream_file(tmp_path, [(stamps, 0)], rate_hz))
    assert values.tolist() == [*range(30), *range(31, 100)]
    assert found.tolist() == grid(10.0, 100)[:30] + grid(10.0, 100)[31:]
    assert "1 samples were left out" in warnings[0]


@pytest.mark.parametrize("late", [10.05, 12.0, 9.9, 35.0])
def test_a_marker_out_of_order_is_given_in_a_whole_file_and_left_out_in_a_damaged_one(
    tmp_path: Path, late: float
) -> None:
    stamps = grid(10.0, 80) + grid(50.0, 20)
    stamps[30] = late
    writer = stream_file(tmp_path, [(stamps, 0)], rate_hz=0.0)
    writer.footer(1, 100)
    found, _, warnings = read(tmp_path, writer)
    assert found.tolist() == stamps
    assert warnings == ()
    writer.data += b"\x01\xff no chunk"
    found, _, warnings = read(tmp_path, writer)
    assert found.tolist() == stamps[:30] + stamps[31:]
    assert len(warnings) == 2


def test_a_marker_out_of_order_by_more_than_any_pause_of_its_stream_is_left_out(tmp_path: Path) -> None:
    stamps = grid(10.0, 100)
    stamps[30] = 12.0
    writer = stream_file(tmp_path, [(stamps, 0)], rate_hz=0.0)
    writer.footer(1, 100)
    found, _, _ = read(tmp_path, writer)
    assert found.tolist() == stamps[:30] + stamps[31:]


@pytest.mark.parametrize("wild", [1e9, -1e9, 12.0])
@pytest.mark.parametrize("place", [0, 99])
def test_a_wild_stamp_at_an_end_is_left_out_where_the_footer_does_not_confirm_it(
    tmp_path: Path, wild: float, place: int
) -> None:
    stamps = grid(10.0, 100)
    stamps[place] = wild
    writer = stream_file(tmp_path, [(stamps, 0)])
    writer.footer(1, 100, 10.0, 10.99)
    assert len(read(tmp_path, writer)[0]) == 99
    confirmed = stream_file(tmp_path, [(stamps, 0)])
    confirmed.footer(1, 100, stamps[0], stamps[-1])
    assert len(read(tmp_path, confirmed)[0]) == 100


def test_a_chunk_moved_by_its_only_stamp_is_left_out(tmp_path: Path) -> None:
    chunks = [([10.0 + index / 2, *[None] * 49], 50 * index) for index in range(6)]
    chunks[2] = ([1e7, *[None] * 49], 100)
    found, values, warnings = read(tmp_path, stream_file(tmp_path, chunks))
    assert values.tolist() == [*range(100), *range(150, 300)]
    assert (np.diff(found) > 0).all()
    assert "50 samples were left out" in warnings[0]


@pytest.mark.parametrize("start", [2.0, 10.5, 5000.0])
@pytest.mark.parametrize("rate_hz", [100.0, 0.0])
def test_a_clock_that_was_set_anew_is_given_as_it_is(tmp_path: Path, start: float, rate_hz: float) -> None:
    chunks = [(grid(10.0 + index / 2, 50), 50 * index) for index in range(4)]
    chunks += [(grid(start + 0.003 + index / 2, 50), 200 + 50 * index) for index in range(4)]
    writer = stream_file(tmp_path, chunks, rate_hz)
    writer.footer(1, 400)
    found, _, warnings = read(tmp_path, writer)
    assert found.tolist() == [stamp for stamps, _ in chunks for stamp in stamps]
    assert warnings == ()


def test_a_copied_part_of_the_file_is_left_out(tmp_path: Path) -> None:
    chunks = [(grid(10.0 + index / 2, 50), 50 * index) for index in range(6)]
    writer = stream_file(tmp_path, [*chunks[:4], *chunks[1:3], *chunks[4:]])
    found, values, _ = read(tmp_path, writer)
    assert values.tolist() == list(range(300))
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("lost", ["the chunk's content", "the chunk's head"])
def test_no_stamp_is_deduced_over_a_lost_chunk(tmp_path: Path, lost: str) -> None:
    writer = stream_file(tmp_path, [(grid(10.0, 50), 0)])
    place = len(writer.data)
    writer.samples(1, [10.5, *[None] * 49], [[50 + index] for index in range(50)])
    damaged = bytearray(writer.data)
    if lost == "the chunk's head":
        damaged[place] = 99
    else:
        damaged[place + 16] = 7
    writer.data = bytes(damaged)
    writer.samples(1, [*[None] * 20, 11.2, *[None] * 29], [[100 + index] for index in range(50)])
    found, values, warnings = read(tmp_path, writer)
    assert values.tolist() == [*range(50), *range(120, 150)]
    assert np.allclose(found, grid(10.0, 50) + grid(11.2, 30), atol=1e-9)
    assert any(f"at byte {place}" in warning for warning in warnings)
    assert any("20 samples were left out" in warning for warning in warnings)


def test_a_torn_tail_is_said_to_be_one(tmp_path: Path) -> None:
    writer = stream_file(tmp_path, [(grid(10.0, 50), 0), (grid(10.5, 50), 50)])
    writer.data = writer.data[:-5]
    found, _, warnings = read(tmp_path, writer)
    assert len(found) == 50
    assert "torn tail" in warnings[0]
    assert "of stream 1" in warnings[0]


def test_a_hostile_file_of_beginnings_alone_is_read_in_linear_time(tmp_path: Path) -> None:
    writer = stream_file(tmp_path, [(grid(10.0, 50), 0)])
    # Each claims to be long, lies within the file, and is followed by no chunk.
    writer.data += (b"\x04" + (200_000).to_bytes(4, "little") + b"\x03\x00\x01\x00\x00\x00\x04\x00\x00") * 60_000
    started = time.process_time()
    found, _, warnings = read(tmp_path, writer)
    assert len(found) == 50
    assert "nor after it" in warnings[0] or "skipped" in warnings[0]
    assert time.process_time() - started < 4


def test_a_chunk_of_unbelievable_length_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamsense.sources.xdf_chunks.MAX_CHUNK_BYTES", 100_000)
    writer = stream_file(tmp_path, [(grid(10.0, 50), 0)])
    place = len(writer.data)
    writer.samples(1, grid(10.5, 10_000), [[0]] * 10_000)
    writer.samples(1, grid(110.5, 50), [[0]] * 50)
    found, _, warnings = read(tmp_path, writer)
    assert len(found) == 100
    assert f"at byte {place} is" in warnings[0]
    assert "skipped" in warnings[0]


def test_reads_many_times_as_fast_as_the_reference_reader() -> None:
    ours, theirs = xdf_reader.compare(megabytes=20.0, runs=3)
    # 60 times on 200 MB (`benchmarks/xdf_reader.py`); less on a short file and on a busy machine.
    assert theirs["seconds"] > 40 * ours["seconds"], (ours, theirs)


def test_a_large_file_streams_in_bounded_memory(tmp_path: Path) -> None:
    xdf_reader.write(tmp_path / "large.xdf", 200.0)
    assert xdf_reader.measure(xdf_reader.OURS, tmp_path / "large.xdf")["peak_mb"] < 300


def test_salvage_of_damaged_files_gives_the_same_samples_and_opens_anywhere(plain: Path, tmp_path: Path) -> None:
    original, places = plain.read_bytes(), heads(plain)
    for seed in range(25):
        data, kind = mutated(original, places, np.random.default_rng(seed))
        source, target = tmp_path / "in.xdf", tmp_path / f"out{seed}.xdf"
        source.write_bytes(data)
        try:
            before = recording_arrays(open_recording(source))
        except RecordingError:
            continue
        if not before:
            continue
        salvage(source, target)
        clean = open_recording(target)
        # A chunk of a kind that nobody knows is copied too.
        assert [text for text in clean.warnings if "unknown kind" not in text] == [], (seed, kind)
        after = recording_arrays(clean)
        theirs, _ = pyxdf.load_xdf(target, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
        assert len(theirs) == len(before) == len(after)
        for stream in theirs:
            stream_id = stream["info"]["stream_id"]
            ours = before[stream_id]
            assert after[stream_id].stamps.tobytes() == ours.stamps.tobytes() == stream["time_stamps"].tobytes()
            assert after[stream_id].values.tobytes() == ours.values.tobytes()
            assert after[stream_id].texts == ours.texts
            if not ours.texts and len(ours.stamps):
                assert stream["time_series"].tobytes() == ours.values.tobytes()


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["clock_resets", "minimal", "empty_streams", "muse_P001"])
def test_salvage_gives_an_undamaged_file_back_byte_for_byte(tmp_path: Path, data_folder: Path, name: str) -> None:
    source = data_folder / "xdf" / f"{name}.xdf"
    report = salvage(source, tmp_path / "out.xdf")
    assert (tmp_path / "out.xdf").read_bytes() == source.read_bytes()
    assert report.warnings == ()
    assert report.skipped_bytes == 0


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain.xdf").write_bytes(plain_file())
        real = [recordings() / "xdf" / f"{name}.xdf" for name in REAL]
        print(damaged_files([folder / "plain.xdf", *real], folder, int(sys.argv[1])))
