"""The configuration of a session: validated once, frozen, errors that name the nearest key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from streamsense.settings_file import Section, load_settings, parse_settings


class LslSource(Section):
    """A stream on the network, found by any of its properties; exactly one stream must match."""

    kind: Literal["lsl"] = "lsl"
    name: str | None = None
    type: str | None = None
    source_id: str | None = None
    required: bool = True
    buffer_s: float = Field(default=30.0, ge=1.0, le=3600.0)


class WebcamSource(Section):
    """A camera: its number, a video file (again and again with `loop`), or a URL."""

    kind: Literal["webcam"] = "webcam"
    device: int | str = 0
    latency_s: float = Field(default=0.0, ge=0.0, le=2.0)
    width: int | None = Field(default=None, ge=16, le=8192)
    height: int | None = Field(default=None, ge=16, le=8192)
    fps: float | None = Field(default=None, gt=0.0, le=1000.0)
    loop: bool = False
    required: bool = True


class MicrophoneSource(Section):
    """A sound input, chosen by its name."""

    kind: Literal["microphone"] = "microphone"
    device: int | str | None = None
    rate_hz: int | None = Field(default=None, ge=8000, le=192_000)
    required: bool = True


Unit = Annotated[float, Field(ge=-1.0, le=1.0)]
Channels = Annotated[LslSource | MicrophoneSource, Field(discriminator="kind")]
Pictures = Annotated[LslSource | WebcamSource, Field(discriminator="kind")]


class EegSection(Section):
    """EEG: where it comes from and how its features are made."""

    source: LslSource = LslSource(type="EEG")
    electrodes: dict[str, str] = Field(default={})
    """Electrode names for channels that are called otherwise: channel label → electrode."""
    model: str = "eeg_knowledge"
    window_s: float = Field(default=4.0, ge=1.0, le=4.0, multiple_of=0.2)
    line_frequency_hz: Literal[50, 60] | None = 50
    reference: Literal["average", "none"] = "average"
    interpolate: bool = False


class FaceSection(Section):
    """Face: a camera, a stream of pictures (base64 JPEG), or a stream of face vectors."""

    source: Pictures = WebcamSource()
    model: str | None = None
    front_end: Literal["mesh468_iris", "mesh478_blendshapes"] = "mesh468_iris"
    window_s: float = Field(default=2.0, ge=0.4, le=4.0)


class VoiceSection(Section):
    """Voice: a microphone or a stream of sound.

    `voice_activity` is never chosen by what is installed: `energy` needs nothing, `silero` a net that is fetched once.
    """

    source: Channels = MicrophoneSource()
    model: str | None = None
    window_s: float = Field(default=2.0, ge=0.5, le=4.0)
    voice_activity: Literal["energy", "silero"] = "energy"
    mels: Literal[64, 80] = 64


class TextSection(Section):
    """Words of a speech recogniser, for the cues of language in hesitancy; of them only counts enter the session.

    `lexicon` is a YAML file in place of the language's own list of words.
    """

    source: LslSource = LslSource(type="Transcript")
    language: str = Field(default="en", pattern=r"^[A-Za-z-]{1,16}$")
    lexicon: Path | None = None


class MarkerSection(Section):
    """Stimulus markers: every stream of this type is taken in and kept, whenever it appears."""

    type: str = "Markers"


class TimingSection(Section):
    """The rules of time, in seconds."""

    deadline_s: float = Field(default=0.12, ge=0.0, le=5.0)
    stale_after_s: float = Field(default=1.0, gt=0.0, le=60.0)
    backlog_s: float = Field(default=2.0, ge=0.2, le=5.0)


class LslSection(Section):
    """How this process uses the network; applied before the first use of Lab Streaming Layer."""

    session_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    scope: Literal["machine", "link", "site", "organization", "global"] = "machine"
    known_peers: tuple[str, ...] = ()
    ipv6: Literal["disable", "allow", "force"] = "disable"
    resolve_timeout_s: float = Field(default=5.0, gt=0.0, le=120.0)


class OutputSection(Section):
    """Where scores go."""

    lsl: bool = True
    name: str = Field(default="streamsense", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    csv: Path | None = None


_ENTITY = Field(pattern=r"^[A-Za-z0-9]{1,32}$")


class RecordingSection(Section):
    """What a recording is called and what of the person it holds; `--record FOLDER` begins one."""

    folder: Path | None = None
    participant: Annotated[str, _ENTITY] = "01"
    session: Annotated[str, _ENTITY] = "01"
    task: Annotated[str, _ENTITY] = "affect"
    raw_sound: bool = False
    raw_video: bool = False
    raw_words: bool = False
    roll_minutes: float | None = Field(default=None, ge=0.05, le=1440.0)


class DynamicsSection(Section):
    """How the smoothed state follows: at first order, or at second order, with inertia."""

    order: Literal[1, 2] = 1
    time_constant_s: float = Field(default=1.0, ge=0.001, le=60.0)
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


class AmbivalenceSection(Section):
    """Who scores ambivalence: the formula, or a trained model that is given the same parts."""

    model: str | None = None


class Config(Section):
    """One session. A modality whose section is absent is not used, nor are words without a `text` section."""

    eeg: EegSection | None = None
    face: FaceSection | None = None
    voice: VoiceSection | None = None
    text: TextSection | None = None
    markers: MarkerSection | None = MarkerSection()
    timing: TimingSection = TimingSection()
    profile: Path | None = None
    fusion_model: str = "fusion_precision"
    """The model that combines the experts: the name of a shipped one, or the path of an .onnx file."""
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    dynamics: DynamicsSection = DynamicsSection()
    ambivalence: AmbivalenceSection = AmbivalenceSection()
    lsl: LslSection = LslSection()
    output: OutputSection = OutputSection()
    recording: RecordingSection = RecordingSection()


def load_config(path: Path) -> Config:
    """Read a YAML configuration. Raises ConfigError saying what is wrong and, for a key, the nearest right one."""
    return load_settings(Config, path, "The configuration")


def parse_config(content: object, origin: str) -> Config:
    """Validate the content of a configuration that came from `origin`."""
    return parse_settings(Config, content, origin)
