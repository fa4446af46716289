"""A replay from a file: the streams chosen, the pipeline built for the modalities that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from streamsense.config import Config, EegSection, FaceSection, TextSection, VoiceSection
from streamsense.errors import RecordingError
from streamsense.features.electrodes import rename_channels
from streamsense.pipeline import Pipeline
from streamsense.profile import PROFILE, load_profile
from streamsense.runtime.assembly import build_replay_pipeline
from streamsense.runtime.replay import ReplaySession
from streamsense.sources.lexicon_file import lexicon_for
from streamsense.sources.pictures import PictureReader, face_edge
from streamsense.sources.recorded import Edge, RecordedStream, Recording, Selection, with_channel_labels
from streamsense.sources.recordings import open_any
from streamsense.sources.stream_kinds import NOT_USED, choose_streams, describe, is_picture_stream, kind_of
from streamsense.sources.text_front import TextFront
from streamsense.sources.video_file import FilmFront, FilmRecording
from streamsense.sources.words import WordReader
from streamsense.streams import MODALITIES, Kind, Modality

_PICTURES: Final[tuple[str, Kind]] = ("face", "markers")
_WORDS: Final[tuple[str, Kind]] = ("text", "markers")
"""Keys and kinds of streams that are selected as texts; an edge makes numbers of them before they enter the core."""
_UNDETERMINED: Final = "und"
"""The language (BCP 47) of which nobody said which it is: counts of words are used, words are not."""
EVERYTHING: Final = Config(
    eeg=EegSection(), face=FaceSection(), voice=VoiceSection(), text=TextSection(language=_UNDETERMINED)
)
"""What is used where nothing is configured: whatever the recording has, with the default settings."""


def open_replay(
    file: Path,
    named: Mapping[Modality, str | None],
    config: Config | None = None,
    build: Callable[[Config], Pipeline] = lambda config: build_replay_pipeline(config)[0],
) -> tuple[ReplaySession, tuple[str, ...]]:
    """A replay that is ready to run, and what a user should know about the file.

    `named` says which stream is which modality where it is not clear. Without a configuration it is EVERYTHING.
    `build` makes the pipeline.
    """
    return replay_of(open_any(file), named, config, build)


def replay_of(
    recording: Recording,
    named: Mapping[Modality, str | None],
    config: Config | None,
    build: Callable[[Config], Pipeline],
) -> tuple[ReplaySession, tuple[str, ...]]:
    """The same of a recording that was opened."""
    whole, warnings = config or EVERYTHING, list[str]()
    if whole.eeg is not None and whole.eeg.electrodes:
        renamed = _with_electrodes(recording, whole.eeg.electrodes)
        if renamed is recording:
            channels = ", ".join(list(whole.eeg.electrodes)[:8])
            warnings.append(f"No EEG stream has all the channels that were given electrodes ({channels}).")
        recording = renamed
        # The recording's channels now have these names; naming them again would not find them.
        whole = whole.model_copy(update={"eeg": whole.eeg.model_copy(update={"electrodes": {}})})
    choice = choose_streams(recording.streams, named)
    warnings += choice.warnings
    selection = dict(choice.selection)
    if whole.face is not None and named.get("face") != NOT_USED:
        selection |= _pictures(recording.streams, selection)
    used_keys = {key for key, _ in selection.values()} & set(MODALITIES)
    if not used_keys:
        rows = [f"{row.name!r} (type {row.type!r}, {row.channels} channels)" for row in describe(recording.streams)]
        raise RecordingError(
            f"{recording.path} has no stream that can be scored. {' '.join(warnings)} "
            f"Found: {'; '.join(rows) or 'none'}. "
            "Expected EEG with 10-20 electrode names (--electrodes gives them to channels called otherwise), sound, or "
            "face vectors; --eeg, --voice and --face name a stream."
        )
    if whole.text == EVERYTHING.text and _WORDS in selection.values():
        whole = whole.model_copy(update={"text": None})
        warnings.append(
            "The recognised words are not used, because nothing says in which language they are: give a configuration "
            "with `text: {language: en}`."
        )
    if whole.text is None:
        selection = {stream_id: entry for stream_id, entry in selection.items() if entry[0] != "text"}
    keys = {key for key, _ in selection.values()}
    used = whole.model_copy(update={name: None for name in (*MODALITIES, "text") if name not in keys})
    pipeline = build(used)
    controls = () if used.profile is None else ((PROFILE, load_profile(used.profile).payload),)
    replay = ReplaySession(recording, selection, pipeline, _edges(recording, selection, used), controls)
    return replay, (*recording.warnings, *warnings)


def _edges(recording: Recording, selection: Selection, used: Config) -> dict[str, Edge]:
    """What makes numbers of the streams that were selected as texts, by their keys."""
    edges: dict[str, Edge] = {}
    if used.face is not None and _PICTURES in selection.values():
        edge = face_edge(used.face.front_end)
        is_film = isinstance(recording, FilmRecording)
        edges["face"] = FilmFront(recording.path, edge) if is_film else TextFront(PictureReader(edge))
    if used.text is not None and _WORDS in selection.values():
        edges["text"] = TextFront(WordReader(lexicon_for(used.text.language, used.text.lexicon)))
    return edges


def _pictures(streams: Sequence[RecordedStream], selection: Selection) -> dict[int, tuple[str, Kind]]:
    """The one stream of pictures as the face, where no stream of face vectors was chosen.

    It is selected as texts; the face edge makes vectors of them before they enter the core.
    """
    found = [stream for stream in streams if is_picture_stream(stream) and stream.sample_count]
    if len(found) != 1 or any(key == "face" for key, _ in selection.values()):
        return {}
    return {found[0].stream_id: _PICTURES}


def _with_electrodes(recording: Recording, names: Mapping[str, str]) -> Recording:
    """The recording with electrode names in those of its streams that have all the channels named."""
    for stream in recording.streams:
        if set(names) <= set(stream.channel_labels) and kind_of(stream) == "eeg":
            labels = rename_channels(stream.channel_labels, names)
            recording = with_channel_labels(recording, stream.stream_id, labels)
    return recording
