"""What all tests share: where the real recordings are, the count of the tests that read them, and who runs which.

Tests run in several processes (pytest-xdist), because most of them wait for real time to pass. All tests of a file run
in one process, in their order; files that take long come first, so that all processes end at about the same time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA_FOLDER = Path(os.environ.get("STREAMSENSE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
LEAST_REAL_DATA_TESTS = 59
"""A whole run that finds the recordings and runs fewer tests on them has lost some: it fails."""


def recordings() -> Path:
    """The real recordings; the test skips where they are absent."""
    if not DATA_FOLDER.is_dir():
        pytest.skip(f"the recordings are not here ({DATA_FOLDER}); set STREAMSENSE_DATA")
    return DATA_FOLDER


@pytest.fixture(scope="session")
def data_folder() -> Path:
    return recordings()


LONG_FILES = (
    "tests/interop/test_labrecorder.py",
    "tests/real_data/test_recorded_session.py",
    "tests/benchmarks/test_soak.py",
    "tests/real_data/test_live_session.py",
    "tests/test_wheel.py",
    "tests/cli/test_live_command.py",
    "tests/docs/test_commands.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        return LONG_FILES.index(file) if file in LONG_FILES else len(LONG_FILES)

    items.sort(key=place)  # stable: the rest stays in its order


class RealDataCount:
    """Counts the tests marked `real_data`. Where the recordings are, a whole run must run every one of them."""

    def __init__(self) -> None:
        self._ran: set[str] = set()
        self._skipped: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if "real_data" not in report.keywords:
            return
        if report.skipped:
            self._skipped.add(report.nodeid)
        elif report.when == "call":
            self._ran.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and self._complaint(session.config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        terminalreporter.write_line(f"real-data tests: {len(self._ran)} ran, {len(self._skipped)} skipped")
        if complaint := self._complaint(config):
            terminalreporter.write_line(f"FAILED: {complaint}", red=True)

    def _complaint(self, config: pytest.Config) -> str:
        """What is wrong with the count; "" for nothing, and for runs of a part of the tests."""
        chosen = (
            config.option.keyword
            or config.option.markexpr
            or getattr(config.option, "lf", False)
            or config.option.collectonly
        )
        if chosen or config.args_source != pytest.Config.ArgsSource.TESTPATHS or not DATA_FOLDER.is_dir():
            return ""
        if self._skipped:
            return f"the recordings are in {DATA_FOLDER}, but of the tests on them {len(self._skipped)} were skipped"
        if len(self._ran) < LEAST_REAL_DATA_TESTS:
            return f"{len(self._ran)} tests on the recordings ran, expected at least {LEAST_REAL_DATA_TESTS}"
        return ""


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # one of the processes; the reports come together in the one that started it
    config.pluginmanager.register(RealDataCount(), "real-data-count")
