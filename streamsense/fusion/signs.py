"""Signs: what an explanation can name of a window, each with the same window as it were without that sign.

Without a sign its numbers stand at their neutral value, which says what "nothing to see" is:

- EEG, per band, scalp region and direction: the person's baseline entropy, to which the expert refers;
- face, per action unit: 0, the person's own neutral face, from which units are measured;
- voice: 0 for what is measured from the speaker's own level (level, tilt, pitch, loudness, log-Mel means) and for
  slopes; for all else, of which no zero is usual, the mean over the speaker's windows so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamsense.arrays import Float32Array, FloatArray, IntArray
from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.fusion.voice_signs import UsualVoice, voice_cues
from streamsense.streams import Feature, Modality

MOST_ELECTRODES = 3
"""So many electrodes of a region are named, those that changed most."""
_PREFIXES: Final[dict[str, tuple[str, ...]]] = {
    "frontal": ("FP", "AF", "F"),
    "central": ("FC", "C", "CP"),
    "temporal": ("FT", "T", "TP"),
    "parietal": ("P",),
    "occipital": ("PO", "O", "OI", "I"),
}
REGIONS: Final[dict[str, IntArray]] = {
    region: np.array([place for place, name in enumerate(ELECTRODES) if name.upper().rstrip("0123456789Z") in prefixes])
    for region, prefixes in _PREFIXES.items()
}
"""The places in ELECTRODES of each scalp region; each electrode is in one."""

UNIT_NAMES: Final[dict[int, str]] = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser", 12: "lip corner puller", 14: "dimpler",
    15: "lip corner depressor", 17: "chin raiser", 20: "lip stretcher", 23: "lip tightener", 24: "lip pressor",
    25: "lips part", 26: "jaw drop", 28: "lip suck", 45: "blink",
}  # fmt: skip
"""Names of the Facial Action Coding System."""


@dataclass(frozen=True, eq=False)
class Sign:
    """One thing that is to be seen in a window: how far it is from neutral (`value`), and the window without it.

    `without` holds those of the window's inputs that differ. The value of a sign of several `electrodes` is the mean of
    these.
    """

    modality: Modality
    what: str
    value: float
    unit: str
    without: Mapping[str, Float32Array]
    electrodes: tuple[str, ...] = field(default=())


def signs_of(window: Feature, usual: UsualVoice) -> Iterator[Sign]:
    """All signs of a window that stand apart from neutral; `usual` is what is known of the speaker."""
    if window.modality == "eeg":
        yield from _eeg_signs(window.inputs)
    elif window.modality == "face":
        yield from _face_signs(window.inputs)
    else:
        for what, value, unit, without in voice_cues(window.inputs, usual):
            yield Sign("voice", what, value, unit, without)


def _eeg_signs(inputs: Mapping[str, Float32Array]) -> Iterator[Sign]:
    """By band, region and direction, so that what rose on one side of the head and fell on the other are two signs."""
    entropy, rest = inputs["band_entropy"], inputs["band_entropy_baseline"]
    change: FloatArray = entropy.astype(np.float64) - rest
    present = inputs["electrode_mask"] > 0
    for band, name in enumerate(BAND_NAMES):
        for region, places in REGIONS.items():
            for direction, way in (("higher", 1.0), ("lower", -1.0)):
                apart = way * change[places, band]
                there = (apart > 0) & present[places]
                if not there.any():
                    continue
                without = entropy.copy()
                without[places[there], band] = rest[places[there], band]
                order = np.argsort(-apart[there], kind="stable")[:MOST_ELECTRODES]
                strongest = places[there][order]
                yield Sign(
                    "eeg", f"{region} {name} {direction} than at rest", float(change[strongest, band].mean()), "nat",
                    {"band_entropy": without}, tuple(ELECTRODES[place] for place in strongest.tolist()),
                )  # fmt: skip


def _face_signs(inputs: Mapping[str, Float32Array]) -> Iterator[Sign]:
    units, mask = inputs["action_units"], inputs["action_unit_mask"]
    for row, unit in enumerate(ACTION_UNITS):
        if mask[row] > 0 and units[row].any():
            without = units.copy()
            without[row] = 0.0
            yield Sign(
                "face", f"{UNIT_NAMES[unit]} (AU{unit})", float(units[row, 0]), "of 5", {"action_units": without}
            )
