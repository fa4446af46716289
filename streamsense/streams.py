"""What flows through the pipeline: stream descriptions, blocks of samples, and the other events of a session.

Everything that enters the core is one of the `Event` classes below, in one total order. All times are seconds
of the LSL clock; `received` and `now` are on the clock of the machine that runs the pipeline, `stamps` on the
clock of the machine that sent them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeGuard

import numpy as np
import numpy.typing as npt

from streamsense.arrays import Float32Array, FloatArray

Kind = Literal["eeg", "face", "voice", "text", "markers", "pictures", "other"]
Modality = Literal["eeg", "face", "voice"]
MODALITIES: tuple[Modality, ...] = ("eeg", "face", "voice")
"""The modalities, in the order of every array that has one entry for each."""
LANGUAGE_CUES = "LanguageCues"
"""Type of the stream of counts that is made of recognised words (see `features.language_cues`)."""
VOICE_FRAMES = "VoiceFrames"
"""Type of the stream that the voice front end makes of sound; its stamps are originating times already."""
_LONGEST_DELAY_S = 1.0


def is_modality(kind: Kind) -> TypeGuard[Modality]:
    """Whether streams of this kind are scored."""
    return kind in MODALITIES


@dataclass(frozen=True)
class StreamInfo:
    """The description of one stream, as its sender or its recording gives it.

    `key` is the stream's name within this session: the modality's own name for the three modalities, `text` for words,
    `markers/<name>` for markers, `pictures/face` for the pictures that a recording keeps. `nominal_rate_hz` is 0 for an
    irregular stream. `same_clock` says that the sender's clock is ours, so that no clock offset applies. `delay_s` is
    how far the content lies behind its stamps; the front end that made it says so. `description` is what the sender
    says beside (the `desc` element of its LSL header, XML): only kept for recordings.
    """

    key: str
    kind: Kind
    name: str
    type: str
    source_id: str
    channel_labels: tuple[str, ...]
    channel_units: tuple[str, ...]
    nominal_rate_hz: float
    dtype: str
    same_clock: bool = True
    delay_s: float = 0.0
    description: str = ""

    def __post_init__(self) -> None:
        if len(self.channel_labels) != len(self.channel_units):
            raise ValueError(f"{len(self.channel_labels)} labels but {len(self.channel_units)} units")
        if not (np.isfinite(self.nominal_rate_hz) and self.nominal_rate_hz >= 0):
            raise ValueError(f"nominal rate is {self.nominal_rate_hz}, expected 0 (irregular) or above")
        if not 0 <= self.delay_s <= _LONGEST_DELAY_S:
            raise ValueError(f"delay is {self.delay_s} s, expected 0 to {_LONGEST_DELAY_S} s")


@dataclass(frozen=True)
class StreamOpened:
    """A stream appeared, or came back; it replaces an earlier one with the same key."""

    info: StreamInfo
    received: float


@dataclass(frozen=True)
class StreamLost:
    """The edge knows that a stream ended (a silent one is found by the core itself)."""

    key: str
    received: float
    reason: str = ""


@dataclass(frozen=True)
class OffsetProbe:
    """One measurement of a sender's clock: add `offset_s` to its stamps to get ours.

    `round_trip_s` is NaN where it is not known (recordings do not keep it).
    """

    key: str
    received: float
    offset_s: float
    round_trip_s: float


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive samples as they arrived: `stamps` (n,) and `values` (n, channels), both read-only.

    `first_sample` counts the samples of this stream since it was opened. Markers and pictures have `texts` instead.
    """

    key: str
    first_sample: int
    stamps: FloatArray
    values: npt.NDArray[np.generic]
    received: float
    texts: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.stamps.ndim != 1 or self.values.ndim != 2 or len(self.values) != len(self.stamps):
            raise ValueError(f"stamps {self.stamps.shape} do not fit values {self.values.shape}")
        self.stamps.flags.writeable = False
        self.values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.stamps)


@dataclass(frozen=True)
class Control:
    """Something that an operator or a program told the session: a setting, a profile, a note (JSON text)."""

    name: str
    payload: str
    received: float


Event = StreamOpened | StreamLost | OffsetProbe | Block | Control


@dataclass(frozen=True, eq=False)
class TimedBlock:
    """A block after the timeline: `times` are originating times, increasing, within one gapless `segment`.

    `anchors` are the indices of the samples that begin a new 10 s of the sender's own stamps: something that can be
    counted from and that does not depend on when the stream was first listened to.
    """

    key: str
    segment: int
    times: FloatArray
    values: npt.NDArray[np.generic]
    texts: tuple[str, ...] = ()
    anchors: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.times)


FRAME_MASK: Final = "log_mel_mask"
"""The input that tells which of a window's frames are there."""


@dataclass(frozen=True)
class Feature:
    """One modality's window at one tick, ready for its expert.

    `inputs` are named tensors without the batch axis, float32; an expert takes those of its model. `validity` in
    [0, 1] is the share of the window that was really there, `quality` in [0, 1] how good it was, `reasons` why not
    better. `last_time` is the originating time of the newest sample used (NaN: none yet). `effective_time` is the
    instant that the window stands for: its middle, less the filters' delay. `cues` are named numbers for the
    fusion (for example `pause_fraction`). `beside` are named numbers that neither an expert nor the fusion is given:
    columns of a table alone, no part of the contract; one that has no value is left out.
    """

    modality: Modality
    inputs: dict[str, Float32Array]
    validity: float
    quality: float
    last_time: float
    effective_time: float
    reasons: tuple[str, ...] = ()
    cues: dict[str, float] = field(default_factory=dict)
    beside: dict[str, float] = field(default_factory=dict)

    @property
    def evidence(self) -> float:
        """How far the window counts, in [0, 1]: quality, times validity where no input tells which frames are there.

        Where one does, experts say by their own variance how sure they are of so much: it is to count once.
        """
        return self.quality if FRAME_MASK in self.inputs else self.quality * self.validity
