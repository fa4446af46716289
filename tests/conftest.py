"""What all tests share: where the real recordings are, the count of the tests that read them, and who runs which.

Tests run in two processes (pytest-xdist), because many of them wait for real time to pass; with three, some lose it.
All tests of a file run in one process, in their order. One process begins with all whole sessions, one with those that
wait most; the longest of the others come next.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

# Before anything loads torch or BLAS, here and in every process that a test starts: where two processes share two
# processors, their threads would only wait for each other, with all their might.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.helpers.turns import Turns

DATA_FOLDER = Path(os.environ.get("STREAMSENSE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
# The whole takes about a quarter of an hour; STREAMSENSE_PROOF asks for hypothesis' own 100 examples.
hypothesis.settings.register_profile("short", max_examples=25)
if not os.environ.get("STREAMSENSE_PROOF"):
    hypothesis.settings.load_profile("short")
LEAST_REAL_DATA_TESTS = 160
"""A whole run that finds the recordings and runs fewer tests on them has lost some: it fails."""


def recordings() -> Path:
    """The real recordings; the test skips where they are absent."""
    if not DATA_FOLDER.is_dir():
        pytest.skip(f"the recordings are not here ({DATA_FOLDER}); set STREAMSENSE_DATA")
    return DATA_FOLDER


@pytest.fixture(scope="session")
def data_folder() -> Path:
    return recordings()


@pytest.fixture(scope="session")
def raw_recording(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A live session of three modalities, recorded with raw sound and pictures: the file, and how long (s).

    STREAMSENSE_PROOF=1 makes it longer.
    """
    from tests.helpers.real_session import record_raw

    seconds = 60.0 if os.environ.get("STREAMSENSE_PROOF") else 12.0
    return record_raw(data_folder, tmp_path_factory.mktemp("raw"), seconds), seconds


LIVE_FILES = (
    "tests/real_data/test_recorded_session.py",
    "tests/real_data/test_live_session.py",
    "tests/real_data/test_calibration_of_people.py",
    "tests/real_data/test_live_equals_offline.py",
    "tests/benchmarks/test_soak.py",
    "tests/docs/test_own_model_tutorial.py",
    "tests/interop/test_labrecorder.py",
)
"""Whole sessions with cameras, which take a processor core each: no two of them at the same time.

LabRecorder's, in which the fewest ticks may come late, when those beside them are over that have commands at work.
"""
WAITING = (
    "tests/sources/test_lsl.py",
    "tests/sources/test_microphone.py",
    "tests/sources/test_webcam.py",
    "tests/faults/",  # of its streams the tests share one session
)
"""Folders and files of sessions and devices that pause, and hardly compute.

About as long as the whole sessions before the tutorial's, beside which only one process computes, then.
"""
LONG_FILES = (
    "tests/docs/test_commands.py",
    "tests/cli/test_calibrate_command.py",
    "tests/cli/test_live_command.py",
    "tests/cli/test_record_command.py",
    "tests/cli/test_evaluate_command.py",
    "tests/cli/test_bad_input.py",
    "tests/real_data/test_action_unit_truth.py",
    "tests/test_wheel.py",
)
"""The other process begins with these, so that neither waits long for the other at the end.

First those that have commands at work between their tests, too, and so do not leave another test quite `alone`.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        first = (*LIVE_FILES, *WAITING, *LONG_FILES)
        return next((at for at, start in enumerate(first) if file.startswith(start)), len(first))

    items.sort(key=place)  # stable: the rest stays in its order


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a file to one process, and to one and the same all files of whole sessions, and all that wait."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in LIVE_FILES:
            return "live"
        return "waiting" if file.startswith(WAITING) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


class TakingTurns:
    """Each test of this process takes its turn, its fixtures too."""

    def __init__(self, folder: Path) -> None:
        self.turns = Turns(folder)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        with self.turns.together():
            return (yield)  # type: ignore[misc]

    def pytest_unconfigure(self) -> None:
        self.turns.close()


class OneFloor:
    """Has all processes take turns in one folder."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="streamsense-turns-")

    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["turns"] = self.folder.name

    def pytest_unconfigure(self) -> None:
        self.folder.cleanup()


@pytest.fixture(scope="session")
def alone(pytestconfig: pytest.Config) -> Callable[[], AbstractContextManager[None]]:
    """`with alone():` whatever another process's tests would disturb; they wait, so nothing else belongs in there."""
    taking_turns: TakingTurns = pytestconfig.pluginmanager.get_plugin("taking-turns")  # type: ignore[assignment]
    return taking_turns.turns.alone


class Timeline:
    """When each process had its last test, and which files it was longest at: both should end at the same time."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ended: dict[str, float] = {}
        self._files: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        worker = getattr(getattr(report, "node", None), "gateway", None)
        if worker is not None:
            self._ended[worker.id] = time.monotonic() - self._began
            self._files[worker.id][report.nodeid.partition("::")[0]] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for worker, ended in sorted(self._ended.items()):
            longest = sorted(self._files[worker].items(), key=lambda it: -it[1])[:12]
            files = ", ".join(f"{file.removeprefix('tests/')} {seconds:.0f}" for file, seconds in longest)
            terminalreporter.write_line(f"{worker} ended after {ended:.0f} s; its longest files (s): {files}")


class RealDataCount:
    """Counts the tests marked `real_data`. Where the recordings are, a whole run must run every one of them."""

    def __init__(self) -> None:
        self._ran: set[str] = set()
        self._skipped: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if "real_data" not in report.keywords:
            return
        if report.skipped and not hasattr(report, "wasxfail"):  # what is expected to fail did run
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
    if hasattr(config, "workerinput"):  # one of the processes; the reports come together in the one that started it
        config.pluginmanager.register(TakingTurns(Path(config.workerinput["turns"])), "taking-turns")
        return
    floor = OneFloor()
    config.pluginmanager.register(floor, "one-floor")
    config.pluginmanager.register(TakingTurns(Path(floor.folder.name)), "taking-turns")
    config.pluginmanager.register(RealDataCount(), "real-data-count")
    config.pluginmanager.register(Timeline(), "timeline")
