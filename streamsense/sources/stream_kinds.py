"""Which recorded stream is which: types, labels and rates say what feeds EEG, face, voice, text and markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamsense.errors import AmbiguousStream, RecordingError, StreamNotFound
from streamsense.features.electrodes import map_electrodes
from streamsense.features.face_vector import front_end_of_labels
from streamsense.sources.recorded import RecordedStream, Selection
from streamsense.streams import LANGUAGE_CUES, MODALITIES, VOICE_FRAMES, Kind, Modality

NOT_USED = "none"
"""Named instead of a stream: the modality is not to be used."""
MIN_VOICE_RATE_HZ = 8000.0
"""Sound of a lower rate carries no speech bands worth the name."""
_MARKER_TYPES = frozenset({"marker", "markers", "event", "events", "trigger", "triggers", "stim", "stringmarker"})
_SOUND_TYPES = frozenset({"audio", "sound", "voice", "speech", "microphone"})
_FACE_TYPES = frozenset({"face", "facevector"})
_WORD_TYPES = frozenset({"transcript", "transcription"})
_EEG_TYPES = frozenset({"eeg", "signal"})
_OWN_OUTPUT = "streamsense-"
"""The types of what our own recordings hold beside their sources begin so: scores, notices, the journal."""
_LEAST_EEG_RATE_HZ = 64.0


@dataclass(frozen=True)
class StreamChoice:
    """Which streams to replay as what, and what a user should know about the choice."""

    selection: Selection
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class StreamRow:
    """One line of a listing of streams; `kind` is what the stream would feed, "" for nothing."""

    stream_id: int
    name: str
    type: str
    kind: str
    channels: int
    rate_hz: float
    channel_format: str
    samples: int
    duration_s: float
    note: str


def is_picture_stream(stream: RecordedStream) -> bool:
    """Whether a stream holds a camera's pictures as texts (base64 JPEG)."""
    return stream.is_text and stream.type.strip().lower().startswith("video")


def is_word_stream(stream: RecordedStream) -> bool:
    """Whether a stream holds recognised words as texts."""
    return stream.is_text and stream.type.strip().lower() in _WORD_TYPES


def kind_of(stream: RecordedStream) -> Kind | None:
    """What a stream is by its own description, None for one that is no input of ours.

    EEG is a stream of type EEG (or `signal`, which OpenViBE writes), or of any other type but markers and sound
    when at least half of its channels, and at least two, are called after electrodes.
    """
    declared = stream.type.strip().lower()
    if is_picture_stream(stream) or declared.startswith(_OWN_OUTPUT):
        return None
    if stream.type == VOICE_FRAMES:
        return "voice"
    if is_word_stream(stream) or stream.type == LANGUAGE_CUES:
        return "text"
    if stream.is_text or declared in _MARKER_TYPES:
        return "markers"
    if declared in _FACE_TYPES or front_end_of_labels(stream.channel_labels):
        return "face"
    if declared in _EEG_TYPES:
        return "eeg"
    if stream.nominal_rate_hz >= MIN_VOICE_RATE_HZ or (declared in _SOUND_TYPES and stream.nominal_rate_hz > 0):
        return "voice"
    electrodes = len(map_electrodes(stream.channel_labels).channels)
    if stream.nominal_rate_hz >= _LEAST_EEG_RATE_HZ and electrodes >= max(2, len(stream.channel_labels) / 2):
        return "eeg"
    return None


def shortcoming(stream: RecordedStream) -> str:
    """Why a stream cannot feed what it is, "" for one that can."""
    kind = kind_of(stream)
    if stream.sample_count == 0:
        return "has no samples"
    if kind == "eeg" and not map_electrodes(stream.channel_labels).channels:
        shown = ", ".join(stream.channel_labels[:4]) + (", …" if len(stream.channel_labels) > 4 else "")
        return f"has no channel that is called after an electrode ({shown}): name them in channel order"
    if kind == "face" and front_end_of_labels(stream.channel_labels) is None:
        return "does not have the channels of a face vector of this version"
    if kind == "voice" and stream.type != VOICE_FRAMES and stream.nominal_rate_hz < MIN_VOICE_RATE_HZ:
        return f"is sound at {stream.nominal_rate_hz:g} Hz, less than {MIN_VOICE_RATE_HZ:g}"
    return ""


def choose_streams(
    streams: Sequence[RecordedStream], named: Mapping[Modality, str | None] | None = None
) -> StreamChoice:
    """Choose a stream for each modality and for words, and take in all markers.

    `named` gives, for a modality, the name, source id or number of the stream to use, or NOT_USED.
    Raises StreamNotFound for a name that no stream has, AmbiguousStream when more than one stream fits.
    """
    named = named or {}
    selection: dict[int, tuple[str, Kind]] = {}
    warnings: list[str] = []
    for modality in MODALITIES:
        wanted = named.get(modality)
        if wanted == NOT_USED:
            continue
        stream = _by_name(streams, modality, wanted) if wanted is not None else _by_kind(streams, modality, warnings)
        if stream is None:
            continue
        if stream.stream_id in selection:
            taken = selection[stream.stream_id][0]
            raise RecordingError(
                f"{_line(stream)} was named for both {taken} and {modality}. Name one stream for each."
            )
        if wanted is not None and (problem := shortcoming(stream)):
            warnings.append(f"{_line(stream)} was named for {modality}, but it {problem}.")
        selection[stream.stream_id] = (modality, modality)
    _add_words(streams, selection, warnings)
    _add_markers(streams, selection)
    return StreamChoice(selection, tuple(warnings))


def describe(streams: Sequence[RecordedStream]) -> list[StreamRow]:
    """A listing of streams, one row each, in file order."""
    return [
        StreamRow(
            stream_id=stream.stream_id,
            name=stream.name,
            type=stream.type,
            kind=kind_of(stream) or "",
            channels=len(stream.channel_labels),
            rate_hz=stream.nominal_rate_hz,
            channel_format=stream.channel_format,
            samples=stream.sample_count,
            duration_s=_duration_s(stream),
            note=shortcoming(stream),
        )
        for stream in streams
    ]


def _duration_s(stream: RecordedStream) -> float:
    """How long the stream lasts; by its count where it has a rate, because clocks jump."""
    if stream.nominal_rate_hz > 0:
        return stream.sample_count / stream.nominal_rate_hz
    return max(0.0, stream.last_stamp - stream.first_stamp) if stream.sample_count else 0.0


def _by_kind(streams: Sequence[RecordedStream], modality: Modality, warnings: list[str]) -> RecordedStream | None:
    """The one stream that can feed the modality; those that only nearly can are named in a warning."""
    fitting = [stream for stream in streams if kind_of(stream) == modality]
    able = [stream for stream in fitting if not shortcoming(stream)]
    if len(able) > 1:
        raise _ambiguous(able, modality, f"{len(able)} streams could be {modality}")
    if not able:
        warnings.extend(f"{_line(stream)} cannot be {modality}: it {shortcoming(stream)}." for stream in fitting)
    return able[0] if able else None


def _by_name(streams: Sequence[RecordedStream], modality: Modality, wanted: str) -> RecordedStream:
    numbers = [stream for stream in streams if not stream.is_text]
    matching = [stream for stream in numbers if wanted in (stream.name, stream.source_id, str(stream.stream_id))]
    # A device may give all its streams one name (a Muse does): the one of the right kind is meant.
    fitting = [stream for stream in matching if kind_of(stream) == modality]
    able = [stream for stream in fitting if not shortcoming(stream)]
    best = able or fitting or matching
    if not best:
        raise StreamNotFound(
            f"No stream of numbers is called {wanted!r}. Found: {'; '.join(map(_line, numbers)) or 'none'}. "
            f"Give the name or the number of one of them with --{modality}."
        )
    if len(best) > 1:
        raise _ambiguous(best, modality, f"{len(best)} streams are called {wanted!r}")
    return best[0]


def _ambiguous(streams: Sequence[RecordedStream], modality: Modality, found: str) -> AmbiguousStream:
    names = {stream.name for stream in streams}
    one = streams[0].name if len(names) == len(streams) and streams[0].name else str(streams[0].stream_id)
    listing = "; ".join(_line(stream) for stream in streams)
    return AmbiguousStream(f"{found}: {listing}. Expected one. Name it, for example --{modality} {one!r}.")


def _add_words(streams: Sequence[RecordedStream], selection: dict[int, tuple[str, Kind]], warnings: list[str]) -> None:
    """Take in the one stream of counts of words, or else of words: these as texts, of which counts are made later."""
    free = [stream for stream in streams if stream.stream_id not in selection and stream.sample_count]
    words = [stream for stream in free if kind_of(stream) == "text"]
    counts = [stream for stream in words if not is_word_stream(stream)]
    found = counts or words
    if len(found) == 1:
        selection[found[0].stream_id] = ("text", "text" if counts else "markers")
    elif found:
        warnings.append(f"Of {len(found)} streams of words none is used: {'; '.join(map(_line, found))}.")


def _add_markers(streams: Sequence[RecordedStream], selection: dict[int, tuple[str, Kind]]) -> None:
    taken: set[str] = set()
    for stream in streams:
        if stream.stream_id not in selection and kind_of(stream) == "markers":
            key = f"markers/{stream.name}"
            key = key if key not in taken else f"{key}/{stream.stream_id}"
            taken.add(key)
            selection[stream.stream_id] = (key, "markers")


def _line(stream: RecordedStream) -> str:
    rate = f"{stream.nominal_rate_hz:g} Hz" if stream.nominal_rate_hz else "irregular"
    size = f"{len(stream.channel_labels)} channels, {rate}, {stream.sample_count} samples"
    return f"Stream {stream.stream_id} {stream.name!r} (type {stream.type!r}, {size})"
