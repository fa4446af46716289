"""EmoDB's clips, and the measures that judge a voice expert on them: the one place that knows this corpus' layout."""

from __future__ import annotations

import re
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.errors import StreamsenseError

LABELS = ("neutral", "happy", "sad", "fearful", "disgusted", "angry", "bored")
"""The seven acted emotions; the first six are emotions of the mixture, in its order."""
_LETTERS = {"N": "neutral", "F": "happy", "T": "sad", "A": "fearful", "E": "disgusted", "W": "angry", "L": "bored"}
_NAME = re.compile(r"(\d\d)[ab]\d\d([NFTAEWL])[a-z]")
_RECOGNISED = re.compile(rb"(\d\d[ab]\d\d[A-Z][a-z])\.wav\s+(\d+)(?:,(\d+))?")
_LARGEST_FILE = 50_000_000

IntArray = npt.NDArray[np.int64]


class CorpusError(StreamsenseError):
    """A folder is not the corpus that it was taken for."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One acted sentence: `sound` (n,) float32, full scale 1, without the silence that it was padded with.

    `label` is a place in LABELS; `recognised` in [0, 1] is the share of 20 listeners who heard that emotion.
    """

    name: str
    speaker: str
    label: int
    recognised: float
    sound: npt.NDArray[np.float32]
    rate_hz: int
    padded_s: float


def read_clips(folder: Path) -> list[Clip]:
    """The clips of an EmoDB folder (`wav/`, `erkennung.txt`) by name. Raises CorpusError where it is none."""
    files = sorted((folder / "wav").glob("*.wav"))
    if not files:
        raise CorpusError(f"{folder} holds no wav/*.wav, expected EmoDB. Give the folder that has wav/ inside.")
    table = folder / "erkennung.txt"
    if not table.is_file():
        raise CorpusError(f"{folder} lacks erkennung.txt, EmoDB's table of what listeners recognised. Copy it there.")
    heard = {
        name.decode(): float(f"{whole.decode()}.{(part or b'0').decode()}") / 100
        for name, whole, part in _RECOGNISED.findall(table.read_bytes())
    }
    return [_read(path, heard) for path in files]


def _read(path: Path, heard: dict[str, float]) -> Clip:
    match = _NAME.fullmatch(path.stem)
    if match is None or path.stem not in heard:
        raise CorpusError(f"{path.name} is no clip of EmoDB, or erkennung.txt lacks it: expected names as 03a01Fa.wav.")
    if path.stat().st_size > _LARGEST_FILE:
        raise CorpusError(f"{path.name} is larger than {_LARGEST_FILE} bytes; EmoDB's clips last some seconds.")
    try:
        with wave.open(str(path)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise CorpusError(f"{path.name} is not mono of 16 bits. Take EmoDB's own files.")
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            rate_hz = file.getframerate()
    except (wave.Error, EOFError) as error:
        raise CorpusError(f"{path.name} is no WAV file that can be read ({error}). Copy it again.") from None
    # Padding is digital silence to the end; recorded silence is not.
    heard_samples = int(np.flatnonzero(samples)[-1]) + 1 if samples.any() else 0
    return Clip(
        path.stem,
        match[1],
        LABELS.index(_LETTERS[match[2]]),
        min(1.0, heard[path.stem]),
        (samples[:heard_samples] / 32768).astype(np.float32),
        rate_hz,
        (len(samples) - heard_samples) / rate_hz,
    )


def recalls(labels: IntArray, given: IntArray, classes: int) -> FloatArray:
    """The recall (classes,) of each class; NaN for one without an item."""
    return np.array([np.mean(given[labels == k] == k) if (labels == k).any() else np.nan for k in range(classes)])


def unweighted_recall(labels: IntArray, given: IntArray, classes: int) -> float:
    """UAR: the mean recall of the classes that have items; 0 where none has."""
    return float(np.nanmean(recalls(labels, given, classes))) if len(labels) else 0.0


def concordance(truth: FloatArray, given: FloatArray) -> float:
    """Lin's concordance correlation coefficient with moments over N; 0 where neither varies."""
    common = np.mean((truth - truth.mean()) * (given - given.mean()))
    whole = truth.var() + given.var() + (truth.mean() - given.mean()) ** 2
    return float(2 * common / whole) if whole > 0 else 0.0
