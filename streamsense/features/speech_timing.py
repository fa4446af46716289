"""Pauses, turns, the pace of speech and the sounds of hesitation before a tick: the cues of speech timing."""

from __future__ import annotations

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, Float32Array, FloatArray
from streamsense.features.articulation import articulation
from streamsense.features.hesitation_sounds import HOLE_S, hesitation_sounds
from streamsense.features.log_mel import FRAME_HOP_S

SPAN_S = 6.0
TURN_GAP_S = 3.0
"""A silence longer than this ends the speaking turn: who listens makes no pause."""
LOOKBACK_S = SPAN_S + TURN_GAP_S
PAUSE_S = 0.25
LONG_PAUSE_S = 1.0
CUES = (
    "pause_fraction", "long_pause", "speaking", "articulation_rate_hz", "articulation_variability", "filled_pause",
    "breath",
)  # fmt: skip

# Lengths are compared in whole frames, lest microseconds of the clock decide on one that is just as long.
_PAUSE_FRAMES, _LONG_PAUSE_FRAMES, _TURN_GAP_FRAMES = (
    round(length_s / FRAME_HOP_S) for length_s in (PAUSE_S, LONG_PAUSE_S, TURN_GAP_S)
)
_SHORTEST_TURN_S = 1.0


def speech_timing(
    times: FloatArray,
    voiced: BoolArray,
    contours: Float32Array,
    above_noise_db: Float32Array,
    tick: float,
    hold_frames: int,
) -> dict[str, float]:
    """The cues at `tick` from the frames of [tick - 9 s, tick), in order.

    They are given by `times` (n,) in s, voice activity `voiced` (n,), `contours` (n, 7) and `above_noise_db` (n,).

    `pause_fraction` is the share of silences of 250 ms to 3 s in the turns of the last 6 s, `long_pause` 1 when one
    of them reaches 1 s, `speaking` 1 when speech was heard in the last 3 s. The two articulation cues are the rate
    of the syllable nuclei (Hz of speech) and the coefficient of variation of their distances, 0 where unknown.
    `filled_pause` and `breath` are evidence of the last 6 s, 0 to 1; there is none while nobody speaks.
    A hole in the data is no pause. `hold_frames` is how long voice activity holds on after speech.
    """
    spoken = _without_hold(voiced, hold_frames)
    pause_s, turn_s, longest_frames = _silences(times, spoken, tick - SPAN_S)
    recent = int(np.searchsorted(times, tick - SPAN_S))
    rate, variability = articulation(contours[recent:], spoken[recent:])
    speaking = bool(voiced[int(np.searchsorted(times, tick - TURN_GAP_S)) :].any())
    filled, breath = hesitation_sounds(times, contours, spoken, above_noise_db, tick - SPAN_S)
    return {
        "pause_fraction": pause_s / max(turn_s, _SHORTEST_TURN_S),
        "long_pause": float(longest_frames >= _LONG_PAUSE_FRAMES),
        "speaking": float(speaking),
        "articulation_rate_hz": rate,
        "articulation_variability": variability,
        "filled_pause": filled * speaking,
        "breath": breath * speaking,
    }


def contract() -> dict[str, object]:
    """The exact definition of pauses and turns."""
    return {
        "span_s": SPAN_S,
        "pause_s": PAUSE_S,
        "long_pause_s": LONG_PAUSE_S,
        "turn_gap_s": TURN_GAP_S,
        "shortest_turn_s": _SHORTEST_TURN_S,
        "speech": "voiced frames without those that are held",
    }


@njit(cache=True)  # type: ignore[untyped-decorator]
def _without_hold(voiced: BoolArray, hold_frames: int) -> BoolArray:
    """Take the held frames off the end of each stretch of speech that has ended."""
    spoken = voiced.copy()
    for end in range(1, len(voiced)):
        if voiced[end - 1] and not voiced[end]:
            spoken[max(0, end - hold_frames) : end] = False
    return spoken


@njit(cache=True)  # type: ignore[untyped-decorator]
def _silences(times: FloatArray, spoken: BoolArray, since: float) -> tuple[float, float, int]:
    """Seconds of pauses and of turns after `since`, and the longest pause (frames) that reaches into them."""
    pause_s = turn_s = 0.0
    count, last, longest = len(times), -1, 0
    for i in range(count + 1):
        # A silence begins after a frame of speech and ends with the next one, or with the newest frame of all.
        if i < count and not spoken[i]:
            continue
        if i < count and times[i] >= since:
            turn_s += FRAME_HOP_S
        silent_frames = i - last - 1
        if last >= 0 and silent_frames > 0:
            end = min(i, count - 1)
            length = end - last
            inside_s = max(0.0, times[end] - max(times[last], since))
            is_whole = times[end] - times[last] <= (silent_frames + 1) * FRAME_HOP_S + HOLE_S
            if is_whole and length <= _TURN_GAP_FRAMES and inside_s > 0:
                turn_s += inside_s
                if length >= _PAUSE_FRAMES:
                    pause_s += inside_s
                    longest = max(longest, length)
        last = i
    return pause_s, turn_s, longest
