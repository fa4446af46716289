"""How experts are weighted against each other and against the prior: the numbers that every fusion model shares."""

from __future__ import annotations

from typing import Final

from streamsense.fusion.emotions import EMOTIONS, PRIOR_SD

PRIOR_PRECISION: Final = 1 / PRIOR_SD**2
AGE_TIME_CONSTANTS_S: Final = (4.0, 1.0, 2.0)
"""How fast the newest value of eeg, face and voice stops counting: about the length of each one's window."""
FRESH_S: Final = 0.25
"""Up to this age (s) a value counts in full: about a tick, and the time that anything takes to arrive."""
LARGEST_AGE_S: Final = 3600.0
LOG_VARIANCE_RANGE: Final = (-8.0, 2.0)
LOGIT_LIMIT: Final = 20.0
NEUTRAL_PRIOR: Final = 0.3
EMOTION_PRIOR: Final = (NEUTRAL_PRIOR, *[(1 - NEUTRAL_PRIOR) / (len(EMOTIONS) - 1)] * (len(EMOTIONS) - 1))
"""Prior probability of neutral, and 0.1 of each of the seven others. Without evidence a person is rather neutral."""
CONTRADICTION_SHARPNESS: Final = 1.5
"""How fast experts on opposite sides are taken to contradict each other: at 1 as discord is, more is sooner."""
CONTRADICTION_MEMORY_S: Final = (1.0, 0.0, 0.0)
"""Time constant (s) with which a contradiction is remembered, per dimension: of valence, where it is a person's
conflict and lasts longer than one tick's opinions; elsewhere it is as of now."""
SHARE_OF_MEAN, SHARE_OF_SPREAD = 1 / 2, (1 / 4, 1 / 2, 1 / 2)
"""Powers of contradiction: how far mean and variance go from the experts' product to their linear pool."""
NARROWING: Final = 1.2
"""How much more precise than it says an expert is taken to be, so that 90 % intervals hold 90 %.

The experts' variances are those of their errors, whose tails are lighter than a normal distribution's: told as they
are, 90 % intervals hold 92 to 97 % of people whom the experts never met (`benchmarks.calibration`).
"""
NARROWING_IN_AGREEMENT: Final = (4.0, 0.25, 0.0)
"""How much more precise all are where they agree, per dimension: feelings are pleasant or unpleasant and seldom in
between, so that two who agree on the side have ruled out what would be the largest error."""
PRIOR_VOTES: Final = 2.0
"""In the linear pool the prior counts as so many experts do."""
DISCORD_SD: Final = 0.2
DISCORD_EPSILON: Final = 0.05
CONFLICT_FROM, CONFLICT_FULLY = 0.1, 0.3
"""Contradiction at which the cap on a single modality begins to fall, and at which it has reached its end."""
CAP_IN_CONFLICT: Final = 0.6
NEGLIGIBLE: Final = 1e-12
