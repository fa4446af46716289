"""A live session on real recordings: three processes play them at real speed, in an LSL session of their own.

EEG: one EEGMAT person, 19 channels at 500 Hz. Voice: one EmoDB speaker at 16 kHz. Face: the ASL clips, as MJPEG over
loopback HTTP into the webcam source.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from streamsense.streams import MODALITIES

HELPERS = Path(__file__).parent
ROOT = HELPERS.parents[1]


class Process:
    """A helper in a process of its own that says `ready …` when it is."""

    def __init__(self, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def wait_ready(self) -> float:
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, f"{self.process.args} ended with {self.process.wait()}"
        assert words[0] == "ready", words
        return float(words[1]) if len(words) > 1 else 0.0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def finish(self, timeout_s: float = 120.0) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.close()
        assert self.process.wait(timeout_s) == 0


@dataclass
class Received:
    """What the consumer wrote."""

    metadata: dict[str, object]
    stamps: np.ndarray
    arrivals: np.ndarray
    values: np.ndarray

    @staticmethod
    def read(file: Path) -> Received:
        first, *rest = file.read_text().splitlines()
        rows = [json.loads(line) for line in rest]
        stamps, arrivals, values = (np.array(column) for column in zip(*rows, strict=True))
        return Received(json.loads(first), stamps, arrivals, values)

    def __getitem__(self, label: str) -> np.ndarray:
        labels = [channel["label"] for channel in self.metadata["channels"]]
        return self.values[:, labels.index(label)]


class Session:
    """Players, pipeline and consumers of one test, in an LSL session of their own."""

    def __init__(self, data: Path, folder: Path, stack: ExitStack) -> None:
        self.data, self.folder, self._stack = data, folder, stack
        self.identity = f"test-{uuid.uuid4().hex[:12]}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.players: dict[str, Process] = {}

    def play(self, modality: str, *more: str) -> float:
        """Start one player, with `more` arguments; returns the LSL time at which it was ready."""
        person, *_ = sorted((self.data / "eegmat").glob("Subject*_2.edf"))
        clips = sorted((self.data / "emodb" / "wav").glob("*.wav"))
        speaker = clips[0].name[:2]
        arguments = {
            "eeg": ["eeg", str(person)],
            "voice": ["voice", *(str(clip) for clip in clips if clip.name.startswith(speaker))],
            "face": ["camera", *clips_of_faces(self.data)],
            "pictures": ["pictures", *clips_of_faces(self.data)],
        }[modality]
        player = Process(
            str(HELPERS / "play.py"), *arguments, "--session-id", self.identity, "--port", str(self.port), *more
        )
        self._stack.callback(player.kill)
        self.players[modality] = player
        return player.wait_ready()

    def config(self, modalities: tuple[str, ...], **more: object) -> Path:
        content: dict[str, object] = {"lsl": {"session_id": self.identity}, "markers": None, **more}
        sources = {
            "eeg": {"kind": "lsl", "name": "TestEEG", "required": False},
            "voice": {"kind": "lsl", "name": "TestVoice", "required": False},
            "face": {"kind": "webcam", "device": f"http://127.0.0.1:{self.port}/", "required": False},
        }
        content = {modality: {"source": sources[modality]} for modality in modalities} | content
        file = self.folder / f"{self.identity}.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    def run(self, modalities: tuple[str, ...], *replays: str) -> Process:
        """The pipeline in a process of its own; at its end it computes the `replays` that `run_session.py` knows."""
        self.results = self.folder / f"{self.identity}.npz"
        process = Process(str(HELPERS / "run_session.py"), str(self.config(modalities)), str(self.results), *replays)
        self._stack.callback(process.kill)
        process.wait_ready()
        return process

    def record(self, modalities: tuple[str, ...], *arguments: object, **more: object) -> subprocess.Popen[str]:
        """The command `streamsense live` with `arguments` in a process of its own."""
        command = [sys.executable, "-m", "streamsense", "live", str(self.config(modalities, **more))]
        process = subprocess.Popen(
            [*command, *map(str, arguments)], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._stack.callback(process.kill)
        return process

    def receive(self, name: str) -> Path:
        out = self.folder / f"{self.identity}-{name}.jsonl"
        process = Process(str(HELPERS / "receive_scores.py"), name, "--session-id", self.identity, "--out", str(out))
        self._stack.callback(process.kill)
        process.wait_ready()
        return out


def record_raw(data: Path, folder: Path, seconds: float) -> Path:
    """A live session that records raw sound and pictures, too: the one file that it leaves."""
    raw = {"recording": {"raw_sound": True, "raw_video": True}}
    with session(data, folder) as run:
        for modality in MODALITIES:
            run.play(modality)
        process = run.record(MODALITIES, "--record", folder / "rec", "--seconds", seconds, **raw)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, out
    (file,) = (folder / "rec").glob("*.xdf")
    return file


def clips_of_faces(data: Path) -> list[str]:
    return [str(clip) for clip in sorted((data / "face_video" / "asl_gestures").glob("*.mkv"))]


@contextmanager
def session(data: Path, folder: Path) -> Iterator[Session]:
    with ExitStack() as stack:
        yield Session(data, folder, stack)
