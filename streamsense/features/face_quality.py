"""How good the face in a window was: size, light, sharpness, direction, what is before it, and so on."""

from __future__ import annotations

from dataclasses import dataclass

UNSETTLED = "neutral face not settled"
"""The reason that is not the picture's: too little of the face was seen so far."""


@dataclass(frozen=True)
class FaceQualitySettings:
    """For each property the value at which quality is 0 and the one from which it is 1 (linear between).

    Set by hand for webcams; the sharpness is that of the face scaled to 128 px (see `face_vector`).
    """

    box_size_px: tuple[float, float] = (30.0, 80.0)
    brightness: tuple[float, float] = (15.0, 60.0)
    glare: tuple[float, float] = (252.0, 225.0)
    sharpness: tuple[float, float] = (3.0, 25.0)
    yaw_deg: tuple[float, float] = (50.0, 30.0)
    pitch_deg: tuple[float, float] = (45.0, 25.0)
    colour_change: tuple[float, float] = (0.2, 0.06)
    face_score: tuple[float, float] = (0.5, 0.9)
    outside: tuple[float, float] = (0.3, 0.02)
    several_faces: float = 0.8
    unsettled_neutral: float = 0.5

    def __post_init__(self) -> None:
        for name in ("box_size_px", "brightness", "glare", "sharpness", "yaw_deg", "pitch_deg", "colour_change",
                     "face_score", "outside"):  # fmt: skip
            worst, good = getattr(self, name)
            if worst == good:
                raise ValueError(f"{name}: quality 0 and 1 at the same value {worst}")


def face_quality(
    settings: FaceQualitySettings,
    *,
    box_size_px: float,
    brightness: float,
    sharpness: float,
    yaw_deg: float,
    pitch_deg: float,
    face_count: float,
    face_score: float,
    colour_change: float,
    outside: float,
    settled: float,
) -> tuple[float, tuple[str, ...]]:
    """Quality in [0, 1] and, in words, why it is below 1. The numbers are medians of a window's tracked frames."""
    facing = min(_share(abs(yaw_deg), settings.yaw_deg), _share(abs(pitch_deg), settings.pitch_deg))
    uncovered = min(_share(colour_change, settings.colour_change), _share(face_score, settings.face_score))
    parts = (
        ("face is small", _share(box_size_px, settings.box_size_px)),
        ("face is dark", _share(brightness, settings.brightness)),
        ("face is overexposed", _share(brightness, settings.glare)),
        ("face is blurred", _share(sharpness, settings.sharpness)),
        ("face is turned away", facing),
        ("face is occluded", uncovered),
        ("face is cut off at the picture's border", _share(outside, settings.outside)),
        ("more than one face", settings.several_faces if face_count > 1 else 1.0),
        (UNSETTLED, settings.unsettled_neutral + (1 - settings.unsettled_neutral) * settled),
    )
    quality = 1.0
    for _, part in parts:
        quality *= part
    return quality, tuple(reason for reason, part in parts if part < 1)


def _share(value: float, limits: tuple[float, float]) -> float:
    worst, good = limits
    return min(max((value - worst) / (good - worst), 0.0), 1.0)
