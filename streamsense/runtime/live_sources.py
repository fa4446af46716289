"""The sources of a live session, as its configuration names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from streamsense.config import Config, FaceSection, LslSource, MicrophoneSource, TextSection, WebcamSource
from streamsense.sources.lsl_configuration import configure
from streamsense.streams import Event, Kind
from streamsense.ticks import Clock

if TYPE_CHECKING:
    from streamsense.sources.lsl import Front

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
    if config.text is not None:
        sources.append(_text_source(config, config.text, clock, emit))
    if config.markers is not None:
        from streamsense.sources.lsl_follower import LslFollower

        own = frozenset({f"{config.output.name}-events"})
        wanted_type = config.markers.type
        sources.append(
            LslFollower(
                lambda info: info.type() == wanted_type and info.name() not in own, "markers", "markers/", clock, emit
            )
        )
    return sources


def _lsl_source(
    config: Config,
    kind: Kind,
    source: LslSource,
    default_type: str,
    clock: Clock,
    emit: Callable[[Event], None],
    front: Front | None = None,
) -> Source:
    from streamsense.sources.lsl import LslSource as Reader
    from streamsense.sources.lsl_streams import StreamQuery, find_stream

    stream_type = source.type if source.name or source.source_id else source.type or default_type
    query = StreamQuery(source.name, stream_type, source.source_id)
    found = find_stream(query, config.lsl.resolve_timeout_s) if source.required else None
    return Reader(kind, kind, query, clock, emit, found=found, front=front, buffer_s=source.buffer_s)


def _face_source(config: Config, section: FaceSection, clock: Clock, emit: Callable[[Event], None]) -> Source:
    from streamsense.sources.pictures import PictureReader, face_edge, picture_keeper
    from streamsense.sources.text_front import TextFront

    if isinstance(section.source, LslSource):
        front = None
        if section.source.type != "FaceVector":
            keeper = picture_keeper(clock, emit) if config.recording.raw_video else None
            front = TextFront(PictureReader(face_edge(section.front_end)), _MOST_PICTURES_AT_ONCE, keeper)
        return _lsl_source(config, "face", section.source, "VideoFrames", clock, emit, front)
    from streamsense.sources.webcam import WebcamSettings
    from streamsense.sources.webcam import WebcamSource as Reader

    source: WebcamSource = section.source
    wanted = source.model_dump(exclude={"kind"})
    settings = WebcamSettings(front_end=section.front_end, **wanted)
    edge = face_edge(section.front_end)
    return Reader("face", settings, edge, clock, emit, keep_pictures=config.recording.raw_video)


def _text_source(config: Config, section: TextSection, clock: Clock, emit: Callable[[Event], None]) -> Source:
    from streamsense.sources.lexicon_file import lexicon_for
    from streamsense.sources.words import live_word_front, word_keeper

    keeper = word_keeper(clock, emit) if config.recording.raw_words else None
    front = live_word_front(lexicon_for(section.language, section.lexicon), keeper)
    return _lsl_source(config, "text", section.source, "Transcript", clock, emit, front)


def _microphone(source: MicrophoneSource, clock: Clock, emit: Callable[[Event], None]) -> Source:
    from streamsense.sources.microphone import MicrophoneSettings
    from streamsense.sources.microphone import MicrophoneSource as Reader

    return Reader("voice", MicrophoneSettings(**source.model_dump(exclude={"kind"})), clock, emit)
