"""Signs of the voice: named groups of its inputs, and what is usual with the speaker of what has no zero of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.features.prosody import PROSODY
from streamsense.features.voice_movement import MOVEMENT

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
_MOVES: Final = {name: place for place, name in enumerate(MOVEMENT)}
_FRAMES, _VOICED_FRAMES = "log_mel_frames", "log_mel_mask"
_MEAN, _SD, _DELTA_MEAN, _DELTA_SD = range(4)


@dataclass(frozen=True)
class _Group:
    """Numbers that are looked at together: what is said where the first of them is above and below neutral.

    `frames` says what else of the log-Mel frames is made neutral: the mean of the bands, or how they move about it.
    """

    more: str
    less: str
    unit: str
    parts: tuple[Part, ...]
    needs: Literal["", "voice", "pitch"] = "voice"
    third: int = -1
    frames: Literal["", "level", "movement"] = ""


def _contours(**neutral: Neutral) -> tuple[Part, ...]:
    return tuple(("contours", _AT[name], kind) for name, kind in neutral.items())


def _movement(beginning: str, *more: str) -> tuple[Part, ...]:
    """The numbers of the movement whose names begin so, and those named."""
    named = (name for name in MOVEMENT if name.startswith(beginning) or name in more)
    return tuple(("movement", _MOVES[name], "usual") for name in named)


_GROUPS: Final = (
    _Group("more loudness than usual", "less loudness than usual", "SD",
           (("prosody", _LEVEL, "zero"), *_contours(loudness_mean_db="zero"), *_movement("loudness_p"))),
    _Group("a flatter spectral tilt than usual", "a steeper spectral tilt than usual", "SD",
           (("prosody", _TILT, "zero"), ("movement", _MOVES["tilt_pitched"], "zero"))),
    _Group("more voicing than usual", "less voicing than usual", "of the window",
           (("prosody", _VOICED, "usual"), *_contours(pitched_fraction="usual"),
            *_movement("pitch_stretch", "pitched_of_voiced")), needs=""),
    _Group("more pauses than usual", "fewer pauses than usual", "of the turn", (("prosody", _PAUSES, "usual"),)),
    _Group("a higher pitch than usual", "a lower pitch than usual", "semitone",
           (*_contours(pitch_mean_st="zero"), *_movement("pitch_p", "pitch_begin_st", "pitch_end_st")), "pitch"),
    _Group("more movement of pitch than usual", "less movement of pitch than usual", "semitone",
           (*_contours(pitch_sd_st="usual", pitch_range_st="usual", pitch_slope_st_per_s="zero"),
            *_movement("pitch_step", "pitch_rise_st", "pitch_fall_st")), "pitch"),
    _Group("a less steady pitch than usual", "a steadier pitch than usual", "semitone",
           _contours(pitch_unsteadiness_st="usual"), "pitch"),
    _Group("more periodicity than usual", "less periodicity than usual", "",
           (*_contours(periodicity="usual"), *_movement("periodicity")), "pitch"),
    _Group("more movement of loudness than usual", "less movement of loudness than usual", "dB",
           (*_contours(loudness_sd_db="usual", loudness_slope_db_per_s="zero"),
            *_movement("loudness_step", "loudness_rise_db", "loudness_fall_db", "loudness_begin_db",
                       "loudness_end_db"))),
    *(_Group(f"more in the {third} third of the spectrum than usual", f"less in the {third} third of the spectrum "
             "than usual", "SD", (("log_mel_statistics", _MEAN, "zero"),), third=place, frames="level")
      for place, third in enumerate(("lower", "middle", "upper"))),
    _Group("more movement of the spectrum than usual", "less movement of the spectrum than usual", "SD",
           (("log_mel_statistics", _SD, "usual"), ("log_mel_statistics", _DELTA_SD, "usual"),
            ("log_mel_statistics", _DELTA_MEAN, "zero"), *_movement("change", "tilt_pitched_sd")), frames="movement"),
)  # fmt: skip
FROM_OWN_LEVEL: Final = tuple(
    (group.more, group.less, group.unit)
    for group in (_GROUPS[0], _GROUPS[1], _GROUPS[4], *(group for group in _GROUPS if group.third >= 0))
)
"""What is said of what is measured from the speaker's own level, above and below it, and in which unit.

These are level, tilt, pitch, and the lower, middle and upper third of the spectrum.
"""
_LEAST_MOVEMENT_SD: Final = 1e-3


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
            if name in (_FRAMES, _VOICED_FRAMES):
                continue  # what is usual at one place in the window says nothing
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
    """How far the group's first part is from neutral (the mean of bands), and the inputs with all parts neutral.

    None where nothing is known of the first part; what is not known of another stays as it is.
    """
    value, without = None, dict[str, Float32Array]()
    for name, place, kind in group.parts:
        known = np.zeros(inputs[name].shape) if kind == "zero" and name in inputs else usual.of(name)
        if known is None or name not in inputs or known.shape != inputs[name].shape:
            if value is None:
                return None
            continue
        changed = without.setdefault(name, inputs[name].copy())
        at: tuple[slice, int] | int = place
        if changed.ndim == 2:
            at = (_bands(len(changed), group.third), place)
        if value is None:
            value = float(np.mean(changed[at].astype(np.float64) - known[at]))
        changed[at] = known[at]
    if group.frames and _FRAMES in inputs:
        without[_FRAMES] = _frames_without(inputs, group, usual)
    return None if value is None else (value, without)


def _bands(count: int, third: int) -> slice:
    """The bands of a third, all for -1; the first thirds are one larger where they cannot be equal."""
    if third < 0:
        return slice(None)
    size, more = divmod(count, 3)
    first = third * size + min(third, more)
    return slice(first, first + size + (third < more))


def _frames_without(inputs: Mapping[str, Float32Array], group: _Group, usual: UsualVoice) -> Float32Array:
    """The log-Mel frames (frames, bands), with the mean of the group's bands at 0, or with their usual movement."""
    frames = inputs[_FRAMES].copy()
    voiced = inputs[_VOICED_FRAMES] > 0
    if not voiced.any():
        return frames
    bands = _bands(frames.shape[1], group.third)
    seen: FloatArray = frames[voiced].astype(np.float64)
    mean = seen.mean(axis=0)
    if group.frames == "level":
        seen[:, bands] -= mean[bands]
    elif (known := usual.of("log_mel_statistics")) is not None:
        seen = mean + (seen - mean) * known[:, _SD] / np.maximum(seen.std(axis=0), _LEAST_MOVEMENT_SD)
    frames[voiced] = seen
    return frames
