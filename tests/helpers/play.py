"""Plays real recordings at real speed, as a process of its own: EEG or sound over LSL, video as MJPEG over HTTP.

    python tests/helpers/play.py eeg FILE.edf --session-id ID
    python tests/helpers/play.py voice FILE.wav … --session-id ID
    python tests/helpers/play.py camera CLIP … --port N
    python tests/helpers/play.py pictures CLIP … --session-id ID [--every N]

Prints one line `ready TIME` with the LSL time of its first sample. Nothing of streamsense is imported.
"""

from __future__ import annotations

import argparse
import base64
import http.server
import itertools
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pylsl

from tests.helpers.lsl_text import lsl_text

CHUNK_S = 0.02


def say_ready() -> None:
    print(f"ready {pylsl.local_clock()!r}", flush=True)


def outlet(name: str, kind: str, labels: list[str], unit: str, rate_hz: float) -> pylsl.StreamOutlet:
    info = pylsl.StreamInfo(name, kind, len(labels), rate_hz, "float32", f"test-{name}")
    info.set_channel_labels(labels)
    info.set_channel_units(unit)
    return pylsl.StreamOutlet(info)


def play(stream: pylsl.StreamOutlet, samples: np.ndarray, rate_hz: float, seconds: float) -> None:
    """Loop the samples on the clock, in chunks; every sample is stamped with its own time."""
    start = pylsl.local_clock()
    say_ready()
    sent = 0
    while sent < seconds * rate_hz:
        due = int((pylsl.local_clock() - start) * rate_hz) + 1
        if due > sent:
            rows = np.arange(sent, due) % len(samples)
            stream.push_chunk(samples[rows], start + (due - 1) / rate_hz)
            sent = due
        time.sleep(CHUNK_S)


def play_eeg(file: str, seconds: float) -> None:
    import mne

    raw = mne.io.read_raw_edf(file, preload=True, verbose="error")
    names = [name for name in raw.ch_names if "A2-A1" not in name and "ECG" not in name]
    samples = (raw.get_data(names).T * 1e6).astype(np.float32)
    rate_hz = raw.info["sfreq"]
    play(
        outlet("TestEEG", "EEG", [name.removeprefix("EEG ") for name in names], "microvolts", rate_hz),
        samples,
        rate_hz,
        seconds,
    )


def play_voice(files: list[str], seconds: float) -> None:
    import soxr
    from scipy.io import wavfile

    parts = []
    for file in files:
        rate, sound = wavfile.read(file)
        parts.append(soxr.resample(sound.astype(np.float64) / 32768, rate, 16_000))
    samples = np.concatenate(parts).astype(np.float32)[:, None]
    play(outlet("TestVoice", "Audio", ["mono"], "normalized", 16_000.0), samples, 16_000.0, seconds)


def pictures(files: list[str]) -> Iterator[bytes]:
    import cv2

    for file in itertools.cycle(files):
        video = cv2.VideoCapture(file)
        while True:
            there, frame = video.read()
            if not there:
                break
            yield cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        video.release()


def play_camera(files: list[str], port: int, seconds: float) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:  # the name that http.server asks for
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            start = time.monotonic()
            try:
                for number, picture in enumerate(pictures(files)):
                    time.sleep(max(0.0, start + number / 30 - time.monotonic()))
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say_ready()
    time.sleep(seconds)


def play_pictures(files: list[str], seconds: float, every: int) -> None:
    """The clips as base64 JPEG texts over LSL, stamped when they are due; of `every` so many pictures the first."""
    info = pylsl.StreamInfo("TestPictures", "VideoFrames", 1, 30.0 / every, "string", "test-TestPictures")
    stream, start = pylsl.StreamOutlet(info), pylsl.local_clock()
    say_ready()
    for number, picture in enumerate(itertools.islice(pictures(files), 0, None, every)):
        due = start + number * every / 30
        if due > start + seconds:
            return
        time.sleep(max(0.0, due - pylsl.local_clock()))
        stream.push_sample([base64.b64encode(picture).decode("ascii")], due)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["eeg", "voice", "camera", "pictures"])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--session-id", default="default")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    pylsl.set_config_content(lsl_text(options.session_id))
    if options.what == "eeg":
        play_eeg(options.files[0], options.seconds)
    elif options.what == "voice":
        play_voice(options.files, options.seconds)
    elif options.what == "pictures":
        play_pictures(options.files, options.seconds, options.every)
    else:
        play_camera(options.files, options.port, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
