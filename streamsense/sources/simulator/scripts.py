"""The scripts of the simulated participant, as data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from streamsense.sources.simulator.script import Script, State

# Neutral first and longest: the face, the voice and the EEG are all read against what was there before.
_FIVE_STATES = Script(
    "five_states",
    (
        State("neutral", 18.0, "neutral", 0.0, 0.0, 0.0),
        State(
            "joy", 10.0, "happy", 0.8, 0.5, 0.4,
            action_units=((1, 0.5), (2, 0.5), (6, 3.0), (12, 4.0), (25, 2.0)), head_pitch=2.0, head_roll=3.0,
        ),
        State(
            "sadness", 10.0, "sad", -0.7, -0.5, -0.5,
            action_units=((1, 3.5), (4, 2.0), (15, 3.5)), pause_fraction=0.4, gaze_pitch=-8.0, head_pitch=-7.0,
        ),
        State(
            "anger", 10.0, "angry", -0.7, 0.8, 0.5,
            action_units=((4, 4.5), (5, 2.0), (7, 2.5), (15, 1.0)), pause_fraction=0.1, head_pitch=-2.0,
        ),
        State(
            "ambivalence", 9.0, "angry", -0.1, 0.4, -0.3, ambivalence=0.9,
            action_units=((1, 1.5), (4, 1.5), (12, 3.5)), voice_valence=-0.7, voice_arousal=0.7,
            pause_fraction=0.5, gaze_yaw=20.0, head_yaw=3.0, head_roll=-4.0, head_shake=5.0,
        ),
        State("silence", 3.0, "neutral", 0.0, -0.2, 0.0, speaking=False),
    ),
)  # fmt: skip

REST: Final = "rest"
"""What lies before and between the acts."""
_REST = State(REST, 6.0, "neutral", 0.0, 0.0, 0.0)
_FIRST_REST = State(REST, 20.0, "neutral", 0.0, 0.0, 0.0)

ACTS: Final = (
    State("neutral", 14.0, "neutral", 0.0, 0.0, 0.0),
    State(
        "clear joy", 14.0, "happy", 0.8, 0.5, 0.4,
        action_units=((1, 0.5), (2, 0.5), (6, 3.0), (12, 4.0), (25, 2.0)), head_pitch=2.0, head_roll=3.0,
    ),
    State(
        "clear anger", 14.0, "angry", -0.7, 0.8, 0.5,
        action_units=((4, 4.5), (5, 2.0), (7, 2.5), (15, 1.0)), pause_fraction=0.1, head_pitch=-2.0,
    ),
    State(
        "smile with angry voice", 14.0, "angry", -0.3, 0.6, 0.0, ambivalence=0.9,
        action_units=((12, 3.5),), voice_valence=-0.7, voice_arousal=0.8, pause_fraction=0.1,
    ),
    State(
        "long pauses with gaze away", 14.0, "neutral", 0.0, -0.1, -0.2, ambivalence=0.9,
        pause_fraction=0.65, gaze_yaw=20.0,
    ),
    State("listening in silence", 14.0, "neutral", 0.0, -0.1, 0.0, action_units=((1, 0.5), (2, 0.5)), speaking=False),
)  # fmt: skip
"""Six acts for the face-validity check of the ambivalence score (`benchmarks.ambivalence`)."""


def in_order(name: str, acts: Sequence[State], seed: int, rest_s: float = _REST.duration_s) -> Script:
    """The acts in an order that `seed` draws, each between rests: what came before must not decide."""
    rest = replace(_REST, duration_s=rest_s)
    order = np.random.default_rng(seed).permutation(len(acts)).tolist()
    return Script(name, (_FIRST_REST, *itertools.chain.from_iterable((acts[place], rest) for place in order)))


def acts_in_order(seed: int) -> Script:
    """The six acts in an order that `seed` draws, each between rests."""
    return in_order("acts", ACTS, seed)


_SCRIPTS = (_FIVE_STATES, _FIVE_STATES.faster("brisk", 5.0), acts_in_order(0))
SCRIPTS: dict[str, Script] = {script.name: script for script in _SCRIPTS}
"""The scripts by name: "five_states" (60 s) is the usual one, "brisk" the same in 12 s, "acts" the six acts (140 s)."""

DEFAULT_SCRIPT = "five_states"
