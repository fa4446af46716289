"""What the XDF writer writes, the reference reader and our own read back to the bit."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from streamsense.sinks import xdf_writer
from streamsense.sinks.xdf_stream import XdfStream
from streamsense.sources.xdf_chunks import SAMPLES, Damage, read_chunks
from streamsense.sources.xdf_header import parse_stream_header
from streamsense.sources.xdf_samples import SampleDecoder
from streamsense.streams import Block

DTYPES = list(xdf_writer.CHANNEL_FORMATS)
NUMERIC = [name for name in DTYPES if name != "string"]
fuzz = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
any_text = st.text(max_size=20) | st.binary(max_size=5).map(lambda data: data.decode("utf-8", "surrogateescape"))
labels = st.text(max_size=10)


@st.composite
def stamps(draw: st.DrawFn, count: int, rate_hz: float) -> np.ndarray:
    """On the nominal grid, off it here and there, or anything at all."""
    if draw(st.booleans()):
        return np.array(draw(st.lists(st.floats(), min_size=count, max_size=count)), np.float64)
    steps = np.full(count, 1 / rate_hz if rate_hz else 0.1)
    if count:
        steps[0] = draw(st.floats(-1e6, 1e6))
    found = np.add.accumulate(steps)
    for index in draw(st.lists(st.integers(0, max(0, count - 1)), max_size=3 if count else 0)):
        found[index] = draw(st.floats())
    return found


@st.composite
def streams(draw: st.DrawFn) -> tuple[XdfStream, list[Block]]:
    dtype = draw(st.sampled_from(DTYPES))
    channels = draw(st.integers(1, 4))
    rate_hz = draw(st.sampled_from([0.0, 3.0, 256.0, 44100.0]))
    header = xdf_writer.stream_header_xml(
        name=draw(labels), type=draw(labels), channel_format=xdf_writer.CHANNEL_FORMATS[dtype],
        nominal_rate_hz=rate_hz, source_id=draw(labels), hostname="lab",
        labels=[draw(labels) for _ in range(channels)], units=[draw(labels) for _ in range(channels)],
        description={"key": draw(labels)}, irregular_output=draw(st.booleans()),
    )  # fmt: skip
    blocks = []
    for _ in range(draw(st.integers(0, 4))):
        count = draw(st.integers(0, 12))
        times = draw(stamps(count, rate_hz))
        if dtype == "string":
            rows = [[draw(any_text) for _ in range(channels)] for _ in range(count)]
            blocks.append((times, rows))
        else:
            blocks.append((times, draw(arrays.arrays(np.dtype(dtype), (count, channels)))))
    return XdfStream(1, dtype, channels, rate_hz, header), blocks


def as_file(path: Path, stream: XdfStream, blocks: list[tuple[np.ndarray, object]], blocks_a_chunk: int) -> None:
    data = xdf_writer.MAGIC + xdf_writer.chunk(xdf_writer.FILE_HEADER, xdf_writer.file_header_xml("2026"))
    data += xdf_writer.stream_chunk(xdf_writer.STREAM_HEADER, 1, stream.header)
    for number, (times, content) in enumerate(blocks, 1):
        if isinstance(content, list):
            stream.take_texts(times, content)
        else:
            stream.take_values(times, content)
        if (number % blocks_a_chunk == 0 or number == len(blocks)) and (chunk := stream.take_content()):
            data += xdf_writer.stream_chunk(xdf_writer.SAMPLES, 1, chunk)
            data += xdf_writer.chunk(xdf_writer.BOUNDARY, xdf_writer.BOUNDARY_UUID)
    data += xdf_writer.stream_chunk(xdf_writer.STREAM_FOOTER, 1, stream.footer())
    path.write_bytes(data)


@fuzz
@given(written=streams(), blocks_a_chunk=st.integers(1, 3))
def test_stamps_and_values_are_read_back_to_the_bit(tmp_path: Path, written, blocks_a_chunk: int) -> None:
    stream, blocks = written
    path = tmp_path / "file.xdf"
    as_file(path, stream, blocks, blocks_a_chunk)
    times = np.concatenate([np.empty(0), *(part for part, _ in blocks)])
    header = parse_stream_header(stream.header, 10)
    decoder = SampleDecoder(header.channel_format, len(header.channel_labels), header.nominal_rate_hz)
    damage = Damage()
    found = [decoder.decode(chunk.payload) for chunk in read_chunks(path, damage) if chunk.tag == SAMPLES]
    assert not damage.warnings()
    own_times = np.concatenate([np.empty(0), *(piece[0] for piece in found)])
    assert own_times.tobytes() == times.tobytes()
    with np.errstate(all="ignore"):
        (theirs,), _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    their_times = np.asarray(theirs["time_stamps"], np.float64)
    # What is no number has many bit patterns; which one a processor keeps through an addition is its own affair.
    assert their_times.tobytes() == times.tobytes()
    assert int(theirs["footer"]["info"]["sample_count"][0]) == len(times)
    if stream.dtype == "string":
        rows = [row for _, part in blocks for row in part]
        assert [row for piece in found for row in piece[2]] == rows
        legible = ["".join(row).isprintable() and "\ufffd" not in "".join(row) for row in rows]
        for row, theirs_row, compared in zip(rows, theirs["time_series"], legible, strict=True):
            assert not compared or theirs_row == row
    elif blocks:
        values = np.concatenate([part for _, part in blocks])
        own = np.concatenate([np.empty_like(values[:0]), *(piece[1] for piece in found)])
        assert own.dtype == values.dtype
        assert own.tobytes() == values.tobytes()
        series = np.asarray(theirs["time_series"], values.dtype).reshape(values.shape)
        assert series.tobytes() == values.tobytes()


def test_a_regular_stream_takes_one_byte_for_most_stamps() -> None:
    interval_s = 1 / 256
    times = np.add.accumulate(np.r_[1000.1, np.full(255, interval_s)])
    content = xdf_writer.samples_content(times, np.zeros((256, 2), np.float32), interval_s)
    assert len(content) == 5 + 256 * (1 + 8) + 8
    exact = 1000.1 + np.arange(256) * interval_s  # what most drivers send: rounded otherwise here and there
    different = np.count_nonzero(exact[1:] != exact[:-1] + interval_s)
    content = xdf_writer.samples_content(exact, np.zeros((256, 2), np.float32), interval_s)
    assert len(content) == 5 + 256 * (1 + 8) + 8 * (1 + different)


def test_a_zero_below_zero_is_not_left_out() -> None:
    times = np.array([-0.25, -0.0, 0.25])
    content = xdf_writer.samples_content(times, np.zeros((3, 1), np.int8), 0.25)
    assert SampleDecoder("int8", 1, 4.0).decode(content)[0].tobytes() == times.tobytes()


@pytest.mark.parametrize("dtype", NUMERIC)
def test_foreign_byte_order_and_strides_do_not_matter(dtype: str) -> None:
    plain = np.arange(12).reshape(4, 3).astype(dtype)
    foreign = np.asfortranarray(plain.astype(np.dtype(dtype).newbyteorder(">")))
    times = np.arange(4.0)
    assert xdf_writer.samples_content(times, foreign, 0.0) == xdf_writer.samples_content(times, plain, 0.0)


def test_a_block_of_another_kind_than_declared_is_refused() -> None:
    stream = XdfStream(1, "float32", 2, 0.0, b"")
    for values in (np.zeros((1, 3), np.float32), np.zeros((1, 2), np.float64)):
        with pytest.raises(ValueError, match="stream 1 got"):
            stream.take_values(np.zeros(1), values)


@fuzz
@given(text=st.text())
def test_any_text_can_stand_in_a_header(text: str) -> None:
    header = xdf_writer.stream_header_xml(
        name=text, type=text, channel_format="float32", nominal_rate_hz=1.0, source_id=text, hostname=text,
        labels=[text], units=[text], description={"key": text},
    )  # fmt: skip
    found = parse_stream_header(header, 1)
    if text.isprintable() and text == text.strip():
        assert found.name == (text or "unnamed")
        assert (found.type, found.source_id) == (text, text)


@pytest.mark.parametrize(
    ("length", "width"), [(0, 1), (255, 1), (256, 4), (70_000, 4)], ids=["none", "small", "over", "large"]
)
def test_lengths_take_the_least_room(length: int, width: int) -> None:
    content = xdf_writer.texts_content(np.zeros(1), [["x" * length]])
    assert content[:5] == struct.pack("<BI", 4, 1)
    assert content[14] == width
    assert len(content) == 15 + width + length
