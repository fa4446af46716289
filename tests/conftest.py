"""What all tests share: where the real recordings are, and the count of the tests that read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA_FOLDER = Path(os.environ.get("STREAMSENSE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
LEAST_REAL_DATA_TESTS = 46
"""A whole run that finds the recordings and runs fewer tests on them has lost some: it fails."""


def recordings() -> Path:
    """The real recordings; the test skips where they are absent."""
    if not DATA_FOLDER.is_dir():
        pytest.skip(f"the recordings are not here ({DATA_FOLDER}); set STREAMSENSE_DATA")
    return DATA_FOLDER


@pytest.fixture(scope="session")
def data_folder() -> Path:
    return recordings()


class RealDataCount:
    """Counts the tests marked `real_data`. Where the recordings are, a whole run must run every one of them."""

    def __init__(self) -> None:
        self._marked: set[str] = set()
        self._ran: set[str] = set()
        self._skipped: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self._marked = {item.nodeid for item in items if item.get_closest_marker("real_data")}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid not in self._marked:
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
    config.pluginmanager.register(RealDataCount(), "real-data-count")
