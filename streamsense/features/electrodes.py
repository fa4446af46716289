"""Electrode names: one canonical 10-10 list, and the spellings that amplifiers use for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from streamsense.errors import ConfigError

# fmt: off
ELECTRODES: tuple[str, ...] = (
    "Fp1", "Fpz", "Fp2",
    "AF7", "AF5", "AF3", "AF1", "AFz", "AF2", "AF4", "AF6", "AF8",
    "F9", "F7", "F5", "F3", "F1", "Fz", "F2", "F4", "F6", "F8", "F10",
    "FT9", "FT7", "FC5", "FC3", "FC1", "FCz", "FC2", "FC4", "FC6", "FT8", "FT10",
    "T9", "T7", "C5", "C3", "C1", "Cz", "C2", "C4", "C6", "T8", "T10",
    "TP9", "TP7", "CP5", "CP3", "CP1", "CPz", "CP2", "CP4", "CP6", "TP8", "TP10",
    "P9", "P7", "P5", "P3", "P1", "Pz", "P2", "P4", "P6", "P8", "P10",
    "PO9", "PO7", "PO5", "PO3", "POz", "PO4", "PO6", "PO8", "PO10",
    "OI1", "O1", "Oz", "O2", "OI2", "Iz",
)
# fmt: on
"""The electrodes that a model can know, front to back; the order of every per-electrode array (10-10 system,
Oostenveld & Praamstra 2001, with the two inferior sites of the SEED cap)."""

# Names of the older 10-20 system, and of the SEED cap, for the same or the nearest sites.
_SYNONYMS = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "CB1": "OI1", "CB2": "OI2"}
_BY_UPPER = {name.upper(): name for name in ELECTRODES}
# "EEG Fp1-REF", "Fp1-LE", "Fc5.", "A1-Fp1" is not an electrode, "Fp1-A2" is Fp1 against an ear.
_PREFIX = re.compile(r"^EEG[\s_:-]*", re.IGNORECASE)
_REFERENCE = re.compile(r"[-_/\s](REF|LE|RE|AR|AVG|AVE|A1|A2|M1|M2|A12|LER)$", re.IGNORECASE)


def canonical_name(label: str) -> str | None:
    """The 10-10 name that `label` stands for, or None when it is no electrode this package knows."""
    bare = _REFERENCE.sub("", _PREFIX.sub("", label.strip())).strip(" ._-").upper()
    return _BY_UPPER.get(_SYNONYMS.get(bare, bare))


@dataclass(frozen=True)
class ElectrodeMap:
    """Which channels of a stream are electrodes: `channels[i]` is the electrode `ELECTRODES[positions[i]]`."""

    channels: tuple[int, ...]
    positions: tuple[int, ...]
    unknown: tuple[str, ...]
    repeated: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Canonical names of the mapped channels, in channel order."""
        return tuple(ELECTRODES[position] for position in self.positions)


def map_electrodes(labels: tuple[str, ...]) -> ElectrodeMap:
    """Map channel labels to electrodes by name; the first channel of a name counts, later ones are `repeated`."""
    position_of = {name: position for position, name in enumerate(ELECTRODES)}
    channels: list[int] = []
    positions: list[int] = []
    unknown: list[str] = []
    repeated: list[str] = []
    for channel, label in enumerate(labels):
        name = canonical_name(label)
        if name is None:
            unknown.append(label)
        elif position_of[name] in positions:
            repeated.append(label)
        else:
            channels.append(channel)
            positions.append(position_of[name])
    return ElectrodeMap(tuple(channels), tuple(positions), tuple(unknown), tuple(repeated))


def rename_channels(labels: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """Labels with the electrode names that a user gave for some of them (channel label → electrode).

    Raises ConfigError for a label that no channel has, and for a name that is no electrode.
    """
    for label, name in names.items():
        if label not in labels:
            raise ConfigError(
                f"An electrode name was given for channel {label!r}, but the channels are {', '.join(labels[:80])}. "
                "Use the channel's own label."
            )
        if canonical_name(name) is None:
            raise ConfigError(f"{name!r} (for channel {label!r}) is no electrode of the 10-20 or 10-10 system.")
    return tuple(names.get(label, label) for label in labels)
