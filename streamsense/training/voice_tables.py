"""The tables that a voice expert is trained on: what the live pipeline hands it while a speaker's clips are played.

The operators are the pipeline's own, and all clips of a speaker are one session: what is learned of the speaker
(spectrum, level, usual pitch) is learned from the clips before, in the order in which a take plays them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streamsense.arrays import BoolArray, Float32Array, FloatArray, IntArray
from streamsense.features.frame_statistics import slots_between
from streamsense.features.log_mel import FRAME_HOP_S
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.streams import StreamInfo, TimedBlock
from streamsense.ticks import TICKS_PER_SECOND, tick_time
from streamsense.training.voice_clips import Clip

CLIP_EVERY_TICKS = 50
"""Clips begin 10 s apart, so that no window and no pause reaches into the clip before."""
FRAMES = ("log_mel_frames", "log_mel_mask")
"""The expert's inputs that are not kept for each window, since the clip's frames give them."""
FIRST_TICK = 3
"""The first window of a clip that is kept: 0.6 s after its beginning."""


@dataclass(frozen=True)
class Take:
    """How the sessions are played: in an order by `seed`, each clip quieter by up to `quieter_db`, at random."""

    seed: int
    quieter_db: float = 0.0


@dataclass(frozen=True, eq=False)
class VoiceTable:
    """n windows of c clips.

    `inputs` are the expert's (n, ...), by name, but for the log-Mel frames (see `log_mel`). `quality` (n,) is how far
    each counts (`Feature.evidence`). `clip` (n,) is each window's clip, `heard_s` (n,) how much of it
    lay before the tick, `frames_before` (n,) how many of its frames;
    `last` (n,) marks the clip's last window.
    Of each clip: `name`, `speaker`, `label`, `recognised`, `place` in the session (0: the first one), `frames`
    (c, slots, bands) as the operator normalised them, and which of them are `voiced` (c, slots).
    """

    inputs: dict[str, Float32Array]
    quality: FloatArray
    clip: IntArray
    heard_s: FloatArray
    frames_before: IntArray
    last: BoolArray
    name: npt.NDArray[np.str_]
    speaker: npt.NDArray[np.str_]
    label: IntArray
    recognised: FloatArray
    place: IntArray
    frames: Float32Array
    voiced: BoolArray

    def log_mel(self, windows: IntArray) -> dict[str, Float32Array]:
        """The expert's other inputs in these windows, to the bit: `log_mel_frames` and `log_mel_mask`."""
        slots = self.voiced.shape[1]
        clip = self.clip[windows, np.newaxis]
        place = self.frames_before[windows, np.newaxis] - slots + np.arange(slots)
        # No clip is longer than a window, and none reaches into that of the next.
        mask = (place >= 0) & self.voiced[clip, np.maximum(place, 0)]
        frames = np.where(mask[:, :, np.newaxis], self.frames[clip, np.maximum(place, 0)], np.float32(0))
        return {"log_mel_frames": frames, "log_mel_mask": mask.astype(np.float32)}

    def windows(self, kept: BoolArray) -> VoiceTable:
        """The table with the windows (n,) that are `kept`, and all clips."""
        return replace(
            self,
            inputs={name: values[kept] for name, values in self.inputs.items()},
            quality=self.quality[kept],
            clip=self.clip[kept],
            heard_s=self.heard_s[kept],
            frames_before=self.frames_before[kept],
            last=self.last[kept],
        )


def play(clips: Sequence[Clip], take: Take, settings: VoiceFeaturesSettings | None = None) -> VoiceTable:
    """Play every speaker's clips through the operators of the live pipeline."""
    rows = [row for _, mine in _by_speaker(clips) for row in _session(mine, take, settings or VoiceFeaturesSettings())]
    windows = [(index, *window) for index, row in enumerate(rows) for window in row.windows]
    clip, heard_s, frames_before, quality, inputs = zip(*windows, strict=True)
    played = [row.clip for row in rows]
    clip_of_window = np.array(clip, np.int64)
    return VoiceTable(
        inputs={name: np.stack([one[name] for one in inputs]) for name in inputs[0]},
        quality=np.array(quality),
        clip=clip_of_window,
        heard_s=np.array(heard_s),
        frames_before=np.array(frames_before, np.int64),
        last=np.append(clip_of_window[1:] != clip_of_window[:-1], True),
        name=np.array([one.name for one in played]),
        speaker=np.array([one.speaker for one in played]),
        label=np.array([one.label for one in played], np.int64),
        recognised=np.array([one.recognised for one in played]),
        place=np.array([row.place for row in rows], np.int64),
        frames=np.stack([row.frames for row in rows]),
        voiced=np.stack([row.voiced for row in rows]),
    )


def together(tables: Sequence[VoiceTable]) -> VoiceTable:
    """All windows and clips of several takes in one table."""
    starts = np.cumsum([0, *(len(table.name) for table in tables[:-1])])
    return VoiceTable(
        inputs={name: np.concatenate([table.inputs[name] for table in tables]) for name in tables[0].inputs},
        clip=np.concatenate([table.clip + start for table, start in zip(tables, starts, strict=True)]),
        **{
            name: np.concatenate([getattr(table, name) for table in tables])
            for name in (
                "quality", "heard_s", "frames_before", "last", "name", "speaker", "label", "recognised", "place",
                "frames", "voiced",
            )
        },
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Played:
    """A clip after it was played: its windows as (seconds heard, frames before, quality, inputs)."""

    clip: Clip
    place: int
    windows: list[tuple[float, int, float, dict[str, Float32Array]]]
    frames: Float32Array
    voiced: BoolArray


def _by_speaker(clips: Sequence[Clip]) -> Iterator[tuple[str, list[Clip]]]:
    for speaker in sorted({clip.speaker for clip in clips}):
        yield speaker, [clip for clip in clips if clip.speaker == speaker]


def _session(clips: Sequence[Clip], take: Take, settings: VoiceFeaturesSettings) -> Iterator[_Played]:
    """One speaker's clips, one after the other, each a segment of its own."""
    rng = np.random.default_rng([take.seed, int(clips[0].speaker)])
    rate = float(clips[0].rate_hz)
    front, operator = VoiceFrontEnd(settings.front_end), VoiceFeatures(settings)
    info = StreamInfo("voice", "voice", "acted speech", "Audio", "", ("mono",), ("normalized",), rate, "float32")
    operator.open(front.open(info)[0])
    for place, index in enumerate(rng.permutation(len(clips))):
        clip = clips[index]
        gain = 10 ** (-rng.uniform(0.0, take.quieter_db) / 20) if take.quieter_db else 1.0
        first_tick = (place + 1) * CLIP_EVERY_TICKS
        times = tick_time(first_tick) + np.arange(len(clip.sound)) / rate
        sound = (clip.sound * gain).astype(np.float32)[:, None]
        operator.push(front.push(TimedBlock("voice", place, times, sound)))
        # Up to the first tick after the clip's end, by which all of its frames have come.
        ticks = range(FIRST_TICK, math.ceil(len(clip.sound) / rate * TICKS_PER_SECOND) + 1)
        last_time = tick_time(first_tick + ticks[-1])
        frames, voiced, stamps = _clip_frames(operator, tick_time(first_tick), last_time)
        windows = []
        for tick in ticks:
            time = tick_time(first_tick + tick)
            before = int(np.searchsorted(stamps, time))
            feature = operator.feature_at(time)
            numbers = {name: value for name, value in feature.inputs.items() if name not in FRAMES}
            windows.append((tick / TICKS_PER_SECOND, before, feature.evidence, numbers))
        yield _Played(clip, place, windows, frames, voiced)


def _clip_frames(operator: VoiceFeatures, start: float, end: float) -> tuple[Float32Array, BoolArray, FloatArray]:
    """The operator's normalised frames (slots, bands) of [start, end), which are voiced, and their stamps, padded."""
    state, slots = operator.state, round(operator.settings.window_s / FRAME_HOP_S)
    found = slots_between(state.ring_times, state.frames, start, end)[:slots]
    frames = np.zeros((slots, operator.settings.mels), np.float32)
    voiced, stamps = np.zeros(slots, np.bool_), np.full(slots, np.inf)
    frames[: len(found)] = state.ring_normalised[found, : operator.settings.mels]
    voiced[: len(found)] = state.ring_voiced[found]
    stamps[: len(found)] = state.ring_times[found]
    return frames, voiced, stamps
