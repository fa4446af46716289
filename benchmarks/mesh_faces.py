"""Faces that act emotions on the canonical mesh: action units pulled as the muscles do, through the real face features.

A person is a seed: a face of its own build, its own strength of expression, way of holding the head and camera. Each
emotion is shown by the units that EMFACS lists for it, not by the frequencies that the expert was built from: some of
them are left out, some others slip in, strengths and times are drawn. That is acting by recipe, and no felt emotion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.features.action_units import ACTION_UNITS
from streamsense.features.face_features import FaceFeatures
from streamsense.features.face_vector import (
    BLENDSHAPE_START,
    FIELD_INDEX,
    GEOMETRY_START,
    face_vector_labels,
    face_vector_units,
)
from streamsense.fusion.emotions import EMOTIONS
from streamsense.streams import Feature, StreamInfo, TimedBlock
from streamsense.ticks import HOP_S
from tests.helpers.face_muscles import Seen, canonical_face, contracted, vector_of

RECIPES: Final[dict[str, tuple[tuple[int, ...], ...]]] = {
    "neutral": ((),),
    "happy": ((6, 12), (6, 12, 25)),
    "sad": ((1, 4, 15), (1, 4, 15, 17), (6, 15)),
    "surprised": ((1, 2, 5, 25, 26),),
    "fearful": ((1, 2, 4, 5, 7, 20, 25, 26), (1, 2, 4, 5, 20, 25)),
    "disgusted": ((9, 15, 17), (10, 15, 17), (9, 10, 17)),
    "angry": ((4, 5, 7, 23), (4, 5, 7, 24)),
    "contemptuous": ((12, 14),),
}
"""SCIENCE 4.2 (EMFACS), each with its variants; contempt is shown by one side of the face."""
LEFT_OUT, SLIPPED_IN = 0.15, 0.25
"""How often a unit of the recipe is not shown, and how often one that does not belong to it is, at half strength."""
FRAME_RATE_HZ: Final = 12.5
NEUTRAL_FIRST_S, SHOWN_S, PAUSE_S, ONSET_S = 12.0, 4.0, 3.0, 0.5
JUDGED_FROM_S: Final = 1.5
"""After an emotion's onset: by then most of the window of 2 s shows it."""
_SHAKE_MM = 0.15


@dataclass(frozen=True, eq=False)
class Picture:
    """What a camera's picture does to a face, from the first emotion on (see `darkened`). A good one by default.

    `shift_mm` (numbers of the geometry,) is where the landmarks are found to lie wrong; `tracked` how often there is a
    face at all.
    """

    brightness: float = 120.0
    sharpness: float = 130.0
    face_score: float = 0.99
    shake_mm: float = _SHAKE_MM
    shift_mm: FloatArray | float = 0.0
    tracked: float = 1.0


GOOD: Final = Picture()
CAMERA_NOISE: Final = 4.0
"""SD of a camera's noise, of 255 grey levels: what is left of the picture drowns in it as the light goes."""
_PICTURES = 25


def darkened(lights: Sequence[float]) -> dict[float, Picture]:
    """What the real edge makes of a photographed face in so much of the light, by light.

    Measured on the simulated participant's idle face against the same pictures in full light: so the quality estimate
    is given what it would be given, and the landmarks shake and shift as they would.
    """
    from streamsense.face.edge import FaceEdge
    from streamsense.models.catalogue import model_files
    from streamsense.sources.simulator import Participant, face
    from streamsense.sources.simulator.script import Script, State

    participant = Participant(Script("idle", (State("idle", 60.0, "neutral", 0.0, 0.0, 0.0),)), 0)
    drawn = face.Face()
    pictures = [drawn.picture(participant.face_at(3.0 + at / FRAME_RATE_HZ)).copy() for at in range(_PICTURES)]

    def seen(light: float) -> FloatArray:
        edge, noise = FaceEdge("mesh468_iris", model_files("mesh468_iris")), np.random.default_rng(1)
        noisy = (picture * light + noise.normal(0.0, CAMERA_NOISE, picture.shape) for picture in pictures)
        return np.array([edge.process(np.clip(picture, 0, 255).astype(np.uint8)) for picture in noisy], np.float64)

    bright = seen(1.0)
    found = {}
    for light in lights:
        vectors = bright if light == 1.0 else seen(light)
        there = vectors[:, FIELD_INDEX["tracked"]] > 0.5
        if light == 1.0 or not there.any():
            found[light] = GOOD if light == 1.0 else Picture(tracked=0.0)
            continue
        apart = (vectors - bright)[there, GEOMETRY_START:BLENDSHAPE_START]
        brightness, sharpness, score = (
            float(np.median(vectors[there, FIELD_INDEX[name]])) for name in ("brightness", "sharpness", "face_score")
        )
        shake = float(np.hypot(apart.std(axis=0).mean(), _SHAKE_MM))
        found[light] = Picture(brightness, sharpness, score, shake, apart.mean(axis=0), float(there.mean()))
    return found


@dataclass(frozen=True, eq=False)
class Shown:
    """The features of one emotion's ticks, `HOP_S` apart."""

    person: str
    emotion: str
    features: tuple[tuple[float, Feature], ...]


@dataclass(frozen=True)
class _Person:
    rest: FloatArray
    pulls: FloatArray
    """What each unit moves (19, 468, 3) at full strength, right and left half apart: (2, 19, 468, 3)."""
    strength: float
    sway_deg: FloatArray
    phase: FloatArray
    seen: Seen


def acted(bundle: Path, seed: int, picture: Picture = GOOD, emotions: Sequence[str] = EMOTIONS) -> Iterator[Shown]:
    """One person's emotions in a random order, as the face's operator hands them to the expert.

    `bundle` is MediaPipe's face_landmarker.task, which holds the mesh. A profile's neutral is not used: the running one
    is learned from the first seconds, as live.
    """
    random = np.random.default_rng([seed, 7])
    person = _person(_canonical(bundle), random)
    noise = np.random.default_rng([seed, 8])
    operator = FaceFeatures("mesh468_iris")
    operator.open(_info())
    shown = [(emotion, _strengths(emotion, person.strength, random)) for emotion in random.permutation(emotions)]
    frame, tick = 0, 1
    for number, (emotion, strengths) in enumerate(shown):
        begins = NEUTRAL_FIRST_S + number * (SHOWN_S + PAUSE_S)
        features = []
        while tick * HOP_S <= begins + SHOWN_S + 1e-9:
            count = int(tick * HOP_S * FRAME_RATE_HZ + 1e-6) - frame
            times = (frame + np.arange(count)) / FRAME_RATE_HZ
            vectors = [_vector(person, strengths, at, begins, picture, noise) for at in times]
            if count:
                operator.push(TimedBlock("face", 0, times, np.array(vectors)))
            frame += count
            if tick * HOP_S >= begins + JUDGED_FROM_S:
                features.append((tick * HOP_S, operator.feature_at(tick * HOP_S)))
            tick += 1
        yield Shown(f"face {seed}", str(emotion), tuple(features))


@cache
def _canonical(bundle: Path) -> FloatArray:
    return canonical_face(bundle)


def _person(canonical: FloatArray, random: np.random.Generator) -> _Person:
    """A build of one's own: other proportions, and bumps of some mm that are not the same on both sides."""
    rest = canonical * random.normal(1.0, 0.05, 3)
    for place in random.choice(len(rest), 10, replace=False):
        near = np.exp(-0.5 * (np.linalg.norm(rest - rest[place], axis=1) / 25.0) ** 2)
        rest = rest + np.outer(near, random.normal(0.0, 1.0, 3))
    pulls = np.array(
        [
            [contracted(canonical, unit, *sides) - canonical for unit in ACTION_UNITS]
            for sides in ((0.0, 1.0), (1.0, 0.0))
        ]
    )
    seen = Seen(depth=random.uniform(0.9, 1.1), px_per_mm=random.uniform(0.8, 2.0))
    sway = random.uniform((2.0, 1.0, 1.0), (12.0, 6.0, 5.0))
    return _Person(rest, pulls, random.uniform(0.6, 1.1), sway, random.uniform(0.0, 6.0, 3), seen)


def _strengths(emotion: str, strength: float, random: np.random.Generator) -> FloatArray:
    """Right and left strengths (2, 19) of every unit."""
    recipes = RECIPES[emotion]
    recipe = recipes[random.integers(len(recipes))]
    strengths = np.zeros((2, len(ACTION_UNITS)))
    for unit in recipe:
        if random.random() >= LEFT_OUT or len(recipe) < 3:
            strengths[:, ACTION_UNITS.index(unit)] = strength * random.uniform(0.5, 1.0)
    if random.random() < SLIPPED_IN:
        strengths[:, random.choice([at for at, unit in enumerate(ACTION_UNITS) if unit != 45])] += 0.5 * strength
    if emotion == "contemptuous":
        strengths[random.integers(2)] = 0.0
    return np.asarray(strengths * random.uniform(0.85, 1.15, strengths.shape))


def _vector(
    person: _Person, strengths: FloatArray, time: float, begins: float, picture: Picture, noise: np.random.Generator
) -> FloatArray:
    if time < NEUTRAL_FIRST_S:
        picture = GOOD
    course = min(max((time - begins) / ONSET_S, 0.0), 1.0) * min(
        max((begins + SHOWN_S + ONSET_S - time) / ONSET_S, 0.0), 1.0
    )
    now = strengths * course
    now[:, ACTION_UNITS.index(45)] = float(time % 4.1 < 0.15)
    face = person.rest + np.tensordot(now, person.pulls, 2)
    face = face + noise.normal(0.0, 1.0, face.shape) * picture.shake_mm
    yaw, pitch, roll = person.sway_deg * np.sin(person.phase + time * np.array([0.7, 0.9, 0.5]))
    seen = Seen(1.0, 1.0, yaw, pitch, roll, person.seen.depth, person.seen.px_per_mm)
    if noise.random() >= picture.tracked:
        return np.zeros(len(face_vector_labels("mesh468_iris")))
    vector = vector_of(face, seen)
    vector[GEOMETRY_START:BLENDSHAPE_START] += picture.shift_mm
    vector[FIELD_INDEX["face_score"]], vector[FIELD_INDEX["face_count"]] = picture.face_score, 1.0
    vector[FIELD_INDEX["box_size_px"]] = 150.0 * seen.px_per_mm
    vector[FIELD_INDEX["brightness"]], vector[FIELD_INDEX["sharpness"]] = picture.brightness, picture.sharpness
    return vector


def _info() -> StreamInfo:
    labels, units = face_vector_labels("mesh468_iris"), face_vector_units("mesh468_iris")
    return StreamInfo("face", "face", "acted face", "face", "face", labels, units, 0.0, "float32")
