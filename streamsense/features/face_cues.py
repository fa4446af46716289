"""Facial cues of ambivalence and hesitancy: gaze, head, brows, long blinks, pressed lips, smiles without eyes.

The cues are those that annotators of the BAH data set name most often [SCIENCE 2.2]; the definitions are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.action_units import ACTION_UNIT_INDEX, RELIABILITY
from streamsense.features.face_vector import FIELD_INDEX
from streamsense.features.running_quantile import QuantileState, RunningQuantile

CUE_COLUMNS: Final = ("gaze_known", "gaze_offset_deg", "yaw_band_deg", "long_closure")
"""What `CueTracker.step` gives for each frame."""

CUE_UNITS: Final = {
    "gaze_aversion": "",
    "gaze_offset": "deg",
    "head_shake": "deg",
    "brow_variability": "intensity",
    "eye_closure": "",
    "lip_press": "",
    "smile_without_cheek": "",
    "head_tilt": "deg",
    "action_unit_variability": "intensity",
}
"""What `facial_cues` gives, and its units."""


@dataclass(frozen=True)
class CueSettings:
    """Limits of the cues, over windows of `window_s`.

    `gaze_limit_deg`: from the personal median gaze, no less than the 6-10° error of uncalibrated geometry.
    `shake_band_hz`: of one-pole filters on the head's yaw. `closed_level`, `smile_level`: of units 45 and 12.
    """

    window_s: float = 5.0
    gaze_limit_deg: float = 12.0
    gaze_time_constant_s: float = 90.0
    shake_band_hz: tuple[float, float] = (0.5, 3.0)
    closed_level: float = 2.5
    long_closure_s: float = 0.4
    smile_level: float = 1.0

    def __post_init__(self) -> None:
        low, high = self.shake_band_hz
        if not (self.window_s > 0 and self.gaze_time_constant_s > 0 and 0 < low < high):
            raise ValueError(f"expected positive times and 0 < low < high in shake_band_hz, found {self}")


@dataclass
class CueState:
    """Running median gaze (yaw, pitch); low-passed yaws; how long the eyes have been closed.

    `running` is False where the next frame starts afresh: after a gap, or a frame without a face. The median
    gaze stays; a profile's one is `gaze_fixed`, and `gaze_learning` is False while it is in use. While it is
    `gaze_frozen` the running one stays as it is.
    """

    gaze: QuantileState
    gaze_fixed: FloatArray
    gaze_learning: bool = True
    gaze_frozen: bool = False
    yaw_fast: float = 0.0
    yaw_slow: float = 0.0
    closed_s: float = 0.0
    running: bool = False


# Where the left side of the units 1, 2, 4, 6, 23, 24 and 12 stands in a row of both sides.
_CUE_UNITS: Final = 2 * np.array([ACTION_UNIT_INDEX[unit] for unit in (1, 2, 4, 6, 23, 24, 12)])
# A unit that is less reliable than its companions counts less beside them.
_BROW_WEIGHTS: Final = np.array([RELIABILITY[unit] for unit in (1, 2, 4)]) / sum(RELIABILITY[u] for u in (1, 2, 4))
_TIGHTENED_WEIGHT: Final = RELIABILITY[23] / RELIABILITY[24]
# Of the units that waver with the face as a whole: not the brows, which are a cue of their own, not what speech and
# blinks move.
_WAVERING: Final = (6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24)
_WAVERING_UNITS: Final = 2 * np.array([ACTION_UNIT_INDEX[unit] for unit in _WAVERING])
_WAVERING_WEIGHTS: Final = np.array([RELIABILITY[unit] for unit in _WAVERING]) / sum(RELIABILITY[u] for u in _WAVERING)
_STILL: Final = 0.25  # intensity: a unit that stays so near to where it was has not moved
_GAZE: Final = np.array(
    [FIELD_INDEX[f"gaze_{eye}_{axis}_deg"] for eye in ("left", "right") for axis in ("yaw", "pitch")]
)
_CLOSING: Final = ACTION_UNIT_INDEX[45]
_BOTH: Final = np.ones(2)
_GAZE_RANGE_DEG: Final = np.full(2, 90.0)


class CueTracker:
    """The part of the cues that has a memory, frame by frame."""

    def __init__(self, settings: CueSettings) -> None:
        self.settings = settings
        # compiles it before the first frame
        _cues(np.zeros((1, 2 * len(ACTION_UNIT_INDEX))), 0, _CUE_UNITS, _WAVERING_UNITS, 0, 1.0, 1.0)
        self._gaze = RunningQuantile(
            -_GAZE_RANGE_DEG, _GAZE_RANGE_DEG, np.full(2, 0.5), 360, settings.gaze_time_constant_s
        )

    def new_state(self) -> CueState:
        """No frame seen yet."""
        return CueState(self._gaze.new_state(), np.zeros(2))

    def step(
        self, state: CueState, vector: FloatArray, units: FloatArray, step_s: float
    ) -> tuple[float, float, float, float]:
        """The numbers of CUE_COLUMNS for a tracked frame with action units (19, 2)."""
        settings = self.settings
        yaw = float(vector[FIELD_INDEX["yaw_deg"]])
        if not state.running:
            state.running, state.yaw_fast, state.yaw_slow, state.closed_s = True, yaw, yaw, 0.0
            since_s = 0.0
        else:
            since_s = step_s
        slow_hz, fast_hz = settings.shake_band_hz
        state.yaw_slow += -math.expm1(-2 * math.pi * slow_hz * since_s) * (yaw - state.yaw_slow)
        state.yaw_fast += -math.expm1(-2 * math.pi * fast_hz * since_s) * (yaw - state.yaw_fast)

        closed = min(units[_CLOSING].tolist()) >= settings.closed_level
        state.closed_s = state.closed_s + since_s if closed else 0.0
        long_closure = state.closed_s > settings.long_closure_s
        if closed:
            return 0.0, 0.0, state.yaw_fast - state.yaw_slow, float(long_closure)
        # where the person looks, seen from the camera: head and eyes together
        left_yaw, left_pitch, right_yaw, right_pitch = vector[_GAZE].tolist()
        pitch = float(vector[FIELD_INDEX["pitch_deg"]])
        gaze_yaw, gaze_pitch = yaw + (left_yaw + right_yaw) / 2, pitch + (left_pitch + right_pitch) / 2
        if state.gaze_learning and not state.gaze_frozen:
            self._gaze.step(state.gaze, np.array([gaze_yaw, gaze_pitch]), _BOTH, step_s)
        usual_yaw, usual_pitch = self.usual_gaze(state).tolist()
        offset = math.hypot(gaze_yaw - usual_yaw, gaze_pitch - usual_pitch)
        return 1.0, offset, state.yaw_fast - state.yaw_slow, float(long_closure)

    def usual_gaze(self, state: CueState) -> FloatArray:
        """The person's median gaze (yaw, pitch) in degrees: the profile's, or the one learned so far."""
        return state.gaze.estimate if state.gaze_learning else state.gaze_fixed

    def use_gaze(self, state: CueState, gaze: FloatArray | None) -> None:
        """Refer to a saved median gaze from now on; None returns to the running one."""
        if gaze is not None:
            state.gaze_fixed = gaze.copy()
        state.gaze_learning, state.gaze_frozen = gaze is None, False

    def learn_anew(self, state: CueState) -> None:
        """Forget the median gaze, and learn it from the next frame on."""
        self.use_gaze(state, None)
        state.gaze = self._gaze.new_state()


def facial_cues(
    settings: CueSettings, faces: FloatArray, cues_at: slice, units_at: slice, roll_at: int
) -> dict[str, float]:
    """The cues of the tracked frames `faces` (n, columns); all 0 without a face.

    `gaze_aversion` and `eye_closure` are shares of the frames; `lip_press` and `smile_without_cheek` mean levels
    over 5, so in [0, 1] too; `head_shake` is in degrees, as are `gaze_offset`, the mean distance of the gaze from the
    usual one, and `head_tilt`, the mean roll, which has a sign.
    `brow_variability` and `action_unit_variability` are in action-unit intensity: how far units went to and fro, the
    lesser of the two, so that an expression that comes and stays is none.
    """
    if not len(faces):
        return dict.fromkeys(CUE_UNITS, 0.0)
    units, wavering = units_at.start + _CUE_UNITS, units_at.start + _WAVERING_UNITS
    limits = settings.gaze_limit_deg, settings.smile_level
    return dict(zip(CUE_UNITS, _cues(faces, cues_at.start, units, wavering, roll_at, *limits), strict=True))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _cues(
    faces: FloatArray,
    cues: int,
    units: npt.NDArray[np.intp],
    wavering: npt.NDArray[np.intp],
    roll: int,
    gaze_limit_deg: float,
    smile_level: float,
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """The numbers of CUE_UNITS; the columns of CUE_COLUMNS begin at `cues`, those of both sides of a unit at `units`.

    `units` are 1, 2, 4, 6, 23, 24 and 12, `wavering` those of the whole face; `roll` is the column of the head's.
    """
    frames = len(faces)
    known = averted = closed = 0
    offset_deg = pressed = without_cheek = 0.0
    for face in faces:
        known += face[cues] > 0
        averted += face[cues] > 0 and face[cues + 1] > gaze_limit_deg
        offset_deg += face[cues + 1] if face[cues] > 0 else 0.0
        closed += face[cues + 3] > 0
        pressed += max(_TIGHTENED_WEIGHT * _level(face, units[4]), _level(face, units[5]))
        smile = _level(face, units[6])
        if smile > smile_level:
            without_cheek += max(smile - _level(face, units[3]), 0.0)
    brows = 0.0
    for brow, unit in enumerate(units[:3]):
        brows += _BROW_WEIGHTS[brow] * _to_and_fro((faces[:, unit] + faces[:, unit + 1]) / 2)
    whole = 0.0
    for place, unit in enumerate(wavering):
        whole += _WAVERING_WEIGHTS[place] * _to_and_fro((faces[:, unit] + faces[:, unit + 1]) / 2)
    return (
        averted / max(1, known), offset_deg / max(1, known), _deviation(faces[:, cues + 2]), brows, closed / frames,
        pressed / frames / 5, without_cheek / frames / 5, faces[:, roll].mean(), whole,
    )  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def _level(face: FloatArray, unit: int) -> float:
    return (face[unit] + face[unit + 1]) / 2  # type: ignore[no-any-return]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _deviation(values: FloatArray) -> float:
    return math.sqrt(((values - values.mean()) ** 2).mean())


@njit(cache=True)  # type: ignore[untyped-decorator]
def _to_and_fro(values: FloatArray) -> float:
    up = down = 0.0
    held = values[0]
    for value in values:
        if value > held + _STILL:
            up += value - _STILL - held
            held = value - _STILL
        elif value < held - _STILL:
            down += held - value - _STILL
            held = value + _STILL
    return min(up, down)
