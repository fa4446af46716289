"""Where the head was and where the eyes looked in a window: means over its frames, for the table of features.

No shipped model takes them: the face's expert has action units, and the fusion has cues of the same head and eyes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from streamsense.arrays import FloatArray
from streamsense.features.face_cues import CUE_COLUMNS
from streamsense.features.face_measures import SIDES
from streamsense.features.face_windows import CUES_AT, VECTOR_AT, VECTOR_FIELDS

HEAD_AND_GAZE: Final = {
    "head_yaw_deg": "deg",
    "head_pitch_deg": "deg",
    "head_roll_deg": "deg",
    "head_x_mm": "mm",
    "head_y_mm": "mm",
    "head_z_mm": "mm",
    "gaze_yaw_deg": "deg",
    "gaze_pitch_deg": "deg",
}
"""The numbers in their order, with their units. Signs are those of `face_vector`; the gaze is relative to the head."""

_GAZE: Final = ("gaze_yaw_deg", "gaze_pitch_deg")
_PLACES: Final = {name: VECTOR_AT.start + place for place, name in enumerate(VECTOR_FIELDS)}
_HEAD_AT: Final = np.array([_PLACES[name.removeprefix("head_")] for name in HEAD_AND_GAZE if name not in _GAZE])
_EYES_AT: Final = np.array([[_PLACES[name.replace("gaze", f"gaze_{eye}")] for name in _GAZE] for eye in SIDES])
_OPEN_AT: Final = CUES_AT.start + CUE_COLUMNS.index("gaze_known")


def head_and_gaze(faces: FloatArray) -> dict[str, float]:
    """The numbers of HEAD_AND_GAZE of the rows (n, columns) of one face or more (see `face_windows`).

    The gaze is the mean of the eyes that have one, in frames with open eyes; without any it is left out.
    """
    head, gaze, known = _means(faces)
    found = dict(zip(HEAD_AND_GAZE, head.tolist(), strict=False))
    return found | dict(zip(_GAZE, gaze.tolist(), strict=True)) if known else found


@njit(cache=True)  # type: ignore[untyped-decorator]
def _means(faces: FloatArray) -> tuple[FloatArray, FloatArray, int]:
    """Mean pose (6,), mean gaze (2,), and how many frames have one."""
    head, gaze, known = np.zeros(len(_HEAD_AT)), np.zeros(2), 0
    for face in faces:
        for k in range(len(_HEAD_AT)):
            head[k] += face[_HEAD_AT[k]]
        seen, yaw, pitch = 0, 0.0, 0.0
        for eye in _EYES_AT:
            # The face edge gives 0 and 0 where the iris is hidden.
            if face[_OPEN_AT] > 0 and (face[eye[0]] != 0 or face[eye[1]] != 0):
                seen, yaw, pitch = seen + 1, yaw + face[eye[0]], pitch + face[eye[1]]
        if seen:
            known, gaze[0], gaze[1] = known + 1, gaze[0] + yaw / seen, gaze[1] + pitch / seen
    return head / len(faces), gaze / max(1, known), known
