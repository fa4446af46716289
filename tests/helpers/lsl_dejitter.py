"""A process that sends stamps over LSL to itself and prints what liblsl's own de-jitter makes of them, as JSON.

Reads {"rate": 30.0, "stamps": […]} from its standard input. Nothing of streamsense is imported.
"""

from __future__ import annotations

import json
import sys

import pylsl

from tests.helpers.lsl_text import lsl_text


def main(session_id: str) -> None:
    pylsl.set_config_content(lsl_text(session_id))
    told = json.load(sys.stdin)
    info = pylsl.StreamInfo("dejitter", "EEG", 1, told["rate"], "float32", session_id)
    outlet = pylsl.StreamOutlet(info, max_buffered=600)
    (found,) = pylsl.resolve_byprop("source_id", session_id, 1, 10.0)
    inlet = pylsl.StreamInlet(found, max_buflen=600, processing_flags=pylsl.proc_dejitter)
    inlet.open_stream(timeout=10.0)
    given: list[float] = []
    for stamp in told["stamps"]:
        outlet.push_sample([0.0], stamp)
    while len(given) < len(told["stamps"]):
        _, stamps = inlet.pull_chunk(timeout=1.0, max_samples=4096)
        given += list(stamps)
    print(json.dumps(given))


if __name__ == "__main__":
    main(sys.argv[1])
