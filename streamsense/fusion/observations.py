"""What is to be seen at a tick: each modality's share and its strongest signs, from the windows alone.

It costs so little that every tick can have it, because no expert is run again. So it says how large a sign is, not how
far it moved the score: that takes occlusion (`attribution`), on demand. Signs, values and units are those of
`signs` and `voice_signs`; of the voice only what is measured from the speaker's own level: nothing is to be remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from streamsense.arrays import Float32Array, FloatArray, IntArray
from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.fusion.explanation import LEAST_CUE, LEAST_PART, NEGLIGIBLE_WEIGHT, ConflictPart
from streamsense.fusion.signs import MOST_ELECTRODES, REGIONS, UNIT_NAMES
from streamsense.fusion.voice_signs import from_own_level
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Score
from streamsense.streams import MODALITIES, Modality

LEAST_SIZE: Final[Mapping[str, float]] = {"nat": 0.1, "of 5": 0.5, "SD": 0.5, "semitone": 1.0}
"""In each unit, what is too little to be named; choices. Signs are compared by how many times this they are."""
MOST_SIGNS: Final = 3
"""So many of each modality."""
_REGION_OF: Final[IntArray] = np.array(
    [next(at for at, places in enumerate(REGIONS.values()) if place in places) for place in range(len(ELECTRODES))]
)
_CELLS: Final = tuple(
    (f"{region} {band} {way} than at rest", sign)
    for band in BAND_NAMES
    for region in REGIONS
    for way, sign in (("higher", 1.0), ("lower", -1.0))
)
"""What is to be said of each band, region and direction, and the direction's sign."""
_UNITS: Final = tuple(f"{UNIT_NAMES[unit]} (AU{unit})" for unit in ACTION_UNITS)
_PLACES: Final = tuple(
    (modality, SCORE_LABELS.index(f"{modality}_presence"), EXPERT_LABELS.index(f"{modality}_valence"))
    for modality in MODALITIES
)
_PARTS: Final = tuple((name, SCORE_LABELS.index(name)) for name in ("discord", "bivalence", "hesitancy"))
_Sign = tuple[str, float, str, float, tuple[str, ...]]
"""An Observation's fields but the modality."""


class Observation(NamedTuple):
    """One sign: how far it is from neutral, in `unit`, and `size`, that over the least that is named.

    `electrodes` are where most; `value` is their mean.
    """

    modality: Modality
    what: str
    value: float
    unit: str
    size: float
    electrodes: tuple[str, ...] = ()


class Heard(NamedTuple):
    """One modality's share in the score, and what its own expert says: 0 for what that has no evidence for."""

    modality: Modality
    weight: float
    quality: float
    age_s: float
    valence: float
    arousal: float


@dataclass(frozen=True)
class Observations:
    """Of one score: the modalities that were there, their signs (the strongest first), and what contradicts what."""

    tick: int
    time: float
    heard: tuple[Heard, ...]
    signs: tuple[Observation, ...]
    conflict: tuple[ConflictPart, ...]


def observations(score: Score) -> Observations:
    """What is to be seen at a tick. Of a modality that did not count nothing is named."""
    values, said = score.values.tolist(), score.experts.tolist()
    heard: list[Heard] = []
    signs: list[Observation] = []
    for modality, presence, valence in _PLACES:
        if values[presence] <= 0:
            continue
        quality, weight, age_s = values[presence + 1 : presence + 4]
        heard.append(Heard(modality, weight, quality, age_s, said[valence], said[valence + 2]))
        if weight >= NEGLIGIBLE_WEIGHT and modality in score.features:
            inputs = score.features[modality].inputs
            signs += [Observation(modality, *one) for one in _SIGNS[modality](inputs)]
    return Observations(score.tick, score.time, tuple(heard), tuple(signs), _conflict(values, score.cues))


def _conflict(values: list[float], cues: Mapping[str, float]) -> tuple[ConflictPart, ...]:
    parts = [(name, values[place]) for name, place in _PARTS if values[place] >= LEAST_PART]
    on = tuple(name for name, count in cues.items() if count >= LEAST_CUE) if parts else ()
    return tuple(ConflictPart(name, value, on if name == "hesitancy" else ()) for name, value in parts)


def _face(inputs: Mapping[str, Float32Array]) -> list[_Sign]:
    least = LEAST_SIZE["of 5"]
    levels, mask = inputs["action_units"][:, 0].tolist(), inputs["action_unit_mask"].tolist()
    shown = [(level, at) for at, level in enumerate(levels) if level >= least and mask[at] > 0]
    shown.sort(key=lambda one: -one[0])
    return [(_UNITS[at], level, "of 5", level / least, ()) for level, at in shown[:MOST_SIGNS]]


def _voice(inputs: Mapping[str, Float32Array]) -> list[_Sign]:
    signs: list[_Sign] = [
        (what, value, unit, abs(value) / LEAST_SIZE[unit], ()) for what, value, unit in from_own_level(inputs)
    ]
    signs.sort(key=lambda one: -one[3])
    return [one for one in signs[:MOST_SIGNS] if one[3] >= 1]


def _eeg(inputs: Mapping[str, Float32Array]) -> list[_Sign]:
    """By band, region and direction as in `signs`; nothing before anything is known of the person's rest."""
    if inputs["baseline_weight"][0] <= 0:
        return []
    values, places = np.zeros(len(_CELLS)), np.zeros((len(_CELLS), MOST_ELECTRODES), np.int64)
    _strongest(
        inputs["band_entropy"], inputs["band_entropy_baseline"], inputs["electrode_mask"], _REGION_OF, values, places
    )
    signs: list[_Sign] = []
    for cell in np.argsort(-values, kind="stable")[:MOST_SIGNS].tolist():
        size, (what, way) = float(values[cell]) / LEAST_SIZE["nat"], _CELLS[cell]
        if size >= 1:
            electrodes = tuple(ELECTRODES[place] for place in places[cell].tolist() if place >= 0)
            signs.append((what, way * float(values[cell]), "nat", size, electrodes))
    return signs


_SIGNS: Final[Mapping[Modality, Callable[[Mapping[str, Float32Array]], list[_Sign]]]] = {
    "eeg": _eeg, "face": _face, "voice": _voice,
}  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def _strongest(
    entropy: Float32Array,
    rest: Float32Array,
    mask: Float32Array,
    region_of: IntArray,
    values: FloatArray,
    places: IntArray,
) -> None:
    """How far those electrodes that changed most are from rest on average, and which, -1 for none.

    For each band, region and direction (`values` (cells,), `places` (cells, electrodes)).
    """
    most = places.shape[1]
    regions = len(values) // (2 * entropy.shape[1])
    apart = np.zeros(places.shape)
    places[:] = -1
    for place in range(len(entropy)):
        if mask[place] <= 0:
            continue
        for band in range(entropy.shape[1]):
            change = np.float64(entropy[place, band]) - np.float64(rest[place, band])
            if change == 0:
                continue
            cell = 2 * (band * regions + region_of[place]) + (0 if change > 0 else 1)
            size, candidate = abs(change), place
            for rank in range(most):
                if places[cell, rank] < 0 or size > apart[cell, rank]:
                    apart[cell, rank], size = size, apart[cell, rank]
                    places[cell, rank], candidate = candidate, places[cell, rank]
                    if candidate < 0:
                        break
    for cell in range(len(values)):
        count, total = 0, 0.0
        for rank in range(most):
            if places[cell, rank] >= 0:
                count += 1
                total += apart[cell, rank]
        values[cell] = total / count if count > 0 else 0.0
