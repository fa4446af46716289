"""A first ambivalence score from published cues: discord, bivalence and hesitancy. It is not calibrated.

Nothing here was fitted on labelled data. The form and the cue weights come from the literature: conflict of
modalities (CA-MER), the minimum of positive and negative activation (Schimmack 2001), and hesitancy cues
weighted by the square root of how often annotators named them (BAH data set, figures 15–16).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

PRIOR = 0.17
"""Share of frames with ambivalence or hesitancy in BAH: what the score says without evidence."""


@dataclass(frozen=True)
class Cue:
    """One hesitancy cue: its weight, and the value at which it counts half."""

    weight: float
    half: float
    while_speaking: bool = False


# Weights: √(annotator frequency in % within its modality); half points are a choice, not a fit.
CUES: dict[str, Cue] = {
    "pause_fraction": Cue(math.sqrt(37.1), 0.35, while_speaking=True),
    "long_pause": Cue(math.sqrt(23.0), 0.5, while_speaking=True),
    "filled_pause": Cue(math.sqrt(20.4), 0.5, while_speaking=True),
    "breath": Cue(math.sqrt(13.3), 0.5, while_speaking=True),
    "gaze_aversion": Cue(math.sqrt(25.8), 0.5),
    "brow_variability": Cue(math.sqrt(16.9), 0.6),
    "eye_closure": Cue(math.sqrt(10.3), 0.3),
    "smile_without_cheek": Cue(math.sqrt(8.7), 0.5),
    "lip_press": Cue(math.sqrt(6.2), 0.5),
    "head_shake": Cue(math.sqrt(17.4), 4.0),
}


@dataclass(frozen=True)
class AmbivalenceSettings:
    """A time constant in s."""

    smoothing_s: float = 1.5


@dataclass
class AmbivalenceState:
    """What the score remembers: itself, smoothed."""

    smoothed: float = PRIOR
    tick_time: float = float("nan")


@dataclass(frozen=True)
class Ambivalence:
    """The score and its parts, each in [0, 1]."""

    ambivalence: float
    discord: float
    bivalence: float
    hesitancy: float


def hesitancy(cues: dict[str, float]) -> float:
    """Weighted mean of the cues that are there, each saturating at twice its half point; 0 without cues.

    Cues of speech are there only while the person speaks: silence of a listener is no hesitation, and takes nothing
    from what the face shows.
    """
    speaking = _unit(cues.get("speaking", 0.0))
    total = weighted = 0.0
    for name, cue in CUES.items():
        if name not in cues:
            continue
        weight = cue.weight * (speaking if cue.while_speaking else 1.0)
        total += weight
        weighted += weight * _unit(cues[name] / (2 * cue.half))
    return _unit(weighted / total) if total > 0 else 0.0


def step_ambivalence(
    state: AmbivalenceState,
    settings: AmbivalenceSettings,
    discord: float,
    bivalence: float,
    cues: dict[str, float],
    evidence: float,
    tick_time: float,
) -> Ambivalence:
    """Score one tick. `evidence` is how much there was to go on; without any the score is the prior.

    `discord` is what goes beyond the person's habit (see `conflict`). All are limited to [0, 1].
    """
    elapsed_s = 0.0 if math.isnan(state.tick_time) else tick_time - state.tick_time
    discord, bivalence, hesitant, evidence = _unit(discord), _unit(bivalence), hesitancy(cues), _unit(evidence)
    raw = 1 - (1 - evidence * bivalence) * (1 - evidence * hesitant) * (1 - evidence * discord)
    shifted = _shift_to_prior(raw)
    alpha = 1.0 if math.isnan(state.tick_time) else -math.expm1(-elapsed_s / settings.smoothing_s)
    state.smoothed += alpha * (shifted - state.smoothed)
    state.tick_time = tick_time
    return Ambivalence(_unit(state.smoothed), discord, bivalence, hesitant)


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def _shift_to_prior(raw: float) -> float:
    """Map [0, 1] to [PRIOR, 1], so that no evidence at all says the base rate."""
    return PRIOR + (1 - PRIOR) * raw
