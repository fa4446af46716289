"""Features as the columns of a table: each operator names its own, here they are put together and read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from streamsense.streams import Feature, Modality

TIME = "time"


@dataclass(frozen=True)
class FeatureColumn:
    """One number of a feature: `inputs[tensor][index]`; where no tensor is given the cue `name`, or what is `beside`.

    Where `mask`, another tensor, is 0 at the first of `index`, there is no value. `unit` is "" for a pure number.
    """

    name: str
    unit: str
    tensor: str = ""
    index: tuple[int, ...] = ()
    mask: str = ""
    beside: bool = False

    def value(self, feature: Feature) -> float:
        """The column's value, to the bit as the pipeline has it; NaN where there is none."""
        if self.beside:
            return feature.beside.get(self.name, math.nan)
        if not self.tensor:
            return feature.cues[self.name]
        if self.mask and not feature.inputs[self.mask][self.index[0]]:
            return math.nan
        return float(feature.inputs[self.tensor][self.index])


class FeatureTable:
    """The columns of all modalities of a session, in their order, and the rows that features make in them.

    Behind each modality's own columns come its validity and quality (0 to 1) and its effective time (s), and behind all
    of them the cues of `language`.
    """

    def __init__(
        self, columns: Mapping[Modality, tuple[FeatureColumn, ...]], language: tuple[FeatureColumn, ...] = ()
    ) -> None:
        self.columns = dict(columns)
        self.language = language

    @property
    def units(self) -> dict[str, str]:
        """The unit of each column, by its name and in order."""
        units = {TIME: "s"}
        for modality, columns in self.columns.items():
            units |= {column.name: column.unit for column in columns}
            units |= {f"{modality}_validity": "", f"{modality}_quality": "", f"{modality}_effective_time": "s"}
        return units | {column.name: column.unit for column in self.language}

    def row(
        self, time: float, windows: Mapping[Modality, Feature], language: Mapping[str, float] | None = None
    ) -> list[float]:
        """The row of a tick, in the order of `units`; NaN where there is no value."""
        row = [time]
        for modality, columns in self.columns.items():
            feature = windows.get(modality)
            if feature is None:
                row += [math.nan] * (len(columns) + 3)
                continue
            row += [column.value(feature) for column in columns]
            row += [feature.validity, feature.quality, feature.effective_time]
        return row + [(language or {}).get(column.name, math.nan) for column in self.language]
