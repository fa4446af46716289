"""Damages XDF files at random, and says which stamps a reader may give of the result."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamsense.sources.recorded import recording_arrays
from streamsense.sources.xdf import open_recording
from streamsense.sources.xdf_chunks import Damage, read_chunks
from streamsense.streams import Block, OffsetProbe
from tests.helpers.xdf_writer import XdfWriter

RESET_S = 1.0
"""A step back of the originals that is larger is a clock reset, any other the sender's jitter."""


def plain_file() -> bytes:
    """EEG with a stamp each, 16 kHz sound with one stamp a chunk, markers; probes, boundaries, footers."""
    generator = np.random.default_rng(0)
    writer = XdfWriter()
    writer.header(1, channels=4, rate_hz=256.0, name="EEG", labels=["Fp1", "Fp2", "Cz", "Pz"])
    writer.header(2, "int16", 1, rate_hz=16_000.0, name="Voice", stream_type="Audio")
    writer.header(3, "string", name="Task", stream_type="Markers")
    for half in range(16):
        begin = 5000.0 + half / 2
        writer.stamped(1, begin + np.arange(128) / 256, generator.normal(size=(128, 4)).astype(np.float32))
        sound = generator.integers(-3000, 3000, (2000, 1)).tolist()
        for part in range(4):
            stamps = [begin + part / 8, *[None] * 1999]
            writer.samples(2, stamps, sound)
        writer.samples(3, [begin + 0.2], [[f"trial {half}"]])
        if half % 4 == 3:
            for stream in (1, 2, 3):
                writer.clock_offset(stream, begin + 0.4, 0.0)
        writer.boundary()
    writer.footer(1, 16 * 128, 5000.0, 5000.0 + 2047 / 256)
    writer.footer(2, 16 * 8000, 5000.0, 5000.0 + 127_999 / 16_000)
    writer.footer(3, 16, 5000.2, 5007.7)
    return writer.data


def mutated(original: bytes, heads: list[int], generator: np.random.Generator) -> tuple[bytes, str]:
    """The file with one or two kinds of damage, and which; `heads` is where its chunks begin."""
    data = bytearray(original)
    kinds = generator.choice(
        ["bytes", "burst", "cut", "length", "twice", "removed", "inserted"], 1 + (generator.random() < 0.3)
    )
    for kind in kinds:
        place = int(generator.integers(4, max(5, len(data))))
        length = int(min(2 ** generator.uniform(0, 16), len(data) // 2))
        noise = generator.integers(0, 256, length, np.uint8).tobytes()
        if kind == "bytes":
            for at in generator.integers(4, len(data), 1 + generator.integers(8)):
                data[at] = generator.integers(256)
        elif kind == "burst":
            data[place : place + min(length, 64)] = noise[:64][: len(data) - place]
        elif kind == "cut":
            del data[place:]
        elif kind == "length":
            at = int(generator.choice(heads))
            data[at : at + 9] = b"\x08" + (1 << 63).to_bytes(8, "little")
        elif kind == "twice":
            data[place:place] = data[max(4, place - length) : place]
        elif kind == "removed":
            del data[place : place + length]
        else:
            data[place:place] = noise
    return bytes(data), "+".join(kinds)


@dataclass(frozen=True)
class Allowed:
    """The stamps that one stream may have: `pieces` between clock resets, `jitter_s` its largest other step back."""

    pieces: list[tuple[float, float]]
    jitter_s: float

    def faults(self, stamps: np.ndarray, slack_s: float) -> list[str]:
        """What is wrong with the stamps that were read, in words."""
        if not np.isfinite(stamps).all():
            return ["not finite"]
        found = []
        inside = np.zeros(len(stamps), bool)
        for low, high in self.pieces:
            inside |= (stamps >= low - slack_s) & (stamps <= high + slack_s)
        if not inside.all():
            found.append(f"outside the session: {stamps[~inside][:3]} of {self.pieces}")
        back = np.flatnonzero(np.diff(stamps) < -self.jitter_s)
        for index in back:
            before, after = stamps[index], stamps[index + 1]
            if not any(
                low <= before <= high and other_low <= after <= other_high
                for n, (low, high) in enumerate(self.pieces)
                for other_low, other_high in self.pieces[n + 1 :]
            ):
                found.append(f"backward at {index} of {len(stamps)}: {before!r} -> {after!r}")
        return found


def allowed(path: Path) -> dict[int, Allowed]:
    """What each stream of an undamaged file may have."""
    result = {}
    for stream_id, arrays in recording_arrays(open_recording(path)).items():
        steps = np.diff(arrays.stamps)
        edges = [0, *(np.flatnonzero(steps < -RESET_S) + 1).tolist(), len(arrays.stamps)]
        pieces = [(float(arrays.stamps[a]), float(arrays.stamps[b - 1])) for a, b in itertools.pairwise(edges) if b > a]
        small = steps[(steps < 0) & (steps >= -RESET_S)]
        result[stream_id] = Allowed(pieces, float(-small.min(initial=0.0)) * 1.0001)
    return result


def heads(path: Path) -> list[int]:
    """Where the chunks of an undamaged file begin."""
    return [chunk.offset for chunk in read_chunks(path, Damage())]


def faults(path: Path, may: dict[int, Allowed], slack_s: float) -> list[str]:
    """Read the whole file as any user of the reader does; what is wrong with the events."""
    recording = open_recording(path)
    markers = {s.stream_id: (str(s.stream_id), "markers" if s.is_text else "eeg") for s in recording.streams}
    stamps: dict[int, list[np.ndarray]] = {}
    found = []
    for event in recording.events(markers):  # type: ignore[arg-type]
        if not np.isfinite(event.received):
            found.append(f"{event} was received at no time")
        if isinstance(event, Block):
            stamps.setdefault(int(event.key), []).append(event.stamps)
        elif isinstance(event, OffsetProbe) and not np.isfinite(event.offset_s):
            found.append(f"{event} is no offset")
    for stream_id, parts in stamps.items():
        if stream_id in may:
            found += [f"stream {stream_id}: {fault}" for fault in may[stream_id].faults(np.concatenate(parts), slack_s)]
    return found
