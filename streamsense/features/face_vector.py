"""The layout of the one float32 vector per video frame that the face edge hands to the core.

Both sides import this module and nothing else of each other: the edge (`streamsense/face`) fills the vector,
the core (`action_units.py`, `face_features.py`) reads it. A frame without a face is all zeros but for what
concerns the picture; NaN never enters.

Left and right are the *subject's*, as in the Facial Action Coding System: a subject who looks into the camera
has the left eye on the right-hand side of the picture.

Sign conventions:

| label | positive means |
|---|---|
| `yaw_deg` | the head is turned to the subject's left (towards the right-hand side of the picture) |
| `pitch_deg` | the head is raised |
| `roll_deg` | the head is tilted to the subject's left shoulder (clockwise in the picture) |
| `x_mm`, `y_mm`, `z_mm` | the head's origin is right of, below, in front of the camera's axis and centre |
| `gaze_*_yaw_deg` | the eye looks to the subject's left, relative to the head |
| `gaze_*_pitch_deg` | the eye looks up, relative to the head |

The head's origin is that of the canonical face model: between the eyes and the mouth, inside the head. A
landmark `p<index>` (index of the MediaPipe face mesh) is given in the head's frame after the head pose is
removed, in mm of an average adult face: x to the subject's left, y up, z to the front.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

FrontEnd = Literal["mesh468_iris", "mesh478_blendshapes"]
FRONT_ENDS: Final[tuple[FrontEnd, ...]] = get_args(FrontEnd)

HEAD_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("tracked", "boolean"),
    ("face_score", "probability"),
    ("face_count", "count"),
    ("box_size_px", "px"),
    ("brightness", "grey level"),
    ("sharpness", "grey level squared"),
    ("yaw_deg", "deg"),
    ("pitch_deg", "deg"),
    ("roll_deg", "deg"),
    ("x_mm", "mm"),
    ("y_mm", "mm"),
    ("z_mm", "mm"),
    ("gaze_left_yaw_deg", "deg"),
    ("gaze_left_pitch_deg", "deg"),
    ("gaze_right_yaw_deg", "deg"),
    ("gaze_right_pitch_deg", "deg"),
    ("colour_change", "ratio"),
    ("outside", "fraction"),
)
"""Name and unit of the numbers in front of the geometry. `brightness` is the mean grey (0-255) of the face,
`sharpness` the variance of its Laplacian, both in the upright face scaled to `FACE_CROP_PX` pixels square.
`colour_change` is that of the part of the face which looks least as usual: above 0.06 something is before it.
`outside` is the share of the landmarks beyond the picture's border."""

FACE_CROP_PX: Final = 128

MIDLINE_LANDMARKS: Final = (10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 2, 0, 13, 14, 17, 18, 200, 199, 175, 152)

# (subject's right, subject's left), region by region. Indices of the MediaPipe face mesh.
LANDMARK_PAIRS: Final[tuple[tuple[int, int], ...]] = (
    # eyebrows: upper edge from the outside in, then the lower edge
    (70, 300), (63, 293), (105, 334), (66, 296), (107, 336), (55, 285), (65, 295), (52, 282), (53, 283), (46, 276),
    # eyelids: outer corner, lower lid, inner corner, upper lid
    (33, 263), (7, 249), (163, 390), (144, 373), (145, 374), (153, 380), (154, 381), (155, 382),
    (133, 362), (173, 398), (157, 384), (158, 385), (159, 386), (160, 387), (161, 388), (246, 466),
    # lips, outer edge: corner, lower, upper
    (61, 291), (146, 375), (91, 321), (181, 405), (84, 314), (37, 267), (39, 269), (40, 270), (185, 409),
    # lips, inner edge: corner, lower, upper
    (78, 308), (95, 324), (88, 318), (178, 402), (87, 317), (82, 312), (81, 311), (80, 310), (191, 415),
    # nose: wings and sides
    (98, 327), (129, 358), (48, 278), (64, 294), (188, 412),
    # cheek below the eye and along the nasolabial fold
    (50, 280), (101, 330), (117, 346), (119, 348), (205, 425), (203, 423), (206, 426),
    # jaw, chin boss and side of the face
    (148, 377), (176, 400), (136, 365), (172, 397), (132, 361), (234, 454), (83, 313), (201, 421),
)  # fmt: skip

LANDMARKS: Final = MIDLINE_LANDMARKS + tuple(index for pair in LANDMARK_PAIRS for index in pair)
"""The face-mesh landmarks in the vector, in order."""

BLENDSHAPES: Final = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""The outputs of Google's blendshape net (ARKit names), in its order [MediaPipe face_blendshapes_graph.cc]."""

GEOMETRY_START: Final = len(HEAD_FIELDS)
BLENDSHAPE_START: Final = GEOMETRY_START + 3 * len(LANDMARKS)
FIELD_INDEX: Final[dict[str, int]] = {name: index for index, (name, _) in enumerate(HEAD_FIELDS)}


def face_vector_labels(front_end: FrontEnd) -> tuple[str, ...]:
    """Channel labels of the vector that `front_end` gives."""
    labels = [name for name, _ in HEAD_FIELDS]
    labels += [f"p{landmark}_{axis}" for landmark in LANDMARKS for axis in "xyz"]
    return (*labels, *(BLENDSHAPES if front_end == "mesh478_blendshapes" else ()))


def face_vector_units(front_end: FrontEnd) -> tuple[str, ...]:
    """Units of `face_vector_labels(front_end)`, one for each."""
    units = [unit for _, unit in HEAD_FIELDS] + ["mm"] * (3 * len(LANDMARKS))
    return (*units, *(["weight"] * len(BLENDSHAPES) if front_end == "mesh478_blendshapes" else ()))


def front_end_of_labels(labels: tuple[str, ...]) -> FrontEnd | None:
    """The front end whose vector has exactly these labels, or None."""
    return next((front_end for front_end in FRONT_ENDS if face_vector_labels(front_end) == labels), None)
