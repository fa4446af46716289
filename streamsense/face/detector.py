"""BlazeFace: finds the faces in a picture.

The net is MediaPipe's short-range face detector (Bazarevsky et al. 2019, arXiv:1907.05047); input, anchors and
decoding follow the options of MediaPipe's face_detection_short_range graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.face.litert import Net
from streamsense.face.opencv import cv2
from streamsense.face.regions import Image, Region

SIDE: Final = 128
REGION_SCALE: Final = 1.5
_KEYPOINTS: Final = 6
_MOST_PX: Final = 5 * SIDE  # of a larger picture only each second, third … pixel is looked at: 5² make one of the net's


@dataclass(frozen=True, eq=False)
class Detection:
    """One face: `score` in [0, 1]; `box` (left, top, right, bottom) and `keypoints` (6, 2) in px.

    The first two key points are the eyes, in the order of the picture from left to right for an upright face.
    """

    score: float
    box: FloatArray
    keypoints: FloatArray

    @property
    def size(self) -> float:
        """The longer side of the box in px."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def region(self) -> Region:
        """The upright square in which the mesh net expects the face."""
        (x0, y0), (x1, y1) = self.keypoints[0], self.keypoints[1]
        x, y = (self.box[:2] + self.box[2:]) / 2
        return Region(float(x), float(y), self.size * REGION_SCALE, math.atan2(y1 - y0, x1 - x0))


class FaceDetector:
    """Runs the detector net; `detect` gives the faces, best score first."""

    def __init__(self, source: Path | bytes, minimum_score: float = 0.5, minimum_overlap: float = 0.3) -> None:
        anchors = _anchors()
        outputs = (len(anchors) * (4 + 2 * _KEYPOINTS), len(anchors))
        self._net = Net(source, "the face detector", (1, SIDE, SIDE, 3), outputs)
        self._anchors = anchors
        self._minimum_logit = math.log(minimum_score / (1 - minimum_score))
        self._minimum_overlap = minimum_overlap
        self._input = np.empty((1, SIDE, SIDE, 3), np.float32)

    def detect(self, frame_bgr: Image, *, closer: bool = False) -> list[Detection]:
        """All faces in a (height, width, 3) BGR picture, best score first.

        The net misses faces below about an eighth of the picture's longer side. `closer` looks at three squares
        along it instead of the whole, at three times the cost.
        """
        found = [self._candidates(view, left, top) for view, left, top in (_squares if closer else _whole)(frame_bgr)]
        return self._merged(
            np.concatenate([rows for rows, _ in found]), np.concatenate([scores for _, scores in found])
        )

    def _candidates(self, view_bgr: Image, view_left: int, view_top: int) -> tuple[FloatArray, FloatArray]:
        """Rows (n, 4 + 2 × key points: left top right bottom, then the key points; px of the frame) and scores (n,)."""
        height, width = view_bgr.shape[:2]
        scale = SIDE / max(height, width)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        step = max(max(height, width) // _MOST_PX, 1)
        small = cv2.resize(np.ascontiguousarray(view_bgr[::step, ::step]), size, interpolation=cv2.INTER_AREA)
        left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
        self._input.fill(-1.0)  # black borders
        inside = self._input[0, top : top + size[1], left : left + size[0]]
        np.multiply(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.float32(1 / 127.5), out=inside)
        inside -= 1.0

        raw_boxes, logits = self._net.run(self._input)
        chosen = np.flatnonzero(logits >= self._minimum_logit)
        raw = raw_boxes.reshape(len(self._anchors), -1)[chosen].astype(np.float64) / SIDE
        centres = self._anchors[chosen]
        middle, half = raw[:, :2] + centres, raw[:, 2:4] / 2
        keypoints = raw[:, 4:].reshape(-1, _KEYPOINTS, 2) + centres[:, None]
        rows = np.concatenate([middle - half, middle + half, keypoints.reshape(-1, 2 * _KEYPOINTS)], axis=1)
        points = (rows.reshape(-1, 2) * SIDE - (left, top)) * (width / size[0], height / size[1])
        scores = 1 / (1 + np.exp(-np.clip(logits[chosen].astype(np.float64), -100, 100)))
        return (points + np.array([view_left, view_top])).reshape(rows.shape), scores

    def _merged(self, rows: FloatArray, scores: FloatArray) -> list[Detection]:
        """Weighted non-maximum suppression: overlapping candidates are averaged by their scores."""
        found: list[Detection] = []
        order = np.argsort(-scores, kind="stable")
        while len(order):
            best = order[0]
            same = overlap(rows[best, :4], rows[order, :4]) > self._minimum_overlap
            same[0] = True  # even a box without area
            group, order = order[same], order[~same]
            row = np.average(rows[group], axis=0, weights=scores[group])
            found.append(Detection(float(scores[best]), row[:4], row[4:].reshape(_KEYPOINTS, 2)))
        return found


def _whole(frame: Image) -> list[tuple[Image, int, int]]:
    return [(frame, 0, 0)]


def _squares(frame: Image) -> list[tuple[Image, int, int]]:
    """Squares at both ends and in the middle of the longer side, with their upper left corner."""
    height, width = frame.shape[:2]
    side = min(height, width)
    corners = [((width - side) * k // 2, (height - side) * k // 2) for k in range(3)]
    return [(frame[top : top + side, left : left + side], left, top) for left, top in corners]


def overlap(box: FloatArray, boxes: FloatArray) -> FloatArray:
    """Intersection over union of `box` (4,) with each of `boxes` (n, 4); boxes are left, top, right, bottom."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common: FloatArray = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = np.prod(box[2:] - box[:2]) + areas - common
    shares: FloatArray = common / np.maximum(union, 1e-9)
    return shares


def _anchors() -> FloatArray:
    """Centres (896, 2) of the anchors in units of the input's side: a 16² grid with 2 each, an 8² grid with 6."""
    grids = []
    for cells, repeats in ((16, 2), (8, 6)):
        centre = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centre, centre, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), repeats, axis=0))
    return np.concatenate(grids)
