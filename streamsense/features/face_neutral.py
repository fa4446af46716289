"""Each frame's action units, against the person's neutral face: a profile's, or one that is learned on the way.

Without a profile the neutral is a causal running quantile of each measure [after OpenFace, see SCIENCE 4.3]. It
counts expressive frames less once it has settled, so that a long smile does not become the neutral face.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.action_units import (
    ACTION_UNIT_INDEX,
    BLENDSHAPE_MAP,
    BLINK_LIMITS,
    FULL,
    LANDMARKS_TOO,
    LEAST_SIZE_MM,
    NARROWED_MM,
    SHAPE_AND_LANDMARKS,
    SHAPE_START,
    START,
    SUCKED_IN,
    action_units_of_measures,
    blendshape_matrix,
    with_blendshapes,
)
from streamsense.features.face_doubt import (
    BLUR_MM,
    BLUR_WEIGHT,
    CONDITION_RANGES,
    CONDITIONS,
    LID_MM_PER_GAZE_DEG,
    MOST_OF_FULL,
    TURNED_DEG,
    TURNED_SHAPES,
    TURNED_SHARE,
    TURNED_SHARE_OF_CHIN,
    TURNED_WEIGHT,
    Doubt,
    doubt_of,
)
from streamsense.features.face_jumps import (
    AS_FAST_AS_A_FRAME,
    LONGEST_FRAME_S,
    JumpState,
    compile_loops,
    no_frames,
    without_jumps,
)
from streamsense.features.face_measures import MEASURES, SIDES, measure_matrix, measure_ranges
from streamsense.features.face_vector import BLENDSHAPE_START, BLENDSHAPES, FIELD_INDEX, GEOMETRY_START, FrontEnd
from streamsense.features.running_quantile import QuantileState, RunningQuantile
from streamsense.profile import Part, numbers


@dataclass(frozen=True)
class NeutralSettings:
    """How the neutral is learned.

    `active_level`: an action unit above it makes a frame expressive; the mouth's measures count as expressive as
    soon as the lips part by `mouth_active_level`. After `settle_s` seconds of face, expressive frames count
    `active_weight`. Frames turned away by more than the limits do not count.
    """

    time_constant_s: float = 90.0
    settle_s: float = 10.0
    active_level: float = 1.5
    mouth_active_level: float = 0.5
    active_weight: float = 0.1
    maximum_yaw_deg: float = 40.0
    maximum_pitch_deg: float = 30.0
    bins: int = 600
    blendshape_quantile: float = 0.1

    def __post_init__(self) -> None:
        if not (self.time_constant_s > 0 and self.settle_s >= 0 and self.bins > 1):
            raise ValueError(f"expected time constant > 0, settle_s >= 0 and more than one bin, found {self}")
        if not (0 < self.active_weight <= 1 and 0 <= self.blendshape_quantile < 1):
            raise ValueError(f"expected 0 < active_weight <= 1 and a quantile in [0, 1), found {self}")


@dataclass
class NeutralState:
    """The running neutral, or the profile's one (`fixed`); `learning` is False while a profile is in use.

    While it is `frozen` the running neutral stays as it is. `jumps`: the units of the frames before.
    """

    running: QuantileState
    fixed: FloatArray
    jumps: JumpState
    learning: bool = True
    frozen: bool = False


_MEASURE_NAMES = tuple(f"{name}_{side}" for side in SIDES for name in MEASURES)
_SEEN = slice(len(_MEASURE_NAMES), len(_MEASURE_NAMES) + len(CONDITIONS))
# what of the face a measure or blendshape belongs to
_WHOLE, _MOUTH, _EYES = 0, 1, 2
_MOUTH_NAMES = ("upper_lip", "lip_corner", "lower_lip", "chin_boss", "jaw_drop", "lips_gap", "mouth", "jaw")
_EYES_NAMES = ("eye", "upper_lid", "lower_lid")
_EXPRESSION = np.array([index for unit, index in ACTION_UNIT_INDEX.items() if unit not in (25, 26, 45)])
_OPENING = np.array([ACTION_UNIT_INDEX[25], ACTION_UNIT_INDEX[26]])
_CLOSING = ACTION_UNIT_INDEX[45]


class ActionUnitEstimator:
    """Action units (19, 2: left, right) of one face vector after the other."""

    def __init__(self, front_end: FrontEnd, settings: NeutralSettings) -> None:
        self.front_end = front_end
        self.settings = settings
        self._values = _terms(_value_matrix())
        self._shapes = blendshape_matrix() if front_end == "mesh478_blendshapes" else None
        low, high, rest = measure_ranges()
        seen_low, seen_high = np.array(CONDITION_RANGES).T
        low, high = np.append(low, seen_low), np.append(high, seen_high)
        rest = np.append(rest, np.full(len(CONDITIONS), 0.5))
        self.names: tuple[str, ...] = _MEASURE_NAMES + CONDITIONS
        if self._shapes is not None:
            n = len(BLENDSHAPES)
            low, high = np.append(low, np.zeros(n)), np.append(high, np.ones(n))
            rest = np.append(rest, np.full(n, settings.blendshape_quantile))
            self.names += BLENDSHAPES
        self._groups = np.array([_group(name) for name in self.names])
        self._ones = np.ones(len(self.names))
        self._running = RunningQuantile(low, high, rest, settings.bins, settings.time_constant_s)
        compile_loops()
        face = np.zeros(BLENDSHAPE_START + len(BLENDSHAPES))
        self.step(self.new_state(), face, 0.0)  # compiles what runs per frame …
        _frame_weights(np.zeros((len(ACTION_UNIT_INDEX), 2)), self._groups, 1.0, 1.0, 1.0)  # … and once it has settled

    def new_state(self) -> NeutralState:
        """Nothing known of the person."""
        return NeutralState(self._running.new_state(), np.zeros(len(self.names)), no_frames())

    def step(self, state: NeutralState, vector: FloatArray, step_s: float) -> FloatArray:
        """Intensities (19, 2) in [0, 5] of a tracked frame, `step_s` after the tracked frame before."""
        values = _sums(vector, *self._values)
        if self._shapes is not None:
            values = np.append(values, vector[BLENDSHAPE_START:])
        if not state.learning:
            return without_jumps(state.jumps, self._intensities(values, state.fixed), step_s)
        yaw_deg, pitch_deg, _ = values[_SEEN].tolist()
        facing = abs(yaw_deg) <= self.settings.maximum_yaw_deg and abs(pitch_deg) <= self.settings.maximum_pitch_deg
        started = state.running.weight_s > 0
        intensities = self._intensities(values, state.running.estimate if started else values)
        if facing and not state.frozen:
            weights = self._weights(intensities, state.running.weight_s)
            self._running.step(state.running, values, weights, step_s)
        return without_jumps(state.jumps, intensities, step_s)

    def settled(self, state: NeutralState) -> float:
        """How far the neutral can be relied on, in [0, 1]: a profile's wholly, a running one after `settle_s`."""
        if not state.learning or state.running.weight_s >= self.settings.settle_s:
            return 1.0
        return state.running.weight_s / self.settings.settle_s

    def use_neutral(self, state: NeutralState, neutral: Part | None) -> None:
        """Refer to a saved neutral (one number per name of `names`) from now on; None returns to the running one.

        Raises ConfigError, and changes nothing, where a number is missing or none.
        """
        if neutral is not None:
            state.fixed = np.concatenate([numbers(neutral, name, 1) for name in self.names])
        state.learning, state.frozen = neutral is None, False

    def neutral(self, state: NeutralState) -> dict[str, float]:
        """The running neutral, to be saved in a profile."""
        return {name: float(value) for name, value in zip(self.names, state.running.estimate, strict=True)}

    def _intensities(self, values: FloatArray, neutral: FloatArray) -> FloatArray:
        n = len(_MEASURE_NAMES)
        doubt: Doubt = doubt_of(values[_SEEN], neutral[_SEEN])
        from_landmarks = action_units_of_measures(values[:n], neutral[:n], doubt)
        if self._shapes is None:
            return from_landmarks
        weights = self._shapes @ (values[_SEEN.stop :] - neutral[_SEEN.stop :])
        return with_blendshapes(from_landmarks, weights.reshape(-1, 2), doubt)

    def _weights(self, intensities: FloatArray, seen_s: float) -> FloatArray:
        """What each measure of this frame counts in the neutral."""
        settings = self.settings
        if seen_s < settings.settle_s:
            return self._ones
        levels = settings.active_level, settings.mouth_active_level, settings.active_weight
        weights: FloatArray = _frame_weights(intensities, self._groups, *levels)
        return weights

    def contract(self) -> dict[str, object]:
        """All numbers that define the action units."""
        return {
            "front_end": self.front_end,
            "neutral": asdict(self.settings),
            "start": {str(unit): value for unit, value in START.items()},
            "full": {str(unit): value for unit, value in FULL.items()},
            "measures": {name: asdict(measure) for name, measure in MEASURES.items()},
            "doubt": {
                "blur_mm": BLUR_MM,
                "blur_weight": BLUR_WEIGHT,
                "turned_deg": TURNED_DEG,
                "turned_share": TURNED_SHARE,
                "turned_share_of_chin": TURNED_SHARE_OF_CHIN,
                "turned_weight": TURNED_WEIGHT,
                "turned_shapes": list(TURNED_SHAPES),
                "most_of_full": MOST_OF_FULL,
                "lid_mm_per_gaze_deg": LID_MM_PER_GAZE_DEG,
            },
            "median_of_frames": 3,
            "median_frame_s": LONGEST_FRAME_S,
            "without_median": list(AS_FAST_AS_A_FRAME),
            "least_size_mm": LEAST_SIZE_MM,
            "lips_narrowed_mm": NARROWED_MM,
            "lips_sucked_in_share": SUCKED_IN,
            "blendshape_or_landmarks": list(LANDMARKS_TOO),
            "blendshape_and_landmarks": list(SHAPE_AND_LANDMARKS),
            "blendshape_start": SHAPE_START,
            "blendshape_blink_limits": list(BLINK_LIMITS),
            "blendshape_map": {str(unit): list(shapes) for unit, shapes in BLENDSHAPE_MAP.items()},
        }


def _group(name: str) -> int:
    if name.startswith(_MOUTH_NAMES):
        return _MOUTH
    return _EYES if name.startswith(_EYES_NAMES) else _WHOLE


def _value_matrix() -> FloatArray:
    """Matrix (2 × measures + conditions, BLENDSHAPE_START) from the face vector to what the neutral remembers."""
    matrix = np.zeros((_SEEN.stop, BLENDSHAPE_START))
    matrix[: _SEEN.start, GEOMETRY_START:] = measure_matrix()
    for row, name in enumerate(CONDITIONS, _SEEN.start):
        matrix[row, FIELD_INDEX[name]] = 1
    for side in SIDES:
        for eye in SIDES:  # both eyes together: they turn up and down as one
            gaze = FIELD_INDEX[f"gaze_{eye}_pitch_deg"]
            matrix[_MEASURE_NAMES.index(f"upper_lid_height_{side}"), gaze] = -LID_MM_PER_GAZE_DEG / len(SIDES)
    return matrix


def _terms(matrix: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray, int]:
    """A matrix that is mostly zeros, for `_sums`: row, column and value of the others, and the number of rows."""
    rows, columns = np.nonzero(matrix)
    return rows, columns, matrix[rows, columns], len(matrix)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _sums(
    values: FloatArray, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], factors: FloatArray, count: int
) -> FloatArray:
    """The matrix of these terms, times `values`."""
    sums = np.zeros(count)
    for term in range(len(rows)):
        sums[rows[term]] += factors[term] * values[columns[term]]
    return sums


@njit(cache=True)  # type: ignore[untyped-decorator]
def _frame_weights(
    intensities: FloatArray, groups: npt.NDArray[np.intp], active: float, mouth_active: float, active_weight: float
) -> FloatArray:
    level = np.maximum(intensities[:, 0], intensities[:, 1])
    expressive = level[_EXPRESSION].max() > active
    opening = level[_OPENING].max() > mouth_active
    closing = level[_CLOSING] > active
    weights = np.ones(len(groups))
    for index, group in enumerate(groups):
        if expressive or (opening and group == _MOUTH) or (closing and group == _EYES):
            weights[index] = active_weight
    return weights
