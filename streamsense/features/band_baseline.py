"""What band entropy is referred to: a person's entropy at rest, from a profile or from the session's first seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.errors import ConfigError
from streamsense.features.band_settings import BAND_NAMES, LEAST_PROFILE_S, WHOLE_PROFILE_S
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.entropy_window import VARIANCE_FLOOR
from streamsense.profile import Part, numbers, table

_LARGEST_NAT = 100.0  # far above any signal's; its power can still be computed


@dataclass(frozen=True)
class Baseline:
    """Entropy (bands,), nats of µV, by electrode; and how settled it is, in [0, 1]."""

    entropy: Mapping[str, FloatArray]
    weight: float

    @staticmethod
    def from_profile(part: Part) -> Baseline:
        """What `as_profile` gave. Raises ConfigError for anything else."""
        by_name = table(part, "baseline")
        if unknown := [name for name in by_name if name not in ELECTRODES]:
            raise ConfigError(f"The profile has a baseline for {unknown[0][:40]!r}, expected names of electrodes.")
        (weight,) = numbers(part, "weight", 1)
        entropy = {name: numbers(by_name, name, len(BAND_NAMES)) for name in by_name}
        return Baseline(entropy, float(min(1.0, max(0.0, weight))))

    def rows(self, names: tuple[str, ...]) -> FloatArray:
        """Of each electrode (names, bands); NaN for one of which nothing is known."""
        nothing = np.full(len(BAND_NAMES), np.nan)
        return np.array([self.entropy.get(name, nothing) for name in names])

    def weight_of(self, names: tuple[str, ...]) -> float:
        """How settled it is for these electrodes: 0 unless half of them are in it, as the median counts without one."""
        known = sum(name in self.entropy for name in names)
        return self.weight if 2 * known >= len(names) else 0.0

    def warnings(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """What a user should know who uses it, as a profile's, with these electrodes."""
        lacking = [name for name in names if name not in self.entropy]
        if not lacking:
            return ()
        text = f"the profile knows no rest of {', '.join(lacking)}: each is referred to itself, as if it never changed"
        if 2 * len(lacking) <= len(names):
            return (text,)
        return (f"{text}. It knows less than half of the {len(names)} electrodes, so its EEG part does not count",)


@njit(cache=True)  # type: ignore[untyped-decorator]
def running_baseline(cell: FloatArray, samples: float) -> tuple[FloatArray, float]:
    """What a cell of `BandEntropyState.baseline` (1 + bands, channels) says: entropy (channels, bands), and its weight.

    NaN for an electrode of which nothing is known. The weight is the median electrode's share of `samples`.
    """
    bands, channels = cell.shape[0] - 1, cell.shape[1]
    entropy = np.full((channels, bands), np.nan)
    for c in range(channels):
        for b in range(bands):
            if cell[0, c] > 0:
                entropy[c, b] = 0.5 * np.log(2 * np.pi * np.e * max(cell[1 + b, c] / cell[0, c], VARIANCE_FLOOR))
    return entropy, min(1.0, np.sort(cell[0])[channels // 2] / samples)


def learned_s(cell: FloatArray, rate_hz: float) -> float:
    """From how many seconds such a cell was learned, the median of the electrodes."""
    return float(np.sort(cell[0])[cell.shape[1] // 2]) / rate_hz


def as_profile(names: tuple[str, ...], cell: FloatArray, rate_hz: float) -> dict[str, object] | None:
    """What such a cell says, for a profile: an electrode of which less than 10 s were usable is left out.

    None where that is the most of them.
    """
    seconds = learned_s(cell, rate_hz)
    if seconds < LEAST_PROFILE_S:
        return None
    entropy, _ = running_baseline(cell, rate_hz)
    named = zip(names, entropy, cell[0] >= LEAST_PROFILE_S * rate_hz, strict=True)
    return {
        "baseline": {name: row.tolist() for name, row, known in named if known},
        "weight": min(1.0, seconds / WHOLE_PROFILE_S),
        "seconds": seconds,
    }


def highest_band_power(entropy: FloatArray) -> FloatArray:
    """The variance (µV²) of the highest band, (channels,), by `entropy` (channels, bands); NaN where that is."""
    return np.asarray(np.exp(2 * np.minimum(entropy[:, -1], _LARGEST_NAT)) / (2 * np.pi * np.e))
