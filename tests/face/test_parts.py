from __future__ import annotations

import builtins
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import streamsense
from streamsense.errors import DependencyError, ModelError
from streamsense.face.blendshapes import BUNDLE_NETS, read_bundle
from streamsense.face.detector import FaceDetector, overlap
from streamsense.face.litert import Net
from streamsense.face.opencv import cv2, opencv_missing
from streamsense.face.pose import _HEAD, HeadPose, gaze, head_pose
from streamsense.face.regions import Region, region_of_points
from streamsense.models.catalogue import model_files
from tests.helpers.face_pictures import astronaut, bundle_files


def test_region_maps_a_picture_and_its_points_alike() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    region = Region(150, 90, 80, 0.5)
    inside = np.array([[0.25, 0.25], [0.75, 0.4]])
    for point in region.to_image(inside):
        cv2.circle(picture, tuple(round(float(v)) for v in point), 3, (255, 255, 255), -1)
    crop = region.crop(picture, 160)
    for x, y in inside * 160:
        around = crop[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2]
        assert around.min() > 200
    assert (crop > 128).mean() < 0.03
    assert region.to_image(np.array([[0.5, 0.5, 0.1]]))[0] == pytest.approx([150, 90, 8])


def test_region_of_points_is_square_and_upright_along_the_line() -> None:
    points = np.array([[10.0, 20, 0], [50, 40, 0], [30, 100, 0]])
    region = region_of_points(points, np.array([0.0, 0]), np.array([1.0, 1]), 1.5)
    assert (region.x, region.y, region.size) == (30, 60, 120)
    assert region.angle == pytest.approx(math.pi / 4)


def test_detector_finds_the_face_box_and_eyes() -> None:
    detector = FaceDetector(model_files("mesh468_iris")["face_detection_short_range.tflite"])
    (detection,) = detector.detect(astronaut())
    assert detection.score > 0.8
    left, top, right, bottom = detection.box
    assert 160 < left < 200
    assert 250 < right < 300
    assert 50 < top < 100
    assert 140 < bottom < 190
    (right_eye, left_eye) = detection.keypoints[:2]
    assert left < right_eye[0] < left_eye[0] < right
    assert detector.detect(np.zeros((480, 640, 3), np.uint8)) == []


def test_a_closer_look_finds_small_faces() -> None:
    detector = FaceDetector(model_files("mesh468_iris")["face_detection_short_range.tflite"])
    frame = np.full((480, 1280, 3), 128, np.uint8)
    frame[100:300, 1000:1200] = cv2.resize(astronaut()[:300, 75:375], (200, 200))
    assert not any(d.box[0] > 1000 for d in detector.detect(frame))
    best = detector.detect(frame, closer=True)[0]
    assert 1000 < best.box[0] < best.box[2] < 1200
    assert 100 < best.box[1] < best.box[3] < 300


def test_overlap() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    assert overlap(boxes[0], boxes) == pytest.approx([1, 1 / 3, 0])


def head_points(yaw_deg: float, pitch_deg: float, roll_deg: float, scale: float = 0.8) -> np.ndarray:
    """The canonical head, turned and put into a picture: y down, z to the back."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_z = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    points = np.zeros((478, 3))
    points[_HEAD[:, 0].astype(int)] = _HEAD[:, 1:4]
    # eyelids and irises, looking straight ahead
    for iris, inner, outer, upper, lower in ((473, 362, 263, 386, 374), (468, 133, 33, 159, 145)):
        middle = (points[inner] + points[outer]) / 2
        half_open = np.array([0.0, 5, 0])
        points[upper], points[lower], points[iris] = middle + half_open, middle - half_open, middle
    turned = points @ (about_z @ about_y @ about_x).T * scale
    return turned * [1, -1, -1] + [320, 240, 0]


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, -25), (-35, 15, 40)])
def test_pose_of_a_known_head(yaw: float, pitch: float, roll: float) -> None:
    points = head_points(yaw, pitch, roll)
    pose = head_pose(points)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((yaw, pitch, roll), abs=1e-6)
    assert pose.scale == pytest.approx(0.8)
    assert pose.position_mm(640, 480) == pytest.approx((0, 0, 0.9 * 640 / 0.8), abs=1e-6)
    assert pose.to_head(points)[_HEAD[:, 0].astype(int)] == pytest.approx(_HEAD[:, 1:4], abs=1e-6)
    assert gaze(points, pose) == pytest.approx([0, 0, 0, 0], abs=1e-6)


def test_positive_yaw_is_to_the_right_of_the_picture_and_pitch_up() -> None:
    """Independent of the rotation's formula: where does the nose go?"""
    nose = [head_points(yaw, pitch, 0)[4] for yaw, pitch in ((0, 0), (30, 0), (0, 20))]
    assert nose[1][0] > nose[0][0] + 10
    assert nose[2][1] < nose[0][1] - 10


@pytest.mark.parametrize("yaw", [0, 25])
def test_gaze_follows_the_iris(yaw: float) -> None:
    points = head_points(yaw, 0, 0)
    pose = head_pose(points)
    to_left_and_up = pose.rotation @ [10 * math.sin(math.radians(20)), 10 * math.sin(math.radians(-10)), 0]
    points[[468, 473]] += to_left_and_up * pose.scale * [1, -1, -1]
    assert gaze(points, pose) == pytest.approx([20, -10, 20, -10], abs=0.01)


def test_a_closed_eye_has_no_gaze() -> None:
    points = head_points(0, 0, 0)
    points[386] = points[374]
    points[473, 0] += 4
    assert gaze(points, head_pose(points))[:2].tolist() == [0, 0]


def test_pose_is_a_rotation_even_for_flat_points() -> None:
    points = head_points(10, 5, 0)
    points[:, 2] = 0
    pose: HeadPose = head_pose(points)
    assert np.linalg.det(pose.rotation) == pytest.approx(1)


@pytest.mark.real_data
def test_bundle_is_read_whole() -> None:
    nets = read_bundle(bundle_files()["face_landmarker.task"])
    assert tuple(nets) == BUNDLE_NETS
    assert all(content[4:8] == b"TFL3" for content in nets.values())


def test_hostile_bundles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bundle.task"
    with pytest.raises(ModelError, match="not a Face Landmarker bundle"):
        read_bundle(path)
    path.write_bytes(b"PK not really")
    with pytest.raises(ModelError, match="not a Face Landmarker bundle"):
        read_bundle(path)
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(BUNDLE_NETS[0], b"x")
    with pytest.raises(ModelError, match=BUNDLE_NETS[1]):
        read_bundle(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in BUNDLE_NETS:
            bundle.writestr(name, bytes(33 * 1024 * 1024))  # 33 MB from 33 kB
    with pytest.raises(ModelError, match="more than"):
        read_bundle(path)


def test_opencv_without_its_system_library(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text('raise ImportError("libGL.so.1: cannot open shared object file")')
    found = os.pathsep.join([str(tmp_path), str(Path(streamsense.__file__).parents[1])])
    run = subprocess.run(
        [sys.executable, "-c", "import streamsense.face.edge"],
        env={**os.environ, "PYTHONPATH": found},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "DependencyError" in run.stderr
    assert "libgl1 libglib2.0-0" in run.stderr


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "libgl1" in str(opencv_missing(ImportError("libGL.so.1: cannot open shared object file")))
    assert "opencv-python" in str(opencv_missing(ImportError("No module named 'cv2'")))
    real_import = builtins.__import__

    def no_litert(name: str, *rest: object, **more: object) -> object:
        if name.startswith("ai_edge_litert"):
            raise ImportError("No module named 'ai_edge_litert'")
        return real_import(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", no_litert)
    with pytest.raises(DependencyError, match=r"pip install streamsense\[face\]"):
        Net(b"", "a net", (1,), (1,))
