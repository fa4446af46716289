"""Consumers of the four score streams that know nothing of streamsense; LSLAPICFG names their LSL settings.

python -m tests.helpers.score_consumers pylsl COUNT
python -m tests.helpers.score_consumers mne COUNT
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

PARTS = ("scores", "experts", "events", "diagnostics")


def read_with_pylsl(count: int) -> dict[str, Any]:
    import pylsl

    report: dict[str, Any] = {}
    inlets = {}
    for part in PARTS:
        (found, *more) = pylsl.resolve_byprop("name", f"made-{part}", timeout=20)
        assert not more
        inlets[part] = pylsl.StreamInlet(found, recover=False)
        inlets[part].open_stream(timeout=10)
        report[part] = {"xml": inlets[part].info(timeout=10).as_xml(), "stamps": [], "values": []}
    print("ready", flush=True)
    for part, inlet in inlets.items():
        until = time.monotonic() + 10
        while len(report[part]["stamps"]) < count and time.monotonic() < until:
            values, stamps = inlet.pull_chunk(timeout=0.2)
            report[part]["values"] += values
            report[part]["stamps"] += stamps
    return report


def read_with_mne(count: int) -> dict[str, Any]:
    from mne_lsl.stream import StreamLSL

    stream = StreamLSL(bufsize=count, name="made-scores")
    stream.connect(acquisition_delay=0.05, timeout=20)
    print("ready", flush=True)
    until = time.monotonic() + 10
    while stream.n_new_samples < count and time.monotonic() < until:
        time.sleep(0.05)
    values, stamps = stream.get_data()
    report = {"names": stream.ch_names, "rate": stream.info["sfreq"], "stamps": stamps.tolist()}
    report["values"] = values.T.tolist()
    stream.disconnect()
    return report


if __name__ == "__main__":
    read = read_with_pylsl if sys.argv[1] == "pylsl" else read_with_mne
    print(json.dumps(read(int(sys.argv[2]))), flush=True)
