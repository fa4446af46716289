"""The ambivalence score from its parts: discord, bivalence and hesitancy. It is not calibrated.

Nothing here was fitted on labelled data: it is a proxy after what is published (conflict of modalities: CA-MER; the
lesser of positive and negative activation: Schimmack 2001; cues of hesitancy: BAH). A trained head can take the place
of the formula: it is given the same parts.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.fusion import bivalence, hesitancy

PRIOR: Final = 0.17
"""Share of frames with ambivalence or hesitancy in BAH: what the score says without evidence."""
GAIN: Final = 5.0
"""Log-odds that the parts together add to the prior where they are 1: then the score is 0.97."""
COUNTS: Final = 1.5
"""How much discord and bivalence count in the formula, each up to 1: of what is doubted little is left of bivalence."""
HEAD_INPUT, HEAD_OUTPUT = "ambivalence_parts", "ambivalence_logit"
HEAD_INPUTS: Final = ("discord", "positive", "negative", "bivalence", "hesitancy", "evidence", *hesitancy.NAMES)
"""The numbers that a head is given, each in [0, 1]; of a cue, how far it counts."""


@dataclass(frozen=True)
class AmbivalenceSettings:
    """A time constant in s."""

    smoothing_s: float = 1.5


@dataclass
class AmbivalenceState:
    """What the score remembers: itself, smoothed."""

    smoothed: float = PRIOR
    tick_time: float = float("nan")


@dataclass(frozen=True, eq=False)
class Parts:
    """What the score is made of at a tick, each in [0, 1].

    `discord` is what goes beyond the person's habit (see `conflict`), `cues` (cues,) how far each cue of hesitancy
    counts. `evidence` is how much there was to go on: it is not doubt about the emotion, which is `confidence`.
    """

    discord: float
    positive: float
    negative: float
    cues: FloatArray
    evidence: float

    def __post_init__(self) -> None:
        for name in ("discord", "positive", "negative", "evidence"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                object.__setattr__(self, name, _unit(value))

    @property
    def bivalence(self) -> float:
        """The lesser of positive and negative activation."""
        return bivalence.least(self.positive, self.negative)

    @cached_property
    def hesitancy(self) -> float:
        """Hesitancy by its cues."""
        return hesitancy.hesitancy(self.cues)

    def vector(self) -> Float32Array:
        """HEAD_INPUTS as a head is given them."""
        parts = (self.discord, self.positive, self.negative, self.bivalence, self.hesitancy, self.evidence)
        return np.array([*parts, *self.cues], np.float32)


class Head(Protocol):
    """A trained model in the formula's place."""

    def log_odds(self, parts: Float32Array) -> float | None:
        """Log-odds of ambivalence of HEAD_INPUTS (n,); None where it has nothing to say."""
        ...


def ambivalence_contract(settings: hesitancy.HesitancySettings | None = None) -> dict[str, object]:
    """The exact meaning of what a head takes and gives; one made for another meaning is refused."""
    return {
        "feature": HEAD_INPUT,
        "version": 2,
        "inputs": list(HEAD_INPUTS),
        "cues": {name: asdict(cue) for name, cue in hesitancy.CUES.items()},
        "cues_count": [hesitancy.FROM, hesitancy.FULLY],
        "hazard_per_root_frequency": hesitancy.STRENGTH,
        "usual": asdict(settings or hesitancy.HesitancySettings()),
        "output": "natural log-odds of ambivalence or hesitancy",
    }


def step_ambivalence(
    state: AmbivalenceState, settings: AmbivalenceSettings, parts: Parts, tick_time: float, head: Head | None = None
) -> float:
    """The score in [0, 1] at a tick, by the formula or by the head; without any evidence it is the prior."""
    score = PRIOR if parts.evidence <= 0 else proxy(parts) if head is None else _by_head(head, parts)
    elapsed_s = 0.0 if math.isnan(state.tick_time) else max(0.0, tick_time - state.tick_time)
    share = 1.0 if math.isnan(state.tick_time) else -math.expm1(-elapsed_s / settings.smoothing_s)
    state.smoothed += share * (score - state.smoothed)
    state.tick_time = tick_time
    return _unit(state.smoothed)


def proxy(parts: Parts) -> float:
    """The formula: 1 − (1 − gB)(1 − H)(1 − gD), added to the prior's log-odds; g is the evidence.

    B is bivalence and D discord, each COUNTS times what it is and at most 1.
    The cues that make up H are gated by the evidence of their own modality already.
    """
    gate = parts.evidence
    both, against = min(1.0, COUNTS * parts.bivalence), min(1.0, COUNTS * parts.discord)
    raw = 1 - (1 - gate * both) * (1 - parts.hesitancy) * (1 - gate * against)
    return PRIOR / (PRIOR + (1 - PRIOR) * math.exp(-GAIN * raw))


def _by_head(head: Head, parts: Parts) -> float:
    log_odds = head.log_odds(parts.vector())
    return PRIOR if log_odds is None else 1 / (1 + math.exp(-min(30.0, max(-30.0, log_odds))))


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))
