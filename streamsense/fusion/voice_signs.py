"""Signs of the voice: named groups of its inputs, and what is usual with the speaker of what has no zero of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.features.prosody import PROSODY

LEAST_VOICED = 0.05
"""Share of voiced frames below which a window has no voice whose sound could be described (the expert's own limit)."""
SPEECH_VOICED = 0.3
"""Share from which a window counts for what is usual with the speaker."""
LEAST_WINDOWS = 25
"""Windows of speech, 5 s of them, before anything is called usual."""

Neutral = Literal["zero", "usual"]
Part = tuple[str, int, Neutral]
"""A tensor, its place in the last axis of it (of a band: the column), and where its neutral value is."""

_LEVEL, _TILT, _VOICED, _PAUSES = range(4)
_AT: Final = {name: place for place, name in enumerate(PROSODY)}
_MEAN, _SD, _DELTA_MEAN, _DELTA_SD = range(4)


@dataclass(frozen=True)
class _Group:
    """Numbers that are looked at together: what is said where the first of them is above and below neutral."""

    more: str
    less: str
    unit: str
    parts: tuple[Part, ...]
    needs: Literal["", "voice", "pitch"] = "voice"
    third: int = -1


def _contours(**neutral: Neutral) -> tuple[Part, ...]:
    return tuple(("contours", _AT[name], kind) for name, kind in neutral.items())


_GROUPS: Final = (
    _Group("more loudness than usual", "less loudness than usual", "SD",
           (("prosody", _LEVEL, "zero"), *_contours(loudness_mean_db="zero"))),
    _Group("a flatter spectral tilt than usual", "a steeper spectral tilt than usual", "SD",
           (("prosody", _TILT, "zero"),)),
    _Group("more voicing than usual", "less voicing than usual", "of the window",
           (("prosody", _VOICED, "usual"), *_contours(pitched_fraction="usual")), needs=""),
    _Group("more pauses than usual", "fewer pauses than usual", "of the turn", (("prosody", _PAUSES, "usual"),)),
    _Group("a higher pitch than usual", "a lower pitch than usual", "semitone",
           _contours(pitch_mean_st="zero"), "pitch"),
    _Group("more movement of pitch than usual", "less movement of pitch than usual", "semitone",
           _contours(pitch_sd_st="usual", pitch_range_st="usual", pitch_slope_st_per_s="zero"), "pitch"),
    _Group("a less steady pitch than usual", "a steadier pitch than usual", "semitone",
           _contours(pitch_unsteadiness_st="usual"), "pitch"),
    _Group("more periodicity than usual", "less periodicity than usual", "", _contours(periodicity="usual"), "pitch"),
    _Group("more movement of loudness than usual", "less movement of loudness than usual", "dB",
           _contours(loudness_sd_db="usual", loudness_slope_db_per_s="zero")),
    *(_Group(f"more in the {third} third of the spectrum than usual", f"less in the {third} third of the spectrum "
             "than usual", "SD", (("log_mel_statistics", _MEAN, "zero"),), third=place)
      for place, third in enumerate(("lower", "middle", "upper"))),
    _Group("more movement of the spectrum than usual", "less movement of the spectrum than usual", "SD",
           (("log_mel_statistics", _SD, "usual"), ("log_mel_statistics", _DELTA_SD, "usual"),
            ("log_mel_statistics", _DELTA_MEAN, "zero"))),
)  # fmt: skip


@dataclass
class UsualVoice:
    """Sums of the voice's inputs over the speaker's windows of speech so far, and how many these are."""

    windows: int = 0
    sums: dict[str, FloatArray] = field(default_factory=dict)

    def add(self, inputs: Mapping[str, Float32Array]) -> None:
        """Take in one window; one with little voice does not count."""
        if inputs["prosody"][_VOICED] < SPEECH_VOICED:
            return
        self.windows += 1
        for name, values in inputs.items():
            self.sums[name] = self.sums.get(name, 0.0) + values.astype(np.float64)

    def of(self, name: str) -> FloatArray | None:
        """The mean of an input; None before there was enough speech."""
        return None if self.windows < LEAST_WINDOWS or name not in self.sums else self.sums[name] / self.windows


def voice_cues(
    inputs: Mapping[str, Float32Array], usual: UsualVoice
) -> Iterator[tuple[str, float, str, dict[str, Float32Array]]]:
    """Of each group what is to be said, how far it is from neutral, in which unit, and the inputs without it.

    A group of which nothing usual is known yet is left out, and so are pitch and timbre where there is no voice.
    """
    has_voice = bool(inputs["prosody"][_VOICED] >= LEAST_VOICED)
    has_pitch = has_voice and bool(inputs["contours"][_AT["pitched_fraction"]] > 0)
    for group in _GROUPS:
        if not {"": True, "voice": has_voice, "pitch": has_pitch}[group.needs]:
            continue
        found = _without(inputs, group, usual)
        if found is not None and found[0] != 0:
            value, without = found
            yield group.more if value > 0 else group.less, value, group.unit, without


def _without(
    inputs: Mapping[str, Float32Array], group: _Group, usual: UsualVoice
) -> tuple[float, dict[str, Float32Array]] | None:
    """How far the group's first part is from neutral (the mean of bands), and the inputs with all parts neutral."""
    value, without = None, dict[str, Float32Array]()
    for name, place, kind in group.parts:
        known = np.zeros(inputs[name].shape) if kind == "zero" else usual.of(name)
        if known is None or known.shape != inputs[name].shape:
            return None
        changed = without.setdefault(name, inputs[name].copy())
        at: tuple[slice, int] | int = place
        if changed.ndim == 2:
            bands = np.array_split(np.arange(len(changed)), 3)[group.third] if group.third >= 0 else None
            at = (slice(None) if bands is None else slice(int(bands[0]), int(bands[-1]) + 1), place)
        if value is None:
            value = float(np.mean(changed[at].astype(np.float64) - known[at]))
        changed[at] = known[at]
    return None if value is None else (value, without)
