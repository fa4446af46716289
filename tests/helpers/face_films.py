"""The films of faces among the recordings, as face vectors of both front ends, and what people saw in them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.face.opencv import cv2
from streamsense.features.action_units import movements_of_measures
from streamsense.features.face_measures import MEASURES, measure_matrix
from streamsense.features.face_neutral import ActionUnitEstimator, NeutralSettings
from streamsense.features.face_vector import (
    BLENDSHAPE_START,
    BLENDSHAPES,
    FIELD_INDEX,
    FRONT_ENDS,
    GEOMETRY_START,
    FrontEnd,
)
from tests.conftest import recordings
from tests.helpers.face_pictures import face_edge, film_frames

EVERY_FRAME: Final = bool(os.environ.get("STREAMSENSE_PROOF"))
SIGNER_STEP: Final = 1 if EVERY_FRAME else 4
"""Of the signers' films an ordinary test run looks at every fourth frame: both front ends take their time."""

SAME_PERSON: Final = (
    ("again", "brother", "help", "no", "student", "yes"), ("bird", "milk", "please", "sorry", "thanks"),
    ("book", "learn", "school", "walk"), ("eat", "night", "sister"), ("hungry", "want"),
    ("pwij3p", "id2_vcd_swwp2s"),
)  # fmt: skip
"""Who is the same person: five signers and one talker are seen more than once (told by eye)."""

AT_REST: Final[dict[str, tuple[int, int]]] = {
    "again": (56, 76), "brother": (49, 60), "help": (46, 57), "no": (2, 18), "student": (36, 50), "yes": (4, 20),
    "bird": (46, 62), "milk": (36, 50), "please": (4, 12), "thanks": (1, 9),
    "book": (2, 14), "learn": (1, 8), "school": (6, 24), "walk": (6, 31),
    "pwij3p": (62, 74), "id2_vcd_swwp2s": (60, 69),
}  # fmt: skip
"""First and last frame with a face at rest, lips closed and no hand before it: looked up in the pictures by eye.

Of "book" it is the start: at its end (90 to 108) she smiles. In "learn" she purses her lips from frame 9 on. In
"brother" he blinks from frame 43 to 47, and in "walk" she looks aside from frame 33 on.
The other two signers talk or smile throughout.
"""

BLINKS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "bbaf2n": ((43, 45), (50, 54)), "brbk7n": ((21, 23),), "lbax4n": ((27, 30),), "lbbc2a": (), "lrwp9a": (),
    "lwbsza": (), "pwij3p": ((34, 37), (47, 51)), "sbia1a": (), "sbwe5n": ((24, 26),), "swiz3n": (),
    "id2_vcd_swwp2s": ((26, 29), (43, 46), (71, 73)),
}  # fmt: skip
"""The talkers' blinks, first and last frame with lowered lids, counted by eye in enlarged pictures of the eyes."""

UNCLEAR: Final[dict[str, tuple[tuple[int, int], ...]]] = {"lrwp9a": ((35, 41), (64, 74))}
"""She looks down with half-closed lids; the iris stays in sight. Not counted, neither for nor against."""


@dataclass(frozen=True, eq=False)
class FaceFilm:
    """Vectors (frames, channels) of each front end; `frames` are their numbers in the film of `rate_hz`."""

    name: str
    talks: bool
    rate_hz: float
    frames: npt.NDArray[np.intp]
    vectors: dict[FrontEnd, FloatArray]

    @property
    def step_s(self) -> float:
        """Seconds from one vector to the next."""
        return float(self.frames[1] - self.frames[0]) / self.rate_hz

    @property
    def whole(self) -> bool:
        """Whether every frame was looked at."""
        return len(self.frames) < 2 or bool(self.frames[1] - self.frames[0] == 1)

    def head(self, front_end: FrontEnd, field: str) -> FloatArray:
        """One number of the head per frame."""
        return self.vectors[front_end][:, FIELD_INDEX[field]]

    def shapes(self, names: tuple[str, ...]) -> FloatArray:
        """Mean weight per frame of the blendshapes `names`; `{side}` stands for both sides."""
        sides = {name.format(side=side) for name in names for side in ("Left", "Right")}
        weights = self.vectors["mesh478_blendshapes"][:, BLENDSHAPE_START:]
        return weights[:, [BLENDSHAPES.index(name) for name in sorted(sides)]].mean(axis=1)

    def at_rest(self) -> slice:
        """Where the face is at rest."""
        first, last = AT_REST[self.name]
        return slice(*np.searchsorted(self.frames, (first, last + 1)))

    def learn(self, estimator: ActionUnitEstimator, front_end: FrontEnd, part: slice = slice(None)) -> dict[str, float]:
        """The neutral face after a part of the film was seen twice."""
        state = estimator.new_state()
        for vector in [*self.vectors[front_end][part]] * 2:
            estimator.step(state, self._fit(estimator, vector), self.step_s)
        return estimator.neutral(state)

    def units(self, estimator: ActionUnitEstimator, front_end: FrontEnd, neutral: dict[str, float]) -> FloatArray:
        """Action units (frames, 19, 2) against a known neutral."""
        state = estimator.new_state()
        estimator.use_neutral(state, neutral)
        vectors = self.vectors[front_end]
        return np.array([estimator.step(state, self._fit(estimator, vector), self.step_s) for vector in vectors])

    def movements(self, front_end: FrontEnd) -> FloatArray:
        """What moved (frames, 19, 2) by the landmarks of `front_end`, against the film's own neutral."""
        neutral = np.array([*self.learn(landmark_estimator(), front_end).values()])[: 2 * len(MEASURES)]
        measures = self.vectors[front_end][:, GEOMETRY_START:BLENDSHAPE_START] @ measure_matrix().T
        return np.array([movements_of_measures(row, neutral) for row in measures])

    @staticmethod
    def _fit(estimator: ActionUnitEstimator, vector: FloatArray) -> FloatArray:
        return vector[:BLENDSHAPE_START] if estimator.front_end == "mesh468_iris" else vector


@cache
def landmark_estimator() -> ActionUnitEstimator:
    """Units from the landmarks alone, whichever front end they are of."""
    return ActionUnitEstimator("mesh468_iris", NeutralSettings())


@cache
def estimator_of(front_end: FrontEnd) -> ActionUnitEstimator:
    """The front end's own units."""
    return ActionUnitEstimator(front_end, NeutralSettings())


@cache
def face_films() -> dict[str, FaceFilm]:
    """All films by name, the signers' first; every frame has a face."""
    folder, edges, films = recordings(), {front_end: face_edge(front_end) for front_end in FRONT_ENDS}, {}
    signers = sorted((folder / "face_video" / "asl_gestures").glob("*.mkv"))
    for path in [*signers, *sorted((folder / "av_talking").rglob("*.mpg"))]:
        pictures = film_frames(path)
        frames = np.arange(0, len(pictures), SIGNER_STEP if path in signers else 1)
        vectors: dict[FrontEnd, FloatArray] = {}
        for front_end, edge in edges.items():
            edge.reset()
            vectors[front_end] = np.array([edge.process(pictures[frame]) for frame in frames], np.float64)
            assert vectors[front_end][:, FIELD_INDEX["tracked"]].all(), f"{path.name}: a frame without a face"
        rate_hz = float(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS))
        films[path.stem] = FaceFilm(path.stem, path not in signers, rate_hz, frames, vectors)
    assert len(films) == 31, f"found {len(films)} films"
    return films
