"""What is wrong with a modality's signal, told in words once it has lasted, and again when it is over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamsense.features.voice_quality import NO_SPEECH, ONLY_IN_SPEECH, SILENCE
from streamsense.score import Notice
from streamsense.streams import Feature, Modality

QUALITY = "quality"
"""Kind of these notices."""
TOLD_AFTER_TICKS, OVER_AFTER_TICKS = 10, 25
"""A reason is told when it was there for so many ticks in a row, and is over when it was absent for so many."""


@dataclass
class QualityState:
    """By modality: the reasons that were told, and for how many ticks each reason has been otherwise since.

    Reasons go by `kind_of`.
    """

    told: dict[str, dict[str, str]] = field(default_factory=dict)
    otherwise: dict[str, dict[str, int]] = field(default_factory=dict)


class QualityNotices:
    """Follows the reasons of all modalities' windows from tick to tick."""

    def __init__(self) -> None:
        self.state = QualityState()

    def step(self, windows: Mapping[Modality, Feature], time: float) -> list[Notice]:
        """The notices of a tick, of kind QUALITY; a modality without a window stays as it is.

        That a person is silent is no fault of the sound, so it is not told; what speech had shown holds meanwhile.
        """
        notices = []
        for modality, window in windows.items():
            told = self._changed(modality, window.reasons)
            if told is not None:
                text = f"{modality}: {', '.join(told) or 'nothing is wrong any more'}"
                details: dict[str, object] = {
                    "modality": modality,
                    "quality": round(window.quality, 3),
                    "reasons": told,
                }
                notices.append(Notice(time, QUALITY, text, details))
        return notices

    def _changed(self, modality: Modality, reasons: tuple[str, ...]) -> list[str] | None:
        """The reasons that hold now, where that is to be told."""
        now = {kind_of(reason): reason for reason in reasons if reason not in SILENCE}
        told = self.state.told.get(modality, {})
        if NO_SPEECH in reasons:
            now |= {key: text for key, text in told.items() if key in ONLY_IN_SPEECH}
        before = self.state.otherwise.get(modality, {})
        counts = {key: before.get(key, 0) + 1 for key in (*now, *told) if (key in now) != (key in told)}
        after = {key: OVER_AFTER_TICKS if key in told else TOLD_AFTER_TICKS for key in counts}
        changed = [key for key, ticks in counts.items() if ticks >= after[key]]
        self.state.otherwise[modality] = {key: ticks for key, ticks in counts.items() if key not in changed}
        if not changed:
            return None
        held = [key for key in told if key not in changed] + [key for key in changed if key in now]
        self.state.told[modality] = {key: now.get(key, told.get(key, "")) for key in held}
        return list(self.state.told[modality].values())


def kind_of(reason: str) -> str:
    """What a reason says whatever it counts: 3 of 19 bad electrodes and then 4 are one reason."""
    return re.sub(r"\d+ of \d+", "#", reason)
