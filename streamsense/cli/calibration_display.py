"""What a calibration shows while a phase runs, and the lines that are typed meanwhile."""

from __future__ import annotations

import math
import os
import queue
import sys
import threading
from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from streamsense.errors import ConfigError
from streamsense.features.face_quality import UNSETTLED
from streamsense.streams import Feature, Modality

_BAR = 30


class Prompts:
    """Lines that the user types, read while the display goes on."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    def _read(self) -> None:
        typed = b""
        while piece := _typed():
            *lines, typed = (typed + piece).split(b"\n")
            for line in lines:
                self._lines.put(line.decode(errors="replace").strip().lower())
        self._lines.put(None)

    def line(self) -> str | None:
        """The next line, or None. Raises ConfigError where nobody can type."""
        if self._lines.empty():
            return None
        line = self._lines.get()
        if line is None:
            raise ConfigError("Enter is awaited, and the input has ended. Use a terminal, or --no-prompt.")
        return line

    def discard(self) -> None:
        """Forget what was typed so far. Raises as `line`."""
        while self.line() is not None:
            pass


def _typed() -> bytes:
    """The next that is typed; nothing where there is no input, or none any more."""
    try:
        # sys.stdin itself would be locked when the program ends.
        return os.read(sys.stdin.fileno(), 1024) if sys.stdin is not None else b""
    except OSError:  # a terminal that was closed
        return b""


def calibration_table(
    title: str,
    elapsed_s: float,
    seconds: float | None,
    windows: Mapping[Modality, Feature],
    learned_s: Mapping[Modality, float],
    bad_electrodes: Sequence[str],
    names: Sequence[Modality],
) -> Group:
    """A bar of time, and a line for each modality: quality, what is amiss, how much was learned."""
    table = Table("modality", Column("quality", justify="right"), Column("learned from", justify="right"), "")
    for name in names:
        window = windows.get(name)
        quality, words = standing(window)
        if name == "eeg" and bad_electrodes:
            words += f": {' '.join(bad_electrodes)}"
        style = "green" if words == "good" else "yellow"
        table.add_row(name, quality, f"{learned_s[name]:.1f} s", Text(words, style=style))
    line = Text(title, style="bold")
    if seconds is not None:
        done = round(_BAR * min(1.0, elapsed_s / seconds)) if seconds > 0 else _BAR
        line.append("  " + "━" * done, "green").append("─" * (_BAR - done), "dim")
        line.append(f"  {max(0.0, seconds - elapsed_s):.0f} s")
    return Group(line, table)


def standing(window: Feature | None) -> tuple[str, str]:
    """A modality's quality and what is amiss, in words; what has yet to be learned is not amiss."""
    if window is None or math.isnan(window.last_time):
        return "–", "waiting for its stream"
    if window.validity == 0:
        return "–", ", ".join(window.reasons) or "nothing is received"
    reasons = [reason for reason in window.reasons if reason != UNSETTLED]
    quality = "–" if UNSETTLED in window.reasons else f"{window.quality:.2f}"
    return quality, ", ".join(reasons) or "good"
