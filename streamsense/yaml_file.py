"""Reads a YAML file that may be damaged or hostile: bounded, plain data only, errors in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from streamsense.errors import ConfigError

LONGEST_BYTES = 1 << 16
"""A longer file is no configuration, and the parser takes a second for each 100 kB."""


class _PlainLoader(yaml.SafeLoader):
    """YAML's safe loader without aliases, which can make a small file huge, and without keys that are there twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, "aliases (*name) are not taken; write the value out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in lines:
                problem = f"the key {key.value[:80]!r} is there twice, first in line {lines[key.value]}"
                raise yaml.MarkedYAMLError(None, None, problem, key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, what: str = "configuration") -> object:
    """The content of a YAML file, mappings, lists, texts, numbers; `what` it is called. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"The {what} {path} cannot be read: {error.strerror}. Give the path of a YAML file."
        ) from error
    if len(raw) > LONGEST_BYTES:
        raise ConfigError(
            f"The {what} {path} is longer than {LONGEST_BYTES} bytes. A {what} is a page of YAML: give another file."
        )
    try:
        return yaml.load(raw, _PlainLoader)  # noqa: S506  (a safe loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _not_yaml(path, what, f"{where}{error.problem or error.context}") from None
    except RecursionError:
        raise _not_yaml(path, what, "it is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or a number that cannot be
        raise _not_yaml(path, what, " ".join(str(error).split())) from None


def _not_yaml(path: Path, what: str, problem: str) -> ConfigError:
    return ConfigError(f"The {what} {path} is not valid YAML: {problem}. Correct it there.")
