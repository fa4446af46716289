"""What is kept of each frame of a film, as a row of numbers, and what a window of such rows comes to."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.face_cues import CUE_COLUMNS
from streamsense.streams import FloatArray

QUALITY_FIELDS: Final = (
    "box_size_px", "brightness", "sharpness", "yaw_deg", "pitch_deg", "face_count", "face_score", "colour_change",
    "outside",
)  # fmt: skip
"""Those of the face vector's numbers whose medians say how good a window is."""
_UNITS: Final = len(ACTION_UNITS)

TRACKED: Final = 0
"""1 for a frame with a face; for others only `LAST_FACE` and the quality fields hold."""
SETTLED: Final = 1
"""How far the neutral face was settled, 0 to 1."""
LAST_FACE: Final = 2
"""Time of the newest face so far."""
QUALITY_AT: Final = slice(3, 3 + len(QUALITY_FIELDS))
CUES_AT: Final = slice(QUALITY_AT.stop, QUALITY_AT.stop + len(CUE_COLUMNS))
UNITS_AT: Final = slice(CUES_AT.stop, CUES_AT.stop + 2 * _UNITS)
"""Left and right intensity of one unit after the other."""
ONSETS_AT: Final = slice(UNITS_AT.stop, UNITS_AT.stop + _UNITS)
"""1 for a unit that begins in this frame."""
ROW_LENGTH: Final = ONSETS_AT.stop

UNIT_COLUMNS: Final = ("level", "sd", "slope_per_s", "left_minus_right")


def mark_onsets(units: FloatArray, active: FloatArray, running: bool, levels: tuple[float, float]) -> FloatArray:
    """Which units (19,) begin in a frame with intensities `units` (19, 2); `active` (19,) is brought up to date.

    A unit begins where the mean of both sides rises to the second of `levels` for the first time since it was below
    the first. A frame that is not `running` after another begins nothing: the face may have moved unseen.
    """
    return _mark_onsets(units, active, running, *levels)  # type: ignore[no-any-return]


def with_face(times: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Those of the frames that have a face: mostly all, and then without a copy."""
    tracked = rows[:, TRACKED] > 0
    return (times, rows) if tracked.all() else (times[tracked], rows[tracked])


def unit_statistics(times: FloatArray, faces: FloatArray) -> tuple[npt.NDArray[np.float32], list[float]]:
    """UNIT_COLUMNS of each unit, (19, 4), and how often each began, of the rows (n, ROW_LENGTH) of one face or more.

    Mean, standard deviation and slope are those of the mean of both sides.
    """
    table, onsets = _unit_statistics(times, faces)
    return table, onsets.tolist()


def medians(faces: FloatArray) -> dict[str, float]:
    """The medians of QUALITY_FIELDS over the rows of one face or more."""
    in_order = np.sort(faces[:, QUALITY_AT], axis=0)
    middle = (in_order[(len(faces) - 1) // 2] + in_order[len(faces) // 2]) / 2
    return dict(zip(QUALITY_FIELDS, middle.tolist(), strict=True))


def missing_s(times: FloatArray, start: float, end: float, hole_s: float) -> float:
    """Seconds of [start, end) that are farther than `hole_s` behind the frame (or the start) before them."""
    missing: float = _missing(times, start, end, hole_s)
    return missing


@njit(cache=True)  # type: ignore[untyped-decorator]
def _mark_onsets(units: FloatArray, active: FloatArray, running: bool, low: float, high: float) -> FloatArray:
    begun = np.zeros(len(units))
    for unit in range(len(units)):
        level = (units[unit, 0] + units[unit, 1]) / 2
        was_active = active[unit] > 0
        active[unit] = 1.0 if level >= high or (was_active and level >= low) else 0.0
        begun[unit] = 1.0 if running and not was_active and active[unit] > 0 else 0.0
    return begun


@njit(cache=True)  # type: ignore[untyped-decorator]
def _missing(times: FloatArray, start: float, end: float, hole_s: float) -> float:
    missing, before = 0.0, start
    for time in times:
        missing += max(time - before - hole_s, 0.0)
        before = time
    return missing + max(end - before - hole_s, 0.0)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _unit_statistics(times: FloatArray, faces: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
    count = len(faces)
    level, difference, onsets = np.zeros(_UNITS), np.zeros(_UNITS), np.zeros(_UNITS)
    for face in faces:
        for unit in range(_UNITS):
            left, right = face[_FIRST_UNIT + 2 * unit], face[_FIRST_UNIT + 2 * unit + 1]
            level[unit] += (left + right) / 2 / count
            difference[unit] += (left - right) / count
            onsets[unit] += face[_FIRST_ONSET + unit]
    middle = times.sum() / count
    variance, together, spread = np.zeros(_UNITS), np.zeros(_UNITS), 0.0
    for at, face in enumerate(faces):
        since = times[at] - middle
        spread += since * since
        for unit in range(_UNITS):
            moved = (face[_FIRST_UNIT + 2 * unit] + face[_FIRST_UNIT + 2 * unit + 1]) / 2 - level[unit]
            variance[unit] += moved * moved / count
            together[unit] += since * moved
    table = np.zeros((_UNITS, 4), np.float32)
    for unit in range(_UNITS):
        table[unit, 0] = level[unit]
        table[unit, 1] = np.sqrt(variance[unit])
        table[unit, 2] = together[unit] / spread if spread > 0 else 0.0
        table[unit, 3] = difference[unit]
    return table, onsets


# Compiled loops take plain numbers for constants.
_FIRST_UNIT, _FIRST_ONSET = UNITS_AT.start, ONSETS_AT.start


def compile_loops() -> None:
    """Let everything here be compiled, before the first frame."""
    unit_statistics(np.zeros(1), np.zeros((1, ROW_LENGTH)))
    missing_s(np.zeros(1), 0.0, 0.0, 0.0)
    mark_onsets(np.zeros((_UNITS, 2)), np.zeros(_UNITS), True, (0.5, 1.0))
