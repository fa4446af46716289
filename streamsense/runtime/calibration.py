"""A calibration: a session in which a person is learned phase by phase, for a profile, and how well that went."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from streamsense.config import Config
from streamsense.features.band_entropy import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES, map_electrodes, rename_channels
from streamsense.features.face_quality import UNSETTLED
from streamsense.profile import LEARN, Profile, learning_payload
from streamsense.quality_notices import kind_of
from streamsense.runtime.calibration_phases import LONGEST_S, Phase
from streamsense.runtime.session import open_session
from streamsense.score import Notice, Score
from streamsense.sinks.base import Sink
from streamsense.streams import Feature, Modality
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

LEAST_QUALITY = 0.3
"""Median quality of a phase's windows below which nothing of it is kept: a choice."""
_KEPT = round(3 * LONGEST_S * TICKS_PER_SECOND)
_PATIENCE_S = 2.0
_ALPHA = BAND_NAMES.index("alpha")
_POSTERIOR = np.array([name.startswith(("O", "P", "I", "TP9", "TP10")) for name in ELECTRODES])
"""Occipital and parietal electrodes, and those behind the ears of a headband that has no others in the back."""
_LOUD_UV = 60.0  # as for the quality
_REMEDIES: dict[Modality, str] = {
    "eeg": "Mend the electrodes, and let the person sit still.",
    "face": "Let the person look into the camera, lit from the front.",
    "voice": "Check the microphone and its gain, and let the person read until the time is up.",
}


@dataclass(frozen=True)
class Finding:
    """How one modality did in one phase: seconds learned from, median quality in [0, 1], and what was amiss."""

    modality: Modality
    seconds: float
    quality: float
    reasons: tuple[str, ...]
    is_learned: bool

    def as_lost(self) -> Finding:
        """The same, should the stream have come back otherwise after the phase: all that was learned is gone."""
        reasons = ("its stream came back otherwise after that, and what was learned is lost",)
        return replace(self, seconds=0.0, reasons=reasons, is_learned=False)

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

    @property
    def bad_electrodes(self) -> tuple[str, ...]:
        """The electrodes that measure nothing, or noise, at the newest tick."""
        window, meter = self.newest.get("eeg"), self.session.status.meters.get("eeg")
        if window is None or meter is None or self._config.eeg is None:
            return ()
        labels = rename_channels(meter.info.channel_labels, self._config.eeg.electrodes)
        return bad_electrodes(window, map_electrodes(labels).names)

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
        reasons = lasting_reasons(windows)
        if modality == "eeg" and (bad := self.bad_electrodes):
            reasons += (f"look at {' '.join(bad)}",)
        return Finding(modality, learned_s, quality, reasons, is_learned)

    def _whole_windows(self, modality: Modality) -> list[Feature]:
        """The windows that lie within the phase that ended last."""
        window_s = getattr(self._config, modality).window_s
        return self._windows.between(modality, self._began + window_s, self._ended)

    def alpha_rise(self) -> float | None:
        """`alpha_rise` of the phase that ended last."""
        return alpha_rise(self._whole_windows("eeg"))

    def learned(self) -> frozenset[str]:
        """The parts of which something is known, now."""
        return self.session.ask(lambda pipeline: frozenset(pipeline.learned()))

    def forget(self, modalities: Sequence[Modality]) -> None:
        """Let these modalities know nothing, in the recording too."""
        self.session.control(LEARN, learning_payload(modalities, "forgotten"))
        self.session.control(LEARN, learning_payload((), "pause"))

    def profile(self) -> Profile:
        """What was learned. Raises ConfigError where that is nothing."""
        return Profile.from_learned(self.session.ask(lambda pipeline: pipeline.learned()))


def lasting_reasons(windows: Sequence[Feature]) -> tuple[str, ...]:
    """What was amiss in a quarter of the windows or more, three things at most, the most frequent first.

    Each as it was said most often: what it counts may change from window to window.
    """
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for window in windows:
        for reason in window.reasons:
            said[kind_of(reason)][reason] += 1
    said.pop(UNSETTLED, None)
    often = sorted(said.values(), key=lambda counted: -counted.total())[:3]
    return tuple(counted.most_common(1)[0][0] for counted in often if counted.total() >= len(windows) / 4)


def bad_electrodes(window: Feature, names: Sequence[str]) -> tuple[str, ...]:
    """Those of an EEG window's electrodes `names` that are masked, or have more than 60 µV in all bands together."""
    variance = np.exp(2 * window.inputs["band_entropy"].astype(np.float64)) / (2 * np.pi * np.e)
    is_bad = (window.inputs["electrode_mask"] <= 0) | (variance.sum(axis=1) > _LOUD_UV**2)
    return tuple(name for name in names if is_bad[ELECTRODES.index(name)])


def alpha_rise(windows: Sequence[Feature]) -> float | None:
    """Alpha entropy of EEG windows above their baseline (nats), mean over the posterior electrodes that are good.

    None where none has a baseline. It rises in most people when they close their eyes (Berger 1929).
    """
    rises = []
    for window in windows:
        change = window.inputs["band_entropy"][:, _ALPHA] - window.inputs["band_entropy_baseline"][:, _ALPHA]
        # Exactly 0: an electrode of which no baseline is known is its own.
        there = _POSTERIOR & (window.inputs["electrode_mask"] > 0) & (change != 0)
        if there.any():
            rises.append(float(change[there].mean(dtype=np.float64)))
    return float(np.mean(rises)) if rises else None


def calibration_config(config: Config, record_into: Path | None) -> Config:
    """The configuration without a profile and without outputs, recorded as the task `calibration`.

    `record_into` is another folder than the configuration's, if any.
    """
    folder = record_into or config.recording.folder
    recording = config.recording.model_copy(update={"folder": folder, "task": "calibration"})
    output = config.output.model_copy(update={"lsl": False, "csv": None})
    return config.model_copy(update={"profile": None, "output": output, "recording": recording})
