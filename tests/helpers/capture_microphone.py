"""A process of its own that captures from a microphone and saves every event: PortAudio reads its world at load.

Usage: capture_microphone.py DEVICE RATE SECONDS OUTPUT.npz. RATE 0 means the device's own. A line `hold S` on its
standard input makes it hold Python's lock for S seconds, any other ends it early; it writes a line when the first block
has come, and at each loss.
"""

import json
import sys
import threading
import time

import numpy as np
import pylsl

from streamsense.sources.microphone import MicrophoneSettings, MicrophoneSource
from streamsense.streams import Block, Event
from tests.helpers.hold_lock import hold_lock


class LslClock:
    def now(self) -> float:
        return pylsl.local_clock()


def obey(enough: threading.Event) -> None:
    for line in sys.stdin:
        if not line.startswith("hold "):
            enough.set()
            return
        hold_lock(float(line.split()[1]))


def main() -> None:
    device, rate, seconds, output = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    events: list[Event] = []
    enough = threading.Event()
    previous = [""]

    def emit(event: Event) -> None:
        events.append(event)
        if type(event).__name__ != previous[0]:
            previous[0] = type(event).__name__
            print(previous[0], flush=True)

    source = MicrophoneSource("voice", MicrophoneSettings(device, rate or None), LslClock(), emit)
    threading.Thread(target=obey, args=(enough,), daemon=True).start()
    source.start()
    enough.wait(seconds)
    started = time.perf_counter()
    source.stop()
    source.check()
    blocks = [event for event in events if isinstance(event, Block)]
    others = [event for event in events if not isinstance(event, Block)]
    np.savez(
        output,
        stamps=np.concatenate([block.stamps for block in blocks]),
        sound=np.concatenate([block.values[:, 0] for block in blocks]),
        received=np.array([block.received for block in blocks]),
        ends=np.array([block.stamps[-1] for block in blocks]),
        first_samples=np.array([block.first_sample for block in blocks]),
        lengths=np.array([len(block) for block in blocks]),
        rate=np.array(others[0].info.nominal_rate_hz),
        name=np.array(others[0].info.name),
        dtype=np.array(str(blocks[0].values.dtype)),
        events=np.array(json.dumps([type(event).__name__ for event in others])),
        stop_s=np.array(time.perf_counter() - started),
    )


if __name__ == "__main__":
    main()
