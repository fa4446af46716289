"""How good the sound of a window is for judging a voice: enough speech, clear of the noise, not clipped."""

from __future__ import annotations

import numpy as np

from streamsense.arrays import BoolArray, Float32Array
from streamsense.features.log_mel import FRAME_HOP_S

ENOUGH_SPEECH_S = 0.3
CLIPPED_NOTICED, CLIPPED_USELESS = 0.002, 0.05
NOISY_USELESS_DB, NOISY_NOTICED_DB = 6.0, 18.0
QUIETEST_SHARE = 0.1
DIPS_USELESS_DB, DIPS_NOTICED_DB = 5.0, 11.0
"""Speech dips far below its own mean for more than this share of two seconds; in noise there is nothing to dip into.
Of clean speech (four speakers of EmoDB) 95 % of the windows dip by 13 dB or more; in white noise at 10 dB half of them
by less than 9.3, at 0 dB by less than 3.3."""
FAINT_USELESS_DB, FAINT_NOTICED_DB = -58.0, -48.0
"""Of full scale: where little more than the microphone's own steps is left. A voice that a person sets a microphone up
for lies at -40 dB or above."""
_MUTED_DB = -99.0

NO_SPEECH, LITTLE_SPEECH, CLIPPED, NOISY, FAINT = "no speech", "little speech", "clipped", "noisy", "faint"
SILENCE = frozenset({NO_SPEECH, LITTLE_SPEECH})
"""Reasons that are the person's: a window of silence says nothing of a voice, but nothing is wrong with its sound."""
ONLY_IN_SPEECH = frozenset({CLIPPED, NOISY, FAINT})
"""Reasons that are looked for in speech alone."""


def voice_quality(
    level_db: Float32Array, voiced: BoolArray, above_floor_db: Float32Array, clipped: Float32Array
) -> tuple[float, tuple[str, ...]]:
    """Quality in [0, 1] and why it is not 1, from the window's frames (n,) each.

    These are their level, whether they are voiced, their level above the running noise floor, the clipped share. How
    clear of the noise the voice is, is told by the worse of two distances: from the floor, and from the window's own
    quietest frames, since noise that has just begun is not in the floor yet, and is taken for voice.
    """
    if len(level_db) == 0:
        return 0.0, ("no sound",)
    if not voiced.any():
        return 0.0, ("muted" if float(level_db.max()) <= _MUTED_DB else NO_SPEECH,)
    level = float(level_db[voiced].mean(dtype=np.float64))
    above_floor = float(above_floor_db[voiced].mean(dtype=np.float64))
    quietest = int(QUIETEST_SHARE * (len(level_db) - 1))
    above_quietest = level - float(np.partition(level_db, quietest)[quietest])
    clipped_share = float(clipped.mean(dtype=np.float64))
    parts = (
        (LITTLE_SPEECH, min(1.0, int(voiced.sum()) * FRAME_HOP_S / ENOUGH_SPEECH_S)),
        (CLIPPED, max(0.0, 1 - clipped_share / CLIPPED_USELESS)),
        (
            NOISY,
            min(
                _share(above_floor, NOISY_USELESS_DB, NOISY_NOTICED_DB),
                _share(above_quietest, DIPS_USELESS_DB, DIPS_NOTICED_DB),
            ),
        ),
        (FAINT, _share(level, FAINT_USELESS_DB, FAINT_NOTICED_DB)),
    )
    quality = 1.0
    for _, part in parts:
        quality *= part
    unnoticed = CLIPPED if clipped_share < CLIPPED_NOTICED else ""
    return quality, tuple(reason for reason, part in parts if part < 1 and reason != unnoticed)


def _share(value: float, useless: float, noticed: float) -> float:
    return min(1.0, max(0.0, (value - useless) / (noticed - useless)))
