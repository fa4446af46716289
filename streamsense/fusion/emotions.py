"""The emotions of the mixture and their places in valence-arousal-dominance space."""

from __future__ import annotations

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.streams import MODALITIES

EMOTIONS = ("neutral", "happy", "sad", "surprised", "fearful", "disgusted", "angry", "contemptuous")
DIMENSIONS = ("valence", "arousal", "dominance")

PRIOR_SD = 0.5
"""Standard deviation of each dimension when nothing is known (its mean is 0): 95 % within [-1, 1]."""

# Means: Russell & Mehrabian (1977), Evidence for a three-factor theory of emotions, J. Res. Personality 11, on
# their scale of -1 to 1; corroborated in several public listings. SDs: of the same table as recalled, not checked
# against the paper. Two rows are not from there. Neutral is the origin by definition, its SD is a choice.
# Contemptuous is a choice too, because no published rating could be checked: as unpleasant as anger and disgust
# (which it resembles), calmer than both, as dominant as anger (it looks down on someone), with wide SDs.
_TABLE: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "neutral": ((0.00, 0.00, 0.00), (0.20, 0.20, 0.20)),
    "happy": ((0.81, 0.51, 0.46), (0.21, 0.26, 0.38)),
    "sad": ((-0.63, -0.27, -0.33), (0.23, 0.34, 0.22)),
    "surprised": ((0.40, 0.67, -0.13), (0.30, 0.27, 0.38)),
    "fearful": ((-0.64, 0.60, -0.43), (0.20, 0.32, 0.30)),
    "disgusted": ((-0.60, 0.35, 0.11), (0.20, 0.41, 0.34)),
    "angry": ((-0.51, 0.59, 0.25), (0.20, 0.33, 0.39)),
    "contemptuous": ((-0.55, 0.20, 0.25), (0.30, 0.40, 0.40)),
}


def _column(part: int) -> FloatArray:
    table = np.array([_TABLE[emotion][part] for emotion in EMOTIONS], dtype=np.float64)
    table.flags.writeable = False
    return table


VAD_CENTROIDS: FloatArray = _column(0)
"""Mean of each emotion, (8, 3): rows as EMOTIONS, columns as DIMENSIONS."""
VAD_CENTROID_SDS: FloatArray = _column(1)
"""Standard deviation between people of each emotion, (8, 3)."""


def fusion_contract() -> dict[str, object]:
    """The exact meaning of what a fusion model takes and gives; one made for another meaning is refused."""
    return {
        "feature": "expert_outputs",
        "version": 2,
        "modalities": list(MODALITIES),
        "dimensions": list(DIMENSIONS),
        "emotions": list(EMOTIONS),
        "vad_range": [-1, 1],
        "variance": "natural log",
        "prior_sd": PRIOR_SD,
        "age": "seconds between the newest sample used and the tick",
        "contradiction": "in [0, 1], remembered: before + newness * (now - before)",
    }
