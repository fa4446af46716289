"""Voice activity from the probability of speech: hysteresis and a shortest silence, as Silero's authors decide it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray
from streamsense.features.log_mel import FRAME_HOP_S

LONGEST_SILENCE_S = 0.3


@dataclass(frozen=True)
class SpeechGateSettings:
    """`VADIterator` of silero-vad 6.2.3: its defaults.

    Speech begins with a probability of `onset`. It ends with one below `offset` when `silence_s` have passed since the
    first of these, and none as high as `onset` came between.
    """

    onset: float = 0.5
    offset: float = 0.35
    silence_s: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.offset <= self.onset < 1:
            raise ValueError(f"offset {self.offset} and onset {self.onset}, expected 0 < offset <= onset < 1")
        if not 0 <= self.silence_s <= LONGEST_SILENCE_S:
            raise ValueError(f"silence_s is {self.silence_s}, expected 0 to {LONGEST_SILENCE_S} s")


@dataclass
class SpeechGateState:
    """Whether somebody speaks, and for how many frames there may have been silence (0: there is none)."""

    gate_open: bool
    silent_frames: int


def new_gate_state() -> SpeechGateState:
    """State before the first frame."""
    return SpeechGateState(False, 0)


def restart_gate(state: SpeechGateState) -> None:
    """After a gap nobody is known to speak."""
    state.gate_open, state.silent_frames = False, 0


class SpeechGate:
    """Decides frame by frame, from the past only."""

    def __init__(self, settings: SpeechGateSettings | None = None) -> None:
        self.settings = settings or SpeechGateSettings()
        self.hold_frames = round(self.settings.silence_s / FRAME_HOP_S)

    def step(self, state: SpeechGateState, probability: FloatArray) -> BoolArray:
        """For the `probability` (n,) of consecutive frames: voiced (n,)."""
        voiced, state.gate_open, state.silent_frames = _gate(
            probability, state.gate_open, state.silent_frames, self.settings.onset, self.settings.offset,
            self.hold_frames,
        )  # fmt: skip
        return voiced  # type: ignore[no-any-return]

    def contract(self) -> dict[str, object]:
        """The exact definition of the decision."""
        return {"method": "silero", **asdict(self.settings)}


@njit(cache=True)  # type: ignore[untyped-decorator]
def _gate(
    probability: FloatArray, is_open: bool, silent: int, onset: float, offset: float, shortest_silence: int
) -> tuple[BoolArray, bool, int]:
    voiced = np.empty(len(probability), np.bool_)
    for i in range(len(probability)):
        if probability[i] >= onset:
            is_open, silent = True, 0
        elif is_open:
            # The count goes on between the thresholds; only a probability below the lower one ends speech.
            if silent > 0 or probability[i] < offset:
                silent += 1
            if probability[i] < offset and silent > shortest_silence:
                is_open, silent = False, 0
        voiced[i] = is_open
    return voiced, is_open, silent
