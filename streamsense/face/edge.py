"""The edge of the camera: one video frame in, one face vector out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import ConfigError, ModelError
from streamsense.face.blendshapes import BlendshapeNet, read_bundle
from streamsense.face.colours import FaceColours
from streamsense.face.detector import REGION_SCALE, FaceDetector
from streamsense.face.iris import IrisNet
from streamsense.face.mesh import FaceMesh
from streamsense.face.opencv import cv2
from streamsense.face.pose import gaze, geometry, head_pose
from streamsense.face.regions import Image
from streamsense.face.tracking import FaceTracker, TrackingSettings
from streamsense.features.face_vector import (
    BLENDSHAPE_START,
    FACE_CROP_PX,
    FIELD_INDEX,
    FRONT_ENDS,
    GEOMETRY_START,
    FrontEnd,
    face_vector_labels,
)

MESH468_FILES: Final = ("face_detection_short_range.tflite", "face_landmark.tflite", "iris_landmark.tflite")
BUNDLE_FILE: Final = "face_landmarker.task"


class FaceEdge:
    """Runs the nets of one front end over the frames of one film, in order.

    `files` are the model files by name, as `streamsense.models.catalogue.model_files(front_end)` gives them.
    """

    def __init__(
        self, front_end: FrontEnd, files: Mapping[str, Path], tracking: TrackingSettings | None = None
    ) -> None:
        self._iris: IrisNet | None = None
        self._blendshapes: BlendshapeNet | None = None
        if front_end == "mesh468_iris":
            detector, mesh, iris = (_file(files, name, front_end) for name in MESH468_FILES)
            self._tracker = FaceTracker(FaceDetector(detector), FaceMesh(mesh, 468), tracking)
            self._iris = IrisNet(iris)
        elif front_end == "mesh478_blendshapes":
            detector_net, mesh_net, shapes_net = read_bundle(_file(files, BUNDLE_FILE, front_end)).values()
            self._tracker = FaceTracker(FaceDetector(detector_net), FaceMesh(mesh_net, 478), tracking)
            self._blendshapes = BlendshapeNet(shapes_net)
        else:
            raise ConfigError(f"Face front end is {front_end!r}, expected one of {', '.join(FRONT_ENDS)}.")
        self._colours, self._face = FaceColours(), 0
        self.front_end = front_end
        self._channels = len(face_vector_labels(front_end))
        head_pose(np.zeros((478, 3)))  # compiles it before the first frame

    def reset(self) -> None:
        """Forget the followed face: call where the film has a cut."""
        self._tracker.reset()

    def process(self, frame: Image) -> Float32Array:
        """The face vector (channels,) of the next frame: uint8, (height, width, 3) in BGR, or (height, width) in grey.

        A grey frame may have a third axis of 1. Raises ValueError for anything else.
        """
        frame_bgr = _in_colour(frame)
        vector = np.zeros(self._channels, np.float32)
        mesh = self._tracker.track(frame_bgr)
        vector[FIELD_INDEX["face_count"]] = self._tracker.face_count
        region = self._tracker.region
        if mesh is None or region is None:
            return vector
        if self._face != self._tracker.faces_begun:
            self._face = self._tracker.faces_begun
            self._colours.reset()
        points = mesh.points if self._iris is None else self._iris.refine(frame_bgr, mesh.points)
        pose = head_pose(points)
        height, width = frame_bgr.shape[:2]
        head = (
            1.0, mesh.score, max(self._tracker.face_count, 1), region.size / REGION_SCALE, *picture_quality(mesh.crop),
            pose.yaw_deg, pose.pitch_deg, pose.roll_deg, *pose.position_mm(width, height), *gaze(points, pose),
            self._colours.change(mesh.crop, mesh.in_crop), _share_outside(mesh.points, width, height),
        )  # fmt: skip
        vector[:GEOMETRY_START] = head
        vector[GEOMETRY_START:BLENDSHAPE_START] = geometry(points, pose).ravel()
        if self._blendshapes is not None:
            vector[BLENDSHAPE_START:] = self._blendshapes.weights(points)
        # A net that fails gives no face, rather than numbers that are none.
        return vector if np.isfinite(vector).all() else np.zeros(self._channels, np.float32)


def _share_outside(points: FloatArray, width: int, height: int) -> float:
    """Share of the landmarks beyond the picture's border, in [0, 1]."""
    x, y = points[:, 0], points[:, 1]
    return np.count_nonzero((x < 0) | (x > width) | (y < 0) | (y > height)) / len(points)


def _in_colour(frame: Image) -> Image:
    axes, channels = frame.ndim, frame.shape[2] if frame.ndim == 3 else 1
    if axes not in (2, 3) or channels not in (1, 3) or frame.dtype != np.uint8 or frame.size == 0:
        raise ValueError(
            f"frame is {frame.dtype} {frame.shape}, expected uint8 (height, width, 3) in BGR or (height, width) in grey"
        )
    in_colour: Image = frame if channels == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
    return in_colour


def picture_quality(crop: Image) -> tuple[float, float]:
    """Brightness (mean grey, 0-255) and sharpness (variance of the Laplacian) of the face in its upright crop."""
    side = len(crop)
    border = round(side * (1 - 1 / REGION_SCALE) / 2)
    grey = cv2.cvtColor(crop[border : side - border, border : side - border], cv2.COLOR_RGB2GRAY)
    if len(grey) != FACE_CROP_PX:
        grey = cv2.resize(grey, (FACE_CROP_PX, FACE_CROP_PX), interpolation=cv2.INTER_AREA)
    (brightness,), _ = cv2.meanStdDev(grey)
    _, (deviation,) = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    return float(brightness[0]), float(deviation[0]) ** 2


def _file(files: Mapping[str, Path], name: str, front_end: str) -> Path:
    if name not in files:
        found = ", ".join(files) or "no files"
        raise ModelError(f"Front end {front_end} needs {name}; found {found}. `streamsense models pull {front_end}`.")
    return files[name]
