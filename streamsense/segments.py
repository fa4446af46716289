"""Which emotion when: stretches in which one emotion, or ambivalence, is shown, told where they begin and end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.fusion.emotions import EMOTIONS
from streamsense.fusion.mixture import name_of
from streamsense.score import SCORE_LABELS, Notice, Score

SEGMENT_ON, SEGMENT_OFF = "segment_on", "segment_off"
"""Kinds of these notices; `what` is an emotion, a compound of two, or `AMBIVALENT`."""
AMBIVALENT = "ambivalent"
NOTHING = ""
SMOOTHED_OVER_S = 1.0
LEAST_S = 1.0
"""A segment is told once it has lasted so long, and is over once it has been otherwise for so long."""
ON, OFF = 0.6, 0.4
"""Ambivalence at which a segment begins, and below which it ends."""
_FIRST_EMOTION = SCORE_LABELS.index(f"emotion_{EMOTIONS[0]}")
_MIXTURE = slice(_FIRST_EMOTION, _FIRST_EMOTION + len(EMOTIONS))
_SLACK_S = 1e-6
"""Ticks are not to be missed by rounding."""


@dataclass
class TrackState:
    """What is told now and since when (s), and what may follow and since when; NOTHING for neither."""

    told: str = NOTHING
    since: float = math.nan
    coming: str = NOTHING
    coming_since: float = math.nan


@dataclass
class SegmentsState:
    """The mixture, smoothed, the tick it stands at, and the tracks of emotions and of ambivalence."""

    mixture: FloatArray = field(default_factory=lambda: np.zeros(len(EMOTIONS)))
    tick_time: float = math.nan
    emotion: TrackState = field(default_factory=TrackState)
    ambivalence: TrackState = field(default_factory=TrackState)


class Segments:
    """Follows the scores from tick to tick."""

    def __init__(self) -> None:
        self.state = SegmentsState()

    def step(self, score: Score) -> list[Notice]:
        """The notices of a tick. `onset` and `offset` are when a segment began and ended, before it was told.

        Neutral is the background, and no segment; nor is what is shown while nothing is known (confidence 0).
        """
        state = self.state
        mixture = score.values[_MIXTURE]
        if math.isnan(state.tick_time):
            state.mixture = mixture.copy()
        else:
            share = -math.expm1(-(score.time - state.tick_time) / SMOOTHED_OVER_S)
            state.mixture = state.mixture + share * (mixture - state.mixture)
        state.tick_time = score.time
        name = name_of(state.mixture) if score["confidence"] > 0 else NOTHING
        limit = OFF if state.ambivalence.told else ON
        doubt = AMBIVALENT if score["ambivalence"] >= limit else NOTHING
        return [
            *_follow(state.emotion, NOTHING if name == "neutral" else name, score.time),
            *_follow(state.ambivalence, doubt, score.time),
        ]


def _follow(track: TrackState, what: str, time: float) -> list[Notice]:
    """Take note of what is shown at a tick; the notices when that has become another segment."""
    if what == track.told:
        track.coming, track.coming_since = NOTHING, math.nan
        return []
    if what != track.coming or math.isnan(track.coming_since):
        track.coming, track.coming_since = what, time
    if time - track.coming_since < LEAST_S - _SLACK_S:
        return []
    notices = []
    if track.told:
        details: dict[str, object] = {"what": track.told, "onset": track.since, "offset": track.coming_since}
        notices.append(Notice(time, SEGMENT_OFF, f"{track.told} no longer", details))
    if what:
        notices.append(Notice(time, SEGMENT_ON, what, {"what": what, "onset": track.coming_since}))
    track.told, track.since = what, track.coming_since
    track.coming, track.coming_since = NOTHING, math.nan
    return notices
