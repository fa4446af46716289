"""What every recording offers, whatever its file format: its streams, and their events in file order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import RecordingError
from streamsense.streams import Block, Event, Kind, StreamInfo

FORMAT_DTYPES: dict[str, str] = {
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "float32": "float32",
    "double64": "float64",
    "string": "string",
}
"""The channel formats of LSL and XDF, and the name of the numpy dtype (or `string`) of their blocks."""

FILE_BLOCK_S = 0.1
"""Length (s) of the blocks into which a file without blocks of its own is cut."""


class Edge(Protocol):
    """What makes numbers of a recorded stream of texts, before they enter the core: of pictures, of words."""

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The description of the numbers, for texts that `info` describes."""
        ...

    def convert(self, samples: Sequence[str | bytes], stamps: FloatArray) -> tuple[Float32Array, FloatArray]:
        """Values (n, channels) and stamps of the texts that can be read."""
        ...


Selection = Mapping[int, tuple[str, Kind]]
"""Stream id → the key and the kind under which the stream enters the session."""


@dataclass(frozen=True)
class RecordedStream:
    """One stream of a recording. `first_stamp` and `last_stamp` are raw stamps in s, NaN for an empty stream."""

    stream_id: int
    name: str
    type: str
    source_id: str
    hostname: str
    channel_labels: tuple[str, ...]
    channel_units: tuple[str, ...]
    nominal_rate_hz: float
    channel_format: str
    sample_count: int
    first_stamp: float
    last_stamp: float
    same_clock: bool = True

    @property
    def is_text(self) -> bool:
        """Whether the samples are strings."""
        return self.channel_format == "string"

    def info(self, key: str, kind: Kind) -> StreamInfo:
        """The description with which this stream enters the session."""
        return StreamInfo(
            key=key,
            kind=kind,
            name=self.name,
            type=self.type,
            source_id=self.source_id,
            channel_labels=self.channel_labels,
            channel_units=self.channel_units,
            nominal_rate_hz=self.nominal_rate_hz,
            dtype=FORMAT_DTYPES[self.channel_format],
            same_clock=self.same_clock,
        )


class Recording(Protocol):
    """A recording that was opened. Its `warnings` say what of it could not be read."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def streams(self) -> tuple[RecordedStream, ...]:
        """All streams, empty ones too, in file order."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the file could not be read or looks wrong, as text for a user."""
        ...

    def events(self, selection: Selection) -> Iterator[Event]:
        """The selected streams' events in file order; every call starts at the beginning.

        Raises RecordingError when a selected stream is not there or cannot have the kind it was selected for.
        """
        ...


def unreadable(path: Path, error: OSError) -> RecordingError:
    """The error for a file that the system does not give."""
    return RecordingError(f"{path} cannot be read: {error.strerror or error}. Check the path and the rights.")


def check_selection(streams: tuple[RecordedStream, ...], selection: Selection) -> None:
    """Raise RecordingError where `selection` asks for what `streams` cannot give."""
    by_id = {stream.stream_id: stream for stream in streams}
    for stream_id, (key, kind) in selection.items():
        stream = by_id.get(stream_id)
        if stream is None:
            raise RecordingError(
                f"Stream {stream_id} was selected as {key}, but the recording has "
                f"{', '.join(map(str, by_id)) or 'no stream at all'}. Select one of these."
            )
        if stream.is_text and kind != "markers":
            raise RecordingError(
                f"Stream {stream_id} ({stream.name!r}) was selected as {key}, but its samples are text. "
                "Expected numbers; text can only be selected as markers."
            )


def marker_texts(rows: Iterable[Sequence[object]]) -> tuple[str, ...]:
    """The text of each marker sample: its one value as it is, several as a JSON list of texts."""
    return tuple(str(row[0]) if len(row) == 1 else json.dumps([*map(str, row)], ensure_ascii=False) for row in rows)


RecordingT = TypeVar("RecordingT", bound=Recording)


def with_channel_labels(recording: RecordingT, stream_id: int, labels: tuple[str, ...]) -> RecordingT:
    """The same recording, one stream of which has other channel labels: for files that do not name electrodes.

    Raises RecordingError when the stream is not there or has another number of channels.
    """
    check_selection(recording.streams, {stream_id: ("markers", "markers")})
    streams = list(recording.streams)
    at = next(index for index, stream in enumerate(streams) if stream.stream_id == stream_id)
    expected = len(streams[at].channel_labels)
    if len(labels) != expected:
        raise RecordingError(
            f"{len(labels)} channel labels were given for stream {stream_id} ({streams[at].name!r}), which has "
            f"{expected} channels. Give one label for each channel, in order; any word will do for one to leave out."
        )
    streams[at] = replace(streams[at], channel_labels=labels)
    return replace(recording, streams=tuple(streams))  # type: ignore[type-var]  # every Recording is a dataclass


@dataclass(frozen=True, eq=False)
class RecordedArrays:
    """All samples of one stream: `stamps` (n,), `values` (n, channels); `texts` (n) for a string stream."""

    stamps: FloatArray
    values: npt.NDArray[np.generic]
    texts: tuple[str, ...]


def recording_arrays(recording: Recording) -> dict[int, RecordedArrays]:
    """Every stream's raw stamps and samples by stream id, for notebooks and tests: all in memory at once."""
    # Any kind but markers gives the numbers alone, whatever the numbers mean.
    selection: dict[int, tuple[str, Kind]] = {
        stream.stream_id: (str(stream.stream_id), "markers" if stream.is_text else "eeg")
        for stream in recording.streams
    }
    blocks: dict[int, list[Block]] = {stream_id: [] for stream_id in selection}
    for event in recording.events(selection):
        if isinstance(event, Block):
            blocks[int(event.key)].append(event)
    arrays = {}
    for stream in recording.streams:
        found = blocks[stream.stream_id]
        dtype = np.float32 if stream.is_text else np.dtype(FORMAT_DTYPES[stream.channel_format])
        columns = 0 if stream.is_text else len(stream.channel_labels)
        arrays[stream.stream_id] = RecordedArrays(
            np.concatenate([np.empty(0), *(block.stamps for block in found)]),
            np.concatenate([np.empty((0, columns), dtype), *(block.values for block in found)]),
            tuple(text for block in found for text in block.texts),
        )
    return arrays
