"""A frame of the voice front end: the columns of its row, and the settings that define it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from streamsense.features.log_mel import LogMelSettings

AFTER_BANDS = {
    "level": "dB",
    "tilt": "dB",
    "clipped_share": "normalized",
    "pitch_hz": "Hz",
    "periodicity": "normalized",
    "voice_probability": "normalized",
    "segment": "count",
}
"""Names and units of the columns after the log-Mel bands: level, tilt, share of clipped samples, pitch (0: none) and
periodicity (0 to 1), the probability of speech (0 to 1; always 0, and without a unit, where no net was asked), number
of the segment."""
LEVEL, TILT, CLIPPED, PITCH, PERIODICITY, VOICE_PROBABILITY, SEGMENT = range(-len(AFTER_BANDS), 0)
"""Where they are, counted from the end of a row."""
VoiceActivityMethod = Literal["energy", "silero"]


@dataclass(frozen=True)
class VoiceFrontEndSettings:
    """Everything that defines a frame. `channel` None takes the mean of all channels.

    `voice_activity` says what decides whether somebody speaks: the frames' level alone, or Silero's net.
    """

    channel: int | None = None
    highpass_hz: float = 70.0
    log_mel: LogMelSettings = field(default_factory=LogMelSettings)
    voice_activity: VoiceActivityMethod = "energy"

    def __post_init__(self) -> None:
        if not 20 <= self.highpass_hz <= 150:
            raise ValueError(f"highpass_hz is {self.highpass_hz}, expected 20 to 150 Hz")
        if self.channel is not None and self.channel < 0:
            raise ValueError(f"channel is {self.channel}, expected 0 or above, or None for the mean of all")

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns of a frame."""
        return (*(f"log_mel_{band}" for band in range(self.log_mel.mels)), *AFTER_BANDS)

    @property
    def units(self) -> tuple[str, ...]:
        """Their units."""
        beside = AFTER_BANDS if self.voice_activity == "silero" else AFTER_BANDS | {"voice_probability": ""}
        return (*("ln(power)",) * self.log_mel.mels, *beside.values())
