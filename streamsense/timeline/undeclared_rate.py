"""The rate of a stream that declares none, found causally in its first stamps.

A stretch of two seconds without a hole is enough for a least-squares line, whose slope samples that are stamped in
handfuls hardly move. Filters are designed for the rate that is found, so it is a customary one where one is near:
then a stream that comes back has the same. The smoothing follows the real one anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.state import LENGTH_VARIES

STRETCH_S = 2.0
_HOLE_S = 0.5
_MOST_SAMPLES = 65_536
_MOST_STRETCHES = 5
_LARGEST_SPREAD_S = 0.1
_NEAR = 0.01
_CUSTOMARY_HZ = np.array(
    [100, 110, 120, 125, 128, 150, 160, 200, 220, 240, 250, 256, 300, 400, 500, 512, 600, 800, 1000, 1024, 1200,
     2000, 2048, 2400, 4096, 4800, 5000, 8192, 9600, 10_000, 16_384, 20_000]
)  # fmt: skip


@dataclass
class RateSearch:
    """The stamps of the stretch so far, and how many stretches were of no use."""

    stamps: FloatArray = field(default_factory=lambda: np.empty(0), metadata=LENGTH_VARIES)
    useless: int = 0

    @property
    def is_hopeless(self) -> bool:
        """Whether the stream has no rate that could be found."""
        return self.useless >= _MOST_STRETCHES


def search_rate(search: RateSearch, stamps: FloatArray) -> tuple[int, float]:
    """Take in stamps, up to the one that decides: how many were taken, and the rate in Hz (0: not known yet)."""
    stretch = search.stamps.tolist()
    taken, rate_hz = 0, 0.0
    for stamp in stamps.tolist():
        taken += 1
        if not np.isfinite(stamp):
            continue
        if stretch and abs(stamp - stretch[-1]) >= _HOLE_S:
            stretch, search.useless = [], search.useless + 1
        stretch.append(stamp)
        if stamp - stretch[0] >= STRETCH_S or len(stretch) >= _MOST_SAMPLES:
            rate_hz = _rate_of(np.array(stretch))
            stretch, search.useless = [], search.useless + (rate_hz == 0)
        if rate_hz > 0 or search.is_hopeless:
            break
    search.stamps = np.array(stretch, dtype=np.float64)
    return taken, rate_hz


def _rate_of(stamps: FloatArray) -> float:
    """The rate of near-regular stamps; 0 for others."""
    since = stamps - stamps[0]
    if since[-1] < STRETCH_S:
        return 0.0
    number = np.arange(len(stamps)) - (len(stamps) - 1) / 2
    period_s = float(number @ since / (number @ number))
    spread_s = float(np.std(since - period_s * number))
    if spread_s > _LARGEST_SPREAD_S:
        return 0.0
    rate_hz = 1.0 / period_s
    nearest = float(_CUSTOMARY_HZ[np.argmin(np.abs(_CUSTOMARY_HZ - rate_hz))])
    return nearest if abs(nearest - rate_hz) <= _NEAR * rate_hz else float(round(rate_hz))
