"""Google's Face Landmarker bundle: its three nets out of the .task file, and the 52 blendshapes.

A .task file is a zip. It is opened in memory; the members' sizes are checked before anything is unpacked.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import ModelError
from streamsense.face.litert import MAX_NET_BYTES, Net
from streamsense.features.face_vector import BLENDSHAPES

BUNDLE_NETS: Final = ("face_detector.tflite", "face_landmarks_detector.tflite", "face_blendshapes.tflite")

# The landmarks that the net takes [MediaPipe face_blendshapes_graph.cc]; the last ten are the irises.
_LANDMARKS: Final = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251,
    263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386,
    387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
])  # fmt: skip


class BlendshapeNet:
    """Blendshape weights from the 478-point mesh."""

    def __init__(self, source: Path | bytes) -> None:
        self._net = Net(source, "the blendshape net", (1, len(_LANDMARKS), 2), (len(BLENDSHAPES),))

    def weights(self, points: FloatArray) -> Float32Array:
        """Weights (52,) in [0, 1], in the order of BLENDSHAPES, of mesh points (478, 3) in px."""
        (weights,) = self._net.run(points[None, _LANDMARKS, :2].astype(np.float32))
        return np.clip(weights, 0, 1)


def read_bundle(path: Path) -> dict[str, bytes]:
    """The nets of a face_landmarker.task file, by member name. Raises ModelError for anything else."""
    try:
        with zipfile.ZipFile(path) as bundle:
            members = {name: bundle.getinfo(name) for name in BUNDLE_NETS}
            too_large = [name for name, member in members.items() if member.file_size > MAX_NET_BYTES]
            if too_large:
                raise ModelError(f"{path} holds {too_large[0]} of more than {MAX_NET_BYTES} bytes: not a face bundle.")
            nets = {}
            for name in BUNDLE_NETS:
                with bundle.open(name) as member_file:
                    # The declared size is the sender's word; one byte more than allowed shows that it was wrong.
                    nets[name] = member_file.read(MAX_NET_BYTES + 1)
                if len(nets[name]) != members[name].file_size:
                    raise ModelError(f"{path}: {name} has another size than its zip entry says. Fetch the file again.")
            return nets
    except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ModelError(
            f"{path} is not a Face Landmarker bundle ({error}); expected a zip with {', '.join(BUNDLE_NETS)}. "
            "Run `streamsense models pull mesh478_blendshapes`."
        ) from error
