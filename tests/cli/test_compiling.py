"""That the first start of all compiles is told, once, and only where it takes long."""

from __future__ import annotations

import numba
import pytest
from numba.core.event import install_listener

from streamsense.cli.compiling import WORDS, CompilingTeller


def compile_loops(count: int) -> None:
    """Loops that numba has never seen."""
    for number in range(count):
        assert numba.njit(lambda value, number=number: value + number)(1.0) == 1.0 + number


@pytest.mark.parametrize(("after_s", "count", "told"), [(0.0, 4, 1), (0.0, 1, 0), (60.0, 4, 0)])
def test_it_is_told_once_where_it_takes_long(after_s, count, told, capsys):
    with install_listener("numba:compile", CompilingTeller(after_s)):
        compile_loops(count)
    shown = capsys.readouterr()
    assert shown.err.count(WORDS) == told
    assert shown.out == ""


def test_what_is_called_inside_counts_as_one(capsys):
    called = [numba.njit(lambda value, number=number: value * number) for number in range(3)]
    first, second, third = called
    teller = CompilingTeller(0.0)
    with install_listener("numba:compile", teller):
        numba.njit(lambda value: first(value) + second(value) + third(value))(1.0)
    assert capsys.readouterr().err.count(WORDS) == 1
    assert teller._depth == 0
