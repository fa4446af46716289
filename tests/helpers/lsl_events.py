"""A process that reads LSL streams as streamsense does and prints every event as a JSON line.

What to read comes as JSON lines on its standard input:

    {"do": "source", "key": …, "kind": …, "query": {"name": …}, "pictures": false, "buffer_s": 30, "paused_s": 0}
    {"do": "markers", "type": "Markers", "without": […], "at_most": 64, "kind": "markers"}
    {"do": "find", "query": {…}, "timeout_s": 1.0}
    {"do": "probe", "query": {…}, "key": …}
    {"do": "host", "name": …}      from now on this computer goes by another name, so that senders seem to be far away

At the end of its input it stops, and prints what went wrong in the threads.
"""

from __future__ import annotations

import functools
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pylsl

from streamsense.errors import StreamsenseError
from streamsense.sources.lsl import LslSource
from streamsense.sources.lsl_configuration import configure
from streamsense.sources.lsl_follower import LslFollower
from streamsense.sources.lsl_streams import LslClock, StreamQuery, find_stream
from streamsense.streams import Block, Event, Kind

_printing = threading.Lock()


def say(what: dict[str, Any]) -> None:
    with _printing:
        print(json.dumps(what), flush=True)


def emit(event: Event) -> None:
    if isinstance(event, Block):
        report = {
            "key": event.key, "first_sample": event.first_sample, "stamps": event.stamps.tolist(),
            "values": event.values.tolist(), "dtype": str(event.values.dtype), "texts": event.texts,
            "received": event.received,
        }  # fmt: skip
    else:
        report = asdict(event)
        key = report["info"]["key"] if "info" in report else report.get("payload", "").split(" ")[0]
        report["key"] = getattr(event, "key", None) or key
    say({"event": type(event).__name__, **report})


def after_a_pause(seconds: float) -> Callable[[Event], None]:
    """The same, but with the first block its reader is held up."""
    left = [seconds]

    def emit_late(event: Event) -> None:
        if isinstance(event, Block) and left:
            time.sleep(left.pop())
        emit(event)

    return emit_late


def picture_front() -> Any:
    from streamsense.sources.pictures import PictureReader, face_edge
    from streamsense.sources.text_front import TextFront

    return TextFront(PictureReader(face_edge("mesh468_iris")), most_at_once=3)


def follower(stream_type: str, without: list[str], at_most: int, kind: Kind) -> LslFollower:
    def wanted(info: pylsl.StreamInfo) -> bool:
        return bool(info.type() == stream_type and info.name() not in without)

    return LslFollower(wanted, kind, f"{kind}/", LslClock(), emit, at_most)


def main(session_id: str) -> None:
    configure(session_id)
    sources: list[LslSource | LslFollower] = []
    for line in sys.stdin:
        told = json.loads(line)
        query = StreamQuery(**told.get("query", {"type": "any"}))
        if told["do"] == "source":
            front = picture_front() if told.get("pictures") else None
            paused, buffer_s = after_a_pause(told.get("paused_s", 0.0)), told.get("buffer_s", 30.0)
            sources.append(
                LslSource(told["key"], told["kind"], query, LslClock(), paused, front=front, buffer_s=buffer_s)
            )
            sources[-1].start()
        elif told["do"] == "markers":
            at_most, kind = told.get("at_most", 64), told.get("kind", "markers")
            sources.append(follower(told["type"], told["without"], at_most, kind))
            sources[-1].start()
        elif told["do"] == "find":
            try:
                found = find_stream(query, told["timeout_s"])
                say({"event": "found", "name": found.name(), "source_id": found.source_id()})
            except StreamsenseError as error:
                say({"event": type(error).__name__, "text": str(error)})
        elif told["do"] == "probe":
            inlet = pylsl.StreamInlet(find_stream(query, 5.0), processing_flags=0, recover=False, as_numpy=True)
            emit(LslSource(told["key"], "eeg", query, LslClock(), emit)._measured(inlet))
        else:
            socket.gethostname = functools.partial(str, told["name"])
            say({"event": "host"})
    for source in sources:
        source.stop()
        try:
            source.check()
        except StreamsenseError as error:
            say({"event": type(error).__name__, "text": str(error)})


if __name__ == "__main__":
    main(sys.argv[1])
