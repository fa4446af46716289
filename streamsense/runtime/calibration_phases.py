"""What a person is asked to do in a calibration, for how long, and what is learned from it."""

from __future__ import annotations

from dataclasses import dataclass

from streamsense.config import Config
from streamsense.errors import ConfigError
from streamsense.streams import MODALITIES, Modality

LEAST_REST_S, LEAST_CLOSED_S, LEAST_READING_S = 11.0, 5.0, 5.0
"""Baseline and neutral face want 10 s without a hole; a window of closed eyes is 4 s; of the voice 3 s are needed."""
LONGEST_S = 60.0


@dataclass(frozen=True)
class Phase:
    """One stretch of a calibration: how long (s), what is learned in it, and whose quality is watched."""

    name: str
    title: str
    instruction: str
    seconds: float
    learns: tuple[Modality, ...]
    watches: tuple[Modality, ...]


@dataclass(frozen=True)
class Lengths:
    """How long the phases are (s). Raises ConfigError where one is too short."""

    rest_s: float = 20.0
    eyes_closed_s: float = 15.0
    reading_s: float = 15.0

    def __post_init__(self) -> None:
        if self.rest_s < LEAST_REST_S or self.eyes_closed_s < LEAST_CLOSED_S or self.reading_s < LEAST_READING_S:
            raise ConfigError(
                f"The phases are to last {self.rest_s:g}, {self.eyes_closed_s:g} and {self.reading_s:g} s, expected "
                f"at least {LEAST_REST_S:g} s of rest, {LEAST_CLOSED_S:g} s of closed eyes, {LEAST_READING_S:g} s of "
                "reading. Shorter ones teach too little."
            )


def phases_for(config: Config, lengths: Lengths, sentence: str) -> list[Phase]:
    """The phases that the configuration's modalities need. Raises ConfigError for more than a minute of them."""
    used = used_modalities(config)
    seen: tuple[Modality, ...] = tuple(name for name in ("eeg", "face") if name in used)
    looks = "Look into the camera" if "face" in used else "Look straight ahead"
    rest = f"{looks}, the face relaxed and the mouth closed. Sit still, and do not speak."
    phases = []
    if seen:
        phases.append(Phase("rest_eyes_open", "Rest, eyes open", rest, lengths.rest_s, seen, seen))
    if "eeg" in used:
        closed = "Close your eyes, and sit still until you are told to open them."
        phases.append(Phase("rest_eyes_closed", "Rest, eyes closed", closed, lengths.eyes_closed_s, (), ("eeg",)))
    if "voice" in used:
        reading = f"Read aloud, as you usually speak, again and again until the time is up:\n\n  {sentence}\n"
        phases.append(Phase("reading", "Reading aloud", reading, lengths.reading_s, ("voice",), ("voice",)))
    total_s = sum(phase.seconds for phase in phases)
    if total_s > LONGEST_S:
        raise ConfigError(
            f"The phases are to last {total_s:g} s together, expected {LONGEST_S:g} s at most: nobody sits still for "
            "longer. Make one of them shorter."
        )
    return phases


def used_modalities(config: Config) -> tuple[Modality, ...]:
    """The modalities of the configuration. Raises ConfigError where there is none."""
    used = tuple(modality for modality in MODALITIES if getattr(config, modality) is not None)
    if not used:
        raise ConfigError("The configuration uses no modality. Expected at least one section of: eeg, face, voice.")
    return used
