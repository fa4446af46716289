"""Pulls the skin of the canonical face as each facial muscle does, and takes the picture's view of it.

Truth for the action units that their formulas did not write: the face is the published canonical mesh of MediaPipe,
the directions are those of the Facial Action Coding System's manual (Ekman, Friesen & Hager 2002) and of the muscles'
origins and insertions. A muscle moves all skin about its insertion, less with the distance, over the whole mesh;
nothing here knows which landmarks a formula reads. Distances in mm of an average adult face; sizes are those of a
marked contraction (intensity C to D), chosen.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from streamsense.arrays import FloatArray
from streamsense.face.pose import geometry, head_pose
from streamsense.features.face_neutral import ActionUnitEstimator, NeutralSettings
from streamsense.features.face_vector import BLENDSHAPE_START, FIELD_INDEX, GEOMETRY_START

_VERTICES, _NUMBERS = 468, 5  # x, y, z in cm, then the texture's u and v
_MESH_MEMBER: Final = "geometry_pipeline_metadata_landmarks.binarypb"

UPPER_LIP: Final = (
    0, 37, 39, 40, 185, 267, 269, 270, 409, 11, 72, 73, 74, 184, 302, 303, 304, 408, 12, 38, 41, 42, 183, 268, 271,
    272, 407, 13, 82, 81, 80, 191, 312, 311, 310, 415, 164, 167, 165, 92, 186, 393, 391, 322, 410,
)  # fmt: skip
LOWER_LIP: Final = (
    17, 84, 181, 91, 146, 314, 405, 321, 375, 16, 85, 180, 90, 77, 315, 404, 320, 307, 15, 86, 179, 89, 96, 316, 403,
    319, 325, 14, 87, 178, 88, 95, 317, 402, 318, 324,
)  # fmt: skip
RIGHT_UPPER_LID: Final = (246, 161, 160, 159, 158, 157, 173)
RIGHT_LOWER_LID: Final = (7, 163, 144, 145, 153, 154, 155)


def canonical_face(bundle: Path) -> FloatArray:
    """MediaPipe's canonical face (468, 3) in mm: x to the subject's left, y up, z to the front.

    Read from the metadata in face_landmarker.task: field 4 of the mesh message is a float vertex buffer.
    """
    with zipfile.ZipFile(bundle) as members:
        content = members.read(_MESH_MEMBER)
    tag = b"\x1d"  # field 3, 32 bits: the vertex buffer's floats, each with its tag
    size = 5 * _VERTICES * _NUMBERS
    for start in range(len(content) - size):
        block = np.frombuffer(content, np.uint8, size, start).reshape(-1, 5)
        if (block[:, 0] == tag[0]).all():
            vertices = block[:, 1:].copy().view("<f4").reshape(_VERTICES, _NUMBERS)
            return 10 * vertices[:, :3].astype(np.float64)
    raise ValueError(f"{bundle} holds no mesh of {_VERTICES} vertices")


@dataclass(frozen=True)
class Pull:
    """Skin near the landmarks `at` (of the subject's right) moves by `by` = (out, up, front) mm.

    The weight is 1 at these landmarks and falls with the distance as a Gaussian of `radius_mm`. `only` and `without`:
    what cannot but move, and what is held elsewhere (by its mirror image's number too).
    """

    at: tuple[int, ...]
    radius_mm: float
    by: tuple[float, float, float]
    only: tuple[int, ...] = ()
    without: tuple[int, ...] = ()


_LIDS: Final = (*RIGHT_UPPER_LID, *RIGHT_LOWER_LID, 33, 133)
_UPPER_EDGE, _LOWER_EDGE = (0, 37, 39, 40), (17, 84, 181, 91)
_INNER_BROW, _OUTER_BROW = (55, 107, 66), (46, 70, 63, 53)
_CORNER: Final = (61,)

MUSCLES: Final[dict[int, tuple[str, tuple[Pull, ...]]]] = {
    1: ("frontalis, medial part", (Pull(_INNER_BROW, 11, (0, 6, 0), without=_LIDS),)),
    2: ("frontalis, lateral part", (Pull(_OUTER_BROW, 11, (0, 6, 0), without=_LIDS),)),
    4: ("corrugator, depressor supercilii", (Pull((*_INNER_BROW, 65), 11, (-3, -4, 0), without=_LIDS),)),
    5: ("levator palpebrae superioris", (Pull(RIGHT_UPPER_LID, 2, (0, 2.2, 0), only=RIGHT_UPPER_LID),)),
    6: (
        "orbicularis oculi, orbital part",
        (
            Pull((117, 118, 119, 50, 101), 9, (0, 4, 0.5), without=_LIDS),
            Pull((35, 143), 7, (-2, 0.5, 0), without=_LIDS),
            Pull(RIGHT_LOWER_LID, 2, (0, 0.4, 0), only=RIGHT_LOWER_LID),
        ),
    ),
    7: (
        "orbicularis oculi, palpebral part",
        (
            Pull(RIGHT_LOWER_LID, 2, (0, 2, 0), only=RIGHT_LOWER_LID),
            Pull(RIGHT_UPPER_LID, 2, (0, -0.5, 0), only=RIGHT_UPPER_LID),
        ),
    ),
    9: (
        "levator labii superioris alaeque nasi",
        (Pull((129, 98, 64, 48), 8, (0, 4, 0), without=_LIDS), Pull((8, 9, 55), 6, (0, -1, 0), without=_LIDS)),
    ),
    10: ("levator labii superioris", (Pull((*_UPPER_EDGE, 82, 13), 7, (0, 4.5, 0), without=LOWER_LIP),)),
    12: ("zygomaticus major", (Pull(_CORNER, 15, (5, 6, -4), without=_LIDS),)),
    14: ("buccinator", (Pull(_CORNER, 9, (1, 0, -5)),)),
    15: ("depressor anguli oris", (Pull(_CORNER, 9, (1, -5, 0)),)),
    17: (
        "mentalis",
        (
            Pull((200, 201, 199, 18, 83), 8, (0, 4.5, 1), without=LOWER_LIP),
            Pull(_LOWER_EDGE, 7, (0, 4, 0), only=LOWER_LIP),
        ),
    ),
    20: ("risorius", (Pull(_CORNER, 11, (6, -1, -3)),)),
    23: (
        "orbicularis oris, tightened",
        (
            Pull(_CORNER, 9, (-5, 0, 1)),
            Pull(_UPPER_EDGE, 3, (0, -2, 0), only=UPPER_LIP),
            Pull(_LOWER_EDGE, 3, (0, 2, 0), only=LOWER_LIP),
        ),
    ),
    24: (
        "orbicularis oris, pressed",
        (Pull(_UPPER_EDGE, 3, (0, -2.5, 0), only=UPPER_LIP), Pull(_LOWER_EDGE, 3, (0, 2.5, 0), only=LOWER_LIP)),
    ),
    25: ("depressor labii inferioris", (Pull((17, 84, 181, 14, 87), 7, (0, -6, 0), without=UPPER_LIP),)),
    26: (
        "masseter, relaxed",
        (Pull((17, 84, 181, 14, 87, 18, 83, 200, 201, 199, 152, 148, 176, 149), 11, (0, -12, -3), without=UPPER_LIP),),
    ),
    28: (
        "orbicularis oris, sucked in",
        (
            Pull(_UPPER_EDGE, 3, (0, -6, -4), only=UPPER_LIP),
            Pull(_LOWER_EDGE, 3, (0, 6, -4), only=LOWER_LIP),
        ),
    ),
    45: ("levator palpebrae superioris, relaxed", ()),
}  # fmt: skip
"""Per action unit the muscle and what it moves at full strength. 45 is `_closed`: the upper lid onto the lower one."""

COMPANIONS: Final[dict[int, set[int]]] = {26: {25}}
"""Units that the manual scores along with a movement: a dropped jaw parts the lips."""


def contracted(face: FloatArray, unit: int, left: float = 1.0, right: float = 1.0) -> FloatArray:
    """`face` (468, 3) with the muscle of `unit` contracted, by shares of its full strength on either side."""
    opposite = cKDTree(face * (-1, 1, 1)).query(face)[1]  # the canonical face is symmetric
    if unit == 45:
        return _closed(face, opposite, left, right)
    moved = face.copy()
    for pull in MUSCLES[unit][1]:
        on_right = _weights(face, pull)
        on_left = on_right[opposite]
        shared = np.maximum(on_right + on_left, 1.0)  # the midline moves no farther than either side
        out, up, front = pull.by
        moved += np.outer(right * on_right / shared, (-out, up, front))
        moved += np.outer(left * on_left / shared, (out, up, front))
    return moved


def _weights(face: FloatArray, pull: Pull) -> FloatArray:
    nearest = np.linalg.norm(face[:, None] - face[list(pull.at)], axis=2).min(axis=1)
    weights: FloatArray = np.exp(-0.5 * (nearest / pull.radius_mm) ** 2)
    if pull.only:
        weights[np.setdiff1d(np.arange(len(face)), pull.only)] = 0
    weights[list(pull.without)] = 0
    return weights


def _closed(face: FloatArray, opposite: npt.NDArray[np.intp], left: float, right: float) -> FloatArray:
    moved = face.copy()
    for upper, lower in zip(RIGHT_UPPER_LID, RIGHT_LOWER_LID, strict=True):
        for strength, above, below in ((right, upper, lower), (left, opposite[upper], opposite[lower])):
            moved[above] += strength * (face[below] - face[above])
    return moved


@dataclass(frozen=True)
class Seen:
    """How a face is built, held and seen: width and length over the average's, pose, size in the picture.

    `depth` is the mesh's over the true one: a net guesses depth, and a wrong one turns into a wrong pose.
    """

    width: float = 1.0
    length: float = 1.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    depth: float = 1.0
    px_per_mm: float = 1.0


POSES: Final = (
    Seen(), Seen(yaw_deg=20), Seen(yaw_deg=-20), Seen(pitch_deg=12), Seen(pitch_deg=-12), Seen(roll_deg=25),
    Seen(yaw_deg=12, pitch_deg=8, roll_deg=-10), Seen(px_per_mm=0.5), Seen(px_per_mm=3), Seen(yaw_deg=20, depth=0.9),
    Seen(yaw_deg=-15, pitch_deg=8, depth=1.1), Seen(width=1.08), Seen(length=1.08),
    Seen(width=0.93, length=0.95, yaw_deg=-12),
)  # fmt: skip


SHARP: Final = 130.0
"""Of a face whose landmarks have no noise; a talker's film has as much."""


def vector_of(face: FloatArray, seen: Seen) -> FloatArray:
    """The face vector (mesh468_iris) of a mesh (468, 3) in a picture, through the edge's own pose and geometry."""
    yaw, pitch, roll = np.radians([seen.yaw_deg, seen.pitch_deg, seen.roll_deg])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    points = face @ (tilt @ turn @ nod).T
    points = seen.px_per_mm * points * (1, -1, -seen.depth) + (320, 240, 0)
    pose = head_pose(points)
    vector = np.zeros(BLENDSHAPE_START)
    vector[FIELD_INDEX["tracked"]], vector[FIELD_INDEX["sharpness"]] = 1, SHARP
    vector[FIELD_INDEX["yaw_deg"]], vector[FIELD_INDEX["pitch_deg"]] = pose.yaw_deg, pose.pitch_deg
    vector[GEOMETRY_START:] = geometry(points, pose).ravel()
    return vector


def readings(face: FloatArray, seen: Seen, contractions: list[tuple[int, float, float]]) -> FloatArray:
    """Action units (contractions, 19, 2) of (unit, left, right) strengths, against the same face at rest, frontal."""
    estimator = ActionUnitEstimator("mesh468_iris", NeutralSettings())
    built = face * (seen.width, seen.length, 1)
    state = estimator.new_state()
    estimator.step(state, vector_of(built, Seen()), 1.0)
    estimator.use_neutral(state, estimator.neutral(state))
    faces = (contracted(built, unit, left, right) for unit, left, right in contractions)
    return np.array([estimator.step(state, vector_of(moved, seen), 1.0) for moved in faces])
