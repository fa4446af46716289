"""Tells a user whose machine compiles the loops over samples for the first time why nothing is shown yet."""

from __future__ import annotations

import sys
import time

from numba.core.event import Event, Listener, register

TOLD_AFTER_S = 2.0
"""After so much of it. One loop that was edited is not worth a word."""
WORDS = "Compiling for this machine, this once: about a minute …"


class CompilingTeller(Listener):  # type: ignore[misc]
    """Says it once, on standard error, when numba begins a loop and has compiled for `after_s` before.

    What it finds in its cache it does not compile. It compiles one loop at a time, and inside of it those it calls.
    """

    def __init__(self, after_s: float = TOLD_AFTER_S) -> None:
        self._after_s = after_s
        self._spent_s = self._began = 0.0
        self._depth = 0
        self._has_told = False

    def on_start(self, event: Event) -> None:  # noqa: ARG002  (numba's listeners have it)
        """A loop is compiled from now on."""
        now = time.monotonic()
        if self._depth == 0:
            self._began = now
        self._depth += 1
        if not self._has_told and self._spent_s + now - self._began > self._after_s:
            self._has_told = True
            print(WORDS, file=sys.stderr, flush=True)  # noqa: T201

    def on_end(self, event: Event) -> None:  # noqa: ARG002  (numba's listeners have it)
        """It has been compiled."""
        self._depth -= 1
        if self._depth == 0:
            self._spent_s += time.monotonic() - self._began


def tell_of_compiling() -> None:
    """Have it told in this process."""
    register("numba:compile", CompilingTeller())
