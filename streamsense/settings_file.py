"""Settings that a file brings: validated once, frozen, errors that name the nearest key."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from streamsense.errors import ConfigError
from streamsense.yaml_file import read_yaml

_LONGEST_SHOWN = 120
_PLAIN_WORDS = {"model_type": "expected keys and values under it", "path_type": "expected a path"}
"""In place of what pydantic says, by its names of problems."""


class Section(BaseModel):
    """A part of a file with settings: nothing unknown in it, and nothing that changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Settings = TypeVar("Settings", bound=Section)


def load_settings(kind: type[Settings], path: Path, what: str) -> Settings:
    """Read a YAML file of `kind`; `what` names it in errors: "The configuration". Raises ConfigError."""
    content = read_yaml(path)
    return parse_settings(kind, {} if content is None else content, f"{what} {path}")


def parse_settings(kind: type[Settings], content: object, origin: str) -> Settings:
    """Validate content that came from `origin`. Raises ConfigError: what is wrong and, for a key, the nearest one."""
    if not isinstance(content, dict):
        known = ", ".join(repr(name) for name in list(kind.model_fields)[:3])
        raise ConfigError(f"{origin} holds a {type(content).__name__}, expected a mapping with keys such as {known}.")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_explain(kind, problem) for problem in error.errors()[:5])
        raise ConfigError(f"{origin} cannot be used: {problems}.") from error


def _explain(kind: type[Section], problem: Any) -> str:
    """One validation problem in words; for an unknown key the nearest known one."""
    if problem["type"] == "extra_forbidden":
        *parents, last = problem["loc"]
        names, sections = _walk(kind, parents)
        known = sorted({key for section in sections for key in section.model_fields})
        near = difflib.get_close_matches(str(last)[:_LONGEST_SHOWN], known, n=1, cutoff=0.0)
        where = ".".join([*names, _shortened(str(last))])
        return f"there is no key '{where}'; did you mean '{near[0]}'? Known here: {', '.join(known)}"
    names, sections = _walk(kind, problem["loc"])
    message = _PLAIN_WORDS.get(problem["type"], problem["msg"])
    if problem["type"] == "union_tag_not_found":
        message = f"a key 'kind' is needed, with one of: {', '.join(str(_tag(section)) for section in sections)}"
    where = f"{_shortened('.'.join(names))}: " if names else ""
    return f"{where}{message.removeprefix('Value error, ')} (found {_shown(problem['input'])})"


def _walk(kind: type[Section], location: Sequence[str | int]) -> tuple[list[str], list[Any]]:
    """The keys of a path of pydantic's, as they are in the file, and the sections that can be at its end.

    pydantic names the chosen branch of a union too: 'source.lsl.name' is 'source.name' in the file.
    """
    names: list[str] = []
    sections: list[Any] = [kind]
    for part in location:
        branch = [section for section in sections if _tag(section) == part] if len(sections) > 1 else []
        if branch:
            sections = branch
            continue
        if part in ("int", "str") and not sections:
            continue
        names.append(str(part))
        fields = [section.model_fields[str(part)] for section in sections if part in section.model_fields]
        if fields:  # else it is a key that the file's author chose, of a mapping whose values are these sections
            sections = [found for field in fields for found in _sections_in(field.annotation)]
    return names, sections


def _tag(section: Any) -> object:
    kind = section.model_fields.get("kind")
    return kind.default if kind is not None else None


def _sections_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Section) else []
    return [section for part in getattr(annotation, "__args__", ()) for section in _sections_in(part)]


def _shown(value: object) -> str:
    try:
        return _shortened(repr(value))
    except ValueError:  # Python writes out no number of thousands of digits
        return f"a {type(value).__name__} too long to show"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
