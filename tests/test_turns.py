"""A test that must be alone is, waits for one test at most, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.helpers.turns import Turns

pytest.importorskip("fcntl")
TURN_S = 0.02


class Worker(threading.Thread):
    """Has turn after turn, and in those of `asks` is alone at the end; notes how many are on the floor beside it."""

    def __init__(self, folder: Path, on_floor: set[Worker], asks: range) -> None:
        super().__init__(daemon=True)
        self._turns, self._floor, self._asks = Turns(folder), on_floor, asks
        self.beside: list[int] = []

    def run(self) -> None:
        for turn in range(20):
            with self._turns.together():
                self._floor.add(self)
                time.sleep(TURN_S)
                self._floor.discard(self)
                if turn in self._asks:
                    self._be_alone()
        self._turns.close()

    def _be_alone(self) -> None:
        with self._turns.alone():
            self._floor.add(self)
            time.sleep(TURN_S)
            self.beside.append(len(self._floor) - 1)
            self._floor.discard(self)


@pytest.mark.parametrize("asks", [(range(0, 20, 3), range(0)), (range(0, 20, 3), range(0, 20, 2), range(20))])
def test_who_is_alone_has_nobody_beside_and_all_come_to_an_end(asks, tmp_path):
    on_floor: set[Worker] = set()
    workers = [Worker(tmp_path, on_floor, those) for those in asks]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
        assert not worker.is_alive(), "they wait for each other"
    for worker, those in zip(workers, asks, strict=True):
        assert worker.beside == [0] * len(those)


def test_who_wants_to_be_alone_is_not_passed_by(tmp_path):
    """Two others take turns that overlap, so that the floor is never empty by itself."""
    ended = threading.Event()

    def busy(turns: Turns, begin_s: float) -> None:
        time.sleep(begin_s)
        while not ended.is_set():
            with turns.together():
                time.sleep(10 * TURN_S)

    others = [threading.Thread(target=busy, args=(Turns(tmp_path), n * 5 * TURN_S), daemon=True) for n in (0, 1)]
    for other in others:
        other.start()
    mine = Turns(tmp_path)
    time.sleep(10 * TURN_S)
    with mine.together():
        asked = time.monotonic()
        with mine.alone():
            waited_s = time.monotonic() - asked
            ended.set()
    for other in others:
        other.join(timeout=30)
        assert not other.is_alive()
    assert waited_s < 2.0
