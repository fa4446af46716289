"""The acted clips that the voice expert learns from, as the data set's adapter gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamsense.arrays import Float32Array
from streamsense.datasets.emodb import EMODB
from streamsense.datasets.labelled import LabelledRecording
from streamsense.errors import DatasetError
from streamsense.sources.recorded import recording_arrays

LABELS = ("neutral", "happy", "sad", "fearful", "disgusted", "angry", "bored")
"""The seven acted emotions; the first six are emotions of the mixture, in its order."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One acted sentence: `sound` (n,) float32, full scale 1, without the silence that it was padded with.

    `label` is a place in LABELS; `recognised` in [0, 1] is the share of listeners who heard that emotion.
    """

    name: str
    speaker: str
    label: int
    recognised: float
    sound: Float32Array
    rate_hz: float


def emodb_clips(folder: Path) -> list[Clip]:
    """The clips of an EmoDB folder, by name. Raises DatasetError where it is none, or lacks the listeners' votes."""
    return clips_of(EMODB.recordings(folder))


def clips_of(recordings: Iterable[LabelledRecording]) -> list[Clip]:
    """Recordings of one sentence each as clips, by name."""
    return sorted((_clip(recording) for recording in recordings), key=lambda clip: clip.name)


def _clip(recording: LabelledRecording) -> Clip:
    (label,) = recording.labels
    if not label.votes:
        raise DatasetError(
            f"Nobody's vote is known for {recording.name}. Expected what listeners recognised, in erkennung.txt beside "
            "wav/. Copy it there."
        )
    sound = recording.open("voice")
    (samples,) = recording_arrays(sound).values()
    return Clip(
        recording.name,
        recording.person,
        LABELS.index(label.emotion),
        label.votes[label.emotion] / sum(label.votes.values()),
        samples.values.astype(np.float32).mean(axis=1),
        sound.streams[0].nominal_rate_hz,
    )
