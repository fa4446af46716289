"""A calibration: a session in which a person is learned phase by phase, for a profile, and how well that went."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamsense.config import Config
from streamsense.errors import ConfigError
from streamsense.features.band_entropy import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.face_quality import UNSETTLED
from streamsense.profile import LEARN, Profile, learning_payload
from streamsense.runtime.session import open_session
from streamsense.score import Notice, Score
from streamsense.sinks.base import Sink
from streamsense.streams import MODALITIES, Feature, Modality
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

LEAST_QUALITY = 0.3
"""Median quality of a phase's windows below which nothing of it is kept: a choice."""
LEAST_REST_S, LEAST_CLOSED_S, LEAST_READING_S = 11.0, 5.0, 5.0
"""Baseline and neutral face want 10 s without a hole; a window of closed eyes is 4 s; of the voice 3 s are needed."""
LONGEST_S = 60.0
_KEPT = round(3 * LONGEST_S * TICKS_PER_SECOND)
_PATIENCE_S = 2.0
_ALPHA = BAND_NAMES.index("alpha")
_POSTERIOR = np.array([name.startswith(("O", "P", "I", "TP9", "TP10")) for name in ELECTRODES])
"""Occipital and parietal electrodes, and those behind the ears of a headband that has no others in the back."""
_REMEDIES: dict[Modality, str] = {
    "eeg": "Mend the electrodes that are named, and let the person sit still.",
    "face": "Let the person look into the camera, lit from the front.",
    "voice": "Check the microphone and its gain, and let the person read until the time is up.",
}


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


@dataclass(frozen=True)
class Finding:
    """How one modality did in one phase: seconds learned from, median quality in [0, 1], and what was amiss."""

    modality: Modality
    seconds: float
    quality: float
    reasons: tuple[str, ...]
    is_learned: bool

    @property
    def is_good(self) -> bool:
        """Whether what was learned is worth keeping."""
        return self.is_learned and self.quality >= LEAST_QUALITY

    def __str__(self) -> str:
        amiss = f" ({', '.join(self.reasons)})" if self.reasons else ""
        return f"{self.modality}: {self.seconds:.1f} s learned from, quality {self.quality:.2f}{amiss}"

    @property
    def remedy(self) -> str:
        """What to do where it is not good."""
        return _REMEDIES[self.modality]

    def as_json(self) -> dict[str, Any]:
        """For `about` in the profile and for programs."""
        return {"seconds": round(self.seconds, 2), **self.quality_json()}

    def quality_json(self) -> dict[str, Any]:
        """The same of a phase in which nothing was learned."""
        return {"quality": round(self.quality, 3), "reasons": list(self.reasons)}


class _Windows:
    """A sink that keeps what was read at the last ticks."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, Mapping[Modality, Feature]]] = deque(maxlen=_KEPT)

    def write_score(self, score: Score, compute_s: float) -> None:  # noqa: ARG002  (the sinks' common shape)
        self._kept.append((score.time, score.windows))

    def write_notice(self, notice: Notice) -> None:
        pass

    def close(self) -> None:
        pass

    @property
    def newest(self) -> tuple[float, Mapping[Modality, Feature]]:
        return self._kept[-1] if self._kept else (-np.inf, {})

    def between(self, modality: Modality, start: float, end: float) -> list[Feature]:
        kept = self._kept.copy()  # the core's thread goes on writing
        return [windows[modality] for at, windows in kept if start <= at <= end and modality in windows]


class Calibration:
    """A session that learns only when it is told to. Use `session` to start, check and stop it."""

    def __init__(self, config: Config, record_into: Path | None = None, sinks: Sequence[Sink] = ()) -> None:
        self._config = calibration_config(config, record_into)
        self._windows = _Windows()
        nobody = [(LEARN, learning_payload((), "pause"))]
        self.session = open_session(self._config, sinks, controls=nobody)
        self.session.add_sink(self._windows)
        self._began = self._ended = 0.0

    @property
    def folder(self) -> Path | None:
        """Where it is recorded, if anywhere."""
        return self._config.recording.folder

    @property
    def newest(self) -> Mapping[Modality, Feature]:
        """What was read at the newest tick, by modality; a modality is missing until its stream has sent."""
        return self._windows.newest[1]

    def learned_s(self) -> Mapping[Modality, float]:
        """Seconds that each modality has learned from so far."""
        return self.session.ask(lambda pipeline: pipeline.learned_s())

    def begin(self, phase: Phase, learners: Sequence[Modality]) -> None:
        """Begin a phase, in which `learners` forget what they know and learn."""
        self._began = self.session.control(LEARN, learning_payload(learners, phase.name))

    def end(self, phase: Phase) -> list[Finding]:
        """End the phase that was begun: what was found of the modalities that it watches."""
        self._ended = self.session.control(LEARN, learning_payload((), "pause"))
        give_up_at = time.monotonic() + _PATIENCE_S
        while self._windows.newest[0] < self._ended - HOP_S and time.monotonic() < give_up_at:
            self.session.check()
            time.sleep(0.02)
        learned, learned_s = self.session.ask(lambda pipeline: (pipeline.learned(), pipeline.learned_s()))
        return [self._finding(modality, learned_s[modality], modality in learned) for modality in phase.watches]

    def _finding(self, modality: Modality, learned_s: float, is_learned: bool) -> Finding:
        windows = self._whole_windows(modality)
        if modality == "face":
            # Until the neutral face has settled the quality says so, and not how the picture is.
            windows = [window for window in windows if UNSETTLED not in window.reasons] or windows
        if not windows:
            return Finding(modality, learned_s, 0.0, ("nothing was received",), is_learned)
        quality = float(np.median([window.quality * window.validity for window in windows]))
        counted = Counter(reason for window in windows for reason in window.reasons if reason != UNSETTLED)
        reasons = tuple(reason for reason, count in counted.most_common(3) if count >= len(windows) / 4)
        return Finding(modality, learned_s, quality, reasons, is_learned)

    def _whole_windows(self, modality: Modality) -> list[Feature]:
        """The windows that lie within the phase that ended last."""
        window_s = getattr(self._config, modality).window_s
        return self._windows.between(modality, self._began + window_s, self._ended)

    def alpha_rise(self) -> float | None:
        """`alpha_rise` of the phase that ended last."""
        return alpha_rise(self._whole_windows("eeg"))

    def forget(self, modalities: Sequence[Modality]) -> None:
        """Let these modalities know nothing, in the recording too."""
        self.session.control(LEARN, learning_payload(modalities, "forgotten"))
        self.session.control(LEARN, learning_payload((), "pause"))

    def profile(self) -> Profile:
        """What was learned. Raises ConfigError where that is nothing."""
        return Profile.from_learned(self.session.ask(lambda pipeline: pipeline.learned()))


def alpha_rise(windows: Sequence[Feature]) -> float | None:
    """Alpha entropy of EEG windows above their baseline (nats), mean over the posterior electrodes that are good.

    None where there is none. It rises in most people when they close their eyes (Berger 1929).
    """
    rises = []
    for window in windows:
        there = _POSTERIOR & (window.inputs["electrode_mask"] > 0)
        change = window.inputs["band_entropy"][:, _ALPHA] - window.inputs["band_entropy_baseline"][:, _ALPHA]
        if there.any():
            rises.append(float(change[there].mean(dtype=np.float64)))
    return float(np.mean(rises)) if rises else None


def calibration_config(config: Config, record_into: Path | None) -> Config:
    """The configuration without a profile and without outputs, recorded as the task `calibration`."""
    recording = config.recording.model_copy(update={"folder": record_into, "task": "calibration"})
    output = config.output.model_copy(update={"lsl": False, "csv": None})
    return config.model_copy(update={"profile": None, "output": output, "recording": recording})
