"""Lets a test be alone for a while although several processes run tests: meanwhile the others begin no next one.

Two files are locked and nobody is asked: a process that ends or dies gives its locks back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
except ImportError:  # Windows, where these tests run in one process
    LOCK_EX = LOCK_SH = LOCK_UN = 0

    def flock(_file: int, _how: int) -> None:
        """Nobody is there to wait for."""


class Turns:
    """One process's part in it: it is on the floor, together with others or alone.

    The way to the floor is a gate that one passes at a time. Who wants to be alone stays in the gate until the others
    have left, so that no next one comes before. Who waits is not on the floor: no two wait for each other.
    """

    def __init__(self, folder: Path) -> None:
        # Of its own, not inherited: a lock belongs to the opening of a file.
        self._gate, self._floor = (os.open(folder / name, os.O_CREAT | os.O_RDWR) for name in ("gate", "floor"))

    def close(self) -> None:
        """Leave for good."""
        os.close(self._gate)
        os.close(self._floor)

    @contextmanager
    def together(self) -> Iterator[None]:
        """On the floor, as soon as nobody is alone there or waits to be."""
        self._enter(LOCK_SH)
        try:
            yield
        finally:
            flock(self._floor, LOCK_UN)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside of `together`: alone, as soon as what the others are at has ended."""
        flock(self._floor, LOCK_UN)
        self._enter(LOCK_EX)
        try:
            yield
        finally:
            flock(self._floor, LOCK_UN)
            self._enter(LOCK_SH)

    def _enter(self, how: int) -> None:
        flock(self._gate, LOCK_EX)
        try:
            flock(self._floor, how)
        finally:
            flock(self._gate, LOCK_UN)
