"""The voice's feature: from the front end's frames, as they come, to what an expert is given at a tick."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import SourceError
from streamsense.features import articulation, hesitation_sounds, speech_timing
from streamsense.features.contours import Contours, ContourState
from streamsense.features.feature_columns import FeatureColumn
from streamsense.features.frame_statistics import slots_between
from streamsense.features.log_mel import FRAME_HOP_S, FRAME_S
from streamsense.features.speech_gate import (
    SpeechGate,
    SpeechGateSettings,
    SpeechGateState,
    new_gate_state,
    restart_gate,
)
from streamsense.features.speech_timing import CUES, LOOKBACK_S
from streamsense.features.voice_activity import VoiceActivity, VoiceActivitySettings, VoiceActivityState
from streamsense.features.voice_frames import (
    CLIPPED,
    PERIODICITY,
    PITCH,
    SEGMENT,
    VOICE_PROBABILITY,
    VoiceFrontEndSettings,
)
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.features.voice_normalisation import (
    BESIDE_BANDS,
    NormalisationSettings,
    NormalisationState,
    VoiceNormalisation,
)
from streamsense.features.voice_quality import voice_quality
from streamsense.features.voice_ring import RingFrames, VoiceRingState, keep, new_ring
from streamsense.features.voice_window import contract as window_contract
from streamsense.features.voice_window import window_columns, window_inputs
from streamsense.profile import FORGOTTEN, Part
from streamsense.streams import VOICE_FRAMES, Feature, Modality, StreamInfo, TimedBlock

_SHORTEST_RING_S = LOOKBACK_S + 1.0
_LOWEST, _HIGHEST = -200.0, 30.0  # beyond any logarithm of power and any level of sound

_CUE_UNITS = {"articulation_rate_hz": "Hz"}


@dataclass(frozen=True)
class VoiceFeaturesSettings:
    """Everything that defines the feature.

    `ring_s` is how far back a tick may be asked for, plus the 9 s that the pauses are looked for in. `front_end` is
    that of the frames that are taken; `activity` follows the noise and, where no net was asked, decides who is heard
    to speak, else `speech_gate` does; `normalisation` None takes the usual one for the number of log-Mel bands.
    """

    window_s: float = 2.0
    ring_s: float = 15.0
    front_end: VoiceFrontEndSettings = field(default_factory=VoiceFrontEndSettings)
    activity: VoiceActivitySettings = field(default_factory=VoiceActivitySettings)
    speech_gate: SpeechGateSettings = field(default_factory=SpeechGateSettings)
    normalisation: NormalisationSettings | None = None

    def __post_init__(self) -> None:
        if not 0.5 <= self.window_s <= LOOKBACK_S:
            raise ValueError(f"window_s is {self.window_s}, expected 0.5 to {LOOKBACK_S} s")
        if not _SHORTEST_RING_S <= self.ring_s <= 600:
            raise ValueError(f"ring_s is {self.ring_s}, expected {_SHORTEST_RING_S} to 600 s")
        if self.normalisation is not None and self.normalisation.mels != self.mels:
            raise ValueError(f"normalisation is for {self.normalisation.mels} bands, the frames have {self.mels}")

    @property
    def mels(self) -> int:
        """How many log-Mel bands a frame has."""
        return self.front_end.log_mel.mels


@dataclass
class VoiceState(VoiceActivityState, SpeechGateState, NormalisationState, ContourState, VoiceRingState):
    """The parts' states in one flat record."""

    segment: int


class VoiceFeatures:
    """The voice front end's frames in, one voice feature per tick out; a frame counts in a window by its time."""

    modality: Modality = "voice"

    def __init__(self, settings: VoiceFeaturesSettings | None = None) -> None:
        self.settings = settings or VoiceFeaturesSettings()
        self._activity = VoiceActivity(self.settings.activity)
        by_net = self.settings.front_end.voice_activity == "silero"
        self._speech_gate = SpeechGate(self.settings.speech_gate) if by_net else None
        self._normalisation = VoiceNormalisation(
            self.settings.normalisation or NormalisationSettings.for_mels(self.settings.mels)
        )
        self._contours = Contours(self.settings.front_end.log_mel)
        self._delay_s: float | None = None
        self._profile: Part | None = None
        self._frozen = False
        self.state = self._new_state()

    @property
    def delay_s(self) -> float:
        """How far behind the sound its frames are: the front end's delay."""
        return self._delay_s or 0.0

    @property
    def effective_delay_s(self) -> float:
        """From the middle of the window to its tick, and half a frame."""
        return self.settings.window_s / 2 + FRAME_S / 2

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        """Prepare for a stream of frames; returns warnings. Raises SourceError when it carries something else."""
        front_end = self.settings.front_end
        if info.type != VOICE_FRAMES or info.channel_labels != front_end.labels:
            raise SourceError(
                f"The voice stream {info.name!r} carries {len(info.channel_labels)} channels of type {info.type!r}, "
                f"expected the {len(front_end.labels)} of the voice front end ({VOICE_FRAMES}) with "
                f"{self.settings.mels} log-Mel bands. Replay the file with the settings and the version of streamsense "
                "that recorded it."
            )
        if self._speech_gate is not None and info.channel_units[VOICE_PROBABILITY] == "":
            raise SourceError(
                f"The frames of the voice stream {info.name!r} were made with voice_activity: energy, so they have no "
                "probability of speech, which voice_activity: silero needs. Replay the file with the settings that "
                "recorded it, or from its sound where it was kept."
            )
        warnings: tuple[str, ...] = ()
        if self._delay_s is not None and info.delay_s != self._delay_s:
            if self._profile is None and self.learned_s > 0:
                warnings = (f"the sound came back with another rate: {FORGOTTEN}",)
            self.state = self._new_state()
        self._delay_s = info.delay_s
        self._take_frames(np.empty(0), np.empty((0, len(front_end.labels))))  # compiles what runs per frame
        self.feature_at(0.0)  # and per tick
        return warnings

    def _new_state(self) -> VoiceState:
        speaker, contours = self._normalisation.new_state(), self._contours.new_state()
        self._normalisation.use_profile(speaker, self._profile)
        contours.usual_from_profile = self._contours.in_profile(self._profile)
        return VoiceState(
            **vars(speaker),
            **vars(self._activity.new_state()),
            **vars(new_gate_state()),
            **vars(contours),
            **vars(new_ring(round(self.settings.ring_s / FRAME_HOP_S), self.settings.mels)),
            segment=-1,
        )

    def push(self, block: TimedBlock) -> None:
        """Take in one block of frames (n, columns); one that holds what is no number is left out."""
        rows, times = block.values.astype(np.float64), block.times
        usable = np.isfinite(rows)
        if not usable.all():
            whole = usable.all(axis=1)
            rows, times = rows[whole], times[whole]
        segments = rows[:, SEGMENT]
        changes = segments[1:] != segments[:-1]
        edges = [0, *(np.flatnonzero(changes) + 1 if changes.any() else ()), len(rows)]
        for start, stop in itertools.pairwise(edges):
            if start == stop:
                continue
            if int(segments[start]) != self.state.segment:
                # The speaker and the room stay the same over a gap.
                self._activity.restart(self.state)
                restart_gate(self.state)
                self._normalisation.restart(self.state)
                self._contours.restart(self.state)
                self.state.segment = int(segments[start])
            self._take_frames(times[start:stop], rows[start:stop])

    def _take_frames(self, times: FloatArray, rows: FloatArray) -> None:
        """Put consecutive frames (n,), (n, columns) into the ring."""
        state = self.state
        values = rows[:, : self.settings.mels + BESIDE_BANDS].clip(_LOWEST, _HIGHEST)
        level_db = values[:, self.settings.mels].copy()
        voiced, above_noise_db = self._activity.step(state, level_db)
        if self._speech_gate is not None:
            voiced = self._speech_gate.step(state, rows[:, VOICE_PROBABILITY].copy())
        learned_from = np.zeros_like(voiced) if self._frozen else voiced
        normalised, delta = self._normalisation.step(state, values, learned_from)
        contours = self._contours.step(state, values, rows[:, PITCH], rows[:, PERIODICITY], learned_from)
        clipped = rows[:, CLIPPED].clip(0.0, 1.0)
        keep(state, RingFrames(times, normalised, delta, voiced, level_db, above_noise_db, clipped, contours))

    def feature_at(self, tick_time: float) -> Feature:
        """The window before `tick_time` (s) as the voice expert takes it; frames at or after the tick do not count."""
        state = self.state
        slots = slots_between(state.ring_times, state.frames, tick_time - LOOKBACK_S, tick_time)
        times = state.ring_times.take(slots)
        cues = speech_timing.speech_timing(
            times,
            state.ring_voiced.take(slots),
            state.ring_contours.take(slots, axis=0),
            state.ring_above_noise_db.take(slots),
            tick_time,
            (self._speech_gate or self._activity).hold_frames,
        )
        last_time = float(times[-1]) if len(slots) else float("nan")
        slots = slots[times >= tick_time - self.settings.window_s]
        voiced = slots[state.ring_voiced.take(slots)]
        cues["voiced_fraction"] = len(voiced) / max(1, len(slots))
        quality, reasons = voice_quality(
            state.ring_level_db.take(slots),
            state.ring_voiced.take(slots),
            state.ring_above_noise_db.take(slots),
            state.ring_clipped.take(slots),
        )
        frames = round(self.settings.window_s / FRAME_HOP_S)
        return Feature(
            modality="voice",
            inputs=window_inputs(state, slots, frames, cues["voiced_fraction"], cues["pause_fraction"]),
            # One frame less, since the grid of frames need not fit that of ticks.
            validity=min(1.0, len(slots) / (self.settings.window_s / FRAME_HOP_S - 1)),
            quality=quality,
            last_time=last_time,
            effective_time=tick_time - self.settings.window_s / 2 - FRAME_S / 2 - self.delay_s,
            reasons=reasons,
            cues=cues,
        )

    def columns(self, infos: Sequence[StreamInfo]) -> tuple[FeatureColumn, ...]:  # noqa: ARG002  (the same for all)
        """The numbers that an expert is given of a window, and the cues."""
        cues = [FeatureColumn(name, _CUE_UNITS.get(name, "")) for name in ("voiced_fraction", *CUES)]
        return (*window_columns(self.settings.mels), *cues)

    @property
    def learned_s(self) -> float:
        """Seconds of speech that the speaker's normalisation was learned from."""
        return float(self.state.speaker_frames[0]) * FRAME_HOP_S

    def learned(self) -> dict[str, object] | None:
        """The speaker's normalisation and usual pitch, for a profile; None where too little speech was heard yet."""
        learned = self._normalisation.learned(self.state)
        if learned is None:
            return None
        return {**learned, **self._contours.learned(self.state), "seconds": self.learned_s}

    def learn_anew(self) -> None:
        """Learn the speaker's normalisation and usual pitch again, from the next frame on."""
        self._profile, self._frozen = None, False
        self._normalisation.forget(self.state)
        self._contours.forget(self.state)

    def freeze(self) -> None:
        """Keep the speaker's normalisation as it is."""
        self._frozen = True

    def use_profile(self, part: Part | None) -> tuple[str, ...]:
        """Use a profile's normalisation from now on; None: learn. Raises ConfigError if unfit."""
        usual = self._contours.in_profile(part)
        self._normalisation.use_profile(self.state, part)
        self.state.usual_from_profile = usual
        self._profile, self._frozen = part, False
        return ()

    def _activity_contract(self) -> dict[str, object]:
        level = self._activity.contract()
        return level if self._speech_gate is None else {**self._speech_gate.contract(), "noise_floor": level}

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature; a model trained with another one is refused."""
        return {
            "feature": "voice_log_mel_statistics",
            "version": 5,
            "window_s": self.settings.window_s,
            "front_end": VoiceFrontEnd(self.settings.front_end).contract(),
            "voice_activity": self._activity_contract(),
            "normalisation": self._normalisation.contract(),
            "inputs": window_contract(),
            "contours": self._contours.contract(),
            "frames_within": [_LOWEST, _HIGHEST],
            "pauses": speech_timing.contract(),
            "articulation": articulation.contract(),
            "hesitation_sounds": hesitation_sounds.contract(),
            "cues": ["voiced_fraction", *CUES],
        }
