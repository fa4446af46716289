"""A replay from a file: the streams chosen, the pipeline built for the modalities that are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from streamsense.config import Config, EegSection, FaceSection, VoiceSection
from streamsense.errors import RecordingError
from streamsense.features.electrodes import rename_channels
from streamsense.runtime.assembly import build_pipeline
from streamsense.runtime.replay import ReplaySession
from streamsense.sources.recorded import Recording, with_channel_labels
from streamsense.sources.recordings import open_any
from streamsense.sources.stream_kinds import choose_streams, describe, kind_of
from streamsense.streams import Modality


def open_replay(
    file: Path, named: Mapping[Modality, str | None], config: Config | None = None
) -> tuple[ReplaySession, tuple[str, ...]]:
    """A replay that is ready to run, and what a user should know about the file.

    `named` says which stream is which modality where it is not clear. Without a configuration each modality that
    the file has is scored with the default settings.
    """
    whole = config or Config(eeg=EegSection(), face=FaceSection(), voice=VoiceSection())
    recording = open_any(file)
    if whole.eeg is not None and whole.eeg.electrodes:
        recording = _with_electrodes(recording, whole.eeg.electrodes)
        # The recording's channels now have these names; naming them again would not find them.
        whole = whole.model_copy(update={"eeg": whole.eeg.model_copy(update={"electrodes": {}})})
    choice = choose_streams(recording.streams, named)
    kinds = {kind for _, kind in choice.selection.values()}
    if not kinds - {"markers"}:
        rows = [f"{row.name!r} (type {row.type!r}, {row.channels} channels)" for row in describe(recording.streams)]
        raise RecordingError(
            f"{file} has no stream that can be scored. {' '.join(choice.warnings)} Found: {'; '.join(rows) or 'none'}. "
            "Expected EEG with 10-20 electrode names (--electrodes gives them to channels called otherwise), sound, or "
            "face vectors; --eeg, --voice and --face name a stream."
        )
    used = whole.model_copy(update={m: None for m in ("eeg", "face", "voice") if m not in kinds})
    pipeline, _ = build_pipeline(used)
    return ReplaySession(recording, choice.selection, pipeline), (*recording.warnings, *choice.warnings)


def _with_electrodes(recording: Recording, names: Mapping[str, str]) -> Recording:
    """The recording with electrode names in those of its streams that have all the channels named."""
    for stream in recording.streams:
        if set(names) <= set(stream.channel_labels) and kind_of(stream) == "eeg":
            labels = rename_channels(stream.channel_labels, names)
            recording = with_channel_labels(recording, stream.stream_id, labels)
    return recording
