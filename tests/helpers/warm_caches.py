"""Compiles every loop and fetches every net into their caches, so that no two tests do the same at the same time."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from streamsense.runtime.assembly import build_pipeline
from streamsense.sources.xdf import open_recording
from streamsense.streams import MODALITIES
from tests.docs.documents import make_recordings
from tests.helpers import sessions
from tests.helpers.face_pictures import astronaut, face_edge


def warm(part: str) -> None:
    """One part of them, in a process of its own."""
    match part:
        case "edges":
            face_edge("mesh468_iris").process(astronaut())
            with tempfile.TemporaryDirectory() as folder:
                make_recordings(Path(folder))
                open_recording(Path(folder) / "session.xdf")
        case "voice":
            build_pipeline(sessions.config(part, voice={"voice_activity": "silero"}))
        case _:
            build_pipeline(sessions.config(part))


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(warm, sys.argv[1:] or (*MODALITIES, "edges")))
