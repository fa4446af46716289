"""A process of its own that reads the simulator's LSL streams and prints what came, as JSON.

LSL takes its settings once in a process, so each test that talks over LSL does so from fresh ones.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pylsl

from streamsense.sources.lsl_configuration import configure


def channels(info: pylsl.StreamInfo) -> list[tuple[str, str]]:
    found = []
    channel = info.desc().child("channels").child("channel")
    while not channel.empty():
        found.append((channel.child_value("label"), channel.child_value("unit")))
        channel = channel.next_sibling()
    return found


def main(session_id: str, expected: int, seconds: float) -> None:
    configure(session_id)
    infos = pylsl.resolve_streams(1.0)
    for _ in range(10):
        if len(infos) >= expected:
            break
        infos = pylsl.resolve_streams(0.5)
    inlets = {info.name(): pylsl.StreamInlet(info, max_buflen=30) for info in infos}
    for inlet in inlets.values():
        inlet.open_stream(timeout=5)
    report: dict[str, dict[str, Any]] = {}
    for name, inlet in inlets.items():
        info = inlet.info(timeout=5)
        report[name] = {
            "type": info.type(),
            "source_id": info.source_id(),
            "rate": info.nominal_srate(),
            "channels": channels(info),
            "fps": info.desc().child_value("fps"),
            "encoding": info.desc().child_value("encoding"),
            "stamps": [],
            "received": [],
            "values": [],
        }
    end = pylsl.local_clock() + seconds
    while pylsl.local_clock() < end:
        time.sleep(0.005)
        for name, inlet in inlets.items():
            values, stamps = inlet.pull_chunk(timeout=0.0, max_samples=8192)
            now = pylsl.local_clock()
            got = report[name]
            got["stamps"] += list(stamps)
            got["received"] += [now] * len(stamps)
            if len(stamps):
                got["values"] += list(values) if isinstance(values[0][0], str) else [[float(v) for v in values[-1]]]
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
