"""The sources of a live session, as its configuration names them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streamsense.config import Config, FaceSection, LslSource, MicrophoneSource, WebcamSource
from streamsense.features.face_vector import FrontEnd
from streamsense.sources.lsl_configuration import configure
from streamsense.streams import Event, FloatArray, Kind, StreamInfo
from streamsense.ticks import Clock

_MOST_PICTURES_AT_ONCE = 3


class Source(Protocol):
    """Something that emits events from a thread of its own."""

    def start(self) -> None:
        """Begin; raises StreamsenseError when the source cannot be opened."""
        ...

    def stop(self) -> None:
        """End; returns when no more events come."""
        ...

    def check(self) -> None:
        """Raise what went wrong since."""
        ...


class PictureFront:
    """Pictures that come as base64 JPEG texts, turned into face vectors; of a pile-up only the newest count."""

    def __init__(self, edge: Any, front_end: FrontEnd) -> None:
        self._edge = edge
        self._front_end = front_end

    def describe(self, info: StreamInfo) -> StreamInfo:
        """The face vectors' description, under the picture stream's own name."""
        from streamsense.features.face_vector import face_vector_labels, face_vector_units

        labels, units = face_vector_labels(self._front_end), face_vector_units(self._front_end)
        return replace(info, channel_labels=labels, channel_units=units, nominal_rate_hz=0.0, dtype="float32")

    def convert(self, samples: list[Any], stamps: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
        """One vector for each picture that could be read."""
        from streamsense.features.face_vector import face_vector_labels
        from streamsense.sources.jpeg_frames import decode_jpeg_base64

        vectors, kept = [], []
        for sample, stamp in list(zip(samples, stamps, strict=True))[-_MOST_PICTURES_AT_ONCE:]:
            frame = decode_jpeg_base64(bytes(sample).decode("ascii", errors="replace"))
            if frame is not None:
                vectors.append(self._edge.process(frame))
                kept.append(stamp)
        width = len(face_vector_labels(self._front_end))
        return np.array(vectors, np.float32).reshape(len(kept), width), np.array(kept, np.float64)


def live_sources(config: Config, clock: Clock, emit: Callable[[Event], None]) -> list[Source]:
    """All sources of the configuration, found but not yet started.

    Streams that are required and not there raise StreamNotFound or AmbiguousStream.
    """
    section = config.lsl
    configure(section.session_id, section.scope, section.known_peers, section.ipv6)
    sources: list[Source] = []
    if config.eeg is not None:
        sources.append(_lsl_source(config, "eeg", config.eeg.source, "EEG", clock, emit))
    if config.voice is not None:
        if isinstance(config.voice.source, MicrophoneSource):
            sources.append(_microphone(config.voice.source, clock, emit))
        else:
            sources.append(_lsl_source(config, "voice", config.voice.source, "Audio", clock, emit))
    if config.face is not None:
        sources.append(_face_source(config, config.face, clock, emit))
    if config.markers is not None:
        from streamsense.sources.lsl import LslMarkers

        own = frozenset({f"{config.output.name}-events"})
        sources.append(LslMarkers(config.markers.type, clock, emit, without=own))
    return sources


def _lsl_source(
    config: Config,
    kind: Kind,
    source: LslSource,
    default_type: str,
    clock: Clock,
    emit: Callable[[Event], None],
    front: PictureFront | None = None,
) -> Source:
    from streamsense.sources.lsl import LslSource as Reader
    from streamsense.sources.lsl_streams import StreamQuery, find_stream

    stream_type = source.type if source.name or source.source_id else source.type or default_type
    query = StreamQuery(source.name, stream_type, source.source_id)
    found = find_stream(query, config.lsl.resolve_timeout_s) if source.required else None
    return Reader(kind, kind, query, clock, emit, found=found, front=front, buffer_s=source.buffer_s)


def _face_source(config: Config, section: FaceSection, clock: Clock, emit: Callable[[Event], None]) -> Source:
    if isinstance(section.source, LslSource):
        takes_vectors = section.source.type == "FaceVector"
        front = None if takes_vectors else PictureFront(_face_edge(section), section.front_end)
        return _lsl_source(config, "face", section.source, "VideoFrames", clock, emit, front)
    from streamsense.sources.webcam import WebcamSettings
    from streamsense.sources.webcam import WebcamSource as Reader

    source: WebcamSource = section.source
    settings = WebcamSettings(
        device=source.device, latency_s=source.latency_s, front_end=section.front_end, required=source.required
    )
    return Reader("face", settings, _face_edge(section), clock, emit)


def _face_edge(section: FaceSection) -> Any:
    from streamsense.face.edge import FaceEdge
    from streamsense.models.catalogue import model_files

    # LiteRT's notes about its delegates would run into the scores.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return FaceEdge(section.front_end, model_files(section.front_end))


def _microphone(source: MicrophoneSource, clock: Clock, emit: Callable[[Event], None]) -> Source:
    from streamsense.sources.microphone import MicrophoneSettings
    from streamsense.sources.microphone import MicrophoneSource as Reader

    return Reader("voice", MicrophoneSettings(device=source.device, rate_hz=source.rate_hz), clock, emit)
