"""Snapshots: every kind of state comes back the same, and bytes from elsewhere are refused, never run."""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from streamsense.errors import RecordingError
from streamsense.state import LENGTH_VARIES, pack, unpack_into


@dataclass
class Inner:
    table: np.ndarray = field(default_factory=lambda: np.zeros(3), metadata=LENGTH_VARIES)
    name: str = ""
    last: float = math.nan


@dataclass
class Outer:
    count: int = 0
    present: bool = False
    nothing: int | None = None
    times: list[float] = field(default_factory=list)
    pair: tuple[int, str] = (0, "")
    inner: Inner = field(default_factory=Inner)
    by_name: dict[str, Any] = field(default_factory=dict)


def assert_same(a: object, b: object) -> None:
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()
        assert b.flags.writeable
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif hasattr(a, "__dataclass_fields__"):
        assert_same(vars(a), vars(b))
    elif isinstance(a, float):
        assert repr(a) == repr(b)
    else:
        assert a == b


def back(state: object, into: object) -> None:
    unpack_into(pack(state), into)
    assert_same(state, into)


any_array = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5).flatmap(
    lambda shape: st.one_of(
        arrays.arrays(dtype, shape)
        for dtype in ("f8", "f4", "i8", "i2", "u1", "?", ">f8", "<f2", "c16", "U5", "S4", "M8[s]")
    )
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars | any_array,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    count=st.integers(),
    present=st.booleans(),
    nothing=st.none() | st.integers(),
    times=st.lists(st.floats()),
    pair=st.tuples(st.integers(), st.text()),
    inner=st.builds(Inner, table=arrays.arrays("f8", st.integers(0, 4)), name=st.text(), last=st.floats()),
    by_name=st.dictionaries(st.text(), values, max_size=4),
)
def test_any_state_comes_back_the_same(**parts: Any) -> None:
    back(Outer(**parts), Outer())


def test_a_state_of_nested_names_and_of_the_words_of_the_format_comes_back() -> None:
    state = {"__array__": 3, "__tuple__": [(1, 2), [(), {}]], "__dict__": {"a": {"__array__": np.arange(2)}}}
    back(state, {})


def test_strange_numbers_come_back() -> None:
    back({"floats": [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1 + 0.2]}, {"floats": []})


def test_arrays_do_not_share_memory_with_the_state_they_came_from() -> None:
    one, other = Inner(table=np.arange(3.0)), Inner()
    unpack_into(pack(one), other)
    one.table[0] = 99
    assert other.table[0] == 0


def test_what_cannot_come_back_is_not_packed() -> None:
    with pytest.raises(TypeError, match="set"):
        pack({"a": {1, 2}})
    with pytest.raises(TypeError, match="text"):
        pack({"a": {1: 2}})
    with pytest.raises(TypeError, match="Inner"):
        pack({"a": [Inner()]})
    with pytest.raises(ValueError, match="Object arrays"):
        pack({"a": np.array([object()])})


# -- what others may have written --------------------------------------------------------------------------------


def refused(data: bytes) -> str:
    with pytest.raises(RecordingError) as caught:
        unpack_into(data, Outer())
    return str(caught.value)


def archive(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def with_tree(tree: object, **members: bytes) -> bytes:
    return archive(tree=npy(np.array(json.dumps(tree))), **members)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    refused(data)


@settings(deadline=None)
@given(st.data())
def test_damaged_snapshots_are_refused_or_harmless(data: st.DataObject) -> None:
    good = bytearray(pack(Outer(times=[1.0, 2.0], inner=Inner(np.arange(8.0), "x", 1.0))))
    for _ in range(data.draw(st.integers(1, 5))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    state = Outer()
    try:
        unpack_into(bytes(good[:cut] if data.draw(st.booleans()) else good), state)
    except RecordingError:
        return
    assert isinstance(state.inner.table, np.ndarray)
    assert state.inner.table.dtype == np.float64


def test_pickles_are_refused_and_never_run() -> None:
    refused(pickle.dumps(Bomb()))
    refused(npy(np.array([Bomb()]), allow_pickle=True))
    refused(archive(tree=npy(np.array([Bomb()]), allow_pickle=True)))
    refused(with_tree({"by_name": {}}, a0=npy(np.array([Bomb()]), allow_pickle=True)))


WHOLE = json.loads(str(np.load(io.BytesIO(pack(Outer())))["tree"]))


def changed(**fields: object) -> dict[str, Any]:
    (tag, tree), *_ = WHOLE.items()
    return {tag: {**tree, **fields}}


@pytest.mark.parametrize(
    "tree",
    [
        [], None, 3, "text", {}, {"__array__": 0}, {"__fields__": []}, {"__fields__": {}}, {"something": "else"},
        changed(more=1), changed(inner=3), changed(inner=None), changed(inner={"__dict__": {}}),
        changed(inner={"__fields__": {"table": 0}}), changed(by_name=[]), changed(times={"__array__": 7}),
        changed(times={"__array__": -1}), changed(times={"__array__": "0"}), changed(times={"__array__": 0, "more": 0}),
        changed(count="many"), changed(present=3.5), changed(pair=[1, 2]), changed(times=4.0),
        changed(times={"__tuple__": 4}),
    ],
)  # fmt: skip
def test_trees_of_another_shape_are_refused(tree: object) -> None:
    assert "snapshot" in refused(with_tree(tree, a0=npy(np.zeros(3))))


def test_arrays_of_another_kind_are_refused() -> None:
    refused(with_tree(WHOLE, a0=npy(np.zeros(3, "U4"))))
    refused(with_tree(WHOLE, a0=npy(np.zeros((3, 3)))))
    unpack_into(with_tree(WHOLE, a0=npy(np.zeros(3))), Outer())


def test_memory_is_bounded_by_what_was_read() -> None:
    refused(archive(zipfile.ZIP_DEFLATED, tree=npy(np.array("{}")), a0=npy(np.zeros(10_000_000))))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)})
    refused(with_tree(WHOLE, a0=header.getvalue()))


def test_a_deep_tree_is_refused() -> None:
    deep = archive(tree=npy(np.array("[" * 100_000 + "]" * 100_000)))
    assert "snapshot" in refused(deep)


def test_a_refused_snapshot_says_what_to_do() -> None:
    assert "Replay the recording from its beginning" in refused(b"nothing of the kind")


def test_an_array_of_another_shape_is_refused() -> None:
    """Compiled loops do not look at the bounds of their state: it must have the shape that they expect."""

    @dataclass
    class Filter:
        memory: np.ndarray = field(default_factory=lambda: np.zeros((4, 2)))

    for shape in ((3, 2), (4, 3), (0, 2)):
        with pytest.raises(RecordingError, match=r"memory has shape"):
            unpack_into(pack(Filter(np.ones(shape))), Filter())
