"""The simulated participant's face as a mesh: where its landmarks are in the picture, and what moves them.

The picture is scikit-image's astronaut (Eileen Collins, NASA, public domain), cropped and scaled to 640 x 480.
The positions were found once in that picture with a face mesh model and rounded. Sides are the participant's
own: `_right` is on the left of the picture.
"""

from __future__ import annotations

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.sources.simulator.participant import FaceDrive

LANDMARKS: dict[str, tuple[float, float, float]] = {
    "forehead": (313, 145, -24),
    "glabella": (311, 183, -27),
    "nose_root": (310, 210, -25),
    "nose_bridge": (309, 235, -41),
    "nose_tip": (308, 260, -50),
    "nose_base": (308, 270, -24),
    "upper_lip_top": (307, 282, -19),
    "upper_lip_edge": (307, 286, -12),
    "lower_lip_edge": (307, 299, -5),
    "lower_lip_bottom": (306, 313, -6),
    "chin_hollow": (306, 325, 1),
    "chin_pad": (305, 342, 5),
    "chin": (304, 362, 20),
    "mouth_corner_right": (264.5, 278.5, 16),
    "mouth_corner_left": (350.5, 280.5, 15),
    "upper_lip_top_mid_right": (294, 279, -18),
    "upper_lip_top_mid_left": (320, 280, -19),
    "upper_lip_top_side_right": (277, 278, -3),
    "upper_lip_top_side_left": (339, 281, -4),
    "upper_lip_edge_mid_right": (296, 285, -10),
    "upper_lip_edge_mid_left": (319, 286, -11),
    "upper_lip_edge_side_right": (279, 282, 1),
    "upper_lip_edge_side_left": (336, 281, 0),
    "lower_lip_edge_mid_right": (296, 299, -4),
    "lower_lip_edge_mid_left": (318, 298.5, -4),
    "lower_lip_edge_side_right": (280, 293, 6),
    "lower_lip_edge_side_left": (335, 291.5, 5),
    "lower_lip_bottom_mid_right": (293, 311, -5),
    "lower_lip_bottom_mid_left": (319, 312, -5),
    "lower_lip_bottom_side_right": (278, 299, 6),
    "lower_lip_bottom_side_left": (338, 300, 6),
    "nostril_right": (281, 255, -25),
    "nostril_left": (335, 258, -26),
    "smile_fold_right": (254, 270, 7),
    "smile_fold_left": (362, 275, 5),
    "jowl_right": (252, 284, 19),
    "jowl_left": (363, 289, 17),
    "chin_pad_side_right": (284, 338, 8),
    "chin_pad_side_left": (327, 342, 8),
    "cheek_right": (242, 242, 5),
    "cheek_left": (377, 247, 2),
    "cheek_inner_right": (266, 246, -6),
    "cheek_inner_left": (352, 250, -8),
    "cheek_top_right": (242, 222, 11),
    "cheek_top_left": (379, 228, 8),
    "under_eye_right": (268, 223, 0),
    "under_eye_left": (352, 227, 0),
    "eye_outer_right": (244.5, 201.5, 9),
    "eye_outer_left": (377.5, 207.5, 6),
    "eye_inner_right": (286.5, 208.5, 2),
    "eye_inner_left": (333, 209.5, 0),
    "upper_lid_outer_right": (260, 195, 0),
    "upper_lid_outer_left": (362, 199, -3),
    "upper_lid_right": (267, 193.5, -2),
    "upper_lid_left": (355, 198.5, -5),
    "upper_lid_inner_right": (277, 197, -2),
    "upper_lid_inner_left": (343, 201.5, -4),
    "lower_lid_outer_right": (261, 207.5, 3),
    "lower_lid_outer_left": (360, 211.5, 0),
    "lower_lid_right": (269, 209.5, 0),
    "lower_lid_left": (352, 213, -1),
    "lower_lid_inner_right": (277, 209, 0),
    "lower_lid_inner_left": (343, 212, -2),
    "upper_lid_far_right": (252.5, 197, 4),
    "upper_lid_far_left": (370, 202, 1),
    "lower_lid_far_right": (252.5, 205, 6),
    "lower_lid_far_left": (370, 209, 3),
    "iris_outer_right": (260, 202, 0),
    "iris_outer_left": (360, 206.5, 0),
    "iris_right": (267, 202, -2),
    "iris_left": (352.5, 206.5, -2),
    "iris_inner_right": (274, 202, 0),
    "iris_inner_left": (345, 206.5, 0),
    "lid_fold_right": (267, 186, -5),
    "lid_fold_left": (355, 189, -7),
    "brow_outer_right": (238, 184, 7),
    "brow_outer_left": (386, 190, 5),
    "brow_middle_right": (257, 177, -12),
    "brow_middle_left": (366, 182, -15),
    "brow_inner_half_right": (273, 179, -20),
    "brow_inner_half_left": (351, 182, -22),
    "brow_inner_right": (292, 184, -25),
    "brow_inner_left": (331, 186, -25),
    "forehead_side_right": (270, 161, -17),
    "forehead_side_left": (355, 164, -19),
    "forehead_corner_right": (243, 161, 15),
    "forehead_corner_left": (382, 167, 12),
    "temple_right": (224, 187, 60),
    "temple_left": (400, 195, 56),
    "ear_right": (222, 222, 84),
    "ear_left": (401, 230, 80),
    "jaw_back_right": (223, 260, 86),
    "jaw_back_left": (396, 268, 82),
    "jaw_right": (233, 300, 70),
    "jaw_left": (382, 308, 66),
    "jaw_front_right": (252, 329, 47),
    "jaw_front_left": (361, 335, 45),
    "chin_side_right": (276, 354, 26),
    "chin_side_left": (335, 358, 28),
}
"""x rightwards, y downwards, z away from the camera, in pixels of the picture (z as the mesh model counts it)."""

HAIR = (
    (325, 30, 60), (262, 42, 60), (385, 50, 60), (225, 78, 60), (430, 85, 60), (180, 112, 60), (452, 125, 60),
    (166, 150, 60), (463, 170, 60), (170, 195, 60), (450, 215, 60), (190, 228, 60), (425, 245, 60),
)  # fmt: skip
"""The outline of the hair: it turns with the head and does nothing else."""

REGION = (90, 0, 540, 440)
"""Left, top, right, bottom of the part of the picture that moves; its edge stands still."""

_EDGE = (
    *((x, y) for x in (90, 240, 390, 540) for y in (0, 440)),
    *((x, y) for x in (90, 540) for y in (110, 220, 330)),
)
_NECK = ((232, 360), (300, 375), (372, 360))

PICTURE_ACTION_UNITS = {6: 2.0, 12: 4.0, 25: 3.0}
"""What the photograph shows already: she smiles."""

MOVES: dict[int, dict[str, tuple[float, float]]] = {
    1: {"brow_inner": (0, -2.2), "brow_inner_half": (0, -1.6), "glabella": (0, -0.8), "brow_middle": (0, -0.6),
        "forehead_side": (0, -0.6)},
    2: {"brow_outer": (0, -1.8), "brow_middle": (0, -1.8), "brow_inner_half": (0, -0.8), "lid_fold": (0, -0.3)},
    4: {"brow_inner": (-1.2, 1.9), "brow_inner_half": (-1.0, 1.7), "brow_middle": (-0.5, 1.0), "brow_outer": (0, 0.2),
        "glabella": (0, 1.0), "lid_fold": (0, 0.4)},
    5: {"upper_lid": (0, -0.6), "upper_lid_inner": (0, -0.5), "upper_lid_outer": (0, -0.5), "lid_fold": (0, -0.3)},
    6: {"cheek_top": (0, -1.0), "under_eye": (0, -1.2), "cheek": (0.2, -1.0), "cheek_inner": (0, -0.8),
        "lower_lid": (0, -0.5), "lower_lid_inner": (0, -0.3), "lower_lid_outer": (0, -0.5)},
    7: {"lower_lid": (0, -0.5), "lower_lid_inner": (0, -0.5), "lower_lid_outer": (0, -0.4), "upper_lid": (0, 0.3),
        "upper_lid_inner": (0, 0.2), "upper_lid_outer": (0, 0.2)},
    9: {"nostril": (0, -1.6), "nose_base": (0, -0.8), "nose_tip": (0, -0.4), "cheek_inner": (0, -0.8),
        "glabella": (0, 0.4), "smile_fold": (0, -0.5), "upper_lip_top_side": (0, -0.4), "upper_lip_top_mid": (0, -0.4)},
    10: {"upper_lip_top": (0, -1.7), "upper_lip_top_mid": (0, -1.7), "upper_lip_top_side": (0, -1.2),
         "upper_lip_edge": (0, -1.7), "upper_lip_edge_mid": (0, -1.7), "upper_lip_edge_side": (0, -0.9),
         "nostril": (0, -0.4), "smile_fold": (0, -0.7)},
    12: {"mouth_corner": (1.8, -2.7), "upper_lip_top_side": (1.4, -1.5), "upper_lip_edge_side": (1.5, -1.5),
         "lower_lip_edge_side": (1.5, -1.5), "lower_lip_bottom_side": (1.4, -1.2), "upper_lip_top_mid": (0.5, -0.5),
         "upper_lip_edge_mid": (0.6, -0.7), "lower_lip_edge_mid": (0.6, -0.7), "upper_lip_edge": (0, -0.7),
         "lower_lip_edge": (0, -0.7), "upper_lip_top": (0, -0.4), "lower_lip_bottom": (0, -0.3),
         "lower_lip_bottom_mid": (0.5, -0.3), "smile_fold": (1.0, -1.4), "jowl": (0.9, -0.6), "cheek": (0.4, -0.7),
         "cheek_inner": (0.3, -0.8), "nostril": (0.4, -0.2)},
    15: {"mouth_corner": (-0.3, 2.0), "upper_lip_edge_side": (0, 1.0), "upper_lip_top_side": (0, 0.9),
         "lower_lip_edge_side": (0, 1.0), "lower_lip_bottom_side": (0, 0.8), "jowl": (0, 0.7), "smile_fold": (0, 0.5)},
    17: {"chin_pad": (0, -1.7), "chin_hollow": (0, -1.7), "chin_pad_side": (0, -1.4), "lower_lip_bottom": (0, -1.6),
         "lower_lip_bottom_mid": (0, -1.6), "lower_lip_bottom_side": (0, -0.8), "lower_lip_edge": (0, -1.5),
         "lower_lip_edge_mid": (0, -1.5), "lower_lip_edge_side": (0, -0.8)},
    20: {"mouth_corner": (2.3, 0.4), "upper_lip_edge_side": (1.6, 0.2), "upper_lip_top_side": (1.5, 0.2),
         "lower_lip_edge_side": (1.6, 0.2), "lower_lip_bottom_side": (1.5, 0.2), "jowl": (1.0, 0.2),
         "smile_fold": (0.8, 0.1)},
    24: {"upper_lip_top": (0, 0.7), "upper_lip_top_mid": (0, 0.7), "upper_lip_top_side": (0, 0.4),
         "lower_lip_bottom": (0, -1.0), "lower_lip_bottom_mid": (0, -1.0), "lower_lip_bottom_side": (0, -0.6)},
    25: {"upper_lip_edge": (0, -0.7), "upper_lip_edge_mid": (0, -0.7), "upper_lip_edge_side": (0, -0.5),
         "upper_lip_top": (0, -0.4), "upper_lip_top_mid": (0, -0.4), "upper_lip_top_side": (0, -0.2),
         "lower_lip_edge": (0, 3.6), "lower_lip_edge_mid": (0, 3.6), "lower_lip_edge_side": (0, 2.8),
         "lower_lip_bottom": (0, 2.8), "lower_lip_bottom_mid": (0, 2.7), "lower_lip_bottom_side": (0, 1.6),
         "chin_hollow": (0, 1.0)},
    26: {"lower_lip_edge": (0, 2.4), "lower_lip_edge_mid": (0, 2.3), "lower_lip_edge_side": (-0.3, 1.5),
         "mouth_corner": (-0.6, 0.6), "lower_lip_bottom": (0, 2.6), "lower_lip_bottom_mid": (0, 2.5),
         "lower_lip_bottom_side": (-0.3, 1.8), "chin_hollow": (0, 2.6), "chin_pad": (0, 2.6), "chin_pad_side": (0, 2.4),
         "chin": (0, 2.2), "chin_side": (0, 2.0), "jaw_front": (-0.2, 1.2), "jaw": (0, 0.4), "jowl": (0, 0.6)},
}  # fmt: skip
"""Pixels that one unit of intensity moves a landmark: away from the middle of the face, and down."""

_NAMES = tuple(LANDMARKS)
_INDEX = {name: index for index, name in enumerate(_NAMES)}
_LIPS = tuple(
    (_INDEX[f"upper_lip_edge{place}"], _INDEX[f"lower_lip_edge{place}"])
    for place in ("", "_mid_right", "_mid_left", "_side_right", "_side_left")
)
_EYES = tuple(
    (_INDEX[f"{name}_{side}"], _INDEX[f"lower_lid{place}_{side}"])
    for side in ("right", "left")
    for name, place in (
        ("upper_lid_far", "_far"), ("upper_lid_outer", "_outer"), ("upper_lid", ""), ("upper_lid_inner", "_inner"),
        ("iris_outer", "_outer"), ("iris", ""), ("iris_inner", "_inner"),
    )
)  # fmt: skip
_LID_FOLDS = tuple(index for name, index in _INDEX.items() if name.startswith("lid_fold"))
_UPPER_LIDS = tuple(index for name, index in _INDEX.items() if name.startswith("upper_lid"))

EYEBALL_PX = 16.4
"""Radius of the eyeball: 12 mm where an iris of 11.7 mm is 16 px wide."""
_NECK_JOINT = (305.0, 290.0, 70.0)
_LIP_SEAM_PX = 0.6
_LIDS_CLOSE = 0.87  # of the way: what is left of the eye is the line of the lashes


def vertices() -> FloatArray:
    """Where the mesh's vertices are in the picture, (n, 2): landmarks, hair, neck, the region's edge."""
    points = [*(place[:2] for place in LANDMARKS.values()), *(place[:2] for place in HAIR), *_NECK, *_EDGE]
    return np.array(points, dtype=np.float64)


def _move_vectors() -> dict[int, FloatArray]:
    moves = {}
    for number, by_name in MOVES.items():
        vector = np.zeros((len(_NAMES), 2))
        for name, (outwards, down) in by_name.items():
            if name in _INDEX:
                vector[_INDEX[name]] = (outwards, down)
            else:
                vector[_INDEX[f"{name}_right"]] = (-outwards, down)
                vector[_INDEX[f"{name}_left"]] = (outwards, down)
        moves[number] = vector
    return moves


_PLACES = np.array(list(LANDMARKS.values()), dtype=np.float64)
_HAIR_PLACES = np.array(HAIR, dtype=np.float64)
_STILL = np.array([*_NECK, *_EDGE], dtype=np.float64)
_MOVES = _move_vectors()


def moved_vertices(drive: FaceDrive) -> FloatArray:
    """Where the vertices are when the face does what `drive` says, (n, 2)."""
    places = _PLACES.copy()
    for number, vector in _MOVES.items():
        change = drive.action_units.get(number, 0.0) - PICTURE_ACTION_UNITS.get(number, 0.0)
        places[:, :2] += change * vector
    for upper, lower in _LIPS:  # lips meet, they do not pass through each other
        if places[lower, 1] - places[upper, 1] < _LIP_SEAM_PX:
            places[[upper, lower], 1] = places[[upper, lower], 1].mean() + np.array([-0.5, 0.5]) * _LIP_SEAM_PX
    # The upper lid follows the eye, which itself turns behind it (see `eyeballs`).
    places[_UPPER_LIDS, 1] -= 0.6 * EYEBALL_PX * np.sin(np.radians(drive.gaze_pitch))
    closed = drive.action_units.get(45, 0.0) / 5
    for upper, lower in _EYES:
        places[upper, 1] += _LIDS_CLOSE * closed * (places[lower, 1] - places[upper, 1])
    places[_LID_FOLDS, 1] += 5.0 * closed
    head = _turn(np.concatenate((places, _HAIR_PLACES)), drive)
    return np.concatenate((head, _STILL))


def _turn(places: FloatArray, drive: FaceDrive) -> FloatArray:
    """The head's points turned about the joint of the neck and seen from the front (weak perspective), (n, 2)."""
    yaw, pitch, roll = np.radians((drive.head_yaw, drive.head_pitch, drive.head_roll))
    x, y, z = (places - _NECK_JOINT).T
    x, z = x * np.cos(yaw) - z * np.sin(yaw), x * np.sin(yaw) + z * np.cos(yaw)
    y = y * np.cos(pitch) + z * np.sin(pitch)
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    return np.stack((x + _NECK_JOINT[0], y + _NECK_JOINT[1]), axis=1)
