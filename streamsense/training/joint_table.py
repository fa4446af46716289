"""Ticks to train on: what each modality's expert is given at a tick, and what the tick is labelled with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsense.arrays import Float32Array, FloatArray
from streamsense.evaluation.windows import Window
from streamsense.streams import Modality

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ModalityRows:
    """One modality's part of n ticks.

    `inputs` are the expert's, by name, (n, ...); zeros where the modality is not there. `presence` (n,) is 1 where it
    counts and 0 elsewhere, `quality` (n,) in [0, 1], `age_s` (n,): those that fusion is given live.
    """

    inputs: Mapping[str, Float32Array]
    presence: Float32Array
    quality: Float32Array
    age_s: Float32Array

    def take(self, rows: Indices) -> ModalityRows:
        """These rows only."""
        inputs = {name: values[rows] for name, values in self.inputs.items()}
        return ModalityRows(inputs, self.presence[rows], self.quality[rows], self.age_s[rows])


@dataclass(frozen=True, eq=False)
class JointTable:
    """n labelled ticks of the modalities that were recorded; a set of one modality is a table with one.

    `windows` (n) say whose and when (the longest window at the tick, for the splits). `vad` (n, 3) are the ratings in
    [-1, 1], NaN where there is none. `emotions` (n, 8) are the raters' shares over `fusion.emotions.EMOTIONS`, all zero
    where there is none. `weight` (n,) is how much a tick counts.
    """

    modalities: Mapping[Modality, ModalityRows]
    windows: tuple[Window, ...]
    vad: FloatArray
    emotions: FloatArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.windows)

    def take(self, rows: Indices) -> JointTable:
        """These ticks only."""
        return JointTable(
            {modality: part.take(rows) for modality, part in self.modalities.items()},
            tuple(self.windows[at] for at in rows.tolist()),
            self.vad[rows],
            self.emotions[rows],
            self.weight[rows],
        )
