"""The explanation of a score: who had which share in it, which signs moved it how far, and what contradicts what.

Contributions are in the score's own units: by how much the fused score would be another with the sign at its neutral
value (`signs.py`). They do not add up to the score: where two signs say the same, each is missed little when it alone
is taken away.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsense.streams import Modality

LEAST_MOVED = 0.02
"""Of valence and arousal, on their scale of -1 to 1: what moves them less is not named."""
LEAST_LOG_ODDS = 0.1
"""Of an emotion: what changes the logarithm of its odds less is not named."""
LEAST_PART = 0.2
"""Of discord, bivalence and hesitancy, in [0, 1]: what is less is not named."""
LOW_CONFIDENCE = 0.3
NEGLIGIBLE_WEIGHT = 0.01


@dataclass(frozen=True)
class Estimate:
    """One value of the score with its standard deviation."""

    name: str
    value: float
    sd: float


@dataclass(frozen=True)
class Share:
    """One modality's part: how often it was there, its mean weight, and its mean quality and age while it was there.

    Of one that never was, the age is that of its newest sample at the last tick (AGE_UNKNOWN_S: none).
    `valence`, `arousal` and `emotion` are what the score would lack without it; `emotion` in log-odds.
    """

    modality: Modality
    presence: float
    weight: float
    quality: float
    age_s: float
    valence: float
    arousal: float
    emotion: float


@dataclass(frozen=True)
class Evidence:
    """One sign and what it did to one thing.

    `value` says how far it is from neutral, in `unit`; `electrodes` where most. `towards` is valence, arousal or the
    emotion that the explanation is of, `contribution` how far it moved that, up or down (an emotion in log-odds).
    `held` is the share of the ticks at which it did so.
    """

    modality: Modality
    what: str
    value: float
    unit: str
    towards: str
    contribution: float
    electrodes: tuple[str, ...] = ()
    held: float = 1.0

    @property
    def size(self) -> float:
        """The contribution over the least that is named: 1 and above."""
        return abs(self.contribution) / least(self.towards)


@dataclass(frozen=True)
class ConflictPart:
    """Discord, bivalence or hesitancy that is on, and of hesitancy its cues that are."""

    name: str
    value: float
    cues: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Of the score of one tick, or of the mean over the `ticks` scores from `time` to `until` (s, LSL clock).

    `evidence` holds what moved the score by LEAST_MOVED or LEAST_LOG_ODDS and more, the strongest first. `sentence`
    says nothing that is not in the record.
    """

    tick: int
    time: float
    until: float
    ticks: int
    estimates: tuple[Estimate, ...]
    emotion: str
    emotion_share: float
    ambivalence: float
    confidence: float
    shares: tuple[Share, ...]
    evidence: tuple[Evidence, ...]
    conflict: tuple[ConflictPart, ...]
    sentence: str = ""


def least(towards: str) -> float:
    """The smallest contribution to `towards` that is named."""
    return LEAST_MOVED if towards in ("valence", "arousal") else LEAST_LOG_ODDS
