"""Streams of markers and ratings in a lab's recording, on the clock on which a replay of it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import DatasetError
from streamsense.sources.recorded import RecordedStream, Recording, Selection
from streamsense.streams import Block, Kind


def label_stream(recording: Recording, name: str, *, text: bool) -> RecordedStream:
    """The one stream of this name, of texts or of numbers. Raises DatasetError where there is none, or more."""
    fitting = [it for it in recording.streams if it.name == name and it.is_text == text]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(repr(it.name) for it in recording.streams if it.is_text == text) or "none"
    raise DatasetError(
        f"{recording.path} has {len(fitting)} streams of {'texts' if text else 'numbers'} called {name!r}; expected "
        f"one. Found: {names}. Name the stream with the labels, or take the file out of the folder."
    )


def channel_of(recording: Recording, stream: RecordedStream, label: str) -> int:
    """The column of the channel with this label. Raises DatasetError where there is none."""
    if label not in stream.channel_labels:
        raise DatasetError(
            f"{recording.path}: {stream.name!r} has the channels {', '.join(stream.channel_labels[:10])}; expected "
            f"{label!r} among them. Name the channel of each rating."
        )
    return stream.channel_labels.index(label)


def marker_times(recording: Recording, stream: RecordedStream) -> tuple[FloatArray, list[str]]:
    """Times (n,) and texts of all markers, in the order of time."""
    found = list(_blocks(recording, {stream.stream_id: ("labels", "markers")}))
    times = np.concatenate([np.empty(0), *(times for times, _ in found)])
    texts = [text for _, block in found for text in block.texts]
    order = np.argsort(times, kind="stable")
    return times[order], [texts[at] for at in order]


def rating_times(recording: Recording, stream: RecordedStream, columns: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Times (n,) and values (n, len(columns)) of all ratings, in the order of time."""
    found = list(_blocks(recording, {stream.stream_id: ("labels", "other")}))
    times = np.concatenate([np.empty(0), *(times for times, _ in found)])
    values = np.concatenate(
        [np.empty((0, len(columns))), *(block.values[:, columns].astype(np.float64) for _, block in found)]
    )
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def signal_bounds(recording: Recording) -> tuple[float, float]:
    """The first and the last time of any sample of numbers. Raises DatasetError where there is none."""
    selection: dict[int, tuple[str, Kind]] = {
        stream.stream_id: (str(stream.stream_id), "other")
        for stream in recording.streams
        if stream.sample_count and not stream.is_text
    }
    first, last = np.inf, -np.inf
    for times, _ in _blocks(recording, selection):
        first, last = min(first, float(times.min())), max(last, float(times.max()))
    if not first <= last:
        raise DatasetError(f"{recording.path} has no sample of any signal. Take it out of the folder.")
    return first, last


def _blocks(recording: Recording, selection: Selection) -> Iterator[tuple[FloatArray, Block]]:
    """Each block with its samples' times in seconds of the replay: the block's clock offset is added to its stamps."""
    for event in recording.events(selection):
        if isinstance(event, Block) and len(event):
            yield event.stamps + (event.received - event.stamps[-1]), event
