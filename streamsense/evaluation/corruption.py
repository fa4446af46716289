"""Recordings with something taken away or added before any operator sees them: electrodes, noise, lost stretches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.datasets.labelled import LabelledRecording
from streamsense.sources.recorded import RecordedStream, Recording, Selection
from streamsense.streams import Block, Event, Modality, StreamOpened

LOST_S = 0.5
"""Length of the stretches of a regular stream that are lost; of pictures each one is lost by itself."""
_ABSENT = "absent"


class Spoiling(Protocol):
    """One way to spoil a recording, the same each time for the same seed."""

    def streams(self, streams: tuple[RecordedStream, ...]) -> tuple[RecordedStream, ...]:
        """The streams as they are described then."""
        ...

    def block(self, block: Block, whole: SpoiltRecording, stream: RecordedStream) -> list[Block]:
        """What is left of a block of samples."""
        ...


@dataclass(frozen=True, eq=False)
class SpoiltRecording:
    """A recording that is read through a `spoiling`; all but the samples and channel names is as it was."""

    base: Recording
    spoiling: Spoiling
    _measured: dict[int, FloatArray] = field(default_factory=dict)

    @property
    def streams(self) -> tuple[RecordedStream, ...]:
        """As the spoiling describes them."""
        return self.spoiling.streams(self.base.streams)

    @property
    def path(self) -> Path:
        """The file."""
        return self.base.path

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the recording as it is."""
        return self.base.warnings

    def deviations(self, stream_id: int) -> FloatArray:
        """Each channel's SD over the whole unspoilt recording, which is read for it once."""
        if stream_id not in self._measured:
            self._measured[stream_id] = _deviations(self.base, stream_id)
        return self._measured[stream_id]

    def events(self, selection: Selection) -> Iterator[Event]:
        """The selected streams' events (see `Recording.events`)."""
        by_key = {selection[it.stream_id][0]: it for it in self.streams if it.stream_id in selection}
        for event in self.base.events(selection):
            if isinstance(event, Block) and event.key in by_key:
                yield from self.spoiling.block(event, self, by_key[event.key])
            elif isinstance(event, StreamOpened) and event.info.key in by_key:
                labels = by_key[event.info.key].channel_labels
                yield replace(event, info=replace(event.info, channel_labels=labels))
            else:
                yield event


def spoilt(recording: LabelledRecording, spoiling: Spoiling) -> LabelledRecording:
    """The same recording with every modality spoilt."""
    opens: Mapping[Modality, Callable[[], Recording]] = {
        modality: partial(_open, open_it, spoiling) for modality, open_it in recording.opens.items()
    }
    return replace(recording, opens=opens)


def _open(open_it: Callable[[], Recording], spoiling: Spoiling) -> SpoiltRecording:
    return SpoiltRecording(open_it(), spoiling)


@dataclass(frozen=True)
class FewerElectrodes:
    """A `share` of the channels is not there, drawn by `seed`: the same ones in every recording of one cap."""

    share: float
    seed: int = 0

    def streams(self, streams: tuple[RecordedStream, ...]) -> tuple[RecordedStream, ...]:
        """Channels that are called nothing that anybody knows are not read; one is always left."""
        return tuple(it if it.is_text else replace(it, channel_labels=self._left(it)) for it in streams)

    def _left(self, stream: RecordedStream) -> tuple[str, ...]:
        count = len(stream.channel_labels)
        absent = np.random.default_rng(self.seed).permutation(count)[: min(count - 1, round(self.share * count))]
        return tuple(f"{_ABSENT}{at}" if at in absent else name for at, name in enumerate(stream.channel_labels))

    def block(self, block: Block, whole: SpoiltRecording, stream: RecordedStream) -> list[Block]:  # noqa: ARG002
        """Samples stay as they are."""
        return [block]


@dataclass(frozen=True)
class Noise:
    """White noise is added to every channel, `snr_db` below that channel's own signal over the whole recording."""

    snr_db: float
    seed: int = 0

    def streams(self, streams: tuple[RecordedStream, ...]) -> tuple[RecordedStream, ...]:
        """As they are."""
        return streams

    def block(self, block: Block, whole: SpoiltRecording, stream: RecordedStream) -> list[Block]:
        """Numbers with noise, in the type in which they were recorded; texts as they are."""
        if stream.is_text or not len(block):
            return [block]
        sd = whole.deviations(stream.stream_id) * 10 ** (-self.snr_db / 20)
        random = np.random.default_rng([self.seed, stream.stream_id, block.first_sample])
        values = block.values.astype(np.float64) + random.standard_normal(block.values.shape) * sd
        if block.values.dtype.kind == "i":
            limits = np.iinfo(block.values.dtype.name)
            values = np.clip(np.rint(values), limits.min, limits.max)
        return [replace(block, stamps=block.stamps.copy(), values=values.astype(block.values.dtype))]


@dataclass(frozen=True)
class Losses:
    """A `share` of the time is lost: stretches of LOST_S of a regular stream, single pictures of any other.

    The first is always there, so that there is a recording.
    """

    share: float
    seed: int = 0

    def streams(self, streams: tuple[RecordedStream, ...]) -> tuple[RecordedStream, ...]:
        """As they are."""
        return streams

    def block(self, block: Block, whole: SpoiltRecording, stream: RecordedStream) -> list[Block]:  # noqa: ARG002
        """The runs of samples that are left; which these are does not depend on how the blocks were cut."""
        places = np.floor(block.stamps / LOST_S).astype(np.int64)
        if _is_of_pictures(stream):
            places = block.first_sample + np.arange(len(block))
        lost = {place: self._is_lost(stream, place) for place in np.unique(places).tolist()}
        kept = np.array([not lost[place] for place in places.tolist()], bool)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(np.int8)))
        return [_piece(block, start, stop) for start, stop in edges.reshape(-1, 2).tolist()]

    def _is_lost(self, stream: RecordedStream, place: int) -> bool:
        first = 0 if _is_of_pictures(stream) else math.floor(stream.first_stamp / LOST_S)
        return place > first and bool(
            np.random.default_rng([self.seed, stream.stream_id, abs(place)]).random() < self.share
        )


_MOST_PICTURES_HZ = 60.0


def _is_of_pictures(stream: RecordedStream) -> bool:
    return stream.is_text or stream.nominal_rate_hz <= _MOST_PICTURES_HZ


def _piece(block: Block, start: int, stop: int) -> Block:
    if (start, stop) == (0, len(block)):
        return block
    stamps, values = block.stamps[start:stop].copy(), block.values[start:stop].copy()
    received = block.received - float(block.stamps[-1] - stamps[-1])
    texts = block.texts[start:stop]
    return replace(
        block, first_sample=block.first_sample + start, stamps=stamps, values=values, received=received, texts=texts
    )


def _deviations(recording: Recording, stream_id: int) -> FloatArray:
    """Each channel's SD over the whole recording, 0 for one without numbers; a block at a time."""
    count, mean, squares = np.zeros(1), np.zeros(1), np.zeros(1)
    for event in recording.events({stream_id: ("measured", "eeg")}):
        if isinstance(event, Block) and len(event):
            values = event.values.astype(np.float64)
            there = np.isfinite(values)
            own = np.maximum(there.sum(axis=0), 1)
            own_mean = np.where(there, values, 0.0).sum(axis=0) / own
            own_squares = (np.where(there, values - own_mean, 0.0) ** 2).sum(axis=0)
            # Chan et al. (1983): the sums of two parts together.
            total = count + there.sum(axis=0)
            step = np.where(there.any(axis=0), own_mean - mean, 0.0)
            squares = squares + own_squares + step**2 * count * there.sum(axis=0) / np.maximum(total, 1)
            mean, count = mean + step * there.sum(axis=0) / np.maximum(total, 1), total
    return np.sqrt(squares / np.maximum(count, 1))
