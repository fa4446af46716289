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
HOLE_S = 5.0
"""Ticks further apart say nothing of what was between them: what was told ends before the hole."""
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
        """The notices of a tick. `onset` and `offset` are when a segment began and ended, before it was told."""
        return self.follow(score.time, score.values[_MIXTURE], score["confidence"], score["ambivalence"])

    def follow(self, time: float, mixture: FloatArray, confidence: float, ambivalence: float) -> list[Notice]:
        """The same of what a score says: the mixture of emotions (8,), its confidence and its ambivalence.

        Neutral is the background, and no segment; nor is what is shown while nothing is known (confidence 0).
        """
        state = self.state
        notices: list[Notice] = []
        if time - state.tick_time > HOLE_S:
            for track in (state.emotion, state.ambivalence):
                notices += _end(track, time, state.tick_time if math.isnan(track.coming_since) else track.coming_since)
            state.tick_time = math.nan
        if math.isnan(state.tick_time):
            state.mixture = mixture.copy()
        else:
            share = -math.expm1(-(time - state.tick_time) / SMOOTHED_OVER_S)
            state.mixture = state.mixture + share * (mixture - state.mixture)
        state.tick_time = time
        name = name_of(state.mixture) if confidence > 0 else NOTHING
        limit = OFF if state.ambivalence.told else ON
        doubt = AMBIVALENT if ambivalence >= limit else NOTHING
        return [
            *notices,
            *_follow(state.emotion, NOTHING if name == "neutral" else name, time),
            *_follow(state.ambivalence, doubt, time),
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
    since = track.coming_since
    notices = _end(track, time, since)
    if what:
        notices.append(Notice(time, SEGMENT_ON, what, {"what": what, "onset": since}))
    track.told, track.since = what, since
    return notices


def _end(track: TrackState, time: float, offset: float) -> list[Notice]:
    """What was told ends at `offset`, and nothing is coming; the notice, where anything was told."""
    what, onset = track.told, track.since
    track.told, track.since, track.coming, track.coming_since = NOTHING, math.nan, NOTHING, math.nan
    if not what:
        return []
    return [Notice(time, SEGMENT_OFF, f"{what} no longer", {"what": what, "onset": onset, "offset": offset})]
