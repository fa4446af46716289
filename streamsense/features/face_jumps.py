"""Takes out of the action units what is there for one frame only: no muscle is as fast, but landmarks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.action_units import ACTION_UNITS

LONGEST_FRAME_S: Final = 0.06
"""With fewer frames a second one frame is too long a wait, and long enough for a face to move and come back."""
AS_FAST_AS_A_FRAME: Final = (25, 26, 45)
"""Lips, jaw and lids do open and close within two frames: these units stay as they are."""
_KEPT: Final = np.array([unit in AS_FAST_AS_A_FRAME for unit in ACTION_UNITS])


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
    steady: FloatArray = units
    if state.count > 0:
        steady = _median(state.older if state.count > 1 else state.newer, state.newer, units, _KEPT)
    state.older, state.newer = state.newer, units
    state.count = min(state.count + 1, 2)
    return steady


@njit(cache=True)  # type: ignore[untyped-decorator]
def _median(first: FloatArray, second: FloatArray, last: FloatArray, kept: npt.NDArray[np.bool_]) -> FloatArray:
    """The median of three frames (19, 2) each; of the units `kept` the last."""
    middle = last.copy()
    for unit in range(len(last)):
        if not kept[unit]:
            for side in range(2):
                a, b, c = first[unit, side], second[unit, side], last[unit, side]
                middle[unit, side] = max(min(a, b), min(max(a, b), c))
    return middle


def compile_loops() -> None:
    """Let everything here be compiled, before the first frame."""
    state, still = no_frames(), np.zeros((len(ACTION_UNITS), 2))
    for _ in range(2):
        without_jumps(state, still, LONGEST_FRAME_S)
