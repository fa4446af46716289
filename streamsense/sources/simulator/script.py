"""What the simulated participant goes through: timed states, and the truth at any time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import EMOTIONS

IndexArray = npt.NDArray[np.intp]

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 24, 25, 26)
"""The action units that a state can set; 45, the blink, comes by itself."""

WAVERING_HZ = 0.7
"""How often an action unit that wavers comes and goes."""

TRANSITION_S = 1.0
"""A state is reached this long (s) after it began; shorter in states that do not last twice that."""


@dataclass(frozen=True)
class Truth:
    """What the participant feels: `valence arousal dominance` in [-1, 1], `ambivalence` in [0, 1]."""

    emotion: str
    valence: float
    arousal: float
    dominance: float
    ambivalence: float


@dataclass(frozen=True)
class State:
    """One stretch of the script: what is felt, and how face, voice and head show it.

    `action_units` are (number, intensity 0-5), `wavering` what comes on top of them and goes again. The voice follows
    `voice_valence` and `voice_arousal`, which are the felt ones unless given: that is how a face can smile over an
    angry voice. Speech comes in phrases of `phrase_s`, of each of which the share `pause_fraction` at the end is
    silent, or a breath where `breathing`; the last `filled_pause_s` of what is spoken is one vowel held. The eyes are
    closed for `closed_s` of every 3 s. Angles in degrees: yaw positive towards the participant's left, pitch up, roll
    towards the left shoulder; `gaze_yaw` comes and goes; `head_shake` is the amplitude of a 1 Hz shake.
    """

    name: str
    duration_s: float
    emotion: str
    valence: float
    arousal: float
    dominance: float
    ambivalence: float = 0.0
    action_units: tuple[tuple[int, float], ...] = ()
    speaking: bool = True
    voice_valence: float | None = None
    voice_arousal: float | None = None
    pause_fraction: float = 0.2
    phrase_s: float = 2.0
    syllable_rate_hz: float = 4.0
    filled_pause_s: float = 0.0
    breathing: float = 0.0
    wavering: tuple[tuple[int, float], ...] = ()
    closed_s: float = 0.0
    gaze_yaw: float = 0.0
    gaze_pitch: float = 0.0
    head_yaw: float = 0.0
    head_pitch: float = 0.0
    head_roll: float = 0.0
    head_shake: float = 0.0

    def __post_init__(self) -> None:
        ranges = {
            "duration_s": (self.duration_s, 0.5, 3600.0),
            "valence": (self.valence, -1.0, 1.0),
            "arousal": (self.arousal, -1.0, 1.0),
            "dominance": (self.dominance, -1.0, 1.0),
            "ambivalence": (self.ambivalence, 0.0, 1.0),
            "pause_fraction": (self.pause_fraction, 0.0, 1.0),
            "phrase_s": (self.phrase_s, 0.5, 60.0),
            "syllable_rate_hz": (self.syllable_rate_hz, 1.0, 10.0),
            "filled_pause_s": (self.filled_pause_s, 0.0, self.phrase_s),
            "breathing": (self.breathing, 0.0, 1.0),
            "closed_s": (self.closed_s, 0.0, 3.0),
            **{f"action unit {number}": (intensity, 0.0, 5.0) for number, intensity in self._most_of_units().items()},
            "voice_valence": (self.voice[0], -1.0, 1.0),
            "voice_arousal": (self.voice[1], -1.0, 1.0),
            **{
                f"head_{what}": (getattr(self, f"head_{what}"), -15.0, 15.0)
                for what in ("yaw", "pitch", "roll", "shake")
            },
            "gaze_yaw": (self.gaze_yaw, -25.0, 25.0),
            "gaze_pitch": (self.gaze_pitch, -10.0, 10.0),
        }
        for name, (value, lowest, highest) in ranges.items():
            if not lowest <= value <= highest:
                raise ValueError(f"state {self.name!r}: {name} is {value}, expected {lowest} to {highest}")
        if self.emotion not in EMOTIONS:
            raise ValueError(f"state {self.name!r}: emotion is {self.emotion!r}, expected one of {', '.join(EMOTIONS)}")
        unknown = set(self._most_of_units()) - set(ACTION_UNITS)
        if unknown:
            raise ValueError(f"state {self.name!r}: action units {sorted(unknown)} cannot be set, only {ACTION_UNITS}")

    def _most_of_units(self) -> dict[int, float]:
        """The most that each action unit comes to."""
        most = dict(self.action_units)
        for number, amount in self.wavering:
            most[number] = most.get(number, 0.0) + amount
        return most

    @property
    def voice(self) -> tuple[float, float]:
        """Valence and arousal of the voice."""
        return (
            self.valence if self.voice_valence is None else self.voice_valence,
            self.arousal if self.voice_arousal is None else self.voice_arousal,
        )


Track = Literal[
    "valence", "arousal", "dominance", "ambivalence", "voice_valence", "voice_arousal", "speaking", "pause_fraction",
    "breathing", "gaze_yaw", "gaze_pitch", "head_yaw", "head_pitch", "head_roll", "head_shake",
]  # fmt: skip
_FIELDS: tuple[Track, ...] = (
    "valence", "arousal", "dominance", "ambivalence", "pause_fraction", "breathing",
    "gaze_yaw", "gaze_pitch", "head_yaw", "head_pitch", "head_roll", "head_shake",
)  # fmt: skip
Step = Literal["phrase_s", "syllable_rate_hz", "filled_pause_s", "closed_s"]
"""What changes at once when a state begins: times and rates, of which nothing between two makes sense."""
_STEPS: tuple[Step, ...] = ("phrase_s", "syllable_rate_hz", "filled_pause_s", "closed_s")


@dataclass(frozen=True)
class Script:
    """States one after another, then from the beginning again. All times are seconds since the start."""

    name: str
    states: tuple[State, ...]

    def __post_init__(self) -> None:
        if not self.states:
            raise ValueError(f"script {self.name!r} has no states")

    @cached_property
    def starts(self) -> FloatArray:
        """Where each state begins in the cycle, and where the cycle ends, (states + 1,)."""
        return np.concatenate(([0.0], np.cumsum([state.duration_s for state in self.states])))

    @property
    def duration_s(self) -> float:
        """Length of one cycle."""
        return float(self.starts[-1])

    @cached_property
    def _levels(self) -> dict[str, FloatArray]:
        """Each track's level in each state; action units are named by their number."""
        columns: dict[str, list[float]] = {
            name: [getattr(state, name) for state in self.states] for name in (*_FIELDS, *_STEPS)
        }
        columns["voice_valence"] = [state.voice[0] for state in self.states]
        columns["voice_arousal"] = [state.voice[1] for state in self.states]
        columns["speaking"] = [float(state.speaking) for state in self.states]
        for number in ACTION_UNITS:
            columns[str(number)] = [dict(state.action_units).get(number, 0.0) for state in self.states]
            columns[f"wavering {number}"] = [dict(state.wavering).get(number, 0.0) for state in self.states]
        return {name: np.array(levels) for name, levels in columns.items()}

    def _blend(self, times: FloatArray) -> tuple[IndexArray, IndexArray, FloatArray]:
        """State before, state now (indices) and how far the change from one to the other has gone, 0 to 1."""
        position = np.mod(times, self.duration_s)
        now = np.clip(np.searchsorted(self.starts, position, side="right") - 1, 0, len(self.states) - 1).astype(np.intp)
        before = np.where(now > 0, now - 1, len(self.states) - 1)
        length = np.minimum(TRANSITION_S, np.diff(self.starts)[now] / 2)
        share = np.clip((position - self.starts[now]) / length, 0.0, 1.0)
        return before, now, share * share * (3 - 2 * share)

    def tracks(self, times: FloatArray, names: tuple[Track, ...]) -> tuple[FloatArray, ...]:
        """Each named track at `times` (n,): what the states set, with smooth changes."""
        before, now, share = self._blend(times)
        levels = (self._levels[name] for name in names)
        return tuple(level[before] * (1 - share) + level[now] * share for level in levels)

    def steps(self, times: FloatArray, name: Step) -> FloatArray:
        """What the state that holds at each of `times` (n,) sets."""
        _, now, _ = self._blend(times)
        return self._levels[name][now]

    def syllables(self, times: FloatArray) -> FloatArray:
        """How many syllables there were until each of `times` (n,): the integral of their rate."""
        _, now, _ = self._blend(times)
        rates = self._levels["syllable_rate_hz"]
        until = np.concatenate(([0.0], np.cumsum(rates * np.diff(self.starts))))
        cycles, position = np.divmod(times, self.duration_s)
        return np.asarray(cycles * until[-1] + until[now] + rates[now] * (position - self.starts[now]))

    def action_units_at(self, time: float) -> dict[int, float]:
        """Intensity 0-5 of each action unit that states set."""
        before, now, share = self._blend(np.array([time]))
        out = 0.5 - 0.5 * np.cos(2 * np.pi * WAVERING_HZ * time)
        levels = {
            number: self._levels[str(number)] + out * self._levels[f"wavering {number}"] for number in ACTION_UNITS
        }
        return {
            number: float(level[before[0]] * (1 - share[0]) + level[now[0]] * share[0])
            for number, level in levels.items()
        }

    def state_at(self, time: float) -> State:
        """The state that holds at `time`."""
        _, now, _ = self._blend(np.array([time]))
        return self.states[int(now[0])]

    def truth_at(self, time: float) -> Truth:
        """The truth at `time`."""
        values = self.tracks(np.array([time]), ("valence", "arousal", "dominance", "ambivalence"))
        return Truth(self.state_at(time).emotion, *(float(value[0]) for value in values))

    def beginning(self, index: int) -> tuple[float, State]:
        """When the state number `index` (counted on over the cycles) begins, and the state."""
        cycle, place = divmod(index, len(self.states))
        return cycle * self.duration_s + float(self.starts[place]), self.states[place]

    def faster(self, name: str, factor: float) -> Script:
        """The same states, `factor` times as short."""
        return Script(name, tuple(replace(state, duration_s=state.duration_s / factor) for state in self.states))
