"""What is to be seen at a tick: each modality's share and its strongest signs, from the windows alone.

It costs so little that every tick can have it, because no expert is run again. So it says how large a sign is, not how
far it moved the score: that takes occlusion (`attribution`), on demand. Signs, values and units are those of
`signs` and `voice_signs`; of the voice only what is measured from the speaker's own level: nothing is to be remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.prosody import PROSODY
from streamsense.fusion.explanation import LEAST_CUE, LEAST_PART, NEGLIGIBLE_WEIGHT, ConflictPart
from streamsense.fusion.signs import MOST_ELECTRODES, REGIONS, UNIT_NAMES
from streamsense.fusion.strongest import MOST_SIGNS, strongest_of_eeg, strongest_of_face, strongest_of_voice
from streamsense.fusion.voice_signs import FROM_OWN_LEVEL
from streamsense.score import EXPERT_LABELS, SCORE_LABELS, Score
from streamsense.streams import MODALITIES, Modality

_REGION_WORDS: Final = tuple(
    f"{region} {band} {way} than at rest" for band in BAND_NAMES for region in REGIONS for way in ("higher", "lower")
)
_UNIT_WORDS: Final = tuple(f"{UNIT_NAMES[unit]} (AU{unit})" for unit in ACTION_UNITS)
_PLACES: Final = tuple(
    (modality, SCORE_LABELS.index(f"{modality}_presence"), EXPERT_LABELS.index(f"{modality}_valence"))
    for modality in MODALITIES
)
_PARTS: Final = tuple((name, SCORE_LABELS.index(name)) for name in ("discord", "bivalence", "hesitancy"))
_NONE_FOUND: Final = np.full((MOST_SIGNS, 3), -1.0)
_NO_ELECTRODES: Final = np.full((MOST_SIGNS, MOST_ELECTRODES), -1)


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
            signs += _signs(modality, score.features[modality].inputs)
    return Observations(score.tick, score.time, tuple(heard), tuple(signs), _conflict(values, score.cues))


def use_once() -> None:
    """All that is compiled, so that nothing is while a session is live."""
    for modality in MODALITIES:
        _signs(modality, _NOTHING)


def _conflict(values: list[float], cues: Mapping[str, float]) -> tuple[ConflictPart, ...]:
    parts = [(name, values[place]) for name, place in _PARTS if values[place] >= LEAST_PART]
    is_hesitant = bool(parts) and parts[-1][0] == "hesitancy"
    on = tuple(name for name, count in cues.items() if count >= LEAST_CUE) if is_hesitant else ()
    return tuple(ConflictPart(name, value, on if name == "hesitancy" else ()) for name, value in parts)


def _signs(modality: Modality, inputs: Mapping[str, Float32Array]) -> list[Observation]:
    """The strongest of one modality; of EEG none before anything is known of the person's rest."""
    found = _NONE_FOUND.copy()
    if modality == "face":
        strongest_of_face(_in_rows(inputs["action_units"]), inputs["action_unit_mask"], found)
        return [Observation("face", _UNIT_WORDS[at], value, "of 5", size) for at, value, size in _rows(found)]
    if modality == "voice":
        statistics = _in_rows(inputs["log_mel_statistics"])
        strongest_of_voice(inputs["prosody"], inputs["contours"], statistics, found)
        words = ((FROM_OWN_LEVEL[at], value, size) for at, value, size in _rows(found))
        return [Observation("voice", said[value < 0], value, said[2], size) for said, value, size in words]
    if inputs["baseline_weight"][0] <= 0:
        return []
    entropy, rest = _in_rows(inputs["band_entropy"]), _in_rows(inputs["band_entropy_baseline"])
    places = _NO_ELECTRODES.copy()
    strongest_of_eeg(entropy, rest, inputs["electrode_mask"], found, places)
    return [
        Observation("eeg", _REGION_WORDS[at], value, "nat", size, tuple(ELECTRODES[one] for one in where if one >= 0))
        for (at, value, size), where in zip(_rows(found), places.tolist(), strict=False)
    ]


def _in_rows(values: Float32Array) -> Float32Array:
    """The same in the layout that the loops are compiled for."""
    return np.ascontiguousarray(values)


def _rows(found: FloatArray) -> list[tuple[int, float, float]]:
    return [(int(place), value, size) for place, value, size in found.tolist() if place >= 0]


_NOTHING: Final[Mapping[str, Float32Array]] = {
    name: np.zeros(shape, np.float32)
    for name, shape in {
        "band_entropy": (0, len(BAND_NAMES)), "band_entropy_baseline": (0, len(BAND_NAMES)), "electrode_mask": (0,),
        "action_units": (0, 4), "action_unit_mask": (0,), "log_mel_statistics": (0, 4), "prosody": (4,),
        "contours": (len(PROSODY),),
    }.items()
} | {"baseline_weight": np.ones(1, np.float32)}  # fmt: skip
