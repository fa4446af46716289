"""Sittings: a person's recordings played one after the other, so that what is learned of the person carries over.

A live session learns a person's resting EEG in its first minute, and a person's voice over the first sentences. A set
that has each condition or sentence in a file of its own would have that begin anew with each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from streamsense.datasets.arrays import PAUSE_S
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.parts import STREAM_ID, RecordingInParts
from streamsense.errors import DatasetError
from streamsense.sources.recorded import RecordedStream, Recording
from streamsense.sources.stream_kinds import choose_streams
from streamsense.streams import Block, Kind, Modality


def sittings(
    recordings: Iterable[LabelledRecording], modality: Modality, pause_s: float = PAUSE_S
) -> Iterator[LabelledRecording]:
    """The recordings of each person and session, in their order and with pauses between them, as one recording each.

    Labels move along; the `trial` of each is the recording that it comes from, with its own trial where it has one.
    Recordings without the modality are left out. The recordings of a person and session must come one after the other,
    as the data sets give them. Raises DatasetError where they cannot be joined.
    """
    waiting: list[LabelledRecording] = []
    for recording in recordings:
        if modality not in recording.modalities:
            continue
        if waiting and _sitting_of(recording) != _sitting_of(waiting[0]):
            yield _joined(waiting, modality, pause_s)
            waiting = []
        waiting.append(recording)
    if waiting:
        yield _joined(waiting, modality, pause_s)


def _sitting_of(recording: LabelledRecording) -> tuple[str, str, str]:
    return recording.dataset, recording.person, recording.session


def _joined(recordings: Sequence[LabelledRecording], modality: Modality, pause_s: float) -> LabelledRecording:
    ordered = sorted(recordings, key=lambda recording: recording.order)
    streams = [_only_stream(recording.open(modality), modality) for recording in ordered]
    first = streams[0]
    starts = [0.0]
    for recording, stream in zip(ordered, streams, strict=True):
        if (stream.nominal_rate_hz, stream.channel_labels) != (first.nominal_rate_hz, first.channel_labels):
            raise DatasetError(
                f"{recording.dataset} {recording.name} has {len(stream.channel_labels)} channels at "
                f"{stream.nominal_rate_hz:g} Hz, {ordered[0].name} {len(first.channel_labels)} at "
                f"{first.nominal_rate_hz:g} Hz. Expected the same in each, or other names for them: read it by itself."
            )
        starts.append(starts[-1] + stream.last_stamp + 1 / stream.nominal_rate_hz + pause_s)
    labels = tuple(
        replace(label.moved(start_s), trial=f"{recording.name} {label.trial}".strip())
        for recording, start_s in zip(ordered, starts[:-1], strict=True)
        for label in recording.labels
    )
    whole = replace(
        first,
        stream_id=STREAM_ID,
        sample_count=sum(stream.sample_count for stream in streams),
        last_stamp=starts[-2] + streams[-1].last_stamp,
    )
    opened = tuple(partial(recording.open, modality) for recording in ordered)
    opens = {modality: partial(_open, whole, opened, tuple(starts[:-1]), modality)}
    return replace(ordered[0], name=f"session {ordered[0].session}", order=0, labels=labels, opens=opens)


def _open(
    stream: RecordedStream, opened: tuple[Callable[[], Recording], ...], starts: tuple[float, ...], modality: Modality
) -> RecordingInParts:
    parts = tuple(partial(_blocks, open_part, modality) for open_part in opened)
    return RecordingInParts(opened[0]().path, (stream,), parts, starts)


def _blocks(open_part: Callable[[], Recording], modality: Modality, key: str, kind: Kind) -> Iterator[Block]:
    part = open_part()
    stream = _only_stream(part, modality)
    for event in part.events({stream.stream_id: (key, kind)}):
        if isinstance(event, Block) and len(event):
            yield event


def _only_stream(recording: Recording, modality: Modality) -> RecordedStream:
    """The stream of the modality, where the recording is a file with a clock of its own that begins at 0."""
    chosen = choose_streams(recording.streams).selection
    for stream in recording.streams:
        if chosen.get(stream.stream_id) == (modality, modality):
            if stream.first_stamp == 0 and stream.nominal_rate_hz > 0:
                return stream
            raise DatasetError(
                f"{recording.path} has the stamps of a whole session, so it is a sitting by itself. Read it as it is."
            )
    raise DatasetError(
        f"{recording.path} has no samples that are {modality}, or pictures, which cannot be joined. Read it as it is."
    )
