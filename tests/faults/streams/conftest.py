"""What the tests of faulty streams share: one session, so that none has to wait for another to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.stream_faults import Bench, bench


@pytest.fixture(scope="package")
def _whole_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("streams")) as made:
        yield made


@pytest.fixture
def amplifier(_whole_bench: Bench) -> Bench:
    """The session with its EEG there; the tests leave the amplifier as they found it."""
    _whole_bench.session.wait_for_presence("eeg")
    return _whole_bench
