"""The configuration of a session: validated once, frozen, errors that name the nearest key."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streamsense.errors import ConfigError
from streamsense.yaml_file import read_yaml

_LONGEST_SHOWN = 120
_PLAIN_WORDS = {"model_type": "expected keys and values under it", "path_type": "expected a path"}
"""In place of what pydantic says, by its names of problems."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LslSource(_Section):
    """A stream on the network, found by any of its properties; exactly one stream must match."""

    kind: Literal["lsl"] = "lsl"
    name: str | None = None
    type: str | None = None
    source_id: str | None = None
    required: bool = True
    buffer_s: float = Field(default=30.0, ge=1.0, le=3600.0)


class WebcamSource(_Section):
    """A camera: its number, a video file (again and again with `loop`), or a URL."""

    kind: Literal["webcam"] = "webcam"
    device: int | str = 0
    latency_s: float = Field(default=0.0, ge=0.0, le=2.0)
    width: int | None = Field(default=None, ge=16, le=8192)
    height: int | None = Field(default=None, ge=16, le=8192)
    fps: float | None = Field(default=None, gt=0.0, le=1000.0)
    loop: bool = False
    required: bool = True


class MicrophoneSource(_Section):
    """A sound input, chosen by its name."""

    kind: Literal["microphone"] = "microphone"
    device: int | str | None = None
    rate_hz: int | None = Field(default=None, ge=8000, le=192_000)
    required: bool = True


Unit = Annotated[float, Field(ge=-1.0, le=1.0)]
Channels = Annotated[LslSource | MicrophoneSource, Field(discriminator="kind")]
Pictures = Annotated[LslSource | WebcamSource, Field(discriminator="kind")]


class EegSection(_Section):
    """EEG: where it comes from and how its features are made."""

    source: LslSource = LslSource(type="EEG")
    electrodes: dict[str, str] = {}
    """Electrode names for channels that are called otherwise: channel label → electrode."""
    model: str = "eeg_knowledge"
    window_s: float = Field(default=4.0, ge=1.0, le=4.0, multiple_of=0.2)
    line_frequency_hz: Literal[50, 60] | None = 50
    reference: Literal["average", "none"] = "average"
    interpolate: bool = False


class FaceSection(_Section):
    """Face: a camera, a stream of pictures (base64 JPEG), or a stream of face vectors."""

    source: Pictures = WebcamSource()
    model: str | None = None
    front_end: Literal["mesh468_iris", "mesh478_blendshapes"] = "mesh468_iris"
    window_s: float = Field(default=2.0, ge=0.4, le=4.0)


class VoiceSection(_Section):
    """Voice: a microphone or a stream of sound.

    `voice_activity` is never chosen by what is installed: `energy` needs nothing, `silero` a net that is fetched once.
    """

    source: Channels = MicrophoneSource()
    model: str | None = None
    window_s: float = Field(default=2.0, ge=0.5, le=4.0)
    voice_activity: Literal["energy", "silero"] = "energy"
    mels: Literal[64, 80] = 64


class MarkerSection(_Section):
    """Stimulus markers: every stream of this type is taken in and kept, whenever it appears."""

    type: str = "Markers"


class TimingSection(_Section):
    """The rules of time, in seconds."""

    deadline_s: float = Field(default=0.12, ge=0.0, le=5.0)
    stale_after_s: float = Field(default=1.0, gt=0.0, le=60.0)
    backlog_s: float = Field(default=2.0, ge=0.2, le=5.0)


class LslSection(_Section):
    """How this process uses the network; applied before the first use of Lab Streaming Layer."""

    session_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    scope: Literal["machine", "link", "site", "organization", "global"] = "machine"
    known_peers: tuple[str, ...] = ()
    ipv6: Literal["disable", "allow", "force"] = "disable"
    resolve_timeout_s: float = Field(default=5.0, gt=0.0, le=120.0)


class OutputSection(_Section):
    """Where scores go."""

    lsl: bool = True
    name: str = Field(default="streamsense", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    csv: Path | None = None


_ENTITY = Field(pattern=r"^[A-Za-z0-9]{1,32}$")


class RecordingSection(_Section):
    """What a recording is called and what of the person it holds; `--record FOLDER` begins one."""

    folder: Path | None = None
    participant: Annotated[str, _ENTITY] = "01"
    session: Annotated[str, _ENTITY] = "01"
    task: Annotated[str, _ENTITY] = "affect"
    raw_sound: bool = False
    raw_video: bool = False
    roll_minutes: float | None = Field(default=None, ge=0.05, le=1440.0)


class DynamicsSection(_Section):
    """How the smoothed state follows: at first order, or at second order, with inertia."""

    order: Literal[1, 2] = 1
    time_constant_s: float = Field(default=1.0, gt=0.0, le=60.0)
    return_s: float = Field(default=20.0, gt=0.0, le=600.0)
    baseline: tuple[Unit, Unit, Unit] = (0.0, 0.0, 0.0)

    @model_validator(mode="after")
    def _returns_slowly(self) -> DynamicsSection:
        if self.return_s < self.time_constant_s:
            raise ValueError(
                f"return_s is {self.return_s:g} and time_constant_s {self.time_constant_s:g}, expected a return that "
                "is not faster"
            )
        return self


class AmbivalenceSection(_Section):
    """Who scores ambivalence: the formula, or a trained model that is given the same parts."""

    model: str | None = None


class Config(_Section):
    """One session. A modality whose section is absent is not used."""

    eeg: EegSection | None = None
    face: FaceSection | None = None
    voice: VoiceSection | None = None
    markers: MarkerSection | None = MarkerSection()
    timing: TimingSection = TimingSection()
    profile: Path | None = None
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    dynamics: DynamicsSection = DynamicsSection()
    ambivalence: AmbivalenceSection = AmbivalenceSection()
    lsl: LslSection = LslSection()
    output: OutputSection = OutputSection()
    recording: RecordingSection = RecordingSection()


def load_config(path: Path) -> Config:
    """Read a YAML configuration. Raises ConfigError saying what is wrong and, for a key, the nearest right one."""
    content = read_yaml(path)
    return parse_config({} if content is None else content, f"The configuration {path}")


def parse_config(content: object, origin: str) -> Config:
    """Validate the content of a configuration that came from `origin`."""
    if not isinstance(content, dict):
        raise ConfigError(f"{origin} holds a {type(content).__name__}, expected a mapping with keys such as 'eeg'.")
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_explain(problem) for problem in error.errors()[:5])
        raise ConfigError(f"{origin} cannot be used: {problems}.") from error


def _explain(problem: Any) -> str:
    """One validation problem in words; for an unknown key the nearest known one."""
    *parents, last = problem["loc"]
    if problem["type"] == "extra_forbidden":
        names, sections = _walk(parents)
        known = sorted({key for section in sections for key in section.model_fields})
        near = difflib.get_close_matches(str(last)[:_LONGEST_SHOWN], known, n=1, cutoff=0.0)
        where = ".".join([*names, _shortened(str(last))])
        return f"there is no key '{where}'; did you mean '{near[0]}'? Known here: {', '.join(known)}"
    names, sections = _walk(problem["loc"])
    message = _PLAIN_WORDS.get(problem["type"], problem["msg"])
    if problem["type"] == "union_tag_not_found":
        message = f"a key 'kind' is needed, with one of: {', '.join(str(_tag(section)) for section in sections)}"
    return f"{_shortened('.'.join(names))}: {message} (found {_shown(problem['input'])})"


def _walk(location: Sequence[str | int]) -> tuple[list[str], list[Any]]:
    """The keys of a path of pydantic's, as they are in the file, and the sections that can be at its end.

    pydantic names the chosen branch of a union too: 'source.lsl.name' is 'source.name' in the file.
    """
    names: list[str] = []
    sections: list[Any] = [Config]
    for part in location:
        branch = [section for section in sections if _tag(section) == part] if len(sections) > 1 else []
        if branch:
            sections = branch
            continue
        if part in ("int", "str") and not sections:
            continue
        names.append(str(part))
        sections = [
            found
            for section in sections
            if part in section.model_fields
            for found in _sections_in(section.model_fields[str(part)].annotation)
        ]
    return names, sections


def _tag(section: Any) -> object:
    kind = section.model_fields.get("kind")
    return kind.default if kind is not None else None


def _sections_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, _Section) else []
    return [section for part in getattr(annotation, "__args__", ()) for section in _sections_in(part)]


def _shown(value: object) -> str:
    try:
        return _shortened(repr(value))
    except ValueError:  # Python writes out no number of thousands of digits
        return f"a {type(value).__name__} too long to show"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
