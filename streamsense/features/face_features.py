"""The face's feature: windowed action units with their reliability, and the facial cues of hesitancy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.errors import SourceError
from streamsense.features import face_windows
from streamsense.features.action_units import ACTION_UNITS, RELIABILITY
from streamsense.features.face_cues import CUE_UNITS, CueSettings, CueState, CueTracker, facial_cues
from streamsense.features.face_neutral import ActionUnitEstimator, NeutralSettings, NeutralState
from streamsense.features.face_quality import FaceQualitySettings, face_quality
from streamsense.features.face_vector import FIELD_INDEX, FRONT_ENDS, FrontEnd, front_end_of_labels
from streamsense.features.face_windows import (
    CUES_AT,
    LAST_FACE,
    ROW_LENGTH,
    SETTLED,
    TRACKED,
    UNIT_COLUMNS,
    UNITS_AT,
    VECTOR_AT,
    VECTOR_FIELDS,
)
from streamsense.features.feature_columns import FeatureColumn
from streamsense.features.frame_ring import FrameRing
from streamsense.features.head_and_gaze import HEAD_AND_GAZE, head_and_gaze
from streamsense.profile import Part, numbers, table
from streamsense.streams import Feature, Modality, StreamInfo, TimedBlock

_VECTOR_INDEX: Final = np.array([FIELD_INDEX[name] for name in VECTOR_FIELDS])
_RELIABILITY: Final = np.array([RELIABILITY[unit] for unit in ACTION_UNITS], np.float32)
_ONSET_CUES: Final = tuple(f"au{unit:02d}_onsets" for unit in ACTION_UNITS)
_ROLL_AT: Final = VECTOR_AT.start + VECTOR_FIELDS.index("roll_deg")
_LARGEST: Final = 1e6  # beyond any distance, angle or pixel count; false for NaN too


@dataclass(frozen=True)
class FaceFeatureSettings:
    """The window and what counts as missing in it; times in seconds.

    `frame_s`: the window's course is given in steps of this length, as many as touch the window.
    `hole_s`: frames farther apart leave a hole in the window. `stale_after_s`: a window whose newest face is older
    counts as empty. `longest_step_s`: a longer absence makes the neutral face forget no more than this.
    `capacity`: frames kept; they must cover the cues' window at the camera's rate and what is pushed beyond a tick.
    `onset_levels`: a unit begins at the second of these intensities, and can begin again once it fell below the first.
    """

    window_s: float = 2.0
    frame_s: float = 0.1
    hole_s: float = 0.25
    stale_after_s: float = 1.0
    longest_step_s: float = 0.5
    capacity: int = 2048
    onset_levels: tuple[float, float] = (0.5, 1.0)
    neutral: NeutralSettings = field(default_factory=NeutralSettings)
    cues: CueSettings = field(default_factory=CueSettings)
    quality: FaceQualitySettings = field(default_factory=FaceQualitySettings)

    def __post_init__(self) -> None:
        if not (self.window_s > 0 and self.hole_s > 0 and self.stale_after_s > 0 and self.longest_step_s > 0):
            raise ValueError(f"expected window_s, hole_s, stale_after_s and longest_step_s above 0, found {self}")
        if not 0.01 <= self.frame_s <= self.window_s:
            raise ValueError(f"frame_s is {self.frame_s}, expected 0.01 to {self.window_s}, the window")
        if self.capacity < 2:
            raise ValueError(f"capacity is {self.capacity}, expected 2 or more")
        if not 0 < self.onset_levels[0] <= self.onset_levels[1] <= 5:
            raise ValueError(f"onset_levels are {self.onset_levels}, expected 0 < first <= second <= 5")

    @property
    def frames(self) -> int:
        """How many steps the window's course has."""
        return math.ceil(self.window_s / self.frame_s - 1e-9)


@dataclass
class FaceState:
    """All that `FaceFeatures` remembers. `last_tracked` is NaN until the first face."""

    ring: FrameRing
    neutral: NeutralState
    cues: CueState
    segment: int = -1
    last_tracked: float = math.nan


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
        ring = FrameRing.empty(self.settings.capacity, ROW_LENGTH)
        self.state = FaceState(ring, self._estimator.new_state(), self._cues.new_state())
        face_windows.compile_loops()
        head_and_gaze(np.zeros((1, ROW_LENGTH)))

    @property
    def delay_s(self) -> float:
        """0: a frame's action units are there at once, if not sure before the next frame (see `face_jumps`)."""
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
        vectors = np.ascontiguousarray(block.values, np.float64)
        rows = np.zeros((len(block), ROW_LENGTH))
        rows[:, VECTOR_AT] = vectors[:, _VECTOR_INDEX]
        has_face = (vectors[:, FIELD_INDEX["tracked"]] > 0.5) & (np.abs(vectors).max(axis=1) <= _LARGEST)
        for index, time in enumerate(block.times.tolist()):
            if has_face[index]:
                self._take_face(time, vectors[index], rows[index])
            else:
                state.cues.running = False
            rows[index, LAST_FACE] = state.last_tracked
            state.ring.append(time, rows[index])

    def _take_face(self, time: float, vector: FloatArray, row: FloatArray) -> None:
        """Fill the row of a frame with a face."""
        state = self.state
        since = time - state.last_tracked
        # nan (first face) and a clock set back count as no time
        step_s = min(since, self.settings.longest_step_s) if since > 0 else 0.0
        units = self._estimator.step(state.neutral, vector, step_s)
        row[TRACKED] = 1.0
        row[SETTLED] = self._estimator.settled(state.neutral)
        row[CUES_AT] = self._cues.step(state.cues, vector, units, step_s)
        row[UNITS_AT] = units.ravel()
        state.last_tracked = time

    def feature_at(self, tick_time: float) -> Feature:
        """The window's feature; frames at or after the tick are not looked at."""
        window_s, cue_window_s = self.settings.window_s, self.settings.cues.window_s
        start, ring = tick_time - window_s, self.state.ring
        _, for_cues = face_windows.with_face(*ring.between(tick_time - cue_window_s, tick_time))
        cues = facial_cues(self.settings.cues, for_cues, CUES_AT, UNITS_AT, _ROLL_AT)
        times, rows = ring.between(start, tick_time)
        face_times, faces = face_windows.with_face(times, rows)
        newest = ring.before(tick_time)
        last_time = math.nan if newest is None else float(newest[LAST_FACE])
        effective_time = tick_time - window_s / 2
        if not len(faces) or tick_time - last_time > self.settings.stale_after_s:
            cues |= dict.fromkeys(_ONSET_CUES, 0.0)
            return Feature(
                "face", _no_inputs(self.settings.frames), 0.0, 0.0, last_time, effective_time, ("no face",), cues
            )
        missing_s = face_windows.missing_s(times, start, tick_time, self.settings.hole_s)
        validity = (1 - missing_s / window_s) * len(faces) / len(times)
        settled = float(faces[-1, SETTLED])
        quality, reasons = face_quality(self.settings.quality, settled=settled, **face_windows.medians(faces))
        onsets = face_windows.count_onsets(times, rows, self.settings.hole_s, self.settings.onset_levels)
        cues |= zip(_ONSET_CUES, onsets, strict=True)
        units = face_windows.unit_statistics(face_times, faces)
        course, seen = face_windows.unit_frames(
            face_times, faces, tick_time, self.settings.frame_s, self.settings.frames
        )
        inputs = {
            "action_units": units,
            "action_unit_mask": _RELIABILITY.copy(),
            "action_unit_frames": course,
            "action_unit_frame_mask": seen,
        }
        beside = head_and_gaze(faces)
        return Feature("face", inputs, validity, quality, last_time, effective_time, reasons, cues, beside)

    def columns(self, infos: Sequence[StreamInfo]) -> tuple[FeatureColumn, ...]:  # noqa: ARG002  (the same for all)
        """Action units, on their scale of 0 to 5, cues, head pose and gaze; without a face only cues have values."""
        columns = [
            FeatureColumn(
                f"au{unit:02d}" if name == "level" else f"au{unit:02d}_{name}",
                "intensity/s" if name == "slope_per_s" else "intensity",
                "action_units", (row, column), "action_unit_mask",
            )
            for row, unit in enumerate(ACTION_UNITS)
            for column, name in enumerate(UNIT_COLUMNS)
        ]  # fmt: skip
        columns += [FeatureColumn(name, "count") for name in _ONSET_CUES]
        columns += [FeatureColumn(name, unit) for name, unit in CUE_UNITS.items()]
        return (*columns, *(FeatureColumn(name, unit, beside=True) for name, unit in HEAD_AND_GAZE.items()))

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

    def use_profile(self, part: Part | None) -> tuple[str, ...]:
        """Refer to a profile's neutral face and gaze from now on; None: learn them. Raises ConfigError if unfit."""
        gaze = None if part is None else numbers(part, "usual_gaze_deg", 2)
        self._estimator.use_neutral(self.state.neutral, None if part is None else table(part, "neutral"))
        self._cues.use_gaze(self.state.cues, gaze)
        return ()

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature."""
        return {
            "feature": "face_action_units",
            "version": 4,
            "settings": asdict(self.settings),
            "action_units": list(ACTION_UNITS),
            "reliability": {str(unit): value for unit, value in RELIABILITY.items()},
            "columns": list(UNIT_COLUMNS),
            "frames": "mean of both sides over each step before the tick, oldest first; mask 0 without a face",
            "definition": self._estimator.contract(),
        }


def _no_inputs(frames: int) -> dict[str, npt.NDArray[np.float32]]:
    """The expert's inputs where there is no face."""
    count = len(ACTION_UNITS)
    shapes = {
        "action_units": (count, len(UNIT_COLUMNS)),
        "action_unit_mask": (count,),
        "action_unit_frames": (frames, count),
        "action_unit_frame_mask": (frames,),
    }
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
