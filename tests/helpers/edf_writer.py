"""Writes a small EDF (16 bit) or BDF (24 bit) file, from the format's description."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_edf(
    path: Path, labels: Sequence[str], units: Sequence[str], counts: np.ndarray, rate: int, bits: int = 16
) -> None:
    """`counts` (channels, samples): whole seconds of digital values, each of them half a unit (EDF) or a unit (BDF)."""
    channels, samples = counts.shape
    records = samples // rate
    assert records * rate == samples
    top = 2 ** (bits - 1)

    def each(values: Sequence[object], width: int) -> str:
        return "".join(f"{value!s:<{width}}" for value in values)

    version = b"0       " if bits == 16 else b"\xffBIOSEMI"
    kind = "" if bits == 16 else "24BIT"
    head = f"{'X X X X':<80}{'Startdate X X X X':<80}01.01.2001.00.00{256 * (channels + 1):<8}{kind:<44}"
    head += f"{records:<8}{1:<8}{channels:<4}"
    head += each(labels, 16) + " " * 80 * channels + each(units, 8)
    lowest, highest = (-top // 2, (top - 1) / 2) if bits == 16 else (-top, top - 1)
    head += each([lowest] * channels, 8) + each([highest] * channels, 8)
    head += each([-top] * channels, 8) + each([top - 1] * channels, 8)
    head += " " * 80 * channels + each([rate] * channels, 8) + " " * 32 * channels
    blocks = counts.reshape(channels, records, rate).transpose(1, 0, 2).astype("<i4")
    content = blocks.reshape(-1).view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    path.write_bytes(version + head.encode("ascii") + content)
