"""How right the action units are, in numbers, against what their formulas did not write."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, permutations
from typing import Final

import numpy as np
from scipy.stats import spearmanr

from streamsense.arrays import FloatArray
from streamsense.features.action_units import (
    ACTION_UNIT_INDEX,
    ACTION_UNITS,
    BLENDSHAPE_MAP,
)
from streamsense.features.face_vector import FrontEnd
from tests.conftest import recordings
from tests.helpers.face_films import AT_REST, BLINKS, SAME_PERSON, UNCLEAR, estimator_of, face_films
from tests.helpers.face_muscles import Seen, canonical_face, readings
from tests.helpers.face_pictures import bundle_files
from tests.helpers.mpeg_sound import film_sound

STRENGTHS: Final = (0.5, 0.75, 1.0)
JUDGES: Final[dict[int, tuple[str, ...]]] = {**BLENDSHAPE_MAP, 25: ("jawOpen",)}
"""The shapes that judge each unit: the map's, and for 25 the opening jaw. 23 has none."""
LEAST_JUDGED: Final = 0.2
"""A film counts where the judge varies by this much (A, a trace) between its 5th and 95th percentile."""
TURNED_DEG: Final = 6.0
"""The head turns in a film where the yaw varies by this much between its 5th and 95th percentile."""
LEAST_SEEN: Final = 0.5
"""A unit that reaches this in no film has no correlation to report."""
BLINK_LEVEL: Final = 2.0
LAGS: Final = range(-3, 4)
"""Frames of 40 ms by which the lips may go before or after the sound."""


@cache
def confusion(strength: float, seen: Seen) -> FloatArray:
    """Readings (19 muscles, 19 units), mean of both sides."""
    face = canonical_face(bundle_files()["face_landmarker.task"])
    return readings(face, seen, [(unit, strength, strength) for unit in ACTION_UNITS]).mean(axis=2)


@cache
def judged(front_end: FrontEnd) -> dict[int, tuple[int, float, float, float]]:
    """Per unit: films that count, median rank correlation of movement and judge, share above 0, pooled correlation.

    Pooled over the films' frames, each film less its median.
    """
    moved = {name: film.movements(front_end).mean(axis=2) for name, film in face_films().items()}
    result = {}
    for unit, shapes in JUDGES.items():
        own, pooled = [], []
        for name, film in face_films().items():
            weight, movement = film.shapes(shapes), moved[name][:, ACTION_UNIT_INDEX[unit]]
            if np.ptp(np.percentile(weight, (5, 95))) >= LEAST_JUDGED:
                own.append(_rank_correlation(movement, weight))
                pooled.append(np.stack([movement - np.median(movement), weight - np.median(weight)]))
        if own:
            together = _rank_correlation(*np.concatenate(pooled, axis=1))
            result[unit] = len(own), float(np.median(own)), float(np.mean(np.array(own) > 0)), together
    return result


@cache
def turning(front_end: FrontEnd) -> dict[int, float]:
    """Per unit that is seen at all: correlation with the head's yaw over the frames of the films where it turns."""
    films = [film for film in face_films().values() if _turns(film.head(front_end, "yaw_deg"))]
    yaw = np.concatenate([_centred(film.head(front_end, "yaw_deg")) for film in films])
    units, most = [], np.zeros(len(ACTION_UNITS))
    for film in films:
        estimator = estimator_of(front_end)
        found = film.units(estimator, front_end, film.learn(estimator, front_end)).mean(axis=2)
        units.append(_centred(found))
        most = np.maximum(most, found.max(axis=0))
    table = np.concatenate(units)
    return {
        unit: float(np.corrcoef(table[:, row], yaw)[0, 1])
        for unit, row in ACTION_UNIT_INDEX.items()
        if most[row] >= LEAST_SEEN
    }


@cache
def resting(front_end: FrontEnd) -> dict[tuple[str, str], FloatArray]:
    """Per (film of the calibration, other film of the same person): median units (19,) of the face at rest."""
    films, estimator, result = face_films(), estimator_of(front_end), {}
    for people in SAME_PERSON:
        names = [name for name in people if name in AT_REST]
        neutral = {name: films[name].learn(estimator, front_end, films[name].at_rest()) for name in names}
        for learnt, tested in permutations(names, 2):
            film = films[tested]
            units = film.units(estimator, front_end, neutral[learnt])[film.at_rest()]
            result[learnt, tested] = np.median(units.mean(axis=2), axis=0)
    return result


@cache
def steps_at_rest(front_end: FrontEnd, people_seen: tuple[tuple[str, ...], ...] = SAME_PERSON) -> FloatArray:
    """Per unit (19,) the largest step from one frame to the next of faces at rest.

    Calibrated on one film, tested on another of the same person; of films of which every frame was looked at.
    """
    films, estimator, most = face_films(), estimator_of(front_end), np.zeros(len(ACTION_UNITS))
    for people in people_seen:
        names = [name for name in people if name in AT_REST and films[name].whole]
        neutral = {name: films[name].learn(estimator, front_end, films[name].at_rest()) for name in names}
        for learnt, tested in permutations(names, 2):
            units = films[tested].units(estimator, front_end, neutral[learnt])[films[tested].at_rest()].mean(axis=2)
            most = np.maximum(most, np.abs(np.diff(units, axis=0)).max(axis=0))
    return most


@cache
def flicker(front_end: FrontEnd) -> FloatArray:
    """Per unit (19,) the largest jump of one frame away from both its neighbours.

    Over the films of which every frame was looked at; the neutral is that of another film of the person, else its own.
    """
    films, estimator, most = face_films(), estimator_of(front_end), np.zeros(len(ACTION_UNITS))
    other = {first: second for people in SAME_PERSON for first, second in permutations(people, 2)}
    for film in films.values():
        if film.whole:
            calibration = films[other.get(film.name, film.name)]
            units = film.units(estimator, front_end, calibration.learn(estimator, front_end)).mean(axis=2)
            before, after = units[1:-1] - units[:-2], units[1:-1] - units[2:]
            jump = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0)
            most = np.maximum(most, jump.max(axis=0))
    return most


@cache
def lips_and_sound(front_end: FrontEnd) -> dict[str, tuple[float, int]]:
    """Per talker: correlation of unit 25 with the sound's envelope at the best lag, and that lag (lips later: > 0)."""
    return {name: follow(lips, envelopes()[name]) for name, lips in lip_openings(front_end).items()}


def lip_openings(front_end: FrontEnd) -> dict[str, FloatArray]:
    """Unit 25 per frame of each talker's film."""
    estimator, row = estimator_of(front_end), ACTION_UNIT_INDEX[25]
    films = {name: film for name, film in face_films().items() if film.talks}
    return {
        name: film.units(estimator, front_end, film.learn(estimator, front_end))[:, row].mean(axis=1)
        for name, film in films.items()
    }


@cache
def envelopes() -> dict[str, FloatArray]:
    """Square root of the sound's effective value in each frame of each talker's film, over three frames."""
    result = {}
    for path in sorted((recordings() / "av_talking").rglob("*.mpg")):
        film = face_films()[path.stem]
        samples, rate_hz, start_s = film_sound(path)
        edges = ((np.arange(len(film.frames) + 1) - 0.5) / film.rate_hz - start_s) * rate_hz
        edges = np.clip(edges.astype(int), 0, len(samples))
        pieces = [samples[first:last] for first, last in pairwise(edges)]
        level = np.array([np.sqrt((piece**2).mean()) if len(piece) else 0.0 for piece in pieces])
        result[path.stem] = np.sqrt(np.convolve(level, np.ones(3) / 3, "same"))
    return result


def follow(lips: FloatArray, sound: FloatArray) -> tuple[float, int]:
    """Correlation at the best of LAGS, and that lag in frames (above 0: the lips come later)."""
    frames = len(lips)
    by_lag = {
        lag: float(
            np.corrcoef(lips[max(lag, 0) : frames + min(lag, 0)], sound[max(-lag, 0) : frames - max(lag, 0)])[0, 1]
        )
        for lag in LAGS
    }
    best = max(by_lag, key=lambda lag: by_lag[lag])
    return by_lag[best], best


@cache
def blinks_found(front_end: FrontEnd) -> dict[str, list[tuple[int, int]]]:
    """First and last frame of each blink of each talker: both eyes' unit 45 at BLINK_LEVEL or above."""
    estimator, found = estimator_of(front_end), {}
    for name in BLINKS:
        film = face_films()[name]
        units = film.units(estimator, front_end, film.learn(estimator, front_end))[:, ACTION_UNIT_INDEX[45]]
        closed = np.flatnonzero(np.diff(np.concatenate([[0], units.min(axis=1) >= BLINK_LEVEL, [0]]).astype(int)))
        runs = [(int(first), int(last) - 1) for first, last in closed.reshape(-1, 2)]
        found[name] = [run for run in runs if not any(_overlap(run, span) for span in UNCLEAR.get(name, ()))]
    return found


def matched(found: list[tuple[int, int]], counted: tuple[tuple[int, int], ...]) -> bool:
    """Each counted blink is found once, within a frame, and nothing else is."""
    return len(found) == len(counted) and all(
        _overlap(run, (first - 1, last + 1)) for run, (first, last) in zip(found, counted, strict=True)
    )


def _overlap(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]


def _turns(yaw: FloatArray) -> bool:
    return bool(np.ptp(np.percentile(yaw, (5, 95))) >= TURNED_DEG)


def _centred(values: FloatArray) -> FloatArray:
    centred: FloatArray = values - values.mean(axis=0)
    return centred


def _rank_correlation(first: FloatArray, second: FloatArray) -> float:
    return float(spearmanr(first, second)[0]) if np.ptp(first) > 0 and np.ptp(second) > 0 else 0.0
