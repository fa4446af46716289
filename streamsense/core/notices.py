"""The notices about a session that nobody has taken yet, in the order in which they came up."""

from __future__ import annotations

from collections.abc import Iterable

from streamsense.score import Notice


class Notices:
    """Where the parts of the pipeline leave what a user should know."""

    def __init__(self) -> None:
        self._waiting: list[Notice] = []

    def add(self, time: float, kind: str, text: str, **details: object) -> None:
        """Leave one notice."""
        self._waiting.append(Notice(time, kind, text, details))

    def warn(self, time: float, warnings: Iterable[str]) -> None:
        """Leave one notice for each of these texts."""
        self._waiting.extend(Notice(time, "warning", warning) for warning in warnings)

    def extend(self, notices: Iterable[Notice]) -> None:
        """Leave notices that another part has made."""
        self._waiting.extend(notices)

    def take(self) -> list[Notice]:
        """The notices since the last call."""
        notices, self._waiting = self._waiting, []
        return notices
