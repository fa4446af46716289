"""How surely something before the face is told: pieces of photographs over the mouth or the eyes of real faces.

Each clip is seen three times as it is, then once more with the piece on it. Printed are the ticks of that last time,
from 1.2 s on, that say `face is occluded`; those without a face are left out and counted.

    python -m benchmarks.occlusion [--front-end mesh478_blendshapes] [--each 2]
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from benchmarks.features import DATA
from streamsense.face.edge import BUNDLE_FILE, FaceEdge
from streamsense.face.tracking import FaceTracker
from streamsense.features.face_features import FaceFeatures
from streamsense.features.face_vector import FRONT_ENDS
from streamsense.models.catalogue import model_files
from streamsense.streams import TimedBlock
from streamsense.ticks import HOP_S

PLACES = {"mouth": (61, 291, 0, 17, 200), "eyes": (70, 300, 33, 263, 230, 450)}
CHEEK = (50, 205, 117)
MOST_FRAMES, STEP, RATE_HZ = 75, 2, 15.0
SEEN_BEFORE, SETTLE_S = 3, 1.2
PHOTOGRAPHS: dict[str, Callable[[], np.ndarray]] = {
    "brick": lambda: cv2.cvtColor(skimage.data.brick(), cv2.COLOR_GRAY2BGR),
    "gravel": lambda: cv2.cvtColor(skimage.data.gravel(), cv2.COLOR_GRAY2BGR),
    "coffee": lambda: skimage.data.coffee()[50:350, 150:450, ::-1],
    "cat": lambda: skimage.data.chelsea()[:, 100:400, ::-1],
}


def frames_of(path: Path) -> list[np.ndarray]:
    film, frames = cv2.VideoCapture(str(path)), []
    while len(frames) < MOST_FRAMES and (read := film.read())[0]:
        frames.append(read[1])
    film.release()
    return frames[::STEP]


def covered(frame: np.ndarray, points: np.ndarray, place: str, piece: np.ndarray | None) -> np.ndarray:
    """The frame with `piece` over a place of its face; None: skin of its own cheek."""
    if piece is None:
        (left, top), (right, bottom) = corners(points[list(CHEEK), :2], 0.5)
        piece = frame[top : bottom + 2, left : right + 2]
    low, high = points[list(PLACES[place]), :2].min(axis=0), points[list(PLACES[place]), :2].max(axis=0)
    reach = np.maximum(0.625 * (high - low), 0.5 * (high - low).max() * (place == "mouth"))
    height, width = frame.shape[:2]
    left, top = np.maximum((low + high) / 2 - reach, 0).astype(int)
    right, bottom = np.minimum((low + high) / 2 + reach, (width - 1, height - 1)).astype(int)
    shown = frame.copy()
    shown[top:bottom, left:right] = cv2.resize(piece, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return shown


def corners(points: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    middle, reach = (points.min(axis=0) + points.max(axis=0)) / 2, np.ptp(points, axis=0) * share
    return (middle - reach).astype(int), (middle + reach).astype(int)


def told(front_end: str, before: list[np.ndarray], after: list[np.ndarray]) -> list[bool | None]:
    """Of each tick of `after` whether an occlusion is told; None without a face."""
    features = FaceFeatures(front_end)  # type: ignore[arg-type]
    times = np.arange(len(before) + len(after)) / RATE_HZ
    features.push(TimedBlock("face", 0, times, np.array([*before, *after])))
    ticks = np.arange(times[len(before)] + SETTLE_S, times[-1], HOP_S)
    windows = [features.feature_at(float(tick)) for tick in ticks]
    return [("face is occluded" in window.reasons) if window.validity else None for window in windows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--front-end", choices=FRONT_ENDS, default=FRONT_ENDS[0])
    parser.add_argument("--each", type=int, default=1, help="take each n-th clip only")
    asked = parser.parse_args()
    bundle = {BUNDLE_FILE: DATA / "face_models" / BUNDLE_FILE}
    files = dict(model_files("mesh468_iris")) if asked.front_end == "mesh468_iris" else bundle
    clips = sorted((DATA / "face_video").rglob("*.mkv")) + sorted((DATA / "av_talking").rglob("*.mpg"))
    pieces: dict[str, np.ndarray | None] = {name: read() for name, read in PHOTOGRAPHS.items()} | {"own skin": None}
    edge, found = FaceEdge(asked.front_end, files), defaultdict(list)
    for clip in clips[:: asked.each]:
        frames = frames_of(clip)
        edge.reset()
        where = [mesh_points(edge._tracker, frame) for frame in frames]
        for place, name in [("", "nothing"), *((place, name) for place in PLACES for name in pieces)]:
            edge.reset()
            before = [edge.process(frame) for frame in frames * SEEN_BEFORE]
            shown = [
                frame if not place or points is None else covered(frame, points, place, pieces[name])
                for frame, points in zip(frames, where, strict=True)
            ]
            found[place, name] += told(asked.front_end, before, [edge.process(frame) for frame in shown])
    for (place, name), ticks in found.items():
        seen = [tick for tick in ticks if tick is not None]
        print(
            f"{name:10} {place:6} told in {np.mean(seen):6.1%} of {len(seen)} ticks; {len(ticks) - len(seen)} no face"
        )
    return 0


def mesh_points(tracker: FaceTracker, frame: np.ndarray) -> np.ndarray | None:
    mesh = tracker.track(frame)
    return None if mesh is None else mesh.points


if __name__ == "__main__":
    sys.exit(main())
