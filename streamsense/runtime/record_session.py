"""A session that only records: every LSL stream as it comes, none of it scored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from streamsense.config import Config, RecordingSection
from streamsense.runtime.assembly import build_pipeline
from streamsense.runtime.live import LiveSession
from streamsense.runtime.recording import Recording, check_folder
from streamsense.runtime.recording_head import recording_head
from streamsense.sinks.base import Sink, ThreadedSink
from streamsense.sources.lsl_configuration import configure


def open_record_session(
    config: Config, folder: Path, names: Sequence[str] = (), sinks: Sequence[Sink] = ()
) -> LiveSession:
    """A session that records all streams that are there or appear, or those of `names`, into one file.

    Only the `lsl` and `recording` sections of `config` count. Raises StreamNotFound or AmbiguousStream where one of
    `names` is not there.
    """
    section = config.lsl
    configure(section.session_id, section.scope, section.known_peers, section.ipv6)
    from streamsense.sources.lsl_follower import LslFollower
    from streamsense.sources.lsl_streams import LslClock, StreamQuery, find_stream

    clock = LslClock()
    for name in names:
        find_stream(StreamQuery(name=name), section.resolve_timeout_s)
    check_folder(folder)
    settings = config.recording.model_copy(update={"raw_sound": True, "raw_video": True})
    unscored = Config(markers=None, lsl=section, recording=RecordingSection(**settings.model_dump()))
    pipeline, description = build_pipeline(unscored)
    session = LiveSession(
        pipeline,
        lambda emit: [LslFollower(lambda info: not names or info.name() in names, "other", "recorded/", clock, emit)],
        clock,
        controls=(),
        new_recording=partial(Recording, settings, folder, recording_head(unscored, description, None)),
    )
    for sink in sinks:
        session.add_sink(ThreadedSink(sink))
    return session
