"""What the features cost, beside what others use for the same, on one thread of one core.

Contenders take turns on the same samples, so that what else the machine does meets all of them alike. Times are
medians with the quartiles beside them; a ratio is that of two medians.

    python -m benchmarks.features [--rounds 400] [--json]
"""

# ruff: noqa: E402  (libraries read how many threads they may use when they are imported)
from __future__ import annotations

import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import librosa
import numpy as np
from scipy import signal

from streamsense.face.edge import BUNDLE_FILE, FaceEdge
from streamsense.face.litert import Net
from streamsense.features.band_entropy import BandEntropy, BandEntropySettings
from streamsense.features.band_filters import band_filters, front_filter, steady_state
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.face_features import FaceFeatures
from streamsense.features.face_vector import FrontEnd, face_vector_labels, face_vector_units
from streamsense.features.log_mel import FRAME_SAMPLES, HOP_SAMPLES, LogMel
from streamsense.features.pitch import LEAD_SAMPLES, pitch
from streamsense.features.voice_features import VoiceFeatures
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.models.catalogue import model_files
from streamsense.streams import Kind, StreamInfo, TimedBlock
from streamsense.ticks import HOP_S, tick_time

DATA = Path(os.environ.get("STREAMSENSE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
CHANNELS, EEG_HZ, SOUND_HZ, CAMERA_HZ = 64, 500, 16_000, 30
EEG_HOP, SOUND_HOP, CAMERA_HOP = round(EEG_HZ * HOP_S), round(SOUND_HZ * HOP_S), round(CAMERA_HZ * HOP_S)
SETTLE = 330
"""Rounds before any is counted: a minute, in which windows fill and the EEG's baseline is learned."""
WARM_UP = 20
"""The same for contenders that remember nothing that long."""
FIRST_TICK = 500


@dataclass(frozen=True)
class Cost:
    """One contender: microseconds per round, median and quartiles."""

    name: str
    median_us: float
    lower_us: float
    upper_us: float

    @staticmethod
    def of(name: str, seconds: list[float]) -> Cost:
        lower, median, upper = (float(q) for q in np.quantile(1e6 * np.array(seconds), (0.25, 0.5, 0.75)))
        return Cost(name, median, lower, upper)


@dataclass(frozen=True)
class Claim:
    """A figure with the limit that it must keep."""

    name: str
    found: float
    limit: float
    at_least: bool

    @property
    def holds(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit


def take_turns(contenders: dict[str, Callable[[int], object]], rounds: int, settle: int = SETTLE) -> dict[str, Cost]:
    """Each contender once per round, on the same round's samples; the order changes from round to round."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for k in range(settle + rounds):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            started = perf_counter()
            contenders[name](k)
            if k >= settle:
                seconds[name].append(perf_counter() - started)
    return {name: Cost.of(name, found) for name, found in seconds.items()}


class Hops:
    """The samples of one stream, a hop at a time; after the last the first again."""

    def __init__(self, key: str, rate_hz: float, values: np.ndarray) -> None:
        self.key, self.rate_hz, self.hop = key, rate_hz, round(rate_hz * HOP_S)
        self.parts = np.split(values, len(values) // self.hop)

    def values(self, k: int) -> np.ndarray:
        return self.parts[k % len(self.parts)]

    def block(self, k: int) -> TimedBlock:
        times = tick_time(FIRST_TICK + k) + np.arange(self.hop) / self.rate_hz
        return TimedBlock(self.key, 0, times, self.values(k))


def tick_after(k: int) -> float:
    return tick_time(FIRST_TICK + k + 1)


def stream(kind: Kind, labels: tuple[str, ...], units: tuple[str, ...], rate_hz: float, type_: str) -> StreamInfo:
    return StreamInfo(kind, kind, kind, type_, "", labels, units, rate_hz, "float32")


def eeg() -> tuple[BandEntropy, Hops]:
    operator = BandEntropy()
    operator.open(stream("eeg", ELECTRODES[:CHANNELS], ("uV",) * CHANNELS, EEG_HZ, "EEG"))
    noise = np.random.default_rng(0).normal(0, 10, (50 * EEG_HOP, CHANNELS)).astype(np.float32)
    return operator, Hops("eeg", EEG_HZ, noise)


class ScipyEntropy:
    """The same filters with scipy.signal.sosfilt: state carried, a ring of sums, the logarithm at each hop."""

    def __init__(self) -> None:
        s = BandEntropySettings()
        self.front = front_filter(EEG_HZ, s.highpass_hz, s.line_frequency_hz, s.notch_quality)
        filled = band_filters(EEG_HZ, s.bands, s.orders)
        self.bands = [sections[: 2 if order == 2 else 3] for sections, order in zip(filled, s.orders, strict=True)]
        self.front_state = np.repeat(steady_state(self.front)[:, None, :], CHANNELS, axis=1) * 0.0
        self.band_states = [np.zeros((len(sections), CHANNELS, 2)) for sections in self.bands]
        self.cells = round(s.window_s / HOP_S)
        self.ring = np.zeros((self.cells, 2, len(self.bands), CHANNELS))

    def hop(self, values: np.ndarray, k: int) -> np.ndarray:
        x = np.ascontiguousarray(values.T, dtype=np.float64)
        x, self.front_state = signal.sosfilt(self.front, x, zi=self.front_state)
        x -= x.mean(axis=0)
        for b, sections in enumerate(self.bands):
            y, self.band_states[b] = signal.sosfilt(sections, x, zi=self.band_states[b])
            self.ring[k % self.cells, 0, b] = y.sum(axis=1)
            self.ring[k % self.cells, 1, b] = np.einsum("ct,ct->c", y, y)
        sums, squares = self.ring.sum(axis=0) / (self.cells * EEG_HOP)
        return 0.5 * np.log(2 * np.pi * np.e * (squares - sums**2)).T

    def window(self, values: np.ndarray) -> np.ndarray:
        """As offline libraries do it: the whole window filtered anew at each hop."""
        x = signal.sosfilt(self.front, np.ascontiguousarray(values.T, dtype=np.float64))
        x -= x.mean(axis=0)
        variances = [signal.sosfilt(sections, x).var(axis=1) for sections in self.bands]
        return 0.5 * np.log(2 * np.pi * np.e * np.array(variances)).T


def entropy_costs(rounds: int) -> tuple[list[Cost], list[Claim]]:
    (operator, hops), (whole, _), carried = eeg(), eeg(), ScipyEntropy()
    window = np.concatenate([hops.values(k) for k in range(20)])
    found: dict[str, np.ndarray] = {}

    def ours(k: int) -> None:
        operator.push(hops.block(k))
        found["ours"] = operator.entropy_at(tick_after(k))

    def feature(k: int) -> None:
        whole.push(hops.block(k))
        whole.feature_at(tick_after(k))

    def theirs(k: int) -> None:
        found["scipy"] = carried.hop(hops.values(k), k)

    costs = take_turns(
        {
            "streamsense: entropy": ours,
            "scipy sosfilt, state carried": theirs,
        },
        rounds,
    )
    costs |= take_turns({"streamsense: whole feature (masks, baseline, quality)": feature}, rounds)
    costs |= take_turns({"scipy sosfilt, 4 s window anew": lambda _: carried.window(window)}, rounds // 8, WARM_UP)
    same = float(np.abs(found["ours"] - found["scipy"]).max())
    if same > 1e-6:
        raise SystemExit(f"the contenders differ by {same:.1e} nats: they do not compute the same")
    peer = costs["scipy sosfilt, state carried"].median_us
    ratio = peer / costs["streamsense: entropy"].median_us
    return list(costs.values()), [Claim("entropy, × faster than scipy with state carried", ratio, 4, True)]


def sound(rate_hz: int) -> tuple[VoiceFrontEnd, StreamInfo, Hops]:
    front = VoiceFrontEnd()
    frames, _ = front.open(stream("voice", ("mono",), ("normalized",), rate_hz, "Audio"))
    noise = np.random.default_rng(1).normal(0, 0.1, (round(10 * rate_hz), 1)).astype(np.float32)
    return front, frames, Hops("voice", rate_hz, noise)


def log_mel_costs(rounds: int) -> tuple[list[Cost], list[Claim]]:
    (front, _, hops), (front_48k, _, hops_48k) = sound(SOUND_HZ), sound(48_000)
    window = np.concatenate([hops.values(k)[:, 0] for k in range(20)])
    log_mel, length = LogMel(), FRAME_SAMPLES + 19 * HOP_SAMPLES
    new, new_with_lead = (window[-count:].astype(np.float64) for count in (length, length + LEAD_SAMPLES))

    def theirs(_: int) -> None:
        power = librosa.feature.melspectrogram(
            y=window, sr=SOUND_HZ, n_fft=512, hop_length=160, win_length=400, center=False, n_mels=64, fmin=60,
            fmax=7600,
        )  # fmt: skip
        np.log(np.maximum(power, 1e-10))

    ours, peer = "streamsense: the 20 new frames", "librosa on the 4 s window"
    costs = take_turns(
        {
            ours: lambda _: log_mel.frames(new),
            "streamsense: their pitch": lambda _: pitch(new_with_lead),
            "streamsense: whole front end (high-pass, clipping, level)": lambda k: front.push(hops.block(k)),
            "streamsense: whole front end from 48 kHz": lambda k: front_48k.push(hops_48k.block(k)),
            peer: theirs,
        },
        rounds,
        WARM_UP,
    )
    ratio = costs[peer].median_us / costs[ours].median_us
    return list(costs.values()), [Claim("log-Mel, × faster than librosa", ratio, 15, True)]


@contextlib.contextmanager
def timed_nets() -> Iterator[list[float]]:
    """The seconds of every run of a net, until the block ends."""
    seconds: list[float] = []
    run = Net.run

    def timed(net: Net, values: Any) -> Any:
        started = perf_counter()
        outputs = run(net, values)
        seconds.append(perf_counter() - started)
        return outputs

    Net.run = timed  # type: ignore[method-assign]
    try:
        yield seconds
    finally:
        Net.run = run  # type: ignore[method-assign]


def face_costs(front_end: FrontEnd, files: dict[str, Path], frames: list[np.ndarray]) -> tuple[list[Cost], list[Claim]]:
    edge, whole, nets = FaceEdge(front_end, files), [], []
    for frame in frames[:30]:
        edge.process(frame)
    with timed_nets() as seconds:
        for frame in frames:
            seconds.clear()
            started = perf_counter()
            edge.process(frame)
            whole.append(perf_counter() - started)
            nets.append(sum(seconds))
    costs = [Cost.of(f"{front_end}: a frame", whole), Cost.of(f"{front_end}: its nets alone", nets)]
    ratio = float(np.sum(whole) / np.sum(nets))
    return costs, [Claim(f"{front_end}: a frame, × its nets' own time", ratio, 1.3, False)]


def film_frames(count: int) -> list[np.ndarray]:
    frames: list[np.ndarray] = []
    for path in sorted((DATA / "face_video" / "asl_gestures").glob("*.mkv")):
        film = cv2.VideoCapture(str(path))
        while len(frames) < count and (read := film.read())[0]:
            frames.append(read[1])
        film.release()
    return frames


def tick_costs(rounds: int) -> tuple[list[Cost], list[Claim]]:
    """All that the core computes for one tick, from samples to features."""
    entropy, eeg_hops = eeg()
    front, frames, sound_hops = sound(SOUND_HZ)
    voice, face = VoiceFeatures(), FaceFeatures()
    voice.open(frames)
    labels, units = face_vector_labels("mesh468_iris"), face_vector_units("mesh468_iris")
    face.open(stream("face", labels, units, 0.0, "FaceVector"))
    rng = np.random.default_rng(2)
    vectors = rng.normal(0, 30, len(labels)) + rng.normal(0, 0.4, (50 * CAMERA_HOP, len(labels)))
    vectors[:, labels.index("tracked")] = 1.0
    vectors[:, [labels.index("yaw_deg"), labels.index("pitch_deg")]] = 2.0
    face_hops = Hops("face", CAMERA_HZ, vectors.astype(np.float32))

    def one_eeg(k: int) -> None:
        entropy.push(eeg_hops.block(k))
        entropy.feature_at(tick_after(k))

    def one_voice(k: int) -> None:
        made = front.push(sound_hops.block(k))
        voice.push(made)
        voice.feature_at(tick_after(k))

    def one_face(k: int) -> None:
        face.push(face_hops.block(k))
        face.feature_at(tick_after(k))

    parts: dict[str, Callable[[int], object]] = {
        f"EEG: {CHANNELS} channels, {EEG_HOP} samples": one_eeg,
        f"voice: {SOUND_HOP} samples": one_voice,
        f"face: {CAMERA_HOP} frames to action units": one_face,
    }
    costs = list(take_turns(parts, rounds).values())
    all_at_once = take_turns(
        {"all features of a tick": lambda k: [part(SETTLE + rounds + k) for part in parts.values()]}, rounds
    )
    (total,) = all_at_once.values()
    return [*costs, total], [Claim("all core features of a tick, ms", total.median_us / 1e3, 1.0, False)]


def measure(rounds: int, frames: int) -> dict[str, tuple[list[Cost], list[Claim]]]:
    found = {
        f"Band entropy of {CHANNELS} channels at {EEG_HZ} Hz, per tick": entropy_costs(rounds),
        "Log-Mel (64 bands), per tick": log_mel_costs(rounds),
    }
    if pictures := film_frames(frames):
        title = f"Face edge, per frame of {pictures[0].shape[1]} × {pictures[0].shape[0]}"
        found[title] = face_costs("mesh468_iris", dict(model_files("mesh468_iris")), pictures)
        bundle = DATA / "face_models" / BUNDLE_FILE
        if bundle.is_file():
            found[f"{title}, other front end"] = face_costs("mesh478_blendshapes", {BUNDLE_FILE: bundle}, pictures)
    else:
        print(f"no films in {DATA}: the face edge is not measured; set STREAMSENSE_DATA", file=sys.stderr)
    found["All core features, per tick"] = tick_costs(rounds)
    return found


def show(found: dict[str, tuple[list[Cost], list[Claim]]]) -> None:
    for title, (costs, claims) in found.items():
        print(f"\n{title}")
        for cost in costs:
            print(f"  {cost.name:56} {cost.median_us:9.1f} µs   [{cost.lower_us:.1f} to {cost.upper_us:.1f}]")
        for claim in claims:
            limit = f"{'at least' if claim.at_least else 'at most'} {claim.limit:g}"
            print(f"  {claim.name:56} {claim.found:9.2f}      {limit}: {'holds' if claim.holds else 'MISSED'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found = measure(asked.rounds, asked.frames)
    if asked.json:
        content = {
            title: {"costs": [asdict(c) for c in costs], "claims": [asdict(c) | {"holds": c.holds} for c in claims]}
            for title, (costs, claims) in found.items()
        }
        print(json.dumps(content, indent=1, ensure_ascii=False))
    else:
        show(found)
    return 0 if all(claim.holds for _, claims in found.values() for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
