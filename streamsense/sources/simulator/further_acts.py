"""Further acts for the face-validity check of the ambivalence score, and one act for each cue of hesitancy.

They were written, with the thresholds here, after the first six and before the formula was tuned on any of them. How
strongly some of the cues are acted was set once more by what the features of seed 0 showed of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamsense.sources.simulator.script import Script, State
from streamsense.sources.simulator.scripts import in_order

FURTHER_ACTS: Final = (
    State(
        "clear sadness", 14.0, "sad", -0.7, -0.5, -0.5,
        action_units=((1, 3.5), (4, 2.0), (15, 3.5)), pause_fraction=0.4, gaze_pitch=-8.0, head_pitch=-7.0,
    ),
    State(
        "fast happy talk", 14.0, "happy", 0.8, 0.8, 0.5,
        action_units=((6, 3.0), (12, 4.0), (25, 2.0)), pause_fraction=0.05, syllable_rate_hz=6.0,
    ),
    State("fluent with eyes down", 14.0, "neutral", 0.0, 0.0, 0.0, gaze_pitch=-8.0, head_pitch=-4.0),
    State(
        "smile over sorrow", 14.0, "sad", -0.3, -0.2, -0.2, ambivalence=0.9,
        action_units=((12, 3.5),), voice_valence=-0.7, voice_arousal=-0.4,
    ),
    State(
        "head shaking over pauses", 14.0, "neutral", 0.0, 0.0, -0.2, ambivalence=0.9,
        pause_fraction=0.55, head_shake=6.0,
    ),
)  # fmt: skip
"""Their thresholds are those of the six acts: an ambivalent one above the higher, any other below the lower."""

_LENGTH_S, _REST_S = 12.0, 5.0


def _showing(name: str, **changes: object) -> State:
    return State(name, _LENGTH_S, "neutral", 0.0, 0.0, 0.0, **changes)  # type: ignore[arg-type]


CUE_ACTS: Final[Mapping[str, State]] = {
    "pause_fraction": _showing("many short pauses", pause_fraction=0.55, phrase_s=1.5),
    "long_pause": _showing("one long pause", pause_fraction=0.22, phrase_s=6.0),
    "articulation_rate_hz": _showing("slow syllables", syllable_rate_hz=2.2),
    "filled_pause": _showing("held vowels", filled_pause_s=0.6, phrase_s=3.0),
    "breath": _showing("audible breaths", breathing=1.0, pause_fraction=0.35),
    "gaze_aversion": _showing("looking away and back", gaze_yaw=25.0),
    "gaze_offset": _showing("looking a little aside", head_yaw=11.0),
    "brow_variability": _showing("moving brows", wavering=((1, 5.0), (2, 5.0))),
    "eye_closure": _showing("eyes closed for long", closed_s=1.2),
    "smile_without_cheek": State(
        "smile without cheeks", _LENGTH_S, "sad", -0.7, 0.0, 0.0, action_units=((12, 3.5),), voice_valence=-0.7
    ),
    "action_unit_variability": _showing("wavering smile", wavering=((6, 2.0), (12, 5.0))),
    "lip_press": _showing("pressed lips", action_units=((24, 4.0),), speaking=False),
    "head_shake": _showing("shaking the head", head_shake=8.0),
    "head_tilt": _showing("tilting the head", head_roll=14.0),
}
"""By cue of `fusion.hesitancy`, an act that shows it and little else."""
SHOWN_FROM: Final = 0.5
"""How far a cue counts in its act, at least, on average."""
UNSHOWN_BELOW: Final = 0.2
"""How far any cue counts at rest, at most, on average."""
FALLS_BY: Final = 0.05
"""By how much hesitancy falls in a cue's act, at least, when the cue says nothing."""


def further_acts_in_order(seed: int) -> Script:
    """The further acts in an order that `seed` draws, each between rests."""
    return in_order("further_acts", FURTHER_ACTS, seed)


def cue_acts_in_order(seed: int) -> Script:
    """The acts of the cues in an order that `seed` draws, each between rests."""
    return in_order("cue_acts", tuple(CUE_ACTS.values()), seed, _REST_S)
