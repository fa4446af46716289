"""Head pose, pose-normalised geometry and gaze from the landmarks of one face.

The landmarks are aligned with a rigid average head by a weighted similarity transform (Umeyama 1991, weak
perspective). Distance and position follow from its scale and an assumed camera; everything else needs no camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.face_vector import LANDMARKS

ASSUMED_FOCAL_PER_WIDTH: Final = 0.9
"""Focal length over the picture's longer side: a horizontal field of view of 58°, as most webcams have."""

# Points that expressions move little, of MediaPipe's canonical face (geometry_pipeline_metadata_landmarks.binarypb in
# face_landmarker.task; Google, Apache-2.0): mesh index, x to the subject's left, y up, z front (mm), weight (ours).
_HEAD: Final = np.array([
    (4, 0.0, -4.6, 75.9, 1), (5, 0.0, 3.7, 72.4, 1), (195, 0.0, 10.6, 67.7, 1), (197, 0.0, 17.3, 63.2, 1),
    (6, 0.0, 24.7, 57.9, 1), (168, 0.0, 32.7, 52.4, 1), (9, 0.0, 48.9, 53.9, 0.3), (151, 0.0, 65.5, 50.3, 0.3),
    (10, 0.0, 82.6, 44.8, 0.3),
    (33, -44.5, 26.6, 31.7, 1), (263, 44.5, 26.6, 31.7, 1), (133, -18.6, 25.9, 37.6, 1), (362, 18.6, 25.9, 37.6, 1),
    (54, -62.8, 66.2, 14.3, 0.3), (284, 62.8, 66.2, 14.3, 0.3), (67, -35.2, 80.1, 37.3, 0.3),
    (297, 35.2, 80.1, 37.3, 0.3), (103, -51.3, 74.9, 26.6, 0.3), (332, 51.3, 74.9, 26.6, 0.3),
    (127, -77.4, 23.6, -20.1, 0.5), (356, 77.4, 23.6, -20.1, 0.5), (234, -76.6, 6.7, -24.4, 0.5),
    (454, 76.6, 6.7, -24.4, 0.5), (198, -12.5, 2.3, 56.8, 0.5), (420, 12.5, 2.3, 56.8, 0.5),
    (122, -5.6, 23.1, 55.7, 1), (351, 5.6, 23.1, 55.7, 1), (188, -9.5, 19.1, 52.0, 1), (412, 9.5, 19.1, 52.0, 1),
    (174, -9.0, 12.4, 57.5, 1), (399, 9.0, 12.4, 57.5, 1),
])  # fmt: skip
_HEAD_INDEX: Final = _HEAD[:, 0].astype(np.intp)
_HEAD_WEIGHT: Final = _HEAD[:, 4] / _HEAD[:, 4].sum()
_HEAD_CENTRE: Final = _HEAD_WEIGHT @ _HEAD[:, 1:4]
_HEAD_CENTRED: Final = _HEAD[:, 1:4] - _HEAD_CENTRE
_HEAD_WEIGHTED: Final = _HEAD_CENTRED * _HEAD_WEIGHT[:, None]
_HEAD_VARIANCE: Final = float((_HEAD_CENTRED * _HEAD_WEIGHTED).sum())

_TO_HEAD_AXES: Final = np.array([1.0, -1.0, -1.0])  # picture: y down, z to the back; head: y up, z to the front
_GEOMETRY: Final = np.array(LANDMARKS)

# subject's left, right: iris centre, inner and outer corner, upper and lower lid (middle)
_EYES: Final = ((473, 362, 263, 386, 374), (468, 133, 33, 159, 145))
_IRIS_RADIUS_MM: Final = 10.0  # from the eye's centre of rotation to the iris
_OPEN_EYE: Final = 0.12  # lid distance over eye width below which the iris is hidden
_LEAST_AREA: Final = 0.1  # cosine of the angle between the head and the line of sight; gaze is unknown beyond


@dataclass(frozen=True, eq=False)
class HeadPose:
    """Where the head is and which way it faces.

    `rotation` (3, 3) from head to picture (x right, y up, z to the viewer), `scale` in px per mm, `origin` (3,) of
    the head in px of the picture with y up; angles in degrees, signs as in `face_vector`.
    """

    rotation: FloatArray
    scale: float
    origin: FloatArray
    yaw_deg: float
    pitch_deg: float
    roll_deg: float

    def position_mm(self, width: int, height: int) -> tuple[float, float, float]:
        """Right of, below and in front of the camera, under `ASSUMED_FOCAL_PER_WIDTH`."""
        x, y = self.origin[0] - width / 2, -self.origin[1] - height / 2
        return x / self.scale, y / self.scale, ASSUMED_FOCAL_PER_WIDTH * max(width, height) / self.scale

    def to_head(self, points: FloatArray) -> FloatArray:
        """Points (n, 3) in px of the picture to mm in the head's frame."""
        normalised: FloatArray = (points * _TO_HEAD_AXES - self.origin) @ self.rotation / self.scale
        return normalised


def head_pose(points: FloatArray) -> HeadPose:
    """The pose of a head with mesh landmarks `points` (468 or 478, 3) in px, z towards the back."""
    rotation, scale, centre = _aligned(points)
    # rotation = Rz(roll) Ry(yaw) Rx(pitch): a shaken head changes yaw alone, however it is tilted
    yaw = math.asin(min(max(-rotation[2, 0], -1.0), 1.0))
    pitch = -math.atan2(rotation[2, 1], rotation[2, 2])
    roll = -math.atan2(rotation[1, 0], rotation[0, 0])
    origin = centre - scale * rotation @ _HEAD_CENTRE
    return HeadPose(rotation, scale, origin, math.degrees(yaw), math.degrees(pitch), math.degrees(roll))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _aligned(points: FloatArray) -> tuple[FloatArray, float, FloatArray]:
    """Rotation (3, 3), scale and centre (3,) of the observed head: Umeyama (1991), equations 34 to 43, weighted."""
    observed = points[_HEAD_INDEX] * _TO_HEAD_AXES
    centre = _HEAD_WEIGHT @ observed
    u, singular, vt = np.linalg.svd(np.ascontiguousarray((observed - centre).T) @ _HEAD_WEIGHTED)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    return (u * signs) @ vt, (singular * signs).sum() / _HEAD_VARIANCE, centre


def geometry(points: FloatArray, pose: HeadPose) -> FloatArray:
    """The landmarks of `LANDMARKS` (n, 3) in mm of the head's frame."""
    return pose.to_head(points[_GEOMETRY])


def gaze(points: FloatArray, pose: HeadPose) -> FloatArray:
    """Gaze (left yaw, left pitch, right yaw, right pitch) relative to the head in degrees, of a 478-point mesh.

    The eye turns about a point behind the middle of its corners; a closed eye and a head seen from the side give 0.
    Uncalibrated accuracy of this kind of geometry is 6-10° [SCIENCE 4.5]; a constant personal offset is expected.
    """
    angles: list[float] = []
    (a, b, right), (c, d, up), _ = pose.rotation.tolist()
    area = a * d - b * c  # of the face's plane as seen: 0 from the side
    for iris, inner, outer, upper, lower in _EYES:
        corners = pose.to_head(points[[inner, outer, upper, lower]]).tolist()
        (x0, y0, z0), (x1, y1, z1), (_, upper_y, _), (_, lower_y, _) = corners
        if area <= _LEAST_AREA or upper_y - lower_y < _OPEN_EYE * abs(x1 - x0):
            angles += [0.0, 0.0]
            continue
        # The mesh has no depth for the iris: take the point of its line of sight at the depth of the corners.
        depth = (z0 + z1) / 2
        x = (points[iris, 0] - pose.origin[0]) / pose.scale - right * depth
        y = (-points[iris, 1] - pose.origin[1]) / pose.scale - up * depth
        seen = (d * x - b * y) / area, (a * y - c * x) / area
        for place, middle in zip(seen, ((x0 + x1) / 2, (y0 + y1) / 2), strict=True):
            offset = min(max((place - middle) / _IRIS_RADIUS_MM, -0.95), 0.95)
            angles.append(math.degrees(math.asin(offset)))
    return np.array(angles)
