"""Contracts: one text for what is equal, and every difference named."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsense.models.contract import canonical_json, contract_sha256, differing_fields

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    numbers | st.text(max_size=5) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
contracts = st.dictionaries(st.text(max_size=4), values, max_size=5)


def test_the_text_is_canonical():
    assert canonical_json({"b": (1, 2.5), "a": {"y": 4.0, "x": 0.1}}) == '{"a":{"x":0.1,"y":4},"b":[1,2.5]}'


@given(contracts)
def test_a_contract_survives_its_own_text(contract):
    again = json.loads(canonical_json(contract))
    assert contract_sha256(again) == contract_sha256(contract)
    assert differing_fields(again, contract) == []


@given(contracts, contracts)
def test_equal_hashes_and_no_differing_field_are_the_same_thing(one, other):
    assert (contract_sha256(one) == contract_sha256(other)) == (differing_fields(one, other) == [])


def test_differences_are_named_by_field():
    model = {"bands": {"alpha": [8, 13], "beta": [14, 31]}, "window_s": 4.0, "log": "natural", "units": [1, 2, 4]}
    pipeline = {"bands": {"alpha": (8.0, 14.0), "beta": [14, 31]}, "window_s": 2, "units": [1, 2, 5], "notch": True}
    assert differing_fields(model, pipeline) == [
        "bands.alpha: model 8–13, pipeline 8–14",
        'log: model "natural", pipeline absent',
        "notch: model absent, pipeline true",
        "units[2]: model 4, pipeline 5",
        "window_s: model 4, pipeline 2",
    ]


def test_true_is_not_one():
    assert differing_fields({"a": True}, {"a": 1}) == ["a: model true, pipeline 1"]


def test_many_differences_are_cut_short():
    lines = differing_fields({f"f{i:02}": 1 for i in range(50)}, {})
    assert len(lines) == 13
    assert lines[-1] == "and 38 more"
    assert differing_fields({"mean": list(range(64))}, {"mean": list(range(80))}) == [
        "mean: model 64 values, pipeline 80 values"
    ]
    assert differing_fields({"mean": list(range(64))}, {"mean": list(range(1, 65))}) == [
        "mean: 64 differences, the first at mean[0]: model 0, pipeline 1"
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_have_no_place(bad):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": bad})
