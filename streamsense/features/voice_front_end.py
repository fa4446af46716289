"""The voice front end: from sound to one row of numbers every 10 ms, which is all that the voice's features use.

Where raw sound may not be kept, its output is what a recording keeps, and an exact replay enters here.

Frames start every 10 ms, counted from the first sample of the segment and again from each anchor (see `TimedBlock`):
so they do not depend on how the sound was cut into blocks, nor, after some seconds, on when listening began. The
last step before an anchor is between 5 and 15 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.errors import SourceError
from streamsense.features import pitch
from streamsense.features.log_mel import FRAME_SAMPLES, HOP_SAMPLES, MELS, LogMel, LogMelSettings
from streamsense.features.sound_highpass import ORDER, HighPass, HighPassState
from streamsense.features.sound_resampler import (
    HIGHEST_RATE_HZ,
    LOWEST_RATE_HZ,
    SOUND_RATE_HZ,
    IntArray,
    Resampler,
)
from streamsense.state import LENGTH_VARIES
from streamsense.streams import VOICE_FRAMES, FloatArray, StreamInfo, TimedBlock

LEVEL, TILT, CLIPPED, PITCH, PERIODICITY, SEGMENT = range(MELS, MELS + 6)
"""Columns after the log-Mel bands: level (dB), tilt (dB), share of clipped samples, pitch (Hz, 0: none), periodicity
(0 to 1), number of the segment."""
FRAME_LABELS = (
    *(f"log_mel_{band}" for band in range(MELS)), "level", "tilt", "clipped_share", "pitch_hz", "periodicity", "segment"
)  # fmt: skip
FRAME_UNITS = (*("ln(power)",) * MELS, "dB", "dB", "normalized", "Hz", "normalized", "count")

_DTYPES = ("int16", "float32", "float64", "double64")
_CLIPPED_LEVEL = 0.999


@dataclass(frozen=True)
class VoiceFrontEndSettings:
    """Everything that defines a frame. `channel` None takes the mean of all channels."""

    channel: int | None = None
    highpass_hz: float = 70.0
    log_mel: LogMelSettings = field(default_factory=LogMelSettings)

    def __post_init__(self) -> None:
        if not 20 <= self.highpass_hz <= 150:
            raise ValueError(f"highpass_hz is {self.highpass_hz}, expected 20 to 150 Hz")
        if self.channel is not None and self.channel < 0:
            raise ValueError(f"channel is {self.channel}, expected 0 or above, or None for the mean of all")


@dataclass
class VoiceFrontEndState(HighPassState):
    """The sound that coming frames need, and where in it they start; samples are counted within the segment.

    `sound` is filtered, at the stream's rate, and begins with sample `sound_starts`; `received` samples have come.
    The next frame is number `frame` of those that are counted from sample `anchor`; `anchors` come after it.
    `newest` is the newest sample of the frame before, and `clipped` samples were clipped since.
    """

    segment: int
    sound: FloatArray = field(metadata=LENGTH_VARIES)
    sound_starts: int
    received: int
    anchor: int
    frame: int
    anchors: IntArray = field(metadata=LENGTH_VARIES)
    newest: int
    clipped: int


class VoiceFrontEnd:
    """Sound in, frames out; takes int16 (full scale 32768) and float (full scale 1).

    A frame is a float32 row in the order of FRAME_LABELS, stamped with the originating time of the newest sample
    that it needed.
    """

    def __init__(self, settings: VoiceFrontEndSettings | None = None) -> None:
        self.settings = settings or VoiceFrontEndSettings()
        self.state: VoiceFrontEndState | None = None
        self._resampler: Resampler | None = None
        self._layout: tuple[int, int] | None = None
        self._highpass: HighPass | None = None
        self._log_mel = LogMel(self.settings.log_mel)

    @property
    def delay_s(self) -> float:
        """How far behind the sound its frames are: the resampler's delay."""
        return self._ready()[0].delay_s

    def open(self, info: StreamInfo) -> tuple[StreamInfo, tuple[str, ...]]:
        """Prepare for a stream; returns the frames' description, and warnings. SourceError when it is no sound."""
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
        highpass = HighPass(self.settings.highpass_hz, rate)
        if self.state is None or self._layout != (rate, channels):
            self.state = _new_state(resampler, highpass, -1)
        self._resampler, self._highpass, self._layout = resampler, highpass, (rate, channels)
        # Compiles what runs per sample and per frame.
        highpass.step(highpass.new_state(), _cleaned(np.zeros(1), _CLIPPED_LEVEL, 0)[0])
        silence = resampler.outputs(np.zeros(2 * rate), rate, 0, pitch.SPAN_SAMPLES)
        self._log_mel.frames(silence)
        pitch.pitch(silence)
        frames = replace(
            info,
            type=VOICE_FRAMES, channel_labels=FRAME_LABELS, channel_units=FRAME_UNITS, nominal_rate_hz=0.0,
            dtype="float32", same_clock=True, delay_s=resampler.delay_s, description="",
        )  # fmt: skip
        if rate >= SOUND_RATE_HZ:
            return frames, ()
        text = f"sound at {rate} Hz has nothing above {rate // 2} Hz: the upper log-Mel bands stay empty"
        return frames, (text,)

    def push(self, block: TimedBlock) -> TimedBlock:
        """Frames that a block of sound (n, channels) completes. What is no number is silence, and is clipped."""
        resampler, highpass, state = self._ready()
        if len(block) and block.segment != state.segment:
            # Frames begin anew at the first sample after a gap.
            self.state = state = _new_state(resampler, highpass, block.segment)
        sound, clipped_so_far = _cleaned(self._mono(block.values), _CLIPPED_LEVEL, state.clipped)
        before = state.received
        state.sound = np.append(state.sound, highpass.step(state, sound))
        state.received += len(block)
        state.anchors = np.append(state.anchors, before + np.array(block.anchors, np.int64))
        parts = [self._whole_frames()]
        while len(state.anchors) and state.frame == self._frames_before_the_next_anchor():
            state.anchor, state.frame, state.anchors = int(state.anchors[0]), 0, state.anchors[1:].copy()
            parts.append(self._whole_frames())
        newest, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
        rows[:, CLIPPED] = self._clipped_share(clipped_so_far, newest, before)
        needed = state.anchor + _first_needed(resampler, state.frame)
        state.sound, state.sound_starts = state.sound[needed - state.sound_starts :].copy(), needed
        return TimedBlock(block.key, block.segment, block.times[newest - before], rows)

    def _whole_frames(self) -> tuple[IntArray, npt.NDArray[np.float32]]:
        """Make the frames that are counted from the anchor and are complete.

        Returns the newest sample (n,) of each, and their rows (n, 70) but for the clipped share.
        """
        resampler, _, state = self._ready()
        # How many outputs of the resampler there are, counted from the anchor, and so how many frames.
        outputs = ((state.received - state.anchor - resampler.half) * resampler.up - 1) // resampler.down + 1
        stop = (outputs - FRAME_SAMPLES) // HOP_SAMPLES + 1
        if len(state.anchors):
            stop = min(stop, self._frames_before_the_next_anchor())
        count = max(0, stop - state.frame)
        rows = np.empty((count, len(FRAME_LABELS)), np.float32)
        numbers = state.frame + np.arange(count)
        if count:
            samples = resampler.outputs(
                state.sound, state.anchor - state.sound_starts, state.frame * HOP_SAMPLES - pitch.LEAD_SAMPLES,
                (count - 1) * HOP_SAMPLES + pitch.SPAN_SAMPLES,
            )  # fmt: skip
            frames = self._log_mel.frames(samples[pitch.LEAD_SAMPLES :])
            rows[:, PITCH], rows[:, PERIODICITY] = pitch.pitch(samples)
            rows[:, :MELS], rows[:, LEVEL], rows[:, TILT] = frames.log_mel, frames.level_db, frames.tilt_db
            rows[:, SEGMENT] = state.segment
            state.frame += count
        return state.anchor + resampler.newest_input(numbers * HOP_SAMPLES + FRAME_SAMPLES - 1), rows

    def _frames_before_the_next_anchor(self) -> int:
        """How many frames are counted from this anchor: those that start more than half a hop before the next one.

        The next one is known by then: what these frames need reaches beyond it.
        """
        resampler, _, state = self._ready()
        half_hops = ((int(state.anchors[0]) - state.anchor) * resampler.up - 1) // (HOP_SAMPLES // 2 * resampler.down)
        return (half_hops + 1) // 2

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

    def _clipped_share(self, clipped_so_far: IntArray, newest: IntArray, before: int) -> FloatArray:
        """The share of clipped samples among those that each frame brought; counts on into the next call."""
        state = self._ready()[2]
        so_far = np.concatenate([[0], clipped_so_far[newest - before]])
        share = np.diff(so_far) / np.diff(np.concatenate([[state.newest], newest]))
        state.clipped = int(clipped_so_far[-1] if len(clipped_so_far) else state.clipped) - int(so_far[-1])
        state.newest = int(newest[-1]) if len(newest) else state.newest
        return np.asarray(share)

    def contract(self) -> dict[str, object]:
        """The exact definition of a frame."""
        return {
            "channel": "mean" if self.settings.channel is None else self.settings.channel,
            "highpass": {
                "kind": "butterworth",
                "order": ORDER,
                "cutoff_hz": self.settings.highpass_hz,
                "at": "input rate",
            },
            "log_mel": self._log_mel.contract(),
            "pitch": pitch.contract(),
            "frames": "from the first sample of a segment, and of each 10 s of stamps",
            "precision": "float32",
        }

    def _ready(self) -> tuple[Resampler, HighPass, VoiceFrontEndState]:
        if self._resampler is None or self._highpass is None or self.state is None:
            raise SourceError("The voice front end was used before its stream was opened; open() comes first.")
        return self._resampler, self._highpass, self.state


@njit(cache=True)  # type: ignore[untyped-decorator]
def _cleaned(sound: FloatArray, clipped_level: float, clipped: int) -> tuple[FloatArray, IntArray]:
    """`sound` (n,) within full scale, silence where it is no number; and how many were `clipped` up to each sample."""
    clean = np.empty(len(sound))
    so_far = np.empty(len(sound), np.int64)
    for i in range(len(sound)):
        value = sound[i]
        if not abs(value) < clipped_level:
            clipped += 1
            value = 0.0 if np.isnan(value) else min(1.0, max(-1.0, value))
        clean[i], so_far[i] = value, clipped
    return clean, so_far


def _first_needed(resampler: Resampler, frame: int) -> int:
    """The first input sample, counted from the anchor, that frame number `frame` and those after it need."""
    first_output = frame * HOP_SAMPLES - pitch.LEAD_SAMPLES
    return first_output * resampler.down // resampler.up - resampler.history


def _new_state(resampler: Resampler, highpass: HighPass, segment: int) -> VoiceFrontEndState:
    """State before the first sample of a segment: silence."""
    needed = _first_needed(resampler, 0)
    return VoiceFrontEndState(
        **vars(highpass.new_state()),
        segment=segment,
        sound=np.zeros(-needed),
        sound_starts=needed,
        received=0,
        anchor=0,
        frame=0,
        anchors=np.empty(0, np.int64),
        newest=-1,
        clipped=0,
    )


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
