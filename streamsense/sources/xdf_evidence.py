"""What an XDF file says of a stream's time beside its stamps: the footer, the clock offsets, the other streams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Row = tuple[float, float, int, int]
"""Samples that damage hits as a whole: first and last stamp, index of the first sample, number of samples."""
End = Literal["head", "tail", "few"]
"""Where doubtful stamps are: before the rest, after it, or without much of a rest."""
_ROUNDING_S = 1e-3
NEAR_PROBE_S = 8.0
"""Recorders measure clock offsets every 5 s, the first time 5 s after the first sample, and a little later at times."""


@dataclass(frozen=True)
class Evidence:
    """What else a file says of the time of a stream, NaN where it says nothing.

    `first` and `last` are from its footer; `earliest` and `latest` bound the session on the stream's own clock.
    `whole_file` is whether nothing else in the file is damaged.
    """

    first: float = math.nan
    last: float = math.nan
    earliest: float = math.nan
    latest: float = math.nan
    whole_file: bool = False

    def confirms(self, row: Row, end: End, interval_s: float) -> bool:
        """Whether stamps at an end of the stream are as its footer says; where it says nothing, in the session."""
        # LabRecorder's footers have the last stamp one interval late.
        late = 1.5 * interval_s + _ROUNDING_S
        if end == "head" and abs(self.first - row[0]) <= _ROUNDING_S:
            return True
        if end == "tail" and abs(self.last - row[1]) <= late:
            return True
        if math.isfinite({"head": self.first, "tail": self.last, "few": self.first + self.last}[end]):
            # Markers may lie as far apart as they like: those between the footer's two are as good as these.
            return not (row[0] < self.first - _ROUNDING_S or row[1] > self.last + late)
        return not (row[0] < self.earliest or row[1] > self.latest)
