"""The strongest signs in the windows of one tick, found in one compiled pass: places and numbers, no words."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from streamsense.arrays import Float32Array, FloatArray, IntArray
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.prosody import PROSODY
from streamsense.fusion.signs import MOST_ELECTRODES, REGIONS
from streamsense.fusion.voice_signs import LEAST_VOICED

LEAST_NAT, LEAST_OF_5, LEAST_SD, LEAST_ST = 0.1, 0.5, 0.5, 1.0
"""What is too little to be named: of entropy, of an action unit, of the voice in SD and of its pitch in semitones.

They are choices. The size of a sign is how many times this it is.
"""
MOST_SIGNS: Final = 3
"""So many of each modality."""
_PITCH, _PITCHED = list(PROSODY).index("pitch_mean_st"), list(PROSODY).index("pitched_fraction")
_REGION_OF: Final[IntArray] = np.array(
    [next(at for at, places in enumerate(REGIONS.values()) if place in places) for place in range(len(ELECTRODES))]
)
_REGIONS: Final = len(REGIONS)


@njit(cache=True)  # type: ignore[untyped-decorator]
def strongest_of_eeg(
    entropy: Float32Array, rest: Float32Array, mask: Float32Array, found: FloatArray, electrodes: IntArray
) -> None:
    """By band, region and direction, those electrodes that changed most; see `_keep` for `found` (MOST_SIGNS, 3).

    `electrodes` (MOST_SIGNS, MOST_ELECTRODES) are their places, -1 for none. The place of a sign counts directions
    (higher, lower) in regions in bands.
    """
    cells = 2 * _REGIONS * entropy.shape[1]
    apart, places = np.zeros((cells, MOST_ELECTRODES)), np.full((cells, MOST_ELECTRODES), -1)
    for place in range(len(entropy)):
        if mask[place] <= 0:
            continue
        for band in range(entropy.shape[1]):
            change = np.float64(entropy[place, band]) - np.float64(rest[place, band])
            size, candidate = abs(change), place
            cell = 2 * (band * _REGIONS + _REGION_OF[place]) + (0 if change > 0 else 1)
            for rank in range(MOST_ELECTRODES):
                if size > apart[cell, rank]:
                    apart[cell, rank], size = size, apart[cell, rank]
                    places[cell, rank], candidate = candidate, places[cell, rank]
    for cell in range(cells):
        count = (places[cell] >= 0).sum()
        if count > 0:
            value = apart[cell].sum() / count
            _keep(found, cell, value if cell % 2 == 0 else -value, LEAST_NAT)
    for rank in range(len(found)):
        if found[rank, 0] >= 0:
            electrodes[rank] = places[int(found[rank, 0])]


@njit(cache=True)  # type: ignore[untyped-decorator]
def strongest_of_face(units: Float32Array, mask: Float32Array, found: FloatArray) -> None:
    """By action unit, which is the place of a sign."""
    for row in range(len(units)):
        if mask[row] > 0 and units[row, 0] > 0:
            _keep(found, row, np.float64(units[row, 0]), LEAST_OF_5)


@njit(cache=True)  # type: ignore[untyped-decorator]
def strongest_of_voice(
    prosody: Float32Array, contours: Float32Array, statistics: Float32Array, found: FloatArray
) -> None:
    """Of what is measured from the speaker's own level: loudness, tilt, pitch, and the thirds of the spectrum."""
    if prosody[2] < LEAST_VOICED:
        return
    _keep(found, 0, np.float64(prosody[0]), LEAST_SD)
    _keep(found, 1, np.float64(prosody[1]), LEAST_SD)
    if contours[_PITCHED] > 0:
        _keep(found, 2, np.float64(contours[_PITCH]), LEAST_ST)
    size, more = len(statistics) // 3, len(statistics) % 3
    first = 0
    for third in range(3):
        count = size + (1 if third < more else 0)
        total = 0.0
        for band in range(first, first + count):
            total += statistics[band, 0]
        if count > 0:
            _keep(found, 3 + third, total / count, LEAST_SD)
        first += count


@njit(cache=True)  # type: ignore[untyped-decorator]
def _keep(found: FloatArray, place: int, value: float, least: float) -> None:
    """Put a sign among the strongest, if it is: rows of its place (-1: none), its value, and its size."""
    size = abs(value) / least
    if not (size >= 1 and size < np.inf):
        return
    entry_place, entry_value, entry_size = np.float64(place), value, size
    for rank in range(len(found)):
        if found[rank, 0] < 0 or entry_size > found[rank, 2]:
            held_place, held_value, held_size = found[rank, 0], found[rank, 1], found[rank, 2]
            found[rank, 0], found[rank, 1], found[rank, 2] = entry_place, entry_value, entry_size
            entry_place, entry_value, entry_size = held_place, held_value, held_size
            if entry_place < 0:
                return
