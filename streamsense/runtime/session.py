"""A live session from a configuration: pipeline, sources and sinks put together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from streamsense import __version__
from streamsense.config import Config
from streamsense.journal import Entry
from streamsense.pipeline import START
from streamsense.profile import PROFILE, load_profile
from streamsense.runtime.assembly import build_pipeline
from streamsense.runtime.live import LiveSession
from streamsense.runtime.live_sources import live_sources
from streamsense.runtime.recording import Recording, check_folder
from streamsense.runtime.recording_head import recording_head
from streamsense.sinks.base import Sink, ThreadedSink
from streamsense.sources.lsl_configuration import configure
from streamsense.streams import MODALITIES


def open_session(
    config: Config,
    sinks: Sequence[Sink] = (),
    journal: list[Entry] | None = None,
    controls: Sequence[tuple[str, str]] = (),
) -> LiveSession:
    """A session that is ready to start: its models are loaded and its required streams were found.

    `sinks` come on top of those that the configuration names; each runs in a thread of its own. `controls`, name and
    payload of each, are given to the core before any sample.
    """
    section = config.lsl
    configure(section.session_id, section.scope, section.known_peers, section.ipv6)
    from streamsense.sinks.lsl import LslSink
    from streamsense.sinks.table import CsvSink
    from streamsense.sources.lsl_streams import LslClock

    clock = LslClock()
    pipeline, description = build_pipeline(config)
    sections = {name: getattr(config, name) for name in (*MODALITIES, "text")}
    required = frozenset(name for name, section in sections.items() if section is not None and section.source.required)
    profile = load_profile(config.profile).payload if config.profile is not None else None
    folder = config.recording.folder
    if folder is not None:
        check_folder(folder)
    new_recording = None
    if folder is not None:
        head = recording_head(config, description, profile)
        new_recording = partial(Recording, config.recording, folder, head)
    session = LiveSession(
        pipeline,
        lambda emit: live_sources(config, clock, emit),
        clock,
        journal,
        required,
        controls=(*(() if profile is None else ((PROFILE, profile),)), *controls, (START, "")),
        new_recording=new_recording,
    )
    # Sinks last: what cannot be read must not leave an outlet or a file behind.
    if config.output.lsl:
        session.add_sink(LslSink(config.output.name, clock, {"version": __version__, **description}))
    if config.output.csv is not None:
        session.add_sink(ThreadedSink(CsvSink(config.output.csv)))
    for sink in sinks:
        session.add_sink(ThreadedSink(sink))
    return session
