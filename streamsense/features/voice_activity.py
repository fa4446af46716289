"""Voice activity from the level of each frame: adaptive noise floor and speech level, hysteresis, and a short hold.

"Voiced" means that somebody is heard to speak, unvoiced consonants included; it is no decision about pitch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray
from streamsense.features.log_mel import FRAME_HOP_S

LONGEST_HOLD_S = 0.3


@dataclass(frozen=True)
class VoiceActivitySettings:
    """Levels in dB of full scale, distances from the noise floor in dB, times in s.

    The floor follows a lower level with the time constant `floor_fall_s` and rises by `floor_rise_db_per_s` at
    most, so that speech, which dips many times a second, does not lift it for long. The speech level is the other
    way round: it rises with `peak_rise_s` and falls by `peak_fall_db_per_s`; what lies `range_db` below it is no
    speech, however quiet the room (reverberation, breath, a neighbour). Speech starts `onset_s` after the level
    passed `on_db` above the floor, and ends `hold_s` after it fell below `off_db`.
    """

    on_db: float = 9.0
    off_db: float = 6.0
    minimum_level_db: float = -60.0
    onset_s: float = 0.03
    hold_s: float = 0.1
    floor_start_db: float = -60.0
    floor_lowest_db: float = -90.0
    floor_fall_s: float = 0.1
    floor_rise_db_per_s: float = 3.0
    range_db: float = 30.0
    peak_rise_s: float = 0.05
    peak_fall_db_per_s: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.off_db <= self.on_db:
            raise ValueError(f"off_db {self.off_db} and on_db {self.on_db}, expected 0 < off_db <= on_db")
        if not 0 <= self.hold_s <= LONGEST_HOLD_S:
            raise ValueError(f"hold_s is {self.hold_s}, expected 0 to {LONGEST_HOLD_S} s")
        speeds = (self.floor_fall_s, self.floor_rise_db_per_s, self.peak_rise_s, self.peak_fall_db_per_s)
        if not (self.onset_s >= 0 and self.range_db > 0 and min(speeds) > 0):
            raise ValueError(f"onset_s must not be negative; range_db, the rises and falls must be above 0: {self}")
        if not self.floor_lowest_db <= self.floor_start_db:
            raise ValueError(f"floor_start_db {self.floor_start_db} lies below floor_lowest_db {self.floor_lowest_db}")


@dataclass
class VoiceActivityState:
    """Noise floor and speech level (dB), whether speech is on, for how many frames it was loud and is held yet."""

    noise_floor_db: float
    speech_level_db: float
    speech_on: bool
    loud_frames: int
    held_frames: int


class VoiceActivity:
    """Decides frame by frame, from the past only."""

    def __init__(self, settings: VoiceActivitySettings | None = None) -> None:
        self.settings = settings or VoiceActivitySettings()
        self._fall = 1 - math.exp(-FRAME_HOP_S / self.settings.floor_fall_s)
        self._rise_db = self.settings.floor_rise_db_per_s * FRAME_HOP_S
        self._peak_rise = 1 - math.exp(-FRAME_HOP_S / self.settings.peak_rise_s)
        self._peak_fall_db = self.settings.peak_fall_db_per_s * FRAME_HOP_S
        self._onset_frames = max(1, round(self.settings.onset_s / FRAME_HOP_S))
        self.hold_frames = round(self.settings.hold_s / FRAME_HOP_S)

    def new_state(self) -> VoiceActivityState:
        """State before the first frame of a session."""
        start = self.settings.floor_start_db
        return VoiceActivityState(start, start, False, 0, 0)

    def restart(self, state: VoiceActivityState) -> None:
        """After a gap nobody is known to speak; the room, and so the noise floor, is the same."""
        state.speech_on, state.loud_frames, state.held_frames = False, 0, 0

    def step(self, state: VoiceActivityState, level_db: FloatArray) -> tuple[BoolArray, FloatArray]:
        """For `level_db` (n,) of consecutive frames: voiced (n,), and level above the noise floor (n,) in dB."""
        voiced, above, *after = _gate(
            level_db, state.noise_floor_db, state.speech_level_db, state.speech_on, state.loud_frames,
            state.held_frames, self._fall, self._rise_db, self.settings.floor_lowest_db, self._peak_rise,
            self._peak_fall_db, self.settings.on_db, self.settings.off_db, self.settings.range_db,
            self.settings.minimum_level_db, self._onset_frames, self.hold_frames,
        )  # fmt: skip
        state.noise_floor_db, state.speech_level_db, state.speech_on, state.loud_frames, state.held_frames = after
        return voiced, above

    def contract(self) -> dict[str, object]:
        """The exact definition of the decision."""
        return {"method": "energy gate", **asdict(self.settings)}


@njit(cache=True)  # type: ignore[untyped-decorator]
def _gate(
    level_db: FloatArray,
    floor: float,
    peak: float,
    speech_on: bool,
    loud: int,
    held: int,
    fall: float,
    rise_db: float,
    lowest_floor: float,
    peak_rise: float,
    peak_fall_db: float,
    on_db: float,
    off_db: float,
    range_db: float,
    minimum_level_db: float,
    onset_frames: int,
    hold_frames: int,
) -> tuple[BoolArray, FloatArray, float, float, bool, int, int]:
    """Voiced (n,), level above the floor (n,), and the state after the last frame."""
    voiced, above = np.empty(len(level_db), np.bool_), np.empty(len(level_db))
    for i in range(len(level_db)):
        level = level_db[i]
        floor = max(floor + fall * (level - floor), lowest_floor) if level < floor else min(level, floor + rise_db)
        peak = peak + peak_rise * (level - peak) if level > peak else max(level, peak - peak_fall_db)
        margin = off_db if speech_on else on_db
        if level >= max(floor + margin, peak - range_db, minimum_level_db):
            loud, held = loud + 1, hold_frames
            speech_on = speech_on or loud >= onset_frames
        else:
            speech_on = speech_on and held > 0
            loud, held = 0, max(0, held - 1)
        voiced[i], above[i] = speech_on, level - floor
    return voiced, above, floor, peak, speech_on, loud, held
