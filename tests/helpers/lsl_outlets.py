"""A process that owns LSL outlets and does what it is told, one JSON line at a time; it answers each with one line.

    {"do": "open", "name": …, "type": …, "channels": 2, "rate": 100.0, "format": "float32", "source_id": …,
     "labels": […]}
    {"do": "push", "name": …, "stamps": […], "values": [[…], …]}      waits until somebody listens
    {"do": "close", "name": …}

Nothing of streamsense is imported.
"""

from __future__ import annotations

import json
import sys
import time

import pylsl

from tests.helpers.lsl_text import lsl_text


def open_outlet(told: dict) -> pylsl.StreamOutlet:
    info = pylsl.StreamInfo(
        told["name"], told["type"], told.get("channels", 1), told.get("rate", 0.0), told["format"], told["source_id"]
    )
    if "labels" in told:
        info.set_channel_labels(told["labels"])
        info.set_channel_units(told.get("unit", "microvolts"))
    return pylsl.StreamOutlet(info)


def push(outlet: pylsl.StreamOutlet, told: dict) -> None:
    until = time.monotonic() + 10
    while not outlet.have_consumers():
        if time.monotonic() > until:
            raise TimeoutError("nobody listens")
        time.sleep(0.01)
    for stamp, values in zip(told["stamps"], told["values"], strict=True):
        outlet.push_sample(values, stamp)


def main(session_id: str) -> None:
    pylsl.set_config_content(lsl_text(session_id))
    outlets: dict[str, pylsl.StreamOutlet] = {}
    for line in sys.stdin:
        told = json.loads(line)
        name = told["name"]
        if told["do"] == "open":
            outlets[name] = open_outlet(told)
        elif told["do"] == "push":
            push(outlets[name], told)
        else:
            del outlets[name]
        print(json.dumps({"done": told["do"], "now": pylsl.local_clock()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
