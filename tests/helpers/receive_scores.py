"""A consumer with nothing but pylsl: writes what it receives of one stream as JSON lines.

    python tests/helpers/receive_scores.py STREAM_NAME --session-id ID --out FILE

The first line is the stream's metadata; then one line per sample: its stamp, when it came, its values.
"""

from __future__ import annotations

import argparse
import json
import sys

import pylsl

from tests.helpers.lsl_text import lsl_text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--session-id", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    pylsl.set_config_content(lsl_text(options.session_id))
    found = pylsl.resolve_byprop("name", options.name, timeout=60.0)
    inlet = pylsl.StreamInlet(found[0], recover=False)
    info = inlet.info(timeout=10.0)
    channels = info.desc().child("channels").child("channel")
    listed = []
    while not channels.empty():
        listed.append({key: channels.child_value(key) for key in ("label", "unit", "minimum", "maximum")})
        channels = channels.next_sibling()
    metadata = {
        "channels": listed,
        "type": info.type(),
        "rate": info.nominal_srate(),
        "format": info.channel_format(),
        "declared_rate": info.desc().child_value("declared_rate"),
        "schema": info.desc().child_value("schema"),
        "can_drop": info.desc().child("synchronization").child_value("can_drop_samples"),
        "ambivalence": info.desc().child_value("ambivalence"),
        "models": {key: info.desc().child_value(f"{key}_model") for key in ("eeg", "face", "voice", "fusion")},
    }
    with open(options.out, "w") as out:
        out.write(json.dumps(metadata) + "\n")
        out.flush()
        print("ready", flush=True)
        try:
            while True:
                samples, stamps = inlet.pull_chunk(timeout=0.2, max_samples=64, min_samples=1)
                received = pylsl.local_clock()
                for sample, stamp in zip(samples, stamps, strict=True):
                    out.write(json.dumps([stamp, received, sample]) + "\n")
                out.flush()
        except pylsl.util.LostError:
            return


if __name__ == "__main__":
    sys.exit(main())
