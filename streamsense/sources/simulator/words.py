"""What the simulated participant says, as a speech recogniser would send it: phrase by phrase, half a second late."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from streamsense.sources.simulator.participant import Participant

LATE_S: Final = 0.5
_SLACK: Final = 1e-9  # a phrase's end is not to be missed by rounding
_WORDS_PER_S: Final = 2.5
_HESITANT_FROM: Final = 0.5
_FLUENT: Final = (
    "we went down to the river in the morning and found the small boat under the trees then we rowed across and walked "
    "up the hill to the old house where my brother lives with his family and two dogs"
)
_HESITANT: Final = (
    "um I guess I could uh try that I mean I don't know it it never works like you know I was I was sort of going to "
    "but um maybe not it is uh too hard I think"
)


def phrases(participant: Participant, start: float) -> Iterator[tuple[float, str]]:
    """When each phrase is delivered (s, as `start`), and the sample that says it; without end, in order.

    Who is silent says nothing; who is ambivalent says it hesitantly.
    """
    begins = 0.0
    for number in itertools.count():
        at = np.array([begins + 0.5])
        speaking, pause, ambivalence = (
            float(track[0]) for track in participant.script.tracks(at, ("speaking", "pause_fraction", "ambivalence"))
        )
        phrase_s = float(participant.script.steps(at, "phrase_s")[0])
        until = (math.floor(begins / phrase_s + _SLACK) + 1) * phrase_s
        ends = max(begins, until - phrase_s * pause)
        words = (_HESITANT if ambivalence >= _HESITANT_FROM else _FLUENT).split()
        count = round(_WORDS_PER_S * (ends - begins)) if speaking > _HESITANT_FROM else 0
        said = [words[(number * 5 + place) % len(words)] for place in range(count)]
        sample = {"text": " ".join(said), "start": start + begins, "end": start + ends, "confidence": 0.9}
        yield start + ends + LATE_S, json.dumps(sample) if said else ""
        begins = until
