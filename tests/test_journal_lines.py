"""The journal's lines say everything to the bit, notice every change, and are read as hostile text."""

from __future__ import annotations

import base64
import functools
import json
import time
import tracemalloc
import zlib
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.journal_lines import (
    BadLine,
    BlockReference,
    End,
    Head,
    Line,
    LineReader,
    LineWriter,
    OpenedStream,
    Snapshot,
    Written,
    WrittenChunk,
    block_checksum,
)
from streamsense.score import Plan, Skip, StreamPlan
from streamsense.streams import MODALITIES, Block, Control, Kind, OffsetProbe, StreamInfo, StreamLost, StreamOpened
from tests.helpers.recorded_sessions import same

# What a reader gives for bytes that are no UTF-8, beside any other text.
texts = (
    st.text() | st.text(st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)) | st.sampled_from(["😀\x00\x1b", ""])
)
finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.floats()
integers = st.integers(-(1 << 62) + 1, (1 << 62) - 1)
counts = st.integers(0, (1 << 62) - 1)
infos = st.builds(
    lambda key, kind, texts, channels, rate, dtype, same_clock, delay_s: StreamInfo(
        key, kind, *texts, *zip(*channels, strict=True), rate, dtype, same_clock, delay_s
    ),
    texts, st.sampled_from(get_args(Kind)), st.tuples(texts, texts, texts),
    st.lists(st.tuples(texts, texts), min_size=1, max_size=3), st.floats(0, 1e6), texts, st.booleans(),
    st.floats(0, 1),
)  # fmt: skip
plans = st.builds(StreamPlan, st.sampled_from(MODALITIES), numbers, texts, st.floats(0, 60))
heads = st.dictionaries(texts, st.recursive(texts | finite | st.none() | st.booleans(), st.lists, max_leaves=5))
LINES: dict[str, st.SearchStrategy[Line]] = {
    "head": st.builds(Head, heads),
    "snapshot": st.lists(infos, max_size=2).flatmap(
        lambda found: st.builds(Snapshot, st.binary(), st.just(tuple(found)), st.tuples(*[integers for _ in found]))
    ),
    "opened": st.builds(OpenedStream, integers, st.builds(StreamOpened, infos, finite)),
    "block": st.builds(BlockReference, counts, counts, counts, finite, integers),
    "lost": st.builds(StreamLost, texts, finite, texts),
    "probe": st.builds(OffsetProbe, texts, finite, numbers, numbers),
    "control": st.builds(Control, texts, texts, finite),
    "plan": st.builds(Plan, integers, finite, texts, st.lists(plans, max_size=3).map(tuple)),
    "skip": st.builds(Skip, integers, integers, finite),
    "written": st.builds(
        Written, st.lists(st.builds(WrittenChunk, integers, integers, integers), max_size=4).map(tuple)
    ),
    "end": st.builds(End, texts),
}
lines = st.one_of(*LINES.values())
quick = settings(max_examples=40, deadline=None)


def signed(text: str, before: int = 0) -> str:
    """A line with a checksum that fits, whatever it says."""
    return f"{zlib.crc32(text.encode(), before):08x} {text}"


@pytest.mark.parametrize("kind", LINES)
@quick
@given(data=st.data())
def test_every_kind_of_line_comes_back_to_the_bit(kind: str, data: st.DataObject) -> None:
    line = data.draw(LINES[kind])
    text = LineWriter().write(line)
    assert text.isascii()
    assert text.isprintable()
    found = LineReader().read(text)
    assert same(found, line), (found, line)
    assert json.loads(text[9:])[0] == kind


def written(content: list[Line]) -> list[str]:
    writer = LineWriter()
    return [writer.write(line) for line in content]


def read_all(content: list[str]) -> list[Line]:
    reader = LineReader()
    return [reader.read(line) for line in content]


@settings(max_examples=100, deadline=None)
@given(content=st.lists(lines, min_size=1, max_size=4), data=st.data())
def test_any_changed_character_is_refused(content: list[Line], data: st.DataObject) -> None:
    found = written(content)
    at = data.draw(st.integers(0, len(found) - 1))
    place = data.draw(st.integers(0, len(found[at]) - 1))
    other = data.draw(st.characters(exclude_characters=found[at][place]))
    found[at] = found[at][:place] + other + found[at][place + 1 :]
    with pytest.raises(BadLine):
        read_all(found)


@quick
@given(content=st.lists(lines, min_size=2, max_size=5, unique_by=lambda line: LineWriter().write(line)), data=st.data())
def test_dropped_and_swapped_and_repeated_lines_are_refused(content: list[Line], data: st.DataObject) -> None:
    found = written(content)
    at = data.draw(st.integers(0, len(found) - 2))
    dropped = found[:at] + found[at + 1 :]
    swapped = [*found[:at], found[at + 1], found[at], *found[at + 2 :]]
    repeated = [*found[: at + 1], *found[at:]]
    for changed in (dropped, swapped, repeated):
        with pytest.raises(BadLine):
            read_all(changed)
    assert len(read_all(found[:at])) == at  # what ends early is whole as far as it goes


INFO = {
    "key": "eeg", "kind": "eeg", "name": "", "type": "", "source_id": "", "channel_labels": ["a"],
    "channel_units": [""], "nominal_rate_hz": 1.0, "dtype": "float32", "same_clock": True,
}  # fmt: skip
HOSTILE = [
    "", "1", "null", "{}", "[]", '{"end":1,"why":2}', '"end"', "[[]]", "[{}]", "[1]", '["unknown"]', '["end"]',
    '["end",1]', '["end","a","b"]', "[" * 100_000, '{"a":' * 100_000, '["head",1,' + "[" * 100_000,
    '["end",' + "9" * 5_000 + "]", '["skip",1,2,' + "9" * 400 + "]", '["skip",1,2,1e999]', '["skip",1,2,NaN]',
    '["skip",1,2,-Infinity]', '["skip",1,2,true]', '["skip",4611686018427387904,2,1]', '["skip",1.5,2,1]',
    '["skip",' + "9" * 4_000 + ',2,1]', '["head",2,{}]', '["head",1,[]]', '["head","1",{}]',
    '["block",-1,0,1,0,0]', '["block",1,0,-1,0,0]', '["block",1,0,"1",0,0]', '["block",1,0,1,null,0]',
    '["block",1,0,1,0]', '["lost",1,0,""]', '["probe","a",0,"infinity",0]', '["probe","a",0,[],0]',
    '["probe","a",0,null,0]', '["probe","a","nan",0,0]', '["control","a",{},0]',
    '["plan",1,0,"",[["eeg",0,"live"]]]', '["plan",1,0,"",[["nose",0,"live",0]]]', '["plan",1,0,"",[[["eeg"],0,"",0]]]',
    '["plan",1,0,"",null]', '["plan",1,0,"",[1]]', '["plan",1,0,"",[["eeg",0,"live","nan"]]]',
    '["plan",1,0,"",[["eeg",0,"live",1e300]]]',    '["plan",1,0,"",[["eeg",0,"live",-1]]]',
    '["written",[[1,2]]]', '["written",[[1,2,3,4]]]', '["written",[["1",2,3]]]', '["written",5]',
    '["opened",1,{},0]', '["opened",1,[],0]', '["opened",1,null,0]',
    *(json.dumps(["opened", 1, INFO | change, 0]) for change in (
        {"kind": "nose"}, {"kind": ["eeg"]}, {"channel_labels": []}, {"channel_labels": "a"}, {"channel_units": [1]},
        {"nominal_rate_hz": -1}, {"nominal_rate_hz": "1"}, {"delay_s": 2}, {"same_clock": 1}, {"more": 1}, {"key": 1},
    )),
    '["snapshot",1,"not base64!",[],[]]', '["snapshot",1,"AAAA",[],[]]', '["snapshot",1,5,[],[]]',
    '["snapshot",-1,"",[],[]]', '["snapshot",0,"",[{}],[]]', '["snapshot",0,"",[],[1]]', '["snapshot",0,"",1,2]',
    '["snapshot",1000000000000,"",[],[]]',
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:40])
def test_a_hostile_line_with_a_right_checksum_is_refused_at_once(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(BadLine) as refused:
        LineReader().read(signed(text))
    assert time.monotonic() - started < 1.0
    assert len(str(refused.value)) < 400


@functools.cache
def zeros(size: int) -> str:
    """A text that unpacks to so many bytes."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    return base64.b64encode(packed).decode()


@pytest.mark.parametrize("claimed", [10, 1 << 26, 1 << 28, 1 << 40])
def test_a_small_snapshot_cannot_become_a_large_one(claimed: int) -> None:
    line = signed(json.dumps(["snapshot", claimed, zeros(1 << 28), [], []]))
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(BadLine):
        LineReader().read(line)
    taken_s, peak = time.monotonic() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken_s < 1.0
    assert peak < 200e6


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(list(LINES)), content=st.lists(values, max_size=6))
def test_any_json_gives_a_line_or_is_refused(kind: str, content: list[object]) -> None:
    text = json.dumps([kind, *content])
    try:
        line = LineReader().read(signed(text))
    except BadLine:
        return
    assert same(LineReader().read(LineWriter().write(line)), line)


def test_a_line_of_any_characters_is_refused() -> None:
    for line in ("", "0", "00000000", "\ud800", "00000000 \udcff", "é" * 20):
        with pytest.raises(BadLine):
            LineReader().read(line)


def test_the_checksum_of_a_block_covers_stamps_values_and_texts() -> None:
    stamps, numbers = np.arange(3.0), np.ones((3, 2), np.float32)
    changed = numbers.copy()
    changed[1, 1] = np.nextafter(np.float32(1), np.float32(2))
    first = Block("eeg", 0, stamps, numbers, 5.0)
    none = np.empty((3, 0), np.float32)
    others = [
        Block("eeg", 0, np.array([0.0, 1.0, np.nextafter(2.0, 3.0)]), numbers, 5.0),
        Block("eeg", 0, stamps, changed, 5.0),
        Block("eeg", 0, stamps, none, 5.0, ("a", "b", "c")),
        Block("eeg", 0, stamps, none, 5.0, ("a", "bc", "")),
    ]
    checksums = {block_checksum(block) for block in (first, *others)}
    assert len(checksums) == 5
