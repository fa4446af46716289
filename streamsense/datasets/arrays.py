"""Arrays as recordings: what a MATLAB file holds, given to the pipeline as an amplifier's blocks would be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.datasets.parts import STREAM_ID, RecordingInParts
from streamsense.errors import DatasetError
from streamsense.sources.recorded import FILE_BLOCK_S, RecordedStream
from streamsense.streams import Block, Kind

PAUSE_S = 5.0
"""Between two pieces that were not recorded in one go: long enough that the filters begin anew, as after any gap."""


def eeg_recording(
    path: Path, name: str, pieces: Sequence[FloatArray], rate_hz: float, electrodes: Sequence[str]
) -> RecordingInParts:
    """EEG pieces (samples, channels) in microvolts as one recording from 0 s, with pauses of PAUSE_S between them.

    Raises DatasetError where a piece does not fit the electrodes or holds a number that is none.
    """
    kept, starts, at = [], [], 0.0
    for piece in pieces:
        if piece.ndim != 2 or piece.shape[1] != len(electrodes) or not len(piece):
            raise DatasetError(
                f"{path}, {name}: an array of shape {piece.shape}, expected (samples, {len(electrodes)} electrodes). "
                "Take the file as it was published."
            )
        with np.errstate(over="ignore"):
            kept.append(piece.astype(np.float32))
        if not np.isfinite(kept[-1]).all():
            raise DatasetError(f"{path}, {name}: the EEG holds NaN or infinity. Get the file anew, or leave it out.")
        starts.append(at)
        at += len(piece) / rate_hz + PAUSE_S
    stream = RecordedStream(
        stream_id=STREAM_ID,
        name=name,
        type="EEG",
        source_id="",
        hostname="",
        channel_labels=tuple(electrodes),
        channel_units=("microvolts",) * len(electrodes),
        nominal_rate_hz=rate_hz,
        channel_format="float32",
        sample_count=sum(map(len, pieces)),
        first_stamp=0.0,
        last_stamp=starts[-1] + (len(pieces[-1]) - 1) / rate_hz,
    )
    parts = tuple(partial(_blocks, piece, rate_hz) for piece in kept)
    return RecordingInParts(path, (stream,), parts, tuple(starts))


def _blocks(piece: npt.NDArray[np.float32], rate_hz: float, key: str, kind: Kind) -> Iterator[Block]:  # noqa: ARG001
    length = max(1, round(FILE_BLOCK_S * rate_hz))
    for first in range(0, len(piece), length):
        values = piece[first : first + length].copy()
        stamps = (first + np.arange(len(values))) / rate_hz
        yield Block(key, first, stamps, values, float(stamps[-1]))
