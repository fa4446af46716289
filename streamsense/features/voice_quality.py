"""How good the sound of a window is for judging a voice: enough speech, clear of the noise, not clipped."""

from __future__ import annotations

import numpy as np

from streamsense.arrays import Float32Array
from streamsense.features.log_mel import FRAME_HOP_S

ENOUGH_SPEECH_S = 1.0
CLIPPED_NOTICED, CLIPPED_USELESS = 0.002, 0.05
NOISY_USELESS_DB, NOISY_NOTICED_DB = 6.0, 18.0
_MUTED_DB = -99.0

NO_SPEECH, LITTLE_SPEECH, CLIPPED, NOISY = "no speech", "little speech", "clipped", "noisy"
SILENCE = frozenset({NO_SPEECH, LITTLE_SPEECH})
"""Reasons that are the person's: a window of silence says nothing of a voice, but nothing is wrong with its sound."""
ONLY_IN_SPEECH = frozenset({CLIPPED, NOISY})
"""Reasons that are looked for in speech alone."""


def voice_quality(
    level_db: Float32Array, voiced_above_noise_db: Float32Array, clipped: Float32Array
) -> tuple[float, tuple[str, ...]]:
    """Quality in [0, 1] and why it is not 1, from the window's frames: level, clipped share; and its voiced frames."""
    if len(level_db) == 0:
        return 0.0, ("no sound",)
    if len(voiced_above_noise_db) == 0:
        return 0.0, ("muted" if float(level_db.max()) <= _MUTED_DB else NO_SPEECH,)
    reasons = []
    speech = min(1.0, len(voiced_above_noise_db) * FRAME_HOP_S / ENOUGH_SPEECH_S)
    if speech < 1:
        reasons.append(LITTLE_SPEECH)
    clipped_share = float(clipped.mean(dtype=np.float64))
    unclipped = max(0.0, 1 - clipped_share / CLIPPED_USELESS)
    if clipped_share >= CLIPPED_NOTICED:
        reasons.append(CLIPPED)
    above_noise = float(voiced_above_noise_db.mean(dtype=np.float64))
    clear = (above_noise - NOISY_USELESS_DB) / (NOISY_NOTICED_DB - NOISY_USELESS_DB)
    clear = min(1.0, max(0.0, clear))
    if clear < 1:
        reasons.append(NOISY)
    return speech * unclipped * clear, tuple(reasons)
