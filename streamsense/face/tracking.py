"""Which face, and where to look for it next.

The largest face at the start is followed by its own landmarks (one detector run at the start, then none); the
detector looks again when the face is lost, and every `check_every` frames to count the faces and to notice that
the landmarks have drifted away from any face. Who is lost is waited for: another face is taken only when none came
back to its place for a while.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.face.detector import REGION_SCALE, Detection, FaceDetector, overlap
from streamsense.face.mesh import FaceMesh, Mesh
from streamsense.face.regions import Image, Region, region_of_points

_OUTER_EYE_CORNERS: Final = (33, 263)
_DRIFT_CHECKS: Final = 2
_MOST_FACES: Final = 4  # candidates that the mesh net is asked about
_SAME_FACE: Final = 0.1  # overlap from which a detection is the followed face
_LOOKS_TO_SETTLE: Final = 3  # brows and jaw of the first frames were up to 4 mm off without
_NEAR: Final = 1.5  # face sizes that a face which was lost may have moved
_RESIZED: Final = 2.0  # times that it may have become larger or smaller


@dataclass(frozen=True)
class TrackingSettings:
    """`minimum_score`: below it the mesh net's own face score means that the face is lost.

    Counted in frames: every `check_every` the faces are counted, and a face that is lost is waited for `wait_for`.
    """

    minimum_score: float = 0.5
    check_every: int = 15
    wait_for: int = 45

    def __post_init__(self) -> None:
        if not 0 < self.minimum_score < 1 or self.check_every < 1 or self.wait_for < 0:
            raise ValueError(
                f"expected 0 < minimum_score < 1, check_every of 1 or more and wait_for of 0 or more, found {self}"
            )


class FaceTracker:
    """Follows one face from frame to frame."""

    def __init__(self, detector: FaceDetector, mesh: FaceMesh, settings: TrackingSettings | None = None) -> None:
        self.settings = settings or TrackingSettings()
        self._detector = detector
        self._mesh = mesh
        self._region: Region | None = None
        self._lost_region: Region | None = None
        self._frames_to_wait = 0
        self._frames_to_check = 0
        self._unsupported_checks = 0
        self.face_count = 0
        """Faces in the picture when the detector last ran, at most 4."""
        self.faces_begun = 0
        """How often a face was taken that need not be the one before."""

    def reset(self) -> None:
        """Forget the face; the next frame starts with the detector, and the largest face is taken."""
        self._region = self._lost_region = None
        self._unsupported_checks = 0

    def track(self, frame_bgr: Image) -> Mesh | None:
        """The mesh of the followed face in the next frame of the film, or None where no face is found."""
        if self._region is not None:
            self._frames_to_check -= 1
            if self._frames_to_check <= 0:
                self._check(frame_bgr, self._region)
        mesh = None if self._region is None else self._confirmed(frame_bgr, self._region)
        if mesh is None:
            mesh = self._found_anew(frame_bgr)
        self._region = None if mesh is None else region_of_mesh(mesh.points)
        return mesh

    def _found_anew(self, frame_bgr: Image) -> Mesh | None:
        """The face that was lost, where it comes back in time; the largest one else."""
        if self._region is not None:
            self._lost_region, self._frames_to_wait = self._region, self.settings.wait_for
            self._unsupported_checks = 0
        self.face_count = 0
        lost = self._lost_region if self._frames_to_wait > 0 else None
        self._frames_to_wait -= 1
        for closer in (False, True):
            faces = self._faces(frame_bgr, closer=closer)
            self.face_count = max(self.face_count, len(faces))
            if lost is not None:
                faces = _come_back(faces, lost)
            if faces:
                self.faces_begun += lost is None
                self._lost_region = None
                return self._settled(frame_bgr, faces[0])
        return None

    def _settled(self, frame_bgr: Image, mesh: Mesh) -> Mesh:
        """The mesh where it does not move any more by being looked at: the detector's region is a rough one."""
        for _ in range(_LOOKS_TO_SETTLE):
            again = self._confirmed(frame_bgr, region_of_mesh(mesh.points))
            if again is None:
                break
            mesh = again
        return mesh

    @property
    def region(self) -> Region | None:
        """Where the followed face is expected in the next frame."""
        return self._region

    def _faces(self, frame_bgr: Image, *, closer: bool) -> list[Mesh]:
        candidates = self._detect(frame_bgr, closer=closer)
        meshes = [self._confirmed(frame_bgr, candidate.region()) for candidate in candidates]
        return [mesh for mesh in meshes if mesh is not None]

    def _confirmed(self, frame_bgr: Image, region: Region) -> Mesh | None:
        """The mesh in `region` if its net, too, takes it for a face: the detector also falls for painted ones."""
        mesh = self._mesh.landmarks(frame_bgr, region)
        return mesh if mesh.score >= self.settings.minimum_score else None

    def _detect(self, frame_bgr: Image, *, closer: bool = False) -> list[Detection]:
        """What may be faces, the largest first."""
        self._frames_to_check = self.settings.check_every
        detections = self._detector.detect(frame_bgr, closer=closer)
        return sorted(detections, key=lambda detection: -detection.size)[:_MOST_FACES]

    def _check(self, frame_bgr: Image, region: Region) -> None:
        """Count the faces; give the followed one up when the detector sees others only, twice in a row."""
        detections = self._detect(frame_bgr)
        others = [d for d in detections if overlap(_box(region), d.box[None])[0] <= _SAME_FACE]
        other_faces = sum(self._confirmed(frame_bgr, d.region()) is not None for d in others)
        self.face_count = 1 + other_faces
        unsupported = other_faces > 0 and len(others) == len(detections)
        self._unsupported_checks = self._unsupported_checks + 1 if unsupported else 0
        if self._unsupported_checks >= _DRIFT_CHECKS:
            self.reset()


def region_of_mesh(points: FloatArray) -> Region:
    """Where the face of these landmarks (n, 3) is expected in the next frame."""
    right, left = _OUTER_EYE_CORNERS
    return region_of_points(points, points[right], points[left], REGION_SCALE)


def _come_back(faces: list[Mesh], lost: Region) -> list[Mesh]:
    """Those that may be the face that was lost in `lost`, the nearest first."""
    size, found = lost.size / REGION_SCALE, []
    for face in faces:
        region = region_of_mesh(face.points)
        distance = math.hypot(region.x - lost.x, region.y - lost.y)
        if distance <= _NEAR * size and 1 / _RESIZED <= region.size / lost.size <= _RESIZED:
            found.append((distance, face))
    return [face for _, face in sorted(found, key=lambda pair: pair[0])]


def _box(region: Region) -> FloatArray:
    half = region.size / REGION_SCALE / 2
    return np.array([region.x - half, region.y - half, region.x + half, region.y + half])
