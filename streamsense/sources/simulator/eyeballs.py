"""The simulated participant's eyes: each iris turns with the eyeball behind the lids, on what is white around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.sources.simulator.face_mesh import EYEBALL_PX, LANDMARKS
from streamsense.sources.simulator.participant import FaceDrive

Picture = npt.NDArray[np.uint8]

IRIS_PX: Final = 8.0
"""Radius of an iris in the photograph; it fades out over the next `_EDGE_PX`."""
_EDGE_PX: Final = 1.5
_MARGIN_PX: Final = 4
_LIDS: Final = (
    "eye_outer", "upper_lid_far", "upper_lid_outer", "upper_lid", "upper_lid_inner", "eye_inner",
    "lower_lid_inner", "lower_lid", "lower_lid_outer", "lower_lid_far",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Eye:
    """One eye's part of the photograph, from `left`, `top` on: all (rows, columns, 1 or 3) float32.

    `skin` is the photograph, `white` the same without the iris, `iris` a whole one, of which the lids hid a part; how
    far `disc` and `opening` cover each pixel is in [0, 1].
    """

    left: int
    top: int
    skin: npt.NDArray[np.float32]
    white: npt.NDArray[np.float32]
    iris: npt.NDArray[np.float32]
    disc: npt.NDArray[np.float32]
    opening: npt.NDArray[np.float32]


class Eyeballs:
    """Turns the eyes in a copy of the photograph, before the face is warped."""

    def __init__(self, photograph: Picture) -> None:
        self._straight = photograph
        self._picture = photograph.copy()
        self._eyes = [_eye(photograph, side) for side in ("right", "left")]

    def turned(self, drive: FaceDrive) -> Picture:
        """The photograph with the gaze of `drive`; overwritten by the next call."""
        if drive.gaze_yaw == 0 and drive.gaze_pitch == 0:
            return self._straight
        yaw, pitch = np.radians((drive.gaze_yaw, drive.gaze_pitch))
        shift = np.array([[1, 0, EYEBALL_PX * np.sin(yaw)], [0, 1, -EYEBALL_PX * np.sin(pitch)]])
        for eye in self._eyes:
            rows, columns = eye.skin.shape[:2]
            disc, iris = (cv2.warpAffine(it, shift, (columns, rows)) for it in (eye.disc, eye.iris * eye.disc))
            seen = eye.white * (1 - disc[..., None]) + iris
            mixed = eye.skin * (1 - eye.opening) + seen * eye.opening
            self._picture[eye.top : eye.top + rows, eye.left : eye.left + columns] = np.rint(np.clip(mixed, 0, 255))
        return self._picture


def _eye(photograph: Picture, side: str) -> _Eye:
    lids = np.array([LANDMARKS[f"{name}_{side}"][:2] for name in _LIDS])
    (left, top), (right, bottom) = lids.min(axis=0).astype(int) - _MARGIN_PX, lids.max(axis=0).astype(int) + _MARGIN_PX
    skin = photograph[top:bottom, left:right].astype(np.float32)
    opening = np.zeros(skin.shape[:2], np.uint8)
    cv2.fillPoly(opening, [np.rint((lids - (left, top)) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    middle = np.array(LANDMARKS[f"iris_{side}"][:2]) - (left, top)
    rows, columns = np.mgrid[: skin.shape[0], : skin.shape[1]].astype(np.float32)
    away = np.hypot(columns - middle[0], rows - middle[1])
    disc = np.clip((IRIS_PX + _EDGE_PX - away) / _EDGE_PX, 0, 1)
    return _Eye(
        left, top, skin, _without_iris(skin, middle), _whole_iris(skin, opening, middle),
        disc[..., None].astype(np.float32), (opening / 255.0)[..., None].astype(np.float32),
    )  # fmt: skip


def _without_iris(skin: npt.NDArray[np.float32], middle: FloatArray) -> npt.NDArray[np.float32]:
    """The part with the iris covered, row by row, by what lies to its left and right."""
    white = skin.copy()
    reach = IRIS_PX + _EDGE_PX + 1
    first, last = int(np.floor(middle[0] - reach)), int(np.ceil(middle[0] + reach))
    share = np.linspace(0, 1, last - first + 1, dtype=np.float32)[:, None]
    for row in white:
        row[first : last + 1] = row[first] * (1 - share) + row[last] * share
    return white


def _whole_iris(
    skin: npt.NDArray[np.float32], opening: npt.NDArray[np.uint8], middle: FloatArray
) -> npt.NDArray[np.float32]:
    """The part with what the lids hide of the iris taken from its other half, upside down."""
    rows = np.arange(len(skin))
    opposite = np.clip(np.rint(2 * middle[1] - rows).astype(int), 0, len(skin) - 1)
    seen = (opening / 255.0)[..., None].astype(np.float32)
    return np.asarray(skin * seen + skin[opposite] * (1 - seen))
