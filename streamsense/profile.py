"""A participant's profile: neutral face, EEG baseline, voice normalisation, habitual discord; learned once, used again.

Its parts are what the core knows of the person. What whoever made it says about it beside is not given to the core.

It holds numbers about a person's body and voice: personal data, to be kept like the recording that it was made from.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import ConfigError
from streamsense.streams import MODALITIES

if TYPE_CHECKING:
    from streamsense.pipeline import Pipeline

PROFILE = "profile"
"""Name of the Control event that brings a profile into the core; its payload is the profile's text."""
LEARN = "learning"
"""Name of the Control event that says who learns from here on; its payload is that of `learning_payload`."""
VERSION = 1
_LARGEST_FILE = 1 << 20
_LARGEST_NUMBER = 1e6
_LONGEST_PHASE = 100
_ABOUT = "about"
_REMEDY = "Make a new one: `streamsense calibrate CONFIG -o PROFILE`."

FUSION = "fusion"
PARTS = (*MODALITIES, FUSION)
FORGOTTEN = "what was learned of the person is forgotten"
"""Of a stream that came back so that nothing learned before fits it."""
Part = Mapping[str, Any]
"""What one modality's features learned, by name: numbers, texts, lists of numbers, and such by name."""


@dataclass(frozen=True)
class Profile:
    """`parts` has one entry for each modality of which something was learned, and one for the fusion.

    `about` is what its maker says of it (when it was made, how good it was): kept in the file, and read by people.
    """

    parts: Mapping[str, Part]
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_learned(cls, parts: Mapping[str, Part]) -> Profile:
        """Of what a pipeline has learned. Raises ConfigError when that is nothing yet."""
        if not parts.keys() & set(MODALITIES):
            raise ConfigError(
                "There is nothing to save in a profile: no modality was seen long enough. Expected a minute of rest, "
                "eyes open, and some speech. `streamsense calibrate CONFIG -o PROFILE` records it."
            )
        return cls(parts)

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline) -> Profile:
        """What the pipeline's features have learned so far. Raises ConfigError when that is nothing yet."""
        return cls.from_learned(pipeline.learned())

    @property
    def payload(self) -> str:
        """The parts as text, every number exact, as the core takes them; the same parts always give the same text."""
        return json.dumps({"streamsense_profile": VERSION, **self.parts}, sort_keys=True, allow_nan=False)

    @property
    def sha256(self) -> str:
        """The hash of the payload, hexadecimal."""
        return hashlib.sha256(self.payload.encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the profile to a new file, whole or not at all. Raises ConfigError where it exists, or cannot be made.

        The file is `payload` with `about` beside.
        """
        about = {_ABOUT: dict(self.about)} if self.about else {}
        content = {"streamsense_profile": VERSION, **about, **self.parts}
        text = json.dumps(content, sort_keys=True, allow_nan=False) + "\n"
        with _new_file(path) as file:
            file.write(text)


def check_place(path: Path) -> None:
    """Raise ConfigError where `Profile.save` would: before anybody sits still for it."""
    with _new_file(path):
        pass
    path.unlink()


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file that was not there, and is not there either should anything go wrong."""
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                path.unlink()
                raise
    except FileExistsError as error:
        raise ConfigError(f"{path} exists already, and a profile is never overwritten. Choose another name.") from error
    except OSError as error:
        raise ConfigError(f"The profile {path} cannot be written ({error.strerror}). Choose another place.") from error


def learning_payload(parts: Iterable[str], phase: str = "") -> str:
    """That `parts` forget what they know and learn from here on, in a phase of this name; the others learn no more."""
    return json.dumps({"parts": list(parts), "phase": phase})


def parse_learning(text: str) -> tuple[list[str], str]:
    """The parts and the phase of a `learning_payload`. Raises ConfigError for anything else."""
    try:
        content = json.loads(text)
        parts, phase = content["parts"], content["phase"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ConfigError(f"Who is to learn is told as {text[:40]!r}, expected JSON with parts and phase.") from error
    if not (isinstance(parts, list) and all(part in PARTS for part in parts) and isinstance(phase, str)):
        raise ConfigError(f"Who is to learn is told as {text[:40]!r}, expected some of {', '.join(PARTS)}.")
    return parts, phase[:_LONGEST_PHASE]


def load_profile(path: Path) -> Profile:
    """Read a profile. Raises ConfigError for anything else."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"The profile {path} cannot be read ({error.strerror}). Check the path.") from error
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"{path} is larger than 1 MiB, so it is no profile. {_REMEDY}")
    return parse_profile(content.decode("utf-8", errors="replace"), f"The profile {path}")


def parse_profile(text: str, origin: str = "The profile") -> Profile:
    """The profile that `text` holds. What its parts must hold is checked by the features that use them."""
    try:
        content = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{origin} is no JSON ({error}). {_REMEDY}") from error
    if not isinstance(content, dict) or "streamsense_profile" not in content:
        raise ConfigError(f"{origin} has no 'streamsense_profile', so it is no profile. {_REMEDY}")
    version = content.pop("streamsense_profile")
    if version != VERSION:
        raise ConfigError(f"{origin} has version {str(version)[:20]}, expected {VERSION}. {_REMEDY}")
    about = content.pop(_ABOUT, {})
    if not isinstance(about, dict):
        raise ConfigError(f"{origin} has {_shown(about)} as {_ABOUT!r}, expected entries by name. {_REMEDY}")
    for name, part in content.items():
        if name not in PARTS or not isinstance(part, dict):
            expected = f"expected a part for each of {', '.join(PARTS)} at most"
            raise ConfigError(f"{origin} has {name[:40]!r}: {type(part).__name__}, {expected}. {_REMEDY}")
    return Profile({name: content[name] for name in PARTS if name in content}, about)


def numbers(part: Part, name: str, count: int) -> FloatArray:
    """The `count` finite numbers that `part` has under `name`. Raises ConfigError for anything else."""
    found = part.get(name)
    values = found if isinstance(found, list) else [found]
    if len(values) != count or not all(_is_number(value) for value in values):
        expected = "a finite number" if count == 1 else f"a list of {count} finite numbers"
        raise ConfigError(f"The profile has {_shown(found)} as {name!r}, expected {expected}. {_REMEDY}")
    return np.array(values, np.float64)


def table(part: Part, name: str) -> Part:
    """The entries by name that `part` has under `name`. Raises ConfigError for anything else."""
    found = part.get(name)
    if not isinstance(found, dict):
        raise ConfigError(f"The profile has {_shown(found)} as {name!r}, expected entries by name. {_REMEDY}")
    return found


def _finite(text: str) -> float:
    """What Python reads beyond JSON's numbers, NaN and infinity, could not be written again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number")
    return number


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST_NUMBER  # false for NaN too


def _shown(found: object) -> str:
    if isinstance(found, list | dict):
        return f"{len(found)} entries"
    return "nothing" if found is None else repr(found)[:40] if not isinstance(found, int) else "a number"
