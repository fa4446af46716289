"""What is kept of each frame of a film, as a row of numbers, and what a window of such rows comes to."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.face_cues import CUE_COLUMNS

QUALITY_FIELDS: Final = (
    "box_size_px", "brightness", "sharpness", "yaw_deg", "pitch_deg", "face_count", "face_score", "colour_change",
    "outside",
)  # fmt: skip
"""Those of the face vector's numbers whose medians say how good a window is."""
VECTOR_FIELDS: Final = (
    *QUALITY_FIELDS, "roll_deg", "x_mm", "y_mm", "z_mm", "gaze_left_yaw_deg", "gaze_left_pitch_deg",
    "gaze_right_yaw_deg", "gaze_right_pitch_deg",
)  # fmt: skip
"""Those that are kept as they are."""
_UNITS: Final = len(ACTION_UNITS)

TRACKED: Final = 0
"""1 for a frame with a face; for others only `LAST_FACE` and the vector's fields hold."""
SETTLED: Final = 1
"""How far the neutral face was settled, 0 to 1."""
LAST_FACE: Final = 2
"""Time of the newest face so far."""
VECTOR_AT: Final = slice(3, 3 + len(VECTOR_FIELDS))
QUALITY_AT: Final = slice(3, 3 + len(QUALITY_FIELDS))
CUES_AT: Final = slice(VECTOR_AT.stop, VECTOR_AT.stop + len(CUE_COLUMNS))
UNITS_AT: Final = slice(CUES_AT.stop, CUES_AT.stop + 2 * _UNITS)
"""Left and right intensity of one unit after the other."""
ROW_LENGTH: Final = UNITS_AT.stop

UNIT_COLUMNS: Final = ("level", "sd", "slope_per_s", "left_minus_right")


def with_face(times: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Those of the frames that have a face: mostly all, and then without a copy."""
    tracked = rows[:, TRACKED] > 0
    return (times, rows) if tracked.all() else (times[tracked], rows[tracked])


def unit_statistics(times: FloatArray, faces: FloatArray) -> npt.NDArray[np.float32]:
    """UNIT_COLUMNS of each unit, (19, 4), of the rows (n, ROW_LENGTH) of one face or more.

    Mean, standard deviation and slope are those of the mean of both sides.
    """
    return _unit_statistics(times, faces)  # type: ignore[no-any-return]


def unit_frames(
    times: FloatArray, faces: FloatArray, end: float, step_s: float, count: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The units' course up to `end`: their means (count, 19) over steps of `step_s`, oldest first, and a mask (count,).

    `times` and the rows `faces` (n, ROW_LENGTH) are those of the frames with a face in these steps. A step without one
    is 0, and so is its mask; else that is 1. Both sides count alike.
    """
    return _unit_frames(times, faces, end, step_s, count)  # type: ignore[no-any-return]


def count_onsets(times: FloatArray, rows: FloatArray, hole_s: float, levels: tuple[float, float]) -> list[float]:
    """How often each unit began (19,) in the rows (n, ROW_LENGTH) of a window, with and without a face.

    A unit begins where the mean of both sides rises to the second of `levels` after it was below the first, within the
    window: so nothing depends on when listening began. Over a frame without a face, or where frames are farther apart
    than `hole_s`, the face may have moved unseen.
    """
    return _count_onsets(times, rows, hole_s, *levels).tolist()  # type: ignore[no-any-return]


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
def _missing(times: FloatArray, start: float, end: float, hole_s: float) -> float:
    missing, before = 0.0, start
    for time in times:
        missing += max(time - before - hole_s, 0.0)
        before = time
    return missing + max(end - before - hole_s, 0.0)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count_onsets(times: FloatArray, rows: FloatArray, hole_s: float, low: float, high: float) -> FloatArray:
    onsets, active = np.zeros(_UNITS), np.ones(_UNITS, np.bool_)
    before = -np.inf
    for at, row in enumerate(rows):
        if row[TRACKED] == 0:
            before = -np.inf
            continue
        for unit in range(_UNITS):
            level = (row[_FIRST_UNIT + 2 * unit] + row[_FIRST_UNIT + 2 * unit + 1]) / 2
            begins = level >= high and not active[unit]
            active[unit] = level >= low if active[unit] else begins
            if times[at] - before > hole_s:
                active[unit] = level >= low
            elif begins:
                onsets[unit] += 1
        before = times[at]
    return onsets


@njit(cache=True)  # type: ignore[untyped-decorator]
def _unit_statistics(times: FloatArray, faces: FloatArray) -> npt.NDArray[np.float32]:
    count = len(faces)
    level, difference = np.zeros(_UNITS), np.zeros(_UNITS)
    for face in faces:
        for unit in range(_UNITS):
            left, right = face[_FIRST_UNIT + 2 * unit], face[_FIRST_UNIT + 2 * unit + 1]
            level[unit] += (left + right) / 2 / count
            difference[unit] += (left - right) / count
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
    return table


@njit(cache=True)  # type: ignore[untyped-decorator]
def _unit_frames(
    times: FloatArray, faces: FloatArray, end: float, step_s: float, count: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    total, seen = np.zeros((count, _UNITS)), np.zeros(count)
    for at, face in enumerate(faces):
        # half open, as the window is: a step holds its first instant; rounding must not lose the window's own
        step = count - min(max(math.ceil((end - times[at]) / step_s), 1), count)
        seen[step] += 1
        for unit in range(_UNITS):
            total[step, unit] += (face[_FIRST_UNIT + 2 * unit] + face[_FIRST_UNIT + 2 * unit + 1]) / 2
    frames, mask = np.zeros((count, _UNITS), np.float32), np.zeros(count, np.float32)
    for step in range(count):
        if seen[step] > 0:
            mask[step] = 1.0
            for unit in range(_UNITS):
                frames[step, unit] = total[step, unit] / seen[step]
    return frames, mask


# Compiled loops take plain numbers for constants.
_FIRST_UNIT = UNITS_AT.start


def compile_loops() -> None:
    """Let everything here be compiled, before the first frame."""
    unit_statistics(np.zeros(1), np.zeros((1, ROW_LENGTH)))
    unit_frames(np.zeros(1), np.zeros((1, ROW_LENGTH)), 0.0, 0.1, 1)
    missing_s(np.zeros(1), 0.0, 0.0, 0.0)
    count_onsets(np.zeros(1), np.zeros((1, ROW_LENGTH)), 0.0, (0.5, 1.0))
