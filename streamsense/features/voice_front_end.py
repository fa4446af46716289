"""The voice front end: from sound to one row of numbers every 10 ms, which is all that the voice's features use.

Where raw sound may not be kept, its output is what a recording keeps, and an exact replay enters here.

Frames start every 10 ms, counted from the first sample of the segment and again from each anchor (see `TimedBlock`):
so they do not depend on how the sound was cut into blocks, nor, after some seconds, on when listening began. The
last step before an anchor is between 5 and 15 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from streamsense.arrays import Float32Array, FloatArray, IntArray
from streamsense.errors import SourceError
from streamsense.features import pitch
from streamsense.features.log_mel import FRAME_SAMPLES, HOP_SAMPLES, LogMel
from streamsense.features.sound_highpass import ORDER, HighPass, HighPassState
from streamsense.features.sound_input import (
    CLIPPED_LEVEL,
    INT16_FULL_SCALE,
    checked_rate,
    cleaned,
    clipped_shares,
    to_mono,
)
from streamsense.features.sound_resampler import SOUND_RATE_HZ, Resampler
from streamsense.features.sound_resampler import contract as resampler_contract
from streamsense.features.speech_probability import (
    CONTEXT_SAMPLES,
    SpeechNet,
    SpeechProbability,
    SpeechState,
    new_speech_state,
    speech_contract,
)
from streamsense.features.voice_frames import (
    AFTER_BANDS,
    CLIPPED,
    LEVEL,
    PERIODICITY,
    PITCH,
    SEGMENT,
    TILT,
    VOICE_PROBABILITY,
    VoiceFrontEndSettings,
)
from streamsense.state import LENGTH_VARIES
from streamsense.streams import VOICE_FRAMES, StreamInfo, TimedBlock


@dataclass
class VoiceFrontEndState(HighPassState, SpeechState):
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

    A frame is a float32 row in the order of `settings.labels`, stamped with the originating time of the newest sample
    that it needed. Where the settings ask for a net, `net` must be there before a stream is opened.
    """

    def __init__(self, settings: VoiceFrontEndSettings | None = None, net: SpeechNet | None = None) -> None:
        self.settings = settings or VoiceFrontEndSettings()
        self._asks_net = self.settings.voice_activity == "silero"
        self._speech = SpeechProbability(net) if self._asks_net and net is not None else None
        self.state: VoiceFrontEndState | None = None
        self._resampler: Resampler | None = None
        self._layout: tuple[int, int] | None = None
        self._highpass: HighPass | None = None
        self._log_mel = LogMel(self.settings.log_mel)
        self._columns = len(self.settings.labels)

    @property
    def delay_s(self) -> float:
        """How far behind the sound its frames are: the resampler's delay."""
        return self._ready()[0].delay_s

    def open(self, info: StreamInfo) -> tuple[StreamInfo, tuple[str, ...]]:
        """Prepare for a stream; returns the frames' description, and warnings. SourceError when it is no sound."""
        if self._asks_net and self._speech is None:
            raise ValueError("voice_activity is 'silero', but the front end was given no net")
        rate, channels = checked_rate(info), len(info.channel_labels)
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
        clean, so_far = cleaned(np.zeros(1), CLIPPED_LEVEL, 0)
        highpass.step(highpass.new_state(), clean)
        clipped_shares(so_far, np.zeros(1, np.int64), 0, -1)
        silence = resampler.outputs(np.zeros(2 * rate), rate, 0, pitch.SPAN_SAMPLES)
        self._log_mel.frames(silence)
        pitch.pitch(silence)
        frames = replace(
            info,
            type=VOICE_FRAMES, channel_labels=self.settings.labels, channel_units=self.settings.units,
            nominal_rate_hz=0.0, dtype="float32", same_clock=True, delay_s=resampler.delay_s, description="",
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
        sound, clipped_so_far = cleaned(to_mono(block.values, self.settings.channel), CLIPPED_LEVEL, state.clipped)
        before = state.received
        state.sound = np.append(state.sound, highpass.step(state, sound))
        state.received += len(block)
        if block.anchors:
            state.anchors = np.append(state.anchors, before + np.array(block.anchors, np.int64))
        parts = [self._whole_frames()]
        while len(state.anchors) and state.frame == self._frames_before_the_next_anchor():
            state.anchor, state.frame, state.anchors = int(state.anchors[0]), 0, state.anchors[1:].copy()
            state.speech_window = 0
            parts.append(self._whole_frames())
        newest, rows = parts[0]
        if len(parts) > 1:
            newest, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
        rows[:, CLIPPED], counted = clipped_shares(clipped_so_far, newest, before, state.newest)
        state.clipped = int(clipped_so_far[-1] if len(block) else state.clipped) - counted
        state.newest = int(newest[-1]) if len(newest) else state.newest
        oldest = state.frame * HOP_SAMPLES - pitch.LEAD_SAMPLES
        if self._speech is not None:
            oldest = min(oldest, self._speech.needs_from(state))
        needed = state.anchor + _input_needed(resampler, oldest)
        state.sound, state.sound_starts = state.sound[needed - state.sound_starts :].copy(), needed
        return TimedBlock(block.key, block.segment, block.times[newest - before], rows)

    def _whole_frames(self) -> tuple[IntArray, Float32Array]:
        """Make the frames that are counted from the anchor and are complete.

        Returns the newest sample (n,) of each, and their rows (n, columns) but for the clipped share.
        """
        resampler, _, state = self._ready()
        # How many samples at 16 kHz there are, counted from the anchor, and so how many frames.
        given = ((state.received - state.anchor - resampler.half) * resampler.up - 1) // resampler.down + 1
        stop = (given - FRAME_SAMPLES) // HOP_SAMPLES + 1
        if len(state.anchors):
            stop = min(stop, self._frames_before_the_next_anchor())
        count = max(0, stop - state.frame)
        if count == 0:
            return np.empty(0, np.int64), np.empty((0, self._columns), np.float32)
        # Before anything is made of that length, which a snapshot may have said: here the sound must be there.
        samples = resampler.outputs(
            state.sound, state.anchor - state.sound_starts, state.frame * HOP_SAMPLES - pitch.LEAD_SAMPLES,
            (count - 1) * HOP_SAMPLES + pitch.SPAN_SAMPLES,
        )  # fmt: skip
        rows = np.zeros((count, self._columns), np.float32)
        numbers = state.frame + np.arange(count)
        frames = self._log_mel.frames(samples[pitch.LEAD_SAMPLES :])
        rows[:, : -len(AFTER_BANDS)] = frames.log_mel
        rows[:, LEVEL], rows[:, TILT] = frames.level_db, frames.tilt_db
        rows[:, PITCH], rows[:, PERIODICITY] = pitch.pitch(samples)
        if self._speech is not None:
            outputs = partial(resampler.outputs, state.sound, state.anchor - state.sound_starts)
            rows[:, VOICE_PROBABILITY] = self._speech.step(state, numbers * HOP_SAMPLES + FRAME_SAMPLES, outputs)
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

    def contract(self) -> dict[str, object]:
        """The exact definition of a frame."""
        probability = {"voice_probability": speech_contract()} if self._asks_net else {}
        return probability | {
            "channel": "mean" if self.settings.channel is None else self.settings.channel,
            "highpass": {
                "kind": "butterworth",
                "order": ORDER,
                "cutoff_hz": self.settings.highpass_hz,
                "at": "input rate",
                "begins": "as if its first sample had always stood there",
            },
            "full_scale": {"int16": INT16_FULL_SCALE, "float": 1.0, "beyond": "cut off", "clipped": CLIPPED_LEVEL},
            "resampler": resampler_contract(),
            "log_mel": self._log_mel.contract(),
            "pitch": pitch.contract(),
            "frames": "from the first sample of a segment, and of each 10 s of stamps",
            "precision": "float32",
        }

    def _ready(self) -> tuple[Resampler, HighPass, VoiceFrontEndState]:
        if self._resampler is None or self._highpass is None or self.state is None:
            raise SourceError("The voice front end was used before its stream was opened; open() comes first.")
        return self._resampler, self._highpass, self.state


def _input_needed(resampler: Resampler, output: int) -> int:
    """The first input sample, counted from the anchor, that sample `output` at 16 kHz and those after it need."""
    return output * resampler.down // resampler.up - resampler.history


def _new_state(resampler: Resampler, highpass: HighPass, segment: int) -> VoiceFrontEndState:
    """State before the first sample of a segment: silence."""
    needed = _input_needed(resampler, -max(CONTEXT_SAMPLES, pitch.LEAD_SAMPLES))
    return VoiceFrontEndState(
        **vars(highpass.new_state()),
        **vars(new_speech_state()),
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
