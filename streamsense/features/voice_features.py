"""The voice's feature: statistics of the normalised log-Mel spectrum, prosody and speech timing at a tick."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamsense.errors import SourceError
from streamsense.features.log_mel import FRAME_HOP_S, FRAME_S, MELS, LogMel, LogMelSettings, LogMelState
from streamsense.features.sound_highpass import ORDER, HighPass, HighPassState
from streamsense.features.sound_resampler import (
    HIGHEST_RATE_HZ,
    LOWEST_RATE_HZ,
    SOUND_RATE_HZ,
    Resampler,
    ResamplerState,
)
from streamsense.features.speech_timing import CUES, LOOKBACK_S, PAUSE_S, SPAN_S, TURN_GAP_S, speech_timing
from streamsense.features.voice_activity import VoiceActivity, VoiceActivitySettings, VoiceActivityState
from streamsense.features.voice_normalisation import (
    COLUMNS,
    NormalisationSettings,
    NormalisationState,
    VoiceNormalisation,
)
from streamsense.features.voice_quality import voice_quality
from streamsense.streams import Feature, FloatArray, Modality, StreamInfo, TimedBlock

_DTYPES = ("int16", "float32", "float64", "double64")
_CLIPPED_LEVEL = 0.999
_SHORTEST_RING_S = LOOKBACK_S + 1.0

BoolArray = npt.NDArray[np.bool_]
Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class VoiceFeaturesSettings:
    """Everything that defines the feature. `channel` None takes the mean of all channels.

    `ring_s` is how far back a tick may be asked for, plus the 9 s that the pauses are looked for in.
    """

    window_s: float = 2.0
    ring_s: float = 15.0
    channel: int | None = None
    highpass_hz: float = 70.0
    log_mel: LogMelSettings = field(default_factory=LogMelSettings)
    activity: VoiceActivitySettings = field(default_factory=VoiceActivitySettings)
    normalisation: NormalisationSettings = field(default_factory=NormalisationSettings)

    def __post_init__(self) -> None:
        if not 0.5 <= self.window_s <= LOOKBACK_S:
            raise ValueError(f"window_s is {self.window_s}, expected 0.5 to {LOOKBACK_S} s")
        if not _SHORTEST_RING_S <= self.ring_s <= 600:
            raise ValueError(f"ring_s is {self.ring_s}, expected {_SHORTEST_RING_S} to 600 s")
        if not 20 <= self.highpass_hz <= 150:
            raise ValueError(f"highpass_hz is {self.highpass_hz}, expected 20 to 150 Hz")
        if self.channel is not None and self.channel < 0:
            raise ValueError(f"channel is {self.channel}, expected 0 or above, or None for the mean of all")


@dataclass
class VoiceState(ResamplerState, HighPassState, LogMelState, VoiceActivityState, NormalisationState):
    """The parts' states in one flat record, and a ring of frames; frame k lies in slot k modulo the ring's length."""

    segment: int
    clipped_samples: int
    samples: int
    frames: int
    ring_times: FloatArray
    ring_normalised: Float32Array
    ring_delta: Float32Array
    ring_voiced: BoolArray
    ring_level_db: Float32Array
    ring_above_noise_db: Float32Array
    ring_clipped: Float32Array


class VoiceFeatures:
    """Sound in, one voice feature per tick out; takes int16 (full scale 32768) and float (full scale 1).

    A frame carries the originating time of the newest sample that it needed, and counts in a window by that time.
    """

    modality: Modality = "voice"

    def __init__(self, settings: VoiceFeaturesSettings | None = None) -> None:
        self.settings = settings or VoiceFeaturesSettings()
        self.state: VoiceState | None = None
        self._resampler: Resampler | None = None
        self._layout: tuple[int, int] | None = None
        self._highpass = HighPass(self.settings.highpass_hz, SOUND_RATE_HZ)
        self._log_mel = LogMel(self.settings.log_mel)
        self._activity = VoiceActivity(self.settings.activity)
        self._normalisation = VoiceNormalisation(self.settings.normalisation)

    @property
    def delay_s(self) -> float:
        """How far behind the sound its frames are: the resampler's delay."""
        return self._ready()[0].delay_s

    @property
    def effective_delay_s(self) -> float:
        """From the middle of the window to its tick, and half a frame."""
        return self.settings.window_s / 2 + FRAME_S / 2

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        """Prepare for a stream; returns warnings. Raises SourceError when it cannot be used as sound."""
        rate, channels = _checked_rate(info), len(info.channel_labels)
        if (self.settings.channel or 0) >= channels:
            raise SourceError(
                f"The voice stream {info.name!r} has {channels} channels, but channel {self.settings.channel} was "
                "asked for (they count from 0). Choose another channel in the configuration, or none for their mean."
            )
        try:
            resampler = Resampler.design(rate)
        except ValueError as error:
            raise SourceError(
                f"The voice stream {info.name!r} cannot be brought to {SOUND_RATE_HZ} Hz: {error}. Expected one of the "
                "usual rates (8000, 16000, 22050, 32000, 44100, 48000, 96000 Hz). Set one of them where it is recorded."
            ) from error
        warnings = []
        if rate < SOUND_RATE_HZ:
            warnings.append(f"sound at {rate} Hz has nothing above {rate // 2} Hz: the upper log-Mel bands stay empty")
        if self.state is None or self._layout != (rate, channels):
            if self.state is not None:
                warnings.append("the sound's rate or channels changed: the speaker's normalisation begins anew")
            self.state = self._new_state(resampler)
        self._resampler, self._layout = resampler, (rate, channels)
        self._take_frames(np.empty(0), np.empty(0, np.bool_), np.empty(0))  # compiles what runs per frame
        return tuple(warnings)

    def _new_state(self, resampler: Resampler) -> VoiceState:
        slots = round(self.settings.ring_s / FRAME_HOP_S)
        return VoiceState(
            **vars(self._normalisation.new_state()),
            **vars(self._activity.new_state()),
            **vars(self._log_mel.new_state()),
            **vars(self._highpass.new_state()),
            **vars(resampler.new_state()),
            segment=-1,
            clipped_samples=0,
            samples=0,
            frames=0,
            ring_times=np.full(slots, np.nan),
            ring_normalised=np.zeros((slots, COLUMNS), np.float32),
            ring_delta=np.zeros((slots, MELS), np.float32),
            ring_voiced=np.zeros(slots, np.bool_),
            ring_level_db=np.zeros(slots, np.float32),
            ring_above_noise_db=np.zeros(slots, np.float32),
            ring_clipped=np.zeros(slots, np.float32),
        )

    def push(self, block: TimedBlock) -> None:
        """Take in one block of sound (n, channels). What is no number counts as silence, and as clipped."""
        state = self._ready()[1]
        if len(block) == 0:
            return
        if block.segment != state.segment:
            self._restart(block.segment)
        sound = self._mono(block.values)
        clipped = ~(np.abs(sound) < _CLIPPED_LEVEL)
        self._take_frames(np.clip(np.nan_to_num(sound), -1.0, 1.0), clipped, block.times)

    def _restart(self, segment: int) -> None:
        """Begin frames anew at the first sample after a gap; the speaker and the room stay."""
        resampler, state = self._ready()
        resampler.restart(state)
        self._highpass.restart(state)
        self._log_mel.restart(state)
        self._activity.restart(state)
        self._normalisation.restart(state)
        state.segment, state.clipped_samples, state.samples = segment, 0, 0

    def _mono(self, values: npt.NDArray[np.generic]) -> FloatArray:
        if values.dtype != np.int16 and values.dtype.kind != "f":
            raise SourceError(f"The voice stream sent {values.dtype}, expected int16 or float. Record sound as either.")
        full_scale = 32768.0 if values.dtype == np.int16 else 1.0
        if self.settings.channel is not None:
            return values[:, self.settings.channel].astype(np.float64) / full_scale
        total = values[:, 0].astype(np.float64)
        for channel in range(1, values.shape[1]):
            total += values[:, channel].astype(np.float64)
        return np.asarray(total / (full_scale * values.shape[1]))

    def _take_frames(self, sound: FloatArray, clipped: BoolArray, times: FloatArray) -> None:
        """From sound to frames in the ring."""
        resampler, state = self._ready()
        samples, newest = resampler.step(state, sound)
        frames = self._log_mel.step(state, self._highpass.step(state, samples))
        last = newest[frames.last_sample]
        voiced, above_noise_db = self._activity.step(state, frames.level_db)
        values = np.column_stack([frames.log_mel, frames.level_db, frames.tilt_db])
        normalised, delta = self._normalisation.step(state, values, voiced)
        clipped_share = self._clipped_share(clipped, last)
        kept = slice(max(0, len(frames) - len(state.ring_times)), None)
        slots = np.arange(state.frames, state.frames + len(frames))[kept] % len(state.ring_times)
        state.ring_times[slots] = times[last[kept]]
        state.ring_normalised[slots] = normalised[kept]
        state.ring_delta[slots] = delta[kept]
        state.ring_voiced[slots] = voiced[kept]
        state.ring_level_db[slots] = frames.level_db[kept]
        state.ring_above_noise_db[slots] = above_noise_db[kept]
        state.ring_clipped[slots] = clipped_share[kept]
        state.frames += len(frames)

    def _clipped_share(self, clipped: BoolArray, last: npt.NDArray[np.int64]) -> FloatArray:
        """The share of clipped samples among those that each frame brought; counts on into the next call."""
        state = self._ready()[1]
        clipped_so_far = state.clipped_samples + np.cumsum(clipped)[last]
        samples_so_far = state.samples + 1 + last
        share = np.diff(clipped_so_far, prepend=0) / np.maximum(1, np.diff(samples_so_far, prepend=0))
        state.clipped_samples += int(np.count_nonzero(clipped)) - (int(clipped_so_far[-1]) if len(last) else 0)
        state.samples += len(clipped) - (int(samples_so_far[-1]) if len(last) else 0)
        return share

    def feature_at(self, tick_time: float) -> Feature:
        """The window before `tick_time` (s) as the voice expert takes it; frames at or after the tick do not count."""
        _, state = self._ready()
        size = len(state.ring_times)
        slots = np.arange(max(0, state.frames - size), state.frames) % size
        times = state.ring_times[slots]
        slots = slots[(times >= tick_time - LOOKBACK_S) & (times < tick_time)]
        cues = speech_timing(
            state.ring_times[slots],
            state.ring_voiced[slots],
            state.ring_level_db[slots].astype(np.float64),
            tick_time,
            self._activity.hold_frames,
        )
        last_time = float(state.ring_times[slots[-1]]) if len(slots) else float("nan")
        slots = slots[state.ring_times[slots] >= tick_time - self.settings.window_s]
        voiced = slots[state.ring_voiced[slots]]
        cues["voiced_fraction"] = len(voiced) / max(1, len(slots))
        quality, reasons = voice_quality(
            state.ring_level_db[slots], state.ring_above_noise_db[voiced], state.ring_clipped[slots]
        )
        statistics, prosody = self._statistics(voiced)
        return Feature(
            modality="voice",
            inputs={
                "log_mel_statistics": statistics,
                "prosody": np.array([*prosody, cues["voiced_fraction"], cues["pause_fraction"]], np.float32),
            },
            # One frame less, since the grid of frames need not fit that of ticks.
            validity=min(1.0, len(slots) / (self.settings.window_s / FRAME_HOP_S - 1)),
            quality=quality,
            last_time=last_time,
            effective_time=tick_time - self.settings.window_s / 2 - FRAME_S / 2 - self.delay_s,
            reasons=reasons,
            cues=cues,
        )

    def _statistics(self, voiced: npt.NDArray[np.int64]) -> tuple[Float32Array, FloatArray]:
        """Log-Mel statistics (64, 4), and mean normalised level and tilt, of the ring's slots `voiced`."""
        if len(voiced) == 0:
            return np.zeros((MELS, 4), np.float32), np.zeros(2)
        state = self._ready()[1]
        normalised = state.ring_normalised[voiced].astype(np.float64)
        delta = state.ring_delta[voiced].astype(np.float64)
        mel = normalised[:, :MELS]
        columns = (mel.mean(axis=0), mel.std(axis=0), delta.mean(axis=0), delta.std(axis=0))
        return np.stack(columns, axis=1).astype(np.float32), normalised[:, MELS:].mean(axis=0)

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature; a model trained with another one is refused."""
        return {
            "feature": "voice_log_mel_statistics",
            "version": 1,
            "window_s": self.settings.window_s,
            "channel": "mean" if self.settings.channel is None else self.settings.channel,
            "highpass": {"kind": "butterworth", "order": ORDER, "cutoff_hz": self.settings.highpass_hz},
            "log_mel": self._log_mel.contract(),
            "voice_activity": self._activity.contract(),
            "normalisation": self._normalisation.contract(),
            "log_mel_statistics": ["mean", "sd", "mean of delta", "sd of delta"],
            "prosody": ["level", "tilt", "voiced_fraction", "pause_fraction"],
            "frames": "voiced frames of the window",
            "pauses": {"span_s": SPAN_S, "pause_s": PAUSE_S, "turn_gap_s": TURN_GAP_S},
            "cues": ["voiced_fraction", *CUES],
        }

    def _ready(self) -> tuple[Resampler, VoiceState]:
        if self._resampler is None or self.state is None:
            raise SourceError("The voice feature was used before its stream was opened; open() comes first.")
        return self._resampler, self.state


def _checked_rate(info: StreamInfo) -> int:
    rate = round(info.nominal_rate_hz)
    if not (LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ and rate == info.nominal_rate_hz):
        raise SourceError(
            f"The voice stream {info.name!r} has a rate of {info.nominal_rate_hz:g} Hz, expected a whole number from "
            f"{LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz. Choose the stream that carries the sound itself."
        )
    if info.dtype not in _DTYPES:
        raise SourceError(
            f"The voice stream {info.name!r} sends {info.dtype}, expected one of {', '.join(_DTYPES)}. "
            "Choose the stream that carries the sound itself, or record it as int16 or float32."
        )
    return rate
