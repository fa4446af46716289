"""A camera on the network: sends pictures of a face as MJPEG over loopback HTTP, and can be made to fail."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from streamsense.face.opencv import cv2
from tests.helpers.face_pictures import astronaut

RATE_HZ = 30


@cache
def jpegs() -> list[bytes]:
    """One face under the noise that every camera has: no two pictures are equal."""
    rng = np.random.default_rng(0)
    face = cv2.resize(astronaut(), (640, 480)).astype(np.float64)
    noisy = (np.clip(face + rng.normal(0, 2, face.shape), 0, 255).astype(np.uint8) for _ in range(12))
    return [cv2.imencode(".jpg", picture)[1].tobytes() for picture in noisy]


class Camera:
    """Sends 30 pictures a second to whoever connects, until it is switched off.

    While `stalled` it sends nothing, and the connection stands. While `repeating` it sends its last picture again and
    again. While `dropping` it leaves out 12 of 15 pictures, in one piece.
    """

    def __init__(self, port: int = 0) -> None:
        off = self._off = threading.Event()
        self.stalled, self.repeating, self.dropping = stalled, repeating, dropping = [
            threading.Event() for _ in range(3)
        ]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                jpeg = jpegs()[0]
                try:
                    for number in itertools.count():
                        if off.wait(1 / RATE_HZ):
                            return
                        if stalled.is_set() or (dropping.is_set() and number % 15 < 12):
                            continue
                        if not repeating.is_set():
                            jpeg = jpegs()[number % len(jpegs())]
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/video.mjpg"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def off(self) -> None:
        self._off.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def camera(port: int = 0) -> Iterator[Camera]:
    running = Camera(port)
    try:
        yield running
    finally:
        running.off()
