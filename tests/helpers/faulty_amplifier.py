"""A process that owns amplifiers with faults: LSL outlets of noise in real time, 50 ms at once, stamped with its time.

It takes one JSON line at a time and answers each with one line:

    {"do": "open", "name": …, "source_id": …, "labels": […], "rate": 250.0, "declared": 250.0, "type": "EEG"}
    {"do": "set", "name": …, …}     any of the fields of `Faults`
    {"do": "close", "name": …}
    {"do": "markers", "name": …, "count": …, "length": …}      a marker stream that sends so many at once

Nothing of streamsense is imported.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pylsl

from tests.helpers.brain_noise import BrainNoise
from tests.helpers.lsl_text import lsl_text

BURST_S = 0.05


@dataclass
class Faults:
    """What is wrong with an amplifier at the moment."""

    frozen: bool = False
    """It sends nothing, and what it measures meanwhile is lost."""
    held_back: bool = False
    """It sends nothing, and all of it later, at once."""
    jump_s: float = 0.0
    speed: float = 1.0
    """Samples in a second over those it should measure; their stamps are right."""
    drift: float = 0.0
    """Seconds that its clock gains in a second."""
    jitter_s: float = 0.002
    damage: str = ""
    """`duplicated` or `reordered` deliveries, or in each two samples that are `nan` or `infinite`."""


@dataclass
class Amplifier:
    outlet: pylsl.StreamOutlet
    rate_hz: float
    brain: BrainNoise
    noise: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))
    faults: Faults = field(default_factory=Faults)
    since: float = field(default_factory=pylsl.local_clock)
    """Until then all is measured."""
    drifts_from: float = 0.0
    delayed: tuple[np.ndarray, np.ndarray] | None = None

    def set(self, **faults: object) -> None:
        for name, value in faults.items():
            assert hasattr(self.faults, name), name
            setattr(self.faults, name, value)
        self.drifts_from = self.since

    def send(self, now: float) -> None:
        """Send what was measured since the last time."""
        if self.faults.held_back:
            return
        rate_hz = self.rate_hz * self.faults.speed
        times = self.since + (1 + np.arange(int((now - self.since) * rate_hz))) / rate_hz
        if len(times) == 0:
            return
        self.since = float(times[-1])
        if self.faults.frozen:
            return
        values = self.brain.next(len(times)).astype(np.float32)
        stamps = times + self.faults.jump_s + self.faults.drift * (times - self.drifts_from)
        stamps += self.noise.normal(0, self.faults.jitter_s, len(times))
        damage = self.faults.damage
        if damage in ("nan", "infinite"):
            values[:2] = np.nan if damage == "nan" else np.inf
        if damage == "reordered" and self.delayed is None:
            self.delayed = values, stamps
            return
        self._push(values, stamps)
        if damage == "duplicated":
            self._push(values, stamps)
        if self.delayed is not None:
            self._push(*self.delayed)
            self.delayed = None

    def _push(self, values: np.ndarray, stamps: np.ndarray) -> None:
        for row in range(len(values)):
            self.outlet.push_sample(values[row], stamps[row], pushthrough=row == len(values) - 1)


def opened(told: dict) -> Amplifier:
    labels = told["labels"]
    declared = told.get("declared", told.get("rate", 250.0))
    info = pylsl.StreamInfo(
        told["name"], told.get("type", "EEG"), len(labels), declared, "float32", told["source_id"]
    )  # fmt: skip
    info.set_channel_labels(labels)
    info.set_channel_units(told.get("unit", "microvolts"))
    rate_hz = told.get("rate", 250.0)
    brain = BrainNoise(np.random.default_rng(2), 12, len(labels), rate_hz)
    return Amplifier(pylsl.StreamOutlet(info), rate_hz, brain, faults=Faults(told["frozen"]))


def flood(outlet: pylsl.StreamOutlet, count: int, length: int) -> None:
    for number in range(count):
        outlet.push_sample([f"{number} ".ljust(length, "x")])


def obey(told: dict, amplifiers: dict[str, Amplifier], markers: dict[str, pylsl.StreamOutlet]) -> None:
    name = told.pop("name")
    match told.pop("do"):
        case "open":
            amplifiers[name] = opened({"name": name, "frozen": False, **told})
        case "set":
            amplifiers[name].set(**told)
        case "close":
            del amplifiers[name]
        case "markers":
            if name not in markers:
                markers[name] = pylsl.StreamOutlet(
                    pylsl.StreamInfo(name, "Markers", 1, 0.0, "string", name), max_buffered=3600
                )
                markers[name].wait_for_consumers(15.0)
            flood(markers[name], told["count"], told["length"])


def main(session_id: str) -> None:
    pylsl.set_config_content(lsl_text(session_id))
    amplifiers: dict[str, Amplifier] = {}
    markers: dict[str, pylsl.StreamOutlet] = {}
    busy = threading.Lock()

    def play() -> None:
        while True:
            with busy:
                for amplifier in amplifiers.values():
                    amplifier.send(pylsl.local_clock())
            time.sleep(BURST_S)

    threading.Thread(target=play, daemon=True).start()
    for line in sys.stdin:
        told = json.loads(line)
        if told["do"] == "markers":
            obey(told, amplifiers, markers)
        else:
            with busy:
                obey(told, amplifiers, markers)
        print(json.dumps({"now": pylsl.local_clock()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
