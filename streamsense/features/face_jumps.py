"""Takes out of the action units what is there for one frame only: no muscle is as fast, but landmarks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamsense.features.action_units import ACTION_UNITS
from streamsense.streams import FloatArray

LONGEST_FRAME_S: Final = 0.06
"""With fewer frames a second one frame is too long a wait, and long enough for a face to move and come back."""
AS_FAST_AS_A_FRAME: Final = (25, 26, 45)
"""Lips, jaw and lids do open and close within two frames: these units stay as they are."""
_KEPT: Final = np.array([[unit in AS_FAST_AS_A_FRAME] for unit in ACTION_UNITS])


@dataclass
class JumpState:
    """The two frames before, (19, 2) each, the newer one last; `count` of them are there."""

    older: FloatArray
    newer: FloatArray
    count: int = 0


def no_frames() -> JumpState:
    """No frame seen yet."""
    return JumpState(np.zeros((len(ACTION_UNITS), 2)), np.zeros((len(ACTION_UNITS), 2)))


def without_jumps(state: JumpState, units: FloatArray, step_s: float) -> FloatArray:
    """The median (19, 2) of a frame's units and those of the two before it.

    What comes and stays is told one frame later. After a gap the first frame's units are told twice. `step_s`: since
    the frame before.
    """
    if not 0 < step_s <= LONGEST_FRAME_S:
        state.count = 0
    a, b = state.older, state.newer
    steady = units
    if state.count > 0:
        middle = b if state.count == 1 else np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), units))
        steady = np.where(_KEPT, units, middle)
    state.older, state.newer = b, units
    state.count = min(state.count + 1, 2)
    return steady
