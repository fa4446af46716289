"""The face's feature: windowed action units with their reliability, and the facial cues of hesitancy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsense.errors import SourceError
from streamsense.features.action_units import ACTION_UNITS, RELIABILITY
from streamsense.features.face_cues import CUE_COLUMNS, CUE_UNITS, CueSettings, CueState, CueTracker, facial_cues
from streamsense.features.face_neutral import ActionUnitEstimator, NeutralSettings, NeutralState
from streamsense.features.face_quality import FaceQualitySettings, face_quality
from streamsense.features.face_vector import FIELD_INDEX, FRONT_ENDS, FrontEnd, front_end_of_labels
from streamsense.features.feature_columns import FeatureColumn
from streamsense.features.frame_ring import FrameRing
from streamsense.profile import Part, numbers, table
from streamsense.streams import Feature, FloatArray, Modality, StreamInfo, TimedBlock

_UNITS: Final = len(ACTION_UNITS)
_QUALITY_FIELDS: Final = ("box_size_px", "brightness", "sharpness", "yaw_deg", "pitch_deg", "face_count")
_QUALITY_INDEX: Final = np.array([FIELD_INDEX[name] for name in _QUALITY_FIELDS])
# a frame's row in the ring: tracked, settled, time of the last face so far, quality fields, cue columns, then the
# units' left and right intensity
_QUALITY_AT: Final = slice(3, 3 + len(_QUALITY_FIELDS))
_CUES_AT: Final = slice(_QUALITY_AT.stop, _QUALITY_AT.stop + len(CUE_COLUMNS))
_UNITS_AT: Final = slice(_CUES_AT.stop, _CUES_AT.stop + 2 * _UNITS)
_UNIT_COLUMNS: Final = ("level", "sd", "slope_per_s", "left_minus_right")
_RELIABILITY: Final = np.array([RELIABILITY[unit] for unit in ACTION_UNITS], np.float32)


@dataclass(frozen=True)
class FaceFeatureSettings:
    """The window and what counts as missing in it; times in seconds.

    `hole_s`: frames farther apart leave a hole in the window. `stale_after_s`: a window whose newest face is older
    counts as empty. `longest_step_s`: a longer absence makes the neutral face forget no more than this.
    `capacity`: frames kept; they must cover the cues' window at the camera's rate and what is pushed beyond a tick.
    """

    window_s: float = 2.0
    hole_s: float = 0.25
    stale_after_s: float = 1.0
    longest_step_s: float = 0.5
    capacity: int = 2048
    neutral: NeutralSettings = field(default_factory=NeutralSettings)
    cues: CueSettings = field(default_factory=CueSettings)
    quality: FaceQualitySettings = field(default_factory=FaceQualitySettings)

    def __post_init__(self) -> None:
        if not (self.window_s > 0 and self.hole_s > 0 and self.stale_after_s > 0 and self.longest_step_s > 0):
            raise ValueError(f"expected window_s, hole_s, stale_after_s and longest_step_s above 0, found {self}")
        if self.capacity < 2:
            raise ValueError(f"capacity is {self.capacity}, expected 2 or more")


@dataclass
class FaceState:
    """All that `FaceFeatures` remembers. `last_tracked` is NaN until the first face."""

    ring: FrameRing
    neutral: NeutralState
    cues: CueState
    segment: int = -1
    last_tracked: float = math.nan


_LARGEST = 1e6  # beyond any distance, angle or pixel count; false for NaN too


class FaceFeatures:
    """Face vectors in (see `face_vector`), windowed action units out."""

    modality: Modality = "face"

    def __init__(self, front_end: FrontEnd = "mesh468_iris", settings: FaceFeatureSettings | None = None) -> None:
        if front_end not in FRONT_ENDS:
            raise ValueError(f"front end is {front_end!r}, expected one of {FRONT_ENDS}")
        self.front_end = front_end
        self.settings = settings or FaceFeatureSettings()
        self._estimator = ActionUnitEstimator(front_end, self.settings.neutral)
        self._cues = CueTracker(self.settings.cues)
        ring = FrameRing.empty(self.settings.capacity, _UNITS_AT.stop)
        self.state = FaceState(ring, self._estimator.new_state(), self._cues.new_state())

    @property
    def delay_s(self) -> float:
        """0: a frame's action units are there at once."""
        return 0.0

    @property
    def effective_delay_s(self) -> float:
        """From the middle of the window to its tick."""
        return self.settings.window_s / 2

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        """Check that the stream carries this front end's vector. What is known of the person is kept."""
        found = front_end_of_labels(info.channel_labels)
        if found != self.front_end:
            what = f"the vectors of front end {found}" if found else f"{len(info.channel_labels)} other channels"
            raise SourceError(
                f"Stream {info.name!r} carries {what}, expected those of {self.front_end}. "
                "Set the same face front end at the camera and in the pipeline; models are trained for one of them."
            )
        return ()

    def push(self, block: TimedBlock) -> None:
        """Take in face vectors, frame by frame."""
        if not len(block):
            return
        state = self.state
        if block.segment != state.segment:
            state.segment = block.segment
            state.cues.running = False
        for time, values in zip(block.times, block.values, strict=True):
            self._push_frame(float(time), np.asarray(values, np.float64))

    def _push_frame(self, time: float, vector: FloatArray) -> None:
        state = self.state
        row = np.zeros(_UNITS_AT.stop)
        row[_QUALITY_AT] = vector[_QUALITY_INDEX]
        if vector[FIELD_INDEX["tracked"]] > 0.5 and np.abs(vector).max() <= _LARGEST:
            yaw, pitch = vector[FIELD_INDEX["yaw_deg"]], vector[FIELD_INDEX["pitch_deg"]]
            since = time - state.last_tracked
            # nan (first face) and a clock set back count as no time
            step_s = min(since, self.settings.longest_step_s) if since > 0 else 0.0
            units = self._estimator.step(state.neutral, vector, float(yaw), float(pitch), step_s)
            row[:2] = 1.0, self._estimator.settled(state.neutral)
            row[_CUES_AT] = self._cues.step(state.cues, vector, units, step_s)
            row[_UNITS_AT] = units.ravel()
            state.last_tracked = time
        else:
            state.cues.running = False
        row[2] = state.last_tracked
        state.ring.append(time, row)

    def feature_at(self, tick_time: float) -> Feature:
        """The window's feature; frames at or after the tick are not looked at."""
        window_s, cue_window_s = self.settings.window_s, self.settings.cues.window_s
        start = tick_time - window_s
        times, rows = self.state.ring.between(min(start, tick_time - cue_window_s), tick_time)
        in_window = times >= start
        tracked = rows[:, 0] > 0
        face_times, faces = times[in_window & tracked], rows[in_window & tracked]
        cues = facial_cues(self.settings.cues, rows[tracked & (times >= tick_time - cue_window_s)], _CUES_AT, _UNITS_AT)
        newest = self.state.ring.before(tick_time)
        last_time = math.nan if newest is None else float(newest[2])
        effective_time = tick_time - window_s / 2
        if not len(faces) or tick_time - last_time > self.settings.stale_after_s:
            return Feature("face", _inputs(None, face_times), 0.0, 0.0, last_time, effective_time, ("no face",), cues)
        coverage = 1 - _holes(times[in_window], start, tick_time, self.settings.hole_s) / window_s
        validity = coverage * len(faces) / int(in_window.sum())
        in_order = np.sort(faces[:, _QUALITY_AT], axis=0)
        middle = (in_order[(len(faces) - 1) // 2] + in_order[len(faces) // 2]) / 2
        medians = dict(zip(_QUALITY_FIELDS, middle.tolist(), strict=True))
        quality, reasons = face_quality(self.settings.quality, settled=float(faces[-1, 1]), **medians)
        inputs = _inputs(faces[:, _UNITS_AT], face_times)
        return Feature("face", inputs, validity, quality, last_time, effective_time, reasons, cues)

    def columns(self, infos: Sequence[StreamInfo]) -> tuple[FeatureColumn, ...]:  # noqa: ARG002  (the same for all)
        """Action units, on their scale of 0 to 5, then the cues; a window without a face has no action units."""
        columns = [
            FeatureColumn(
                f"au{unit:02d}" if name == "level" else f"au{unit:02d}_{name}",
                "intensity/s" if name == "slope_per_s" else "intensity",
                "action_units", (row, column), "action_unit_mask",
            )
            for row, unit in enumerate(ACTION_UNITS)
            for column, name in enumerate(_UNIT_COLUMNS)
        ]  # fmt: skip
        return (*columns, *(FeatureColumn(name, unit) for name, unit in CUE_UNITS.items()))

    @property
    def learned_s(self) -> float:
        """Seconds of face that the running neutral was learned from."""
        return self.state.neutral.running.weight_s

    def learned(self) -> dict[str, object] | None:
        """The neutral face (mm, and blendshapes, by name) and the usual gaze; None before the neutral has settled."""
        if self.learned_s < self.settings.neutral.settle_s:
            return None
        return {
            "neutral": self._estimator.neutral(self.state.neutral),
            "usual_gaze_deg": self.state.cues.gaze.estimate.tolist(),
            "seconds": self.learned_s,
        }

    def learn_anew(self) -> None:
        """Learn the neutral face and the usual gaze again, from the next frame on."""
        self.state.neutral = self._estimator.new_state()
        self._cues.learn_anew(self.state.cues)

    def freeze(self) -> None:
        """Keep the running neutral and the usual gaze as they are."""
        self.state.neutral.frozen = self.state.cues.gaze_frozen = True

    def use_profile(self, part: Part | None) -> None:
        """Refer to a profile's neutral face and gaze from now on; None: learn them. Raises ConfigError if unfit."""
        gaze = None if part is None else numbers(part, "usual_gaze_deg", 2)
        self._estimator.use_neutral(self.state.neutral, None if part is None else table(part, "neutral"))
        self._cues.use_gaze(self.state.cues, gaze)

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature."""
        return {
            "feature": "face_action_units",
            "version": 2,
            "settings": asdict(self.settings),
            "action_units": list(ACTION_UNITS),
            "reliability": {str(unit): value for unit, value in RELIABILITY.items()},
            "columns": list(_UNIT_COLUMNS),
            "definition": self._estimator.contract(),
        }


def _inputs(units: FloatArray | None, times: FloatArray) -> dict[str, npt.NDArray[np.float32]]:
    """The expert's inputs from the window's units (frames, 38), or zeros where there is no face."""
    table = np.zeros((_UNITS, 4), np.float32)
    if units is None:
        return {"action_units": table, "action_unit_mask": np.zeros(_UNITS, np.float32)}
    frames = len(units)
    left, right = units[:, 0::2], units[:, 1::2]
    both = (left + right) / 2
    table[:, 0] = level = both.sum(axis=0) / frames
    table[:, 1] = np.sqrt(((both - level) ** 2).sum(axis=0) / frames)
    table[:, 3] = (left - right).sum(axis=0) / frames
    centred = times - times.sum() / frames
    spread = float(centred @ centred)
    if spread > 0:
        table[:, 2] = (centred[:, None] * both).sum(axis=0) / spread
    return {"action_units": table, "action_unit_mask": _RELIABILITY.copy()}


def _holes(times: FloatArray, start: float, end: float, hole_s: float) -> float:
    """Seconds of [start, end) that are farther than `hole_s` behind the frame (or the start) before them."""
    steps = np.diff(np.concatenate([[start], times, [end]]))
    return float(np.maximum(steps - hole_s, 0).sum())
